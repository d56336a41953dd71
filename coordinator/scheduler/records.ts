/**
 * What the scheduler knows: jobs, tasks, objects, actors, workers, attempts. Plain records; only the machine's own
 * files write them. A task's state is a union, so that only a running task has an attempt.
 */
import type {
  ActorId,
  AttemptId,
  FunctionId,
  JobId,
  ObjectId,
  ParentId,
  TaskId,
  WorkerId,
} from "../../protocol/ids.ts";
import type { Checkpoint } from "../../protocol/messages.ts";
import type { ActorSpec, Demand, Failure, Spec, Submission, Value } from "../../protocol/nouns.ts";
import type { Submitter } from "./events.ts";
import type { Fifo } from "./fifo.ts";
import type { PlacementClass } from "./placement.ts";

export interface Job {
  readonly id: JobId;
  readonly name: string;
  readonly namespace: string;
  readonly openedAt: number;
  /** Everything the job has submitted and that is still on record. */
  readonly tasks: Set<Task>;
  readonly actors: Set<Actor>;
  readonly objects: Set<ObjectRecord>;
  /** The highest ordinal its client has used. */
  submitted: number;
  queued: number;
  running: number;
  finished: number;
  failed: number;
  /** Thread time given to it so far, in ms; what fair sharing compares. */
  usedMs: number;
  closed: boolean;
}

export type TaskState =
  /** Inputs are missing. */
  | { readonly name: "waiting"; missing: number }
  /** Waits for a free thread; a call waits for its turn with its actor. */
  | { readonly name: "queued" }
  | { readonly name: "running"; readonly attempt: Attempt }
  | { readonly name: "finished" }
  | { readonly name: "failed"; readonly failure: Failure }
  | { readonly name: "cancelled" };
export type TaskStateName = TaskState["name"];

export interface Task {
  readonly id: TaskId;
  readonly job: Job;
  readonly parent: ParentId;
  readonly spec: Spec;
  readonly order: number;
  /** Undefined once nothing can run it again. */
  work: Submission | undefined;
  state: TaskState;
  /** A call's actor. */
  readonly actor: Actor | undefined;
  attempts: number;
  /** Retries spent, by crashes and by the user's errors that are to be retried. */
  retries: number;
  /** Workers lost without a goodbye while they ran this. */
  workersLost: number;
  cancelAsked: boolean;
  /** By force: its thread is to be stopped. */
  cancelForced: boolean;
  children: Set<Task> | undefined;
  /** What this task holds as a submitter, until it ends. */
  made: ObjectRecord[] | undefined;
  /** Items a generator has produced, and how many its consumer took. */
  produced: number;
  taken: number;
  readonly submittedAt: number;
  startedAt: number;
  endedAt: number;
  workerId: WorkerId | undefined;
  placement: PlacementClass | undefined;
}

export interface Attempt {
  readonly id: AttemptId;
  readonly task: Task;
  readonly worker: Worker;
  readonly assignedAt: number;
  /** Sent although no thread was free, to be next in line there. */
  ahead: boolean;
  blocked: boolean;
  /** What it was counted for while it has not ended, ms. */
  readonly estimateMs: number;
}

export type ObjectState =
  | { readonly name: "pending" }
  | { readonly name: "ready"; readonly value: Value }
  | { readonly name: "failed"; readonly failure: Failure }
  /** Its bytes are gone, and the task that made it can make it again. */
  | { readonly name: "lost" }
  | { readonly name: "freed" };

export interface Want {
  readonly by: Submitter;
  readonly values: boolean;
}

export interface ObjectRecord {
  readonly id: ObjectId;
  readonly job: Job;
  state: ObjectState;
  /** Reasons to keep it: handles, tasks in flight, values that contain it. At none it goes. */
  holders: number;
  /** Tasks that have ended and may run again with it. They keep the record, not the value. */
  lineage: number;
  /** Tasks and actors that wait for it. */
  dependents: Set<Task | Actor> | undefined;
  wants: Want[] | undefined;
}

export type ActorState =
  /** Inputs of its constructor are missing. */
  | { readonly name: "waiting"; missing: number }
  /** Placed or to be placed; its constructor has not ended. */
  | { readonly name: "starting"; worker: Worker | undefined }
  | { readonly name: "alive"; readonly worker: Worker }
  /** It lost its worker or its thread and is being made again; `home` may have it back until `until`. */
  | { readonly name: "restarting"; worker: Worker | undefined; readonly home?: WorkerId; readonly until?: number }
  | { readonly name: "dead"; readonly failure: Failure };

export interface Actor {
  readonly id: ActorId;
  readonly job: Job;
  readonly spec: ActorSpec;
  readonly creation: Submission;
  readonly order: number;
  state: ActorState;
  epoch: number;
  restarts: number;
  /** Calls not yet sent, by caller: within one caller they keep their order. */
  readonly mailbox: Map<ParentId, Fifo<Task>>;
  /** Calls sent and not ended, in the order sent. */
  readonly inFlight: Set<Task>;
  /** What it goes on from when it starts again. */
  checkpoint: Checkpoint | undefined;
  /** Calls that were told and are in no checkpoint, in order: run again, unheard, when it starts again. */
  readonly log: Map<TaskId, Task>;
  /** Those of the log that run again now. */
  readonly replays: Map<AttemptId, Task>;
  /** It is to live elsewhere: no call is sent until it does. */
  retiring: boolean;
  readonly made: Set<ObjectRecord>;
  calls: number;
  readonly createdAt: number;
  placement: PlacementClass | undefined;
}

export interface Worker {
  readonly id: WorkerId;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly offer: Omit<Demand, "cpus">;
  readonly joinedAt: number;
  threads: number;
  link: "connected" | "away";
  /** While it is away: when it is given up. */
  awayUntil: number;
  /** The coordinator was restarted: nothing is sent to it before it has said what it has. */
  unheard: boolean;
  /** Threads' worth of work in hand that is not blocked. */
  cpusInUse: number;
  /** How full it is; what heaps are ordered by, so only placement writes it. */
  load: number;
  /** Thread time in hand by estimate, ms. */
  backlogMs: number;
  readonly used: { gpus: number; memoryBytes: number; readonly custom: Record<string, number> };
  readonly attempts: Set<Attempt>;
  /** Tasks among them, calls not counted. */
  inHand: number;
  readonly actors: Set<Actor>;
  /** A suspect runs here alone. */
  alone: Attempt | undefined;
  tasksDone: number;
  busyMs: number;
  suspendedMs: number;
  lastSeenAt: number;
}

export class Records {
  readonly jobs = new Map<JobId, Job>();
  readonly tasks = new Map<TaskId, Task>();
  readonly objects = new Map<ObjectId, ObjectRecord>();
  readonly actors = new Map<ActorId, Actor>();
  /** Living actors by namespace and name. */
  readonly names = new Map<string, Actor>();
  /** Asked for with getIfExists, answered by another. */
  readonly aliases = new Map<ActorId, Actor>();
  readonly workers = new Map<WorkerId, Worker>();
  /** Actors that a worker which is gone may have back. */
  readonly homeless = new Map<WorkerId, Set<Actor>>();
  readonly attempts = new Map<AttemptId, Attempt>();
  /** Smoothed run time of each function, ms. */
  readonly durations = new Map<FunctionId, number>();
}

export function isTask(dependent: Task | Actor): dependent is Task {
  return "attempts" in dependent;
}
export function isOver(task: Task): boolean {
  const name = task.state.name;
  return name === "finished" || name === "failed" || name === "cancelled";
}
