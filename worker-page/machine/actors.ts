/**
 * An actor that lives here: where it is in its life, and its line of calls that the thread has not been given.
 *
 *   waiting    its function or inputs are on their way
 *   starting   in its thread, being made or restored
 *   alive      calls go to the thread as they come
 *   retiring   told to finish, since it is to live elsewhere; its calls stay in the line
 *   stopping   told to end; its thread is ended if it does not obey
 */
import type { ActorId, AttemptId } from "../../protocol/ids.ts";
import type { Work } from "../../protocol/messages.ts";
import type { ActorSpec } from "../../protocol/nouns.ts";
import type { CallAttempt } from "./attempts.ts";
import type { Gate } from "./gate.ts";
import type { ActorThread } from "./threads.ts";

export interface Actor {
  readonly id: ActorId;
  readonly epoch: number;
  readonly work: Work;
  readonly spec: ActorSpec;
  readonly restored: boolean;
  readonly cpuUnits: number;
  state:
    | { readonly type: "waiting" }
    | { readonly type: "starting" | "alive" | "stopping"; readonly thread: ActorThread }
    /** `returned`: it has finished, and these it had not begun. */
    | {
        readonly type: "retiring";
        readonly thread: ActorThread;
        readonly returned: readonly AttemptId[] | undefined;
      };
  /** Calls the thread has not been given, in order. */
  line: CallAttempt[];
  readonly gate: Gate;
}
