/**
 * What happened to this worker: facts, each with `at` in ms. The machine learns of the world in no other way.
 */
import type { FunctionId, ObjectId, WorkerId } from "../../protocol/ids.ts";
import type { ToWorkerMessage } from "../../protocol/messages.ts";
import type { ThreadReport } from "./thread-work.ts";

interface At {
  readonly at: number;
}
/** A session began or came back; `workerId` is who the coordinator takes this worker for. */
export interface Connected extends At {
  readonly type: "connected";
  readonly workerId: WorkerId;
  readonly isResumed: boolean;
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
}
/** The volunteer lends this many from now on. */
export interface ThreadsLent extends At {
  readonly type: "threads-lent";
  readonly threads: number;
}
/** Facts that say nothing more. `leave-asked` twice: at once. `ticked`: each second, and at `nextDeadline()`. */
export interface Plain extends At {
  readonly type: "paused" | "continued" | "leave-asked" | "ticked";
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
  | ThreadsLent
  | Plain;
