/** What a person may see of this worker: counts and names, no ids of anyone's values. */
import type { ActorId, JobId } from "../../protocol/ids.ts";
import type { Holdings } from "./holdings.ts";
import type { Suspension } from "./standing.ts";

export interface Picture {
  readonly state: "lending" | "paused" | "leaving" | "left";
  readonly done: number;
  readonly failed: number;
  /** Time given, as the threads measured it. */
  readonly ranMs: number;
  readonly threads: { readonly lent: number; readonly busy: number };
  /** Tasks here that have not begun. */
  readonly waiting: number;
  /** What runs now, by job and name. */
  readonly running: readonly { readonly jobId: JobId; readonly name: string; readonly count: number }[];
  readonly actors: readonly {
    readonly actorId: ActorId;
    readonly className: string;
    readonly name: string | undefined;
    /** When its newest state that is durable was sent. */
    readonly savedAt: number | undefined;
    /** Why this browser has no copy of that, if so. */
    readonly notKept: string | undefined;
  }[];
  /** The last time the tab stood still. */
  readonly suspension: Suspension | undefined;
  /** Reports of threads that were not believed. */
  readonly forgeries: number;
  readonly refusals: number;
}

export function pictureOf(h: Holdings): Picture {
  const running = new Map<string, { jobId: JobId; name: string; count: number }>();
  let waiting = 0;
  for (const attempt of h.attempts.values()) {
    if (attempt.kind === "creation") continue;
    const { jobId, name } = attempt.work;
    if (attempt.state.type === "waiting" || attempt.state.type === "ready") {
      waiting++;
      continue;
    }
    const key = `${jobId} ${name}`;
    const entry = running.get(key);
    if (entry === undefined) running.set(key, { jobId, name, count: 1 });
    else entry.count++;
  }
  const { done, failed, ranMs, forgeries, refusals } = h.tally;
  return {
    state: h.standing.state,
    done,
    failed,
    ranMs,
    threads: { lent: h.standing.threadsLent, busy: h.threads.busy },
    waiting,
    running: [...running.values()],
    actors: [...h.actors.values()].map(({ id, spec, gate }) => ({
      actorId: id,
      className: spec.className,
      name: spec.name,
      savedAt: gate.savedAt,
      notKept: gate.notKept,
    })),
    suspension: h.standing.lastSuspension,
    forgeries,
    refusals,
  };
}
