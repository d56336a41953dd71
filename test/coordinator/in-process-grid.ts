/** A coordinator without sockets: sessions over memory channels, and a worker that answers every task by a function. */
import { envelope } from "../../protocol/envelope.ts";
import type { AttemptId, JobId, WorkerId } from "../../protocol/ids.ts";
import {
  clientMessageSchema,
  type ClientMessage,
  toClientMessageSchema,
  type ToClientMessage,
  toWorkerMessageSchema,
  type ToWorkerMessage,
  workerMessageSchema,
  type WorkerMessage,
} from "../../protocol/messages.ts";
import { protocolVersion } from "../../protocol/version.ts";
import { Coordinator } from "../../coordinator/coordinator.ts";
import { type Identity, newIdentity } from "../../coordinator/identity.ts";
import type { Journal } from "../../coordinator/journal/journal.ts";
import { memoryJournal } from "../../coordinator/journal/memory-journal.ts";
import { memoryObjects } from "../../coordinator/objects/memory-objects.ts";
import { Sessions } from "../../coordinator/sessions.ts";
import type { Channel } from "../../transport/channel.ts";
import { dial, type DialEnding, type Dialing } from "../../transport/dial.ts";
import type { Welcome } from "../../transport/handshake.ts";
import { memoryChannelPair } from "../../transport/memory-channel.ts";
import { Session } from "../../transport/session.ts";

export const clientHello = {
  role: "client",
  version: protocolVersion,
  jobName: "test",
  namespace: "default",
  reconnectMs: 1_000,
  logs: false,
};
export const workerHello = {
  role: "worker",
  version: protocolVersion,
  name: "w",
  threads: 2,
  labels: {},
  resources: { gpus: 0, memoryBytes: 0, custom: {} },
};

interface ClientWelcome {
  readonly jobId: JobId;
  readonly ticket: string;
  readonly submitted: number;
}
interface WorkerWelcome {
  readonly workerId: WorkerId;
  readonly homeKey: string;
}
interface Connection<Out> {
  readonly dialing: Dialing;
  readonly endings: readonly DialEnding[];
  readonly welcomes: readonly Welcome[];
  send(message: Out): void;
}
export type InProcessClient = ClientWelcome & Connection<ClientMessage>;
export type InProcessWorker = WorkerWelcome & Connection<WorkerMessage>;

export interface InProcessOptions {
  readonly journal?: Journal;
  readonly identity?: Identity;
}

export class InProcessGrid {
  readonly troubles: unknown[] = [];
  readonly #identity: Identity;
  readonly #objects = memoryObjects();
  #process: { readonly coordinator: Coordinator; readonly sessions: Sessions } | undefined;

  constructor({ journal = memoryJournal(), identity = newIdentity() }: InProcessOptions = {}) {
    this.#identity = identity;
    this.#process = this.#begin(journal);
  }
  get coordinator(): Coordinator {
    return this.#running.coordinator;
  }
  get sessions(): Sessions {
    return this.#running.sessions;
  }
  get #running(): { readonly coordinator: Coordinator; readonly sessions: Sessions } {
    if (this.#process === undefined) throw new Error("the coordinator is not running");
    return this.#process;
  }
  #begin(journal: Journal) {
    const coordinator = new Coordinator({
      journal,
      objects: this.#objects,
      now: () => Math.floor(performance.now()),
      onTrouble: (error) => this.troubles.push(error),
    });
    const sessions = new Sessions({
      coordinator,
      identity: this.#identity,
      isOpen: true,
      webRtc: undefined,
      onTrouble: () => {},
    });
    return { coordinator, sessions };
  }
  /** The process is gone without a word. */
  kill(): void {
    this.#running.sessions.close();
    this.#running.coordinator.close();
    this.#process = undefined;
  }
  /** The next process, with what the one before has kept. */
  async restart(journal: Journal): Promise<void> {
    const next = this.#begin(journal);
    await next.coordinator.restore();
    next.sessions.expectBack(next.coordinator.sessions.values());
    this.#process = next;
  }
  /** The dialing end of a new channel. */
  open(): Channel {
    const [here, there] = memoryChannelPair();
    this.sessions.accept(there, "test", { token: undefined, origin: undefined, host: undefined });
    return here;
  }
  async client(onMessage: (message: ToClientMessage) => void, over: object = {}): Promise<InProcessClient> {
    const { session, dialing, welcome, endings, welcomes } = await this.#dial<ToClientMessage, ClientMessage>(
      envelope(toClientMessageSchema, clientMessageSchema, () => {}),
      { ...clientHello, ...over },
      onMessage,
    );
    return { ...(welcome as ClientWelcome), send: (message) => session.send(message), dialing, endings, welcomes };
  }
  async worker(
    onMessage: (message: ToWorkerMessage, send: (message: WorkerMessage) => void) => void,
    over: object = {},
  ): Promise<InProcessWorker> {
    const { session, dialing, welcome, endings, welcomes } = await this.#dial<ToWorkerMessage, WorkerMessage>(
      envelope(toWorkerMessageSchema, workerMessageSchema, () => {}),
      { ...workerHello, ...over },
      onMessage,
    );
    return { ...(welcome as WorkerWelcome), send: (message) => session.send(message), dialing, endings, welcomes };
  }
  close(): void {
    if (this.#process !== undefined) this.kill();
  }

  async #dial<In, Out>(
    codec: ConstructorParameters<typeof Session<In, Out>>[0]["codec"],
    hello: object,
    onMessage: (message: In, send: (message: Out) => void) => void,
  ) {
    const session: Session<In, Out> = new Session<In, Out>({
      codec,
      onMessages: (batch) => batch.forEach((message) => onMessage(message, (out) => session.send(out))),
      onLink: () => {},
      onRefused: (error) => this.troubles.push(error),
      schedule: (flush) => queueMicrotask(flush),
    });
    const endings: DialEnding[] = [];
    const welcomes: Welcome[] = [];
    const dialing = dial({
      open: async () => this.open(),
      hello: () => hello,
      session,
      onWelcome: (again) => welcomes.push(again),
      onEnd: (ending) => endings.push(ending),
      reconnectMs: 5_000,
    });
    const { welcome } = await dialing.opened;
    return { session, dialing, welcome, endings, welcomes };
  }
}

/** Answers each task at once with its own arguments. */
export function echo(message: ToWorkerMessage, send: (message: WorkerMessage) => void): void {
  if (message.type !== "assign") return;
  send({
    type: "outcomes",
    items: message.tasks.map(({ attemptId, args }: { attemptId: AttemptId; args: Uint8Array }) => ({
      type: "done",
      attemptId,
      values: [{ type: "inline", bytes: args.slice(), refs: [] }],
      ranMs: 0.01,
    })),
  });
}
