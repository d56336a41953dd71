/**
 * What a thread is given and what it reports: plain data, so that the pure machine can speak of it. The bytes of users'
 * values are opaque to the shell. Knows nothing about ports or comlink.
 */
import type { ActorId, AttemptId, FunctionId, ObjectId } from "../../protocol/ids.ts";
import type { SubmitterMessage, Work } from "../../protocol/messages.ts";
import type { ActorSpec, Demand, Failure, LogLine } from "../../protocol/nouns.ts";

export interface ThreadInput {
  readonly id: ObjectId;
  readonly bytes: Uint8Array;
}
export interface ThreadTask {
  readonly attemptId: AttemptId;
  readonly functionId: FunctionId;
  readonly work: Work;
  readonly demand: Demand;
  readonly args: Uint8Array;
  /** One for each ref that is an argument itself. */
  readonly inputs: readonly ThreadInput[];
}
export interface ThreadActor {
  readonly actorId: ActorId;
  readonly epoch: number;
  readonly restored: boolean;
  readonly work: Work;
  readonly spec: ActorSpec;
  readonly creation: {
    readonly attemptId: AttemptId;
    readonly args: Uint8Array;
    readonly inputs: readonly ThreadInput[];
  };
  /** The payload of the state it goes on from, instead of its constructor. */
  readonly state?: Uint8Array;
}
export interface ThreadCall {
  readonly actorId: ActorId;
  readonly epoch: number;
  readonly method: string;
  readonly concurrencyGroup?: string;
  readonly work: Work;
  readonly attemptId: AttemptId;
  readonly args: Uint8Array;
  readonly inputs: readonly ThreadInput[];
}

export interface ThreadValue {
  readonly bytes: Uint8Array;
  /** Refs inside. */
  readonly refs: readonly ObjectId[];
}

export type ThreadReport =
  | {
      readonly type: "done";
      readonly attemptId: AttemptId;
      readonly values: readonly ThreadValue[];
      readonly ranMs: number;
    }
  | { readonly type: "failed"; readonly attemptId: AttemptId; readonly failure: Failure; readonly ranMs: number }
  | { readonly type: "produced"; readonly attemptId: AttemptId; readonly index: number; readonly value: ThreadValue }
  /** A call with a timeoutMs begins to run; sent off before it does, since it may never return. */
  | { readonly type: "began"; readonly attemptId: AttemptId }
  | { readonly type: "blocked"; readonly attemptId: AttemptId }
  | { readonly type: "unblocked"; readonly attemptId: AttemptId }
  | { readonly type: "relay"; readonly attemptId: AttemptId; readonly message: SubmitterMessage }
  | { readonly type: "progress"; readonly attemptId: AttemptId; readonly fraction: number; readonly note: string }
  | { readonly type: "log"; readonly lines: readonly LogLine[] }
  | { readonly type: "actor-started"; readonly actorId: ActorId; readonly epoch: number }
  /**
   * The actor's state as it is now, its `number`th in this activation, from 1: every call reported as ended before this is
   * in it, and no other. The next comes only after `committed`, but for one that cannot wait.
   */
  | {
      readonly type: "saved";
      readonly actorId: ActorId;
      readonly epoch: number;
      readonly number: number;
      readonly state: ThreadValue;
    }
  /** After `retireActor`: its last state was reported, if it has one, and these calls were not begun. */
  | {
      readonly type: "retired";
      readonly actorId: ActorId;
      readonly epoch: number;
      readonly returned: readonly AttemptId[];
    }
  /** `failure` absent: it ended itself. */
  | { readonly type: "actor-ended"; readonly actorId: ActorId; readonly epoch: number; readonly failure?: Failure }
  /** User code called `close()`: the thread is gone when this has been sent. */
  | { readonly type: "closed" };
