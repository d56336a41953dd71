/**
 * How this worker stands with the coordinator and the volunteer: connected as whom, lending how much, paused, leaving.
 * The record alone; presence.ts changes it.
 */
import type { WorkerId } from "../../protocol/ids.ts";

export interface Standing {
  workerId: WorkerId | undefined;
  /** What the volunteer set, paused or not. */
  threadsLent: number;
  state: "lending" | "paused" | "leaving" | "left";
  heartbeatAt: number;
  tickedAt: number | undefined;
  /** How long the tab stood still since the last heartbeat. */
  suspendedMs: number;
  lastSuspension: Suspension | undefined;
}

export interface Suspension {
  /** When it was noticed. */
  readonly at: number;
  readonly ms: number;
}

export function newStanding(): Standing {
  return {
    workerId: undefined,
    threadsLent: 0,
    state: "lending",
    heartbeatAt: Infinity,
    tickedAt: undefined,
    suspendedMs: 0,
    lastSuspension: undefined,
  };
}
