/** Which records of this browser serve nobody any more. Knows nothing about where they are. */
import type { WorkerId } from "../../protocol/ids.ts";
import type { CheckpointSummary } from "./checkpoint-store.ts";

const dayMs = 24 * 3_600_000;
/** An actor that did nothing for so long is downloaded, should its tab be loaded anew. */
const oldestMs = 7 * dayMs;
/** Where nobody can say which tabs there are, another tab's records are left alone this long. */
const othersMs = dayMs;

export interface Present {
  readonly at: number;
  readonly workerId: WorkerId;
  /** Workers that are tabs of this browser now; undefined where that cannot be known. */
  readonly living: ReadonlySet<WorkerId> | undefined;
}

export function outdated(
  summaries: readonly CheckpointSummary[],
  { at, workerId, living }: Present,
): readonly CheckpointSummary[] {
  return summaries.filter((summary) => {
    const age = at - summary.savedAt;
    if (age > oldestMs) return true;
    if (summary.workerId === workerId) return false;
    return living === undefined ? age > othersMs : !living.has(summary.workerId);
  });
}
