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
import { memoryJournal } from "../../coordinator/journal/memory-journal.ts";
import { memoryObjects } from "../../coordinator/objects/memory-objects.ts";
import { Sessions } from "../../coordinator/sessions.ts";
import { makeTokens } from "../../coordinator/tokens.ts";
import type { Channel } from "../../transport/channel.ts";
import { dial, type Dialing } from "../../transport/dial.ts";
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

export class InProcessGrid {
  readonly troubles: unknown[] = [];
  readonly coordinator: Coordinator;
  readonly sessions: Sessions;

  constructor() {
    this.coordinator = new Coordinator({
      journal: memoryJournal(),
      objects: memoryObjects(),
      now: () => Math.floor(performance.now()),
      onTrouble: (error) => this.troubles.push(error),
    });
    this.sessions = new Sessions({
      coordinator: this.coordinator,
      tokens: makeTokens(),
      isOpen: true,
      webRtc: undefined,
      onTrouble: () => {},
    });
  }
  /** The dialing end of a new channel. */
  open(): Channel {
    const [here, there] = memoryChannelPair();
    this.sessions.accept(there, "test", { token: undefined, origin: undefined, host: undefined });
    return here;
  }
  async client(
    onMessage: (message: ToClientMessage) => void,
  ): Promise<{ jobId: JobId; send(message: ClientMessage): void; dialing: Dialing }> {
    const { session, dialing, welcome } = await this.#dial<ToClientMessage, ClientMessage>(
      envelope(toClientMessageSchema, clientMessageSchema, () => {}),
      clientHello,
      onMessage,
    );
    return { jobId: (welcome as { jobId: JobId }).jobId, send: (message) => session.send(message), dialing };
  }
  async worker(
    onMessage: (message: ToWorkerMessage, send: (message: WorkerMessage) => void) => void,
  ): Promise<{ workerId: WorkerId; dialing: Dialing }> {
    const { dialing, welcome } = await this.#dial<ToWorkerMessage, WorkerMessage>(
      envelope(toWorkerMessageSchema, workerMessageSchema, () => {}),
      workerHello,
      onMessage,
    );
    return { workerId: (welcome as { workerId: WorkerId }).workerId, dialing };
  }
  close(): void {
    this.sessions.close();
    this.coordinator.close();
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
    const dialing = dial({
      open: () => Promise.resolve(this.open()),
      hello: () => hello,
      session,
      onWelcome: () => {},
      onEnd: () => {},
      reconnectMs: 1_000,
    });
    const { welcome } = await dialing.opened;
    return { session, dialing, welcome };
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
