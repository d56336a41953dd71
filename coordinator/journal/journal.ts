/**
 * The Journal port: the scheduler's events, in order, kept where the adapter keeps them. Fed again to a new scheduler
 * they give the same state. Knows nothing about what events mean.
 */
import type { SchedulerEvent } from "../scheduler/events.ts";

export interface Journal {
  /** Adds a batch. Returns at once; `flushed` says when it is as safe as this journal makes things. */
  append(events: readonly SchedulerEvent[]): void;
  /** Resolves when everything appended before is kept; rejects when that failed. */
  flushed(): Promise<void>;
  /** What is kept, oldest first. */
  replay(): AsyncIterable<SchedulerEvent>;
  close(): Promise<void>;
}
