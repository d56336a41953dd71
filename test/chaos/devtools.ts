/**
 * The DevTools protocol with one browser over a pipe, so that the browser ends when this process does. Every command is
 * answered, refused or given up in time. Knows nothing about tabs.
 */
import type { Readable, Writable } from "node:stream";
import * as v from "valibot";

const message = v.object({
  id: v.optional(v.number()),
  result: v.optional(v.record(v.string(), v.unknown())),
  error: v.optional(v.object({ message: v.string() })),
});

export type Answer = Readonly<Record<string, unknown>>;

interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/** Longer than a browser is ever stopped: a command that waits for it is not lost. */
const answerMs = 40_000;

export class DevTools {
  readonly #out: Writable;
  readonly #waiting = new Map<number, Waiting>();
  #sent = 0;
  #rest = "";
  #over: Error | undefined;

  constructor(out: Writable, into: Readable) {
    this.#out = out;
    into.setEncoding("utf8");
    into.on("data", (chunk: string) => this.#hear(chunk));
    for (const end of [into, out]) {
      end.on("error", () => {});
      end.on("close", () => this.close("the browser ended"));
    }
  }

  /** `sessionId`: of the page it is for; else it is for the browser. Rejects after `ms`. */
  send(method: string, params: object = {}, sessionId?: string, ms = answerMs): Promise<Answer> {
    if (this.#over !== undefined) return Promise.reject(this.#over);
    const id = ++this.#sent;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(new Error(`${method} was not answered within ${ms / 1_000} s`));
      }, ms);
      this.#waiting.set(id, { resolve, reject, timer });
      this.#out.write(`${JSON.stringify({ id, method, params, ...(sessionId !== undefined && { sessionId }) })}\0`);
    });
  }

  close(reason: string): void {
    this.#over ??= new Error(reason);
    for (const { reject, timer } of this.#waiting.values()) {
      clearTimeout(timer);
      reject(this.#over);
    }
    this.#waiting.clear();
  }

  #hear(chunk: string): void {
    const texts = (this.#rest + chunk).split("\0");
    this.#rest = texts.pop() ?? "";
    for (const text of texts) {
      const { id, result, error } = v.parse(message, JSON.parse(text));
      const waiting = id === undefined ? undefined : this.#waiting.get(id);
      if (id === undefined || waiting === undefined) continue;
      this.#waiting.delete(id);
      clearTimeout(waiting.timer);
      if (error === undefined) waiting.resolve(result ?? {});
      else waiting.reject(new Error(error.message));
    }
  }
}
