/**
 * What happened to this worker: facts, each with `at` in ms. The machine learns of the world in no other way.
 */
import type { ActorId, FunctionId, ObjectId, WorkerId } from "../../protocol/ids.ts";
import type { ToWorkerMessage } from "../../protocol/messages.ts";
import type { ThreadReport } from "./thread-work.ts";

interface At {
  readonly at: number;
}
/**
 * The line is there; `workerId` is who the coordinator takes this worker for. `resumed`: nothing that was said is lost.
 * `restored`: the coordinator was restarted; what it had under way to us is lost, and what it was asked is forgotten.
 * `new`: what was under way in either direction is lost.
 */
export interface Connected extends At {
  readonly type: "connected";
  readonly workerId: WorkerId;
  readonly link: "resumed" | "restored" | "new";
}
/** The coordinator said these, in order. */
export interface Told extends At {
  readonly type: "told";
  readonly messages: readonly ToWorkerMessage[];
}
/** It has answered and takes work at once. */
export interface ThreadWarmed extends At {
  readonly type: "thread-warmed";
  readonly threadId: number;
}
/** Its script failed, or its frame is gone. */
export interface ThreadDied extends At {
  readonly type: "thread-died";
  readonly threadId: number;
  readonly reason: string;
}
export interface ThreadReported extends At {
  readonly type: "thread-reported";
  readonly threadId: number;
  readonly reports: readonly ThreadReport[];
}
export interface ObjectDownloaded extends At {
  readonly type: "object-downloaded";
  readonly objectId: ObjectId;
  readonly bytes: Uint8Array;
}
export interface ObjectMissed extends At {
  readonly type: "object-missed";
  readonly objectId: ObjectId;
  readonly reason: string;
}
export interface FunctionDownloaded extends At {
  readonly type: "function-downloaded";
  readonly functionId: FunctionId;
  readonly bytes: Uint8Array;
}
export interface FunctionMissed extends At {
  readonly type: "function-missed";
  readonly functionId: FunctionId;
  readonly reason: string;
}
export interface Uploaded extends At {
  readonly type: "uploaded";
  readonly objectId: ObjectId;
}
export interface UploadFailed extends At {
  readonly type: "upload-failed";
  readonly objectId: ObjectId;
  readonly reason: string;
  /** The coordinator refuses it: another try would not help. */
  readonly isFinal: boolean;
}
interface OfCheckpoint extends At {
  readonly actorId: ActorId;
  readonly epoch: number;
  readonly number: number;
}
/** It will still be in this browser after a crash of it. */
export interface CheckpointSaved extends OfCheckpoint {
  readonly type: "checkpoint-saved";
}
/** This browser has no copy of it. */
export interface CheckpointNotSaved extends OfCheckpoint {
  readonly type: "checkpoint-not-saved";
  readonly reason: string;
}
/** `bytes` absent: this browser does not have exactly this state. */
export interface CheckpointLoaded extends OfCheckpoint {
  readonly type: "checkpoint-loaded";
  readonly bytes: Uint8Array | undefined;
}
/** The volunteer lends this many from now on. */
export interface ThreadsLent extends At {
  readonly type: "threads-lent";
  readonly threads: number;
}
/**
 * Facts that say nothing more. `replaced`: another page is this worker now. `leave-asked` twice: at once. `ticked`: each
 * second, and at `nextDeadline()`.
 */
export interface Plain extends At {
  readonly type: "replaced" | "paused" | "continued" | "leave-asked" | "ticked";
}

export type MachineEvent =
  | Connected
  | Told
  | ThreadWarmed
  | ThreadDied
  | ThreadReported
  | ObjectDownloaded
  | ObjectMissed
  | FunctionDownloaded
  | FunctionMissed
  | Uploaded
  | UploadFailed
  | CheckpointSaved
  | CheckpointNotSaved
  | CheckpointLoaded
  | ThreadsLent
  | Plain;
