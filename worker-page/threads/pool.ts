/**
 * Carries out what the machine orders of threads, and tells what they report. Owns each thread's two ports, comlink's
 * proxies for them, and the door through which a thread's words come in. Decides nothing.
 *
 * comlink closes the port of a proxy that the garbage collector takes, so every proxy is kept here as long as its thread
 * lives. Orders are not awaited: what comes of them is reported, and the answers of an ended thread never come.
 */
import { expose, type Remote, transfer, wrap } from "comlink";
import type { AttemptId, WorkerId } from "../../protocol/ids.ts";
import { limits } from "../../protocol/limits.ts";
import { failure } from "../../protocol/nouns.ts";
import type { ThreadInstruction } from "../machine/instructions.ts";
import { readReports } from "../machine/report-door.ts";
import { callableEndpoint } from "./callable-endpoint.ts";
import { packed, packedActor, packedMessage } from "./freight.ts";
import { Sandbox, type SandboxOptions } from "./sandbox.ts";
import type { ThreadApi, ThreadReport, ThreadShell } from "./thread-api.ts";

export interface PoolOptions extends Pick<SandboxOptions, "frameUrl" | "threadScript" | "parent"> {
  /** It has answered and takes work. */
  onWarm(threadId: number): void;
  onReports(threadId: number, reports: readonly ThreadReport[]): void;
  onDeath(threadId: number, reason: string): void;
  /** Whether the thread was given this attempt, and so may move bytes for it. */
  holds(threadId: number, attemptId: AttemptId): boolean;
  /** Both reject with an Error that says why. */
  upload(id: string, bytes: Uint8Array): Promise<void>;
  download(id: string): Promise<Uint8Array<ArrayBuffer>>;
}

/** A thread that has not answered by then never will: its script did not load. */
const warmMs = 20_000;

/** Proxies of the orders, made once: each access to a property of a comlink proxy makes another. */
interface Thread {
  readonly id: number;
  readonly orders: MessagePort;
  readonly reports: MessagePort;
  readonly api: Remote<ThreadApi>;
  readonly run: Remote<ThreadApi>["run"];
  readonly call: Remote<ThreadApi>["call"];
  readonly receive: Remote<ThreadApi>["receive"];
  isWarm: boolean;
}

export class Pool {
  readonly #options: PoolOptions;
  readonly #sandbox: Sandbox;
  readonly #threads = new Map<number, Thread>();
  /** For whom threads work; set before the first is started. */
  workerId: WorkerId | undefined;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#sandbox = new Sandbox({
      frameUrl: options.frameUrl,
      threadScript: options.threadScript,
      parent: options.parent,
      onThreadError: (threadId, reason) => {
        if (this.#threads.get(threadId)?.isWarm === false) this.#lose(threadId, reason);
      },
      onDeath: (reason) => {
        for (const threadId of [...this.#threads.keys()]) this.#lose(threadId, reason);
      },
    });
  }

  carryOut(instruction: ThreadInstruction): void {
    if (instruction.type === "start-thread") {
      this.#start(instruction.threadId);
      return;
    }
    const thread = this.#threads.get(instruction.threadId);
    if (thread === undefined) return;
    switch (instruction.type) {
      case "end-thread":
        this.#end(thread);
        return;
      case "define":
        this.#hear(thread, thread.api.define(instruction.functionId, instruction.bytes));
        return;
      case "run":
        this.#hear(thread, thread.run(packed(instruction.tasks)));
        return;
      case "start-actor":
        this.#hear(thread, thread.api.startActor(packedActor(instruction.actor)));
        return;
      case "call":
        this.#hear(thread, thread.call(packed(instruction.calls)));
        return;
      case "stop-actor":
        this.#hear(thread, thread.api.stopActor(instruction.actorId));
        return;
      case "cancel":
        this.#hear(thread, thread.api.cancel(instruction.attemptIds));
        return;
      case "receive":
        this.#hear(thread, thread.receive(instruction.attemptId, packedMessage(instruction.message)));
        return;
      case "consumed":
        this.#hear(thread, thread.api.consumed(instruction.attemptId, instruction.taken));
        return;
      case "committed":
        this.#hear(thread, thread.api.committed(instruction.actorId, instruction.epoch, instruction.number));
        return;
      case "retire-actor":
        this.#hear(thread, thread.api.retireActor(instruction.actorId));
        return;
      case "ask-again":
        this.#hear(thread, thread.api.askAgain());
    }
  }

  /** Ends every thread, and the frame with them. */
  close(): void {
    for (const thread of [...this.#threads.values()]) this.#end(thread);
    this.#sandbox.close();
  }

  #start(threadId: number): void {
    if (this.workerId === undefined) throw new Error(`Cannot start thread ${threadId}: for whom is not known`);
    const orders = new MessageChannel();
    const reports = new MessageChannel();
    const api = wrap<ThreadApi>(orders.port1);
    const thread: Thread = {
      id: threadId,
      orders: orders.port1,
      reports: reports.port1,
      api,
      run: api.run,
      call: api.call,
      receive: api.receive,
      isWarm: false,
    };
    this.#threads.set(threadId, thread);
    expose(this.#shellFor(thread), callableEndpoint(reports.port1, ["report", "upload", "download"]));
    this.#sandbox.startThread(threadId, this.workerId, { orders: orders.port2, reports: reports.port2 });
    const timer = setTimeout(() => {
      if (!thread.isWarm) this.#lose(threadId, `it did not answer within ${warmMs} ms`);
    }, warmMs);
    // An order that asks for nothing: its answer shows that the script runs.
    this.#hear(
      thread,
      api.cancel([]).then(() => {
        clearTimeout(timer);
        if (this.#threads.get(threadId) !== thread) return;
        thread.isWarm = true;
        this.#options.onWarm(threadId);
      }),
    );
  }

  #shellFor(thread: Thread): ThreadShell {
    const options = this.#options;
    return {
      report: (said) => {
        if (this.#threads.get(thread.id) !== thread) return;
        const { reports, refused, broken } = readReports(said);
        for (const { attemptId, reason } of refused) {
          const message = { type: "refused", code: "PROTOCOL", message: reason } as const;
          this.#hear(thread, thread.receive(attemptId, message));
        }
        if (reports.length > 0) options.onReports(thread.id, reports);
        if (broken !== undefined) this.#lose(thread.id, broken);
      },
      upload: async (attemptId, id, bytes) => {
        this.#admit(thread, attemptId, id);
        if (!(bytes instanceof Uint8Array)) throw failure("PROTOCOL", "Cannot store what is no bytes");
        if (bytes.length > limits.objectBytes) {
          const message = `Cannot store "${id}": ${bytes.length} bytes are over the limit objectBytes ${limits.objectBytes}`;
          throw failure("OBJECT_TOO_LARGE", message);
        }
        await options.upload(id, bytes).catch((error: unknown) => {
          throw failure("OBJECT_LOST", `Cannot store "${id}": ${reasonOf(error)}`);
        });
      },
      download: async (attemptId, id) => {
        this.#admit(thread, attemptId, id);
        const bytes = await options.download(id).catch((error: unknown) => {
          throw failure("OBJECT_LOST", `Cannot fetch "${id}": ${reasonOf(error)}`);
        });
        return transfer(bytes, [bytes.buffer]);
      },
    };
  }

  /** Rejects as data: comlink keeps no `code` of an Error. */
  #admit(thread: Thread, attemptId: AttemptId, id: string): void {
    if (typeof id !== "string" || id.length > limits.idLength || !this.#options.holds(thread.id, attemptId)) {
      throw failure("PROTOCOL", `Cannot move bytes: the thread does not run "${String(attemptId)}"`);
    }
  }

  /** An order that a thread cannot carry out is a thread that cannot be relied on. */
  #hear(thread: Thread, answered: Promise<unknown>): void {
    answered.catch((error: unknown) => {
      if (this.#threads.get(thread.id) === thread) this.#lose(thread.id, `an order failed in it: ${reasonOf(error)}`);
    });
  }

  #lose(threadId: number, reason: string): void {
    const thread = this.#threads.get(threadId);
    if (thread === undefined) return;
    this.#end(thread);
    this.#options.onDeath(threadId, reason);
  }

  #end(thread: Thread): void {
    this.#threads.delete(thread.id);
    this.#sandbox.endThread(thread.id);
    thread.orders.close();
    thread.reports.close();
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
