/** What everything on one thread shares. Made once, in thread.ts; tests make their own. */
import type { FunctionId, WorkerId } from "../../protocol/ids.ts";
import type { Attempts } from "./attempts.ts";
import type { Reports } from "./reports.ts";
import type { ThreadShell } from "./thread-api.ts";
import type { ThreadConsole } from "./thread-console.ts";
import type { Turns } from "./turns.ts";

export interface Runtime {
  readonly workerId: WorkerId;
  readonly turns: Turns;
  readonly reports: Reports;
  readonly shell: Pick<ThreadShell, "upload" | "download">;
  /** Functions that the coordinator has been told of from here. */
  readonly defined: Set<FunctionId>;
  readonly attempts: Attempts;
  readonly console: ThreadConsole;
}
