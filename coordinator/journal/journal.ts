/**
 * The Journal port: everything that must outlive the coordinator's process, in order. Replayed into a new coordinator it
 * gives the same state. Knows nothing about what the entries mean.
 */
import type { FunctionId, JobId, SessionId, WorkerId } from "../../protocol/ids.ts";
import type { SchedulerEvent } from "../scheduler/events.ts";

export type JournalEntry =
  /** One batch: handled together, so that the same decisions follow. */
  | { readonly type: "events"; readonly events: readonly SchedulerEvent[] }
  /** Absent bytes: they are in the object store. */
  | {
      readonly type: "function-defined";
      readonly functionId: FunctionId;
      readonly jobId: JobId;
      readonly bytes: Uint8Array | undefined;
    }
  | {
      readonly type: "session-opened";
      readonly sessionId: SessionId;
      /** Proves that a later hello continues it. */
      readonly resumeKey: string;
      readonly owner:
        | { readonly type: "client"; readonly jobId: JobId }
        | { readonly type: "worker"; readonly workerId: WorkerId };
      /** How long it is kept without a link, ms. */
      readonly retainMs: number;
    }
  | { readonly type: "session-closed"; readonly sessionId: SessionId }
  /** Its messages up to this batch are in the entries before this one. */
  | { readonly type: "received"; readonly sessionId: SessionId; readonly received: number }
  /** A part of a picture of the scheduler, in place of the events that led to it. */
  | { readonly type: "scheduler-state"; readonly bytes: Uint8Array };

export interface Journal {
  /**
   * Adds one entry and gives its position, counted from 1 in this process. Returns at once; never throws. What one turn
   * of the loop appends is kept together or not at all.
   */
  append(entry: JournalEntry): number;
  /** Everything up to this position survives the process. */
  readonly kept: number;
  /** Called when `kept` has grown. */
  onKept: (kept: number) => void;
  /**
   * Called with what went wrong when entries cannot be kept (a full disk): they wait here and are tried again every
   * second. Called with undefined once they have been kept after all.
   */
  onTrouble: (error: Error | undefined) => void;
  /** Resolves when everything appended before is kept. */
  flushed(): Promise<void>;
  /** Bytes that a replay would read now, and that it would have read just after the last `compact`. */
  readonly sizeBytes: number;
  readonly compactedBytes: number;
  /**
   * These entries say the same as everything appended so far and take its place, all at once or, when that fails, not at
   * all. What is appended meanwhile follows them.
   */
  compact(entries: Iterable<JournalEntry>): Promise<void>;
  /** What was kept before this process opened it, oldest first. Called once, before the first `append`. */
  replay(): AsyncIterable<JournalEntry>;
  /** Keeps what waits, if it can, and lets the folder go. */
  close(): Promise<void>;
}
