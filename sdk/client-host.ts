/**
 * The GridHost of a client: one session with the coordinator, from the first welcome to its end. Owns the session's
 * life: what happens at a welcome, a loss and the close. Knows nothing about how sockets are opened.
 */
import type { GridEnd } from "../grid/grid.ts";
import type { GridHost } from "../grid/host.ts";
import type { Context } from "../grid/types.ts";
import { envelope } from "../protocol/envelope.ts";
import { DisconnectedError, errorCodes, type GridError, ProtocolError } from "../protocol/errors.ts";
import { childId, type FunctionId, type JobId, type ObjectId, type TaskId } from "../protocol/ids.ts";
import {
  type ClientMessage,
  clientMessageSchema,
  type SubmitterMessage,
  type ToClientMessage,
  toClientMessageSchema,
} from "../protocol/messages.ts";
import { errorOf } from "../grid/failures.ts";
import type { Channel } from "../transport/channel.ts";
import { dial, type DialEnding, type Dialing } from "../transport/dial.ts";
import type { Welcome } from "../transport/handshake.ts";
import { Session } from "../transport/session.ts";
import { printLogs } from "./logs.ts";
import { messageBytes } from "./message-bytes.ts";
import { Transfers } from "./transfers.ts";

export interface ClientOptions {
  /** For people: where it connects to. */
  readonly base: string;
  readonly reconnectMs: number;
  readonly connectMs: number;
  hello(): object;
  /** `onGone` is called when the socket has closed, and everything sent on it has arrived or is lost. */
  open(onGone: () => void): Promise<Channel>;
}

/** How long `close` waits for the coordinator. */
const closeMs = 2_000;

export class ClientHost implements GridHost {
  readonly isLasting = true;
  readonly defined = new Set<FunctionId>();
  readonly opened: Promise<unknown>;
  readonly #options: ClientOptions;
  readonly #session: Session<ToClientMessage, ClientMessage>;
  readonly #dialing: Dialing;
  readonly #transfers: Transfers;
  readonly #over = new AbortController();
  #end: GridEnd | undefined;
  #job: Job | undefined;
  #submitted = 0;
  #gone: Promise<void> = Promise.resolve();
  #isClosing = false;
  #closing: Promise<void> | undefined;

  constructor(options: ClientOptions) {
    this.#options = options;
    const codec = envelope(toClientMessageSchema, clientMessageSchema, (error) => warn(error));
    this.#session = new Session<ToClientMessage, ClientMessage>({
      codec: { ...codec, sizeOf: messageBytes },
      onMessages: (batch) => this.#receive(batch),
      onLink: () => {},
      onRefused: warn,
      schedule: queueMicrotask,
    });
    this.#transfers = new Transfers({
      base: options.base,
      httpKey: () => this.#welcomed.httpKey,
      signal: this.#over.signal,
    });
    this.#dialing = dial({
      open: () => this.#open(),
      hello: () => options.hello(),
      session: this.#session,
      onWelcome: (welcome, isFirst) => this.#welcome(welcome, isFirst),
      onEnd: (ending) => this.#ended(ending),
      reconnectMs: options.reconnectMs,
      connectMs: options.connectMs,
    });
    this.opened = this.#dialing.opened;
  }

  /** What the coordinator's answers go to. */
  serve(end: GridEnd): void {
    this.#end = end;
    const { signal } = this.#over;
    if (signal.aborted) end.fail(signal.reason as GridError);
  }

  /** Gives up, at once. */
  abandon(reason: string): void {
    this.#dialing.goodbye(reason);
  }

  get jobId(): JobId {
    return this.#welcomed.jobId;
  }

  get namespace(): string {
    return this.#welcomed.namespace;
  }

  get ticket(): string {
    return this.#welcomed.ticket;
  }

  nextChild(): TaskId {
    return childId(this.jobId, ++this.#submitted);
  }

  send(message: SubmitterMessage): void {
    this.#session.send(message);
  }

  upload(id: string, bytes: Uint8Array): Promise<void> {
    return this.#transfers.upload(id, bytes);
  }

  download(id: ObjectId, signal?: AbortSignal): Promise<Uint8Array> {
    return this.#transfers.download(id, signal);
  }

  waiting(): void {}

  context(): Context {
    return {
      jobId: this.jobId,
      namespace: this.namespace,
      signal: this.#over.signal,
      wasRestored: false,
      assignedResources: {},
      progress() {},
      async checkpoint() {
        throw new TypeError("Cannot checkpoint: this is a client, not an actor");
      },
      exit() {
        throw new TypeError("Cannot exit: this is a client, not an actor");
      },
    };
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  /** Resolves when the coordinator has been told, or has not been there for two seconds. */
  async #close(): Promise<void> {
    this.#isClosing = true;
    if (this.#over.signal.aborted) return;
    const deadline = new Deadline(closeMs);
    this.#session.send({ type: "close-job" });
    // 1. A session that is looking for the coordinator gets a moment to find it.
    while (this.#session.link === "none" && !this.#session.isClosed && !deadline.isOver) await deadline.pause(20);
    // 2. The goodbye is the last on the socket; once that has closed in order, all of it has arrived.
    this.#dialing.goodbye("closed");
    await deadline.within(this.#gone);
    deadline.clear();
  }

  async #open(): Promise<Channel> {
    let gone = (): void => {};
    const going = new Promise<void>((resolve) => {
      gone = resolve;
    });
    const channel = await this.#options.open(gone);
    this.#gone = going;
    return channel;
  }

  get #welcomed(): Job {
    if (this.#job === undefined)
      throw new DisconnectedError(`Cannot use the grid: ${this.#options.base} has not answered yet`);
    return this.#job;
  }

  #welcome(welcome: Welcome, isFirst: boolean): void {
    if (isFirst) {
      this.#job = readJob(welcome.welcome);
      this.#submitted = this.#job.submitted;
      return;
    }
    if (welcome.isResumed) return;
    const job = readJob(welcome.welcome);
    if (!welcome.isRestored || job.jobId !== this.#welcomed.jobId) {
      // Everything this client holds is named after the job that is gone.
      this.#session.close("the coordinator no longer knows this job");
      return;
    }
    // The coordinator was restarted: it has kept what it was told, and forgotten what it was about to answer.
    this.#job = job;
    this.#end?.askAgain();
  }

  #receive(batch: readonly ToClientMessage[]): void {
    for (const message of batch) {
      if (message.type === "log") printLogs(message.lines);
      else this.#end?.receive(message);
    }
  }

  #ended(ending: DialEnding): void {
    const error = this.#endingError(ending);
    this.#over.abort(error);
    this.#end?.fail(error);
  }

  #endingError(ending: DialEnding): GridError {
    const { base, reconnectMs } = this.#options;
    if (this.#isClosing) return new DisconnectedError("Cannot use the grid: it was closed");
    switch (ending.type) {
      case "refused":
        return refusalError(ending.code, ending.message);
      case "gave-up":
        return new DisconnectedError(
          `Lost ${base} and could not come back within reconnectMs (${reconnectMs}): ${ending.message}. Its job is over`,
        );
      case "closed":
        return new DisconnectedError(`Cannot use the grid at ${base}: ${ending.message}`);
    }
  }
}

/** The coordinator's code when it is one of ours. */
export function refusalError(code: string, message: string): GridError {
  const known = errorCodes.find((ours) => ours === code);
  return known === undefined ? new DisconnectedError(message) : errorOf({ code: known, message });
}

interface Job {
  readonly jobId: JobId;
  readonly namespace: string;
  readonly httpKey: string;
  /** Lets another connection take over the job. */
  readonly ticket: string;
  /** The highest ordinal that was used before this connection took the job over. */
  readonly submitted: number;
}

function readJob(welcome: unknown): Job {
  const { jobId, namespace, httpKey, ticket, submitted } = (
    typeof welcome === "object" && welcome !== null ? welcome : {}
  ) as Readonly<Record<string, unknown>>;
  if (typeof jobId !== "string" || typeof namespace !== "string" || typeof httpKey !== "string") {
    throw new ProtocolError("Cannot read the welcome: it names no jobId, namespace and httpKey");
  }
  return {
    jobId: jobId as JobId,
    namespace,
    httpKey,
    ticket: typeof ticket === "string" ? ticket : "",
    submitted: typeof submitted === "number" ? submitted : 0,
  };
}

function warn(error: unknown): void {
  console.warn(`tabgrid: ${error instanceof Error ? error.message : String(error)}`);
}

class Deadline {
  readonly #over: Promise<void>;
  readonly #timer: ReturnType<typeof setTimeout>;
  isOver = false;

  constructor(ms: number) {
    let settle = (): void => {};
    this.#over = new Promise((resolve) => {
      settle = resolve;
    });
    this.#timer = setTimeout(() => {
      this.isOver = true;
      settle();
    }, ms);
  }

  within(promise: Promise<unknown>): Promise<unknown> {
    return Promise.race([promise, this.#over]);
  }

  pause(ms: number): Promise<unknown> {
    return this.within(new Promise((resolve) => setTimeout(resolve, ms)));
  }

  clear(): void {
    clearTimeout(this.#timer);
  }
}
