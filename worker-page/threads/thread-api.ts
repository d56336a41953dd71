/**
 * What a shell and its threads say to each other, through comlink, over a port that nobody else holds. Plain data both
 * ways: machine/thread-work.ts says which.
 */
import type { ActorId, AttemptId, FunctionId, ObjectId, WorkerId } from "../../protocol/ids.ts";
import type { ToSubmitterMessage } from "../../protocol/messages.ts";
import type { ThreadActor, ThreadCall, ThreadReport, ThreadTask } from "../machine/thread-work.ts";

export type {
  ThreadActor,
  ThreadCall,
  ThreadInput,
  ThreadReport,
  ThreadTask,
  ThreadValue,
} from "../machine/thread-work.ts";

/** What the shell orders. Each call returns at once; what comes of it is reported. */
export interface ThreadApi {
  define(functionId: FunctionId, bytes: Uint8Array): void;
  /** Runs these one after another; one that awaits the grid lets the next begin. */
  run(tasks: readonly ThreadTask[]): void;
  startActor(actor: ThreadActor): void;
  call(calls: readonly ThreadCall[]): void;
  /** The actor's instance goes and is reported as ended; of its calls nothing more is said. */
  stopActor(actorId: ActorId): void;
  /** Fires the AbortSignal of these. A task that has not begun is reported as failed with TASK_CANCELLED. */
  cancel(attemptIds: readonly AttemptId[]): void;
  receive(attemptId: AttemptId, message: ToSubmitterMessage): void;
  consumed(attemptId: AttemptId, taken: number): void;
  /** The actor's states up to this number are durable. */
  committed(actorId: ActorId, epoch: number, number: number): void;
  /** It is to live elsewhere: no call begins any more; once none is in progress its state is reported, then `retired`. */
  retireActor(actorId: ActorId): void;
  /** The coordinator has forgotten what it was asked: every Grid here asks again for what it waits for. */
  askAgain(): void;
}

/**
 * What a thread asks of its shell. Expose it only for calls of these three methods (callableEndpoint): a thread is hostile,
 * and comlink follows any path. Reject with a Failure, not an Error: comlink keeps no `code` of an Error.
 */
export interface ThreadShell {
  /** In order, coalesced: one call a turn of the thread's loop. */
  report(reports: readonly ThreadReport[]): void;
  upload(attemptId: AttemptId, id: string, bytes: Uint8Array): Promise<void>;
  download(attemptId: AttemptId, id: ObjectId): Promise<Uint8Array>;
}

/** The first message to a new thread: two ports, one to be ordered by and one to report on, and where it is. */
export interface ThreadPorts {
  readonly orders: MessagePort;
  readonly reports: MessagePort;
  /** For `grid.context().workerId` and in failures. */
  readonly workerId: WorkerId;
}
