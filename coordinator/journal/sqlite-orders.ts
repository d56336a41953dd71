/**
 * The near end of the SQLite thread: gives it orders and brings back the answers, in order. Owns the thread: what was
 * ordered fails when it dies, and it keeps nobody's process alive but while it owes an answer. Knows nothing about what
 * the orders are for.
 */
import { Worker } from "node:worker_threads";
import { JournalError } from "./journal-error.ts";
import type { Answer, Order, Orders } from "./sqlite-thread.js";

interface Waiting {
  readonly done: (value: unknown) => void;
  readonly failed: (error: JournalError) => void;
}

export class SqliteOrders {
  readonly thread: Worker;
  readonly #waiting: Waiting[] = [];
  #death: JournalError | undefined;

  constructor() {
    // What the process was started with, a loader of TypeScript for one, is not for this thread; nor does it matter to
    // anybody that Node calls its SQLite experimental.
    const execArgv = ["--disable-warning=ExperimentalWarning"];
    this.thread = new Worker(new URL("./sqlite-thread.js", import.meta.url), { execArgv, name: "journal" });
    this.thread.unref();
    this.thread.on("message", (answer: Answer) => this.#answered(answer));
    this.thread.on("error", (cause) => this.#died(cause));
    this.thread.on("exit", () => this.#died());
  }

  get isDead(): boolean {
    return this.#death !== undefined;
  }

  /** Rejects with a JournalError when it was not carried out. Bytes are copied. */
  give<T extends keyof Orders>(order: Order & { readonly type: T }): Promise<Orders[T]["answer"]> {
    if (this.#death !== undefined) return Promise.reject(this.#death);
    return new Promise((resolve, reject) => {
      if (this.#waiting.length === 0) this.thread.ref();
      // The thread answers as sqlite-thread.d.ts says.
      this.#waiting.push({ done: resolve as (value: unknown) => void, failed: reject });
      this.thread.postMessage(order);
    });
  }

  /** Resolves when the thread has ended. */
  async end(): Promise<void> {
    await this.thread.terminate();
  }

  #answered(answer: Answer): void {
    const first = this.#waiting.shift();
    if (this.#waiting.length === 0) this.thread.unref();
    if (answer.type === "done") first?.done(answer.value);
    else first?.failed(new JournalError(answer.code, answer.message));
  }

  #died(cause?: unknown): void {
    this.#death ??= new JournalError("JOURNAL_UNAVAILABLE", "The journal's thread ended", { cause });
    for (const waiting of this.#waiting.splice(0)) waiting.failed(this.#death);
  }
}
