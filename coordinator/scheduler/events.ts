/**
 * What the scheduler is told and what it orders. Events are facts with `at` (ms); instructions are orders to the shell.
 * The list of events is the journal: fed again in order it gives the same state.
 */
import type { ActorId, AttemptId, FunctionId, JobId, ObjectId, TaskId, WorkerId } from "../../protocol/ids.ts";
import type { Checkpoint, ToSubmitterMessage } from "../../protocol/messages.ts";
import type { ActorSpec, Demand, Failure, Spec, Submission, Value } from "../../protocol/nouns.ts";
import type { Outcome } from "../../protocol/messages.ts";

/** Who submits: a job's client, or an attempt that runs on a worker. */
export type Submitter =
  | { readonly type: "client"; readonly jobId: JobId }
  | { readonly type: "attempt"; readonly workerId: WorkerId; readonly attemptId: AttemptId };

export interface Held {
  readonly actorId: ActorId;
  readonly epoch: number;
}

export type SchedulerEvent = { readonly at: number } & (
  | { readonly type: "job-opened"; readonly jobId: JobId; readonly name: string; readonly namespace: string }
  | { readonly type: "job-closed"; readonly jobId: JobId }
  | {
      readonly type: "tasks-submitted";
      readonly by: Submitter;
      readonly spec: Spec;
      readonly tasks: readonly Submission[];
    }
  | { readonly type: "actor-created"; readonly by: Submitter; readonly spec: ActorSpec; readonly creation: Submission }
  | { readonly type: "value-put"; readonly by: Submitter; readonly id: ObjectId; readonly value: Value }
  | {
      readonly type: "objects-wanted";
      readonly by: Submitter;
      readonly ids: readonly ObjectId[];
      readonly values: boolean;
    }
  | { readonly type: "objects-held"; readonly by: Submitter; readonly ids: readonly ObjectId[] }
  | { readonly type: "objects-released"; readonly by: Submitter; readonly ids: readonly ObjectId[] }
  | { readonly type: "objects-freed"; readonly by: Submitter; readonly ids: readonly ObjectId[] }
  | {
      readonly type: "cancel-asked";
      readonly by: Submitter;
      readonly id: TaskId;
      readonly force: boolean;
      readonly recursive: boolean;
    }
  | { readonly type: "kill-asked"; readonly by: Submitter; readonly actorId: ActorId; readonly restart: boolean }
  | { readonly type: "items-consumed"; readonly by: Submitter; readonly id: TaskId; readonly taken: number }
  | {
      readonly type: "worker-joined";
      readonly workerId: WorkerId;
      readonly name: string;
      readonly threads: number;
      readonly labels: Readonly<Record<string, string>>;
      readonly offer: Omit<Demand, "cpus">;
    }
  /** Its link dropped without a goodbye: it may be back within the grace time. */
  | { readonly type: "worker-away"; readonly workerId: WorkerId }
  | { readonly type: "worker-back"; readonly workerId: WorkerId }
  /**
   * `planned`: its person took it away, and it gave back what it held. `goodbye`: its page went and may be loaded again.
   * `lost`: nobody said anything.
   */
  | { readonly type: "worker-left"; readonly workerId: WorkerId; readonly how: "planned" | "goodbye" | "lost" }
  | { readonly type: "capacity-changed"; readonly workerId: WorkerId; readonly threads: number }
  | {
      readonly type: "worker-holding";
      readonly workerId: WorkerId;
      readonly attemptIds: readonly AttemptId[];
      readonly actors: readonly Held[];
      readonly suspendedMs: number;
      /** Nothing told to it before is still on its way. */
      readonly complete: boolean;
    }
  | { readonly type: "attempts-ended"; readonly workerId: WorkerId; readonly items: readonly Outcome[] }
  | { readonly type: "attempts-started"; readonly workerId: WorkerId; readonly attemptIds: readonly AttemptId[] }
  | { readonly type: "attempts-returned"; readonly workerId: WorkerId; readonly attemptIds: readonly AttemptId[] }
  | { readonly type: "attempt-blocked"; readonly workerId: WorkerId; readonly attemptId: AttemptId }
  | { readonly type: "attempt-unblocked"; readonly workerId: WorkerId; readonly attemptId: AttemptId }
  | {
      readonly type: "item-produced";
      readonly workerId: WorkerId;
      readonly attemptId: AttemptId;
      readonly index: number;
      readonly value: Value;
    }
  | { readonly type: "actor-started"; readonly workerId: WorkerId; readonly actorId: ActorId; readonly epoch: number }
  | {
      readonly type: "actor-ended";
      readonly workerId: WorkerId;
      readonly actorId: ActorId;
      readonly epoch: number;
      readonly failure?: Failure | undefined;
      readonly crashed: boolean;
    }
  /** `outcomes`: of calls nobody has heard of. `included`: calls told before, whose effects are in the state too. */
  | {
      readonly type: "actor-checkpointed";
      readonly workerId: WorkerId;
      readonly actorId: ActorId;
      readonly epoch: number;
      readonly number: number;
      readonly state: Value;
      readonly outcomes: readonly Outcome[];
      readonly included: readonly AttemptId[];
    }
  /** It stopped there for good, behind its last checkpoint. */
  | { readonly type: "actor-released"; readonly workerId: WorkerId; readonly actorId: ActorId; readonly epoch: number }
  /** The coordinator was restarted: everybody is away and may be back. */
  | { readonly type: "coordinator-restarted" }
  /** The bytes of these stored values are gone. */
  | { readonly type: "objects-lost"; readonly ids: readonly ObjectId[] }
  /** Nothing happened but time. */
  | { readonly type: "time-passed" }
);

export type ReadyObject = Extract<ToSubmitterMessage, { type: "ready" }>["objects"][number];
export interface ResolvedInput {
  readonly id: ObjectId;
  readonly value: Value;
}

export type Instruction =
  | {
      readonly type: "assign";
      readonly workerId: WorkerId;
      readonly attemptId: AttemptId;
      readonly jobId: JobId;
      readonly namespace: string;
      /** Shared by identity among tasks submitted together, so that the shell can group them. */
      readonly spec: Extract<Spec, { type: "task" }>;
      readonly args: Uint8Array;
      readonly inputs: readonly ResolvedInput[];
      readonly quick: boolean;
    }
  | {
      readonly type: "call";
      /** The actor itself: the spec may name it by another id (getIfExists). */
      readonly actorId: ActorId;
      readonly workerId: WorkerId;
      readonly attemptId: AttemptId;
      readonly jobId: JobId;
      readonly namespace: string;
      readonly epoch: number;
      readonly spec: Extract<Spec, { type: "call" }>;
      readonly args: Uint8Array;
      readonly inputs: readonly ResolvedInput[];
    }
  | {
      readonly type: "start-actor";
      readonly workerId: WorkerId;
      readonly actorId: ActorId;
      readonly epoch: number;
      readonly restored: boolean;
      readonly jobId: JobId;
      readonly spec: ActorSpec;
      readonly args: Uint8Array;
      readonly inputs: readonly ResolvedInput[];
      readonly checkpoint: Checkpoint | undefined;
    }
  | { readonly type: "stop-actor"; readonly workerId: WorkerId; readonly actorId: ActorId; readonly epoch: number }
  | {
      readonly type: "cancel-attempt";
      readonly workerId: WorkerId;
      readonly attemptId: AttemptId;
      readonly force: boolean;
    }
  | { readonly type: "recall"; readonly workerId: WorkerId; readonly attemptIds: readonly AttemptId[] }
  | { readonly type: "consumed"; readonly workerId: WorkerId; readonly attemptId: AttemptId; readonly taken: number }
  | { readonly type: "deliver"; readonly to: Submitter; readonly object: ReadyObject }
  | { readonly type: "actor-is"; readonly to: Submitter; readonly asked: ActorId; readonly actorId: ActorId }
  | {
      readonly type: "refuse";
      readonly to: Submitter;
      readonly code: Failure["code"];
      readonly message: string;
      readonly about: string;
    }
  /** The bytes of this stored value are needed no longer. */
  | { readonly type: "forget-object"; readonly id: ObjectId }
  | {
      readonly type: "forget-job";
      readonly jobId: JobId;
      readonly workerIds: readonly WorkerId[];
      readonly functionIds: readonly FunctionId[];
    };
