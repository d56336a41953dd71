/**
 * What happened to this worker: facts, each with `at` in ms. The machine learns of the world in no other way.
 */
import type { FunctionId, ObjectId, WorkerId } from "../../protocol/ids.ts";
import type { ToWorkerMessage } from "../../protocol/messages.ts";
import type { ThreadReport } from "../threads/thread-work.ts";

export type MachineEvent = { readonly at: number } & (
  | /** A session began or came back. `workerId` is who the coordinator takes this worker for. */ {
      readonly type: "connected";
      readonly workerId: WorkerId;
      readonly isResumed: boolean;
    }
  | /** The coordinator said these, in order. */ {
      readonly type: "told";
      readonly messages: readonly ToWorkerMessage[];
    }
  | { readonly type: "thread-warmed"; readonly threadId: number }
  | /** Its script failed, its frame is gone. */ {
      readonly type: "thread-died";
      readonly threadId: number;
      readonly reason: string;
    }
  | { readonly type: "thread-reported"; readonly threadId: number; readonly reports: readonly ThreadReport[] }
  | { readonly type: "object-downloaded"; readonly objectId: ObjectId; readonly bytes: Uint8Array }
  | { readonly type: "object-missed"; readonly objectId: ObjectId; readonly reason: string }
  | { readonly type: "function-downloaded"; readonly functionId: FunctionId; readonly bytes: Uint8Array }
  | { readonly type: "function-missed"; readonly functionId: FunctionId; readonly reason: string }
  | { readonly type: "uploaded"; readonly objectId: ObjectId }
  | { readonly type: "upload-failed"; readonly objectId: ObjectId; readonly reason: string }
  | /** The volunteer lends this many threads. */ { readonly type: "threads-lent"; readonly threads: number }
  | { readonly type: "paused" }
  | { readonly type: "continued" }
  | /** The volunteer wants to go; asked twice: at once. */ { readonly type: "leave-asked" }
  | /** Time passed: every second, and at `nextDeadline()`. */ { readonly type: "ticked" }
);
