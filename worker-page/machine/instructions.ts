/**
 * What the machine orders: imperatives that the shell carries out, in order, without deciding anything.
 */
import type { ActorId, AttemptId, FunctionId, ObjectId } from "../../protocol/ids.ts";
import type { ToSubmitterMessage, WorkerMessage } from "../../protocol/messages.ts";
import type { ThreadActor, ThreadCall, ThreadTask } from "./thread-work.ts";

/** For a thread that is being started too: orders wait for it. */
export type ThreadInstruction = { readonly threadId: number } & (
  | { readonly type: "start-thread" }
  | { readonly type: "end-thread" }
  | { readonly type: "define"; readonly functionId: FunctionId; readonly bytes: Uint8Array }
  | { readonly type: "run"; readonly tasks: readonly ThreadTask[] }
  | { readonly type: "start-actor"; readonly actor: ThreadActor }
  | { readonly type: "call"; readonly calls: readonly ThreadCall[] }
  | { readonly type: "stop-actor"; readonly actorId: ActorId }
  | { readonly type: "cancel"; readonly attemptIds: readonly AttemptId[] }
  | { readonly type: "receive"; readonly attemptId: AttemptId; readonly message: ToSubmitterMessage }
  | { readonly type: "consumed"; readonly attemptId: AttemptId; readonly taken: number }
  | { readonly type: "committed"; readonly actorId: ActorId; readonly epoch: number; readonly number: number }
  | { readonly type: "retire-actor"; readonly actorId: ActorId }
  | { readonly type: "ask-again" }
);

export type Instruction =
  | ThreadInstruction
  | { readonly type: "send"; readonly message: WorkerMessage }
  /** Answered by object-downloaded or object-missed. */
  | { readonly type: "download-object"; readonly objectId: ObjectId }
  /** Answered by function-downloaded or function-missed. */
  | { readonly type: "download-function"; readonly functionId: FunctionId }
  /** Answered by uploaded or upload-failed. */
  | { readonly type: "upload"; readonly objectId: ObjectId; readonly bytes: Uint8Array }
  /** Keep a copy of this state in this browser, in place of an older one. Answered by checkpoint-saved or checkpoint-not-saved. */
  | {
      readonly type: "save-checkpoint";
      readonly actorId: ActorId;
      readonly epoch: number;
      readonly number: number;
      readonly bytes: Uint8Array;
    }
  /** Answered by checkpoint-loaded. */
  | { readonly type: "load-checkpoint"; readonly actorId: ActorId; readonly epoch: number; readonly number: number }
  | { readonly type: "forget-checkpoints"; readonly actorIds: readonly ActorId[] }
  /** Everything is given back: say goodbye. */
  | { readonly type: "disconnect" };
