/**
 * The CheckpointStore port: the newest state of each actor that lives in this browser, kept so that a tab that is loaded
 * anew need not download it. All tabs of a browser share one; a worker's records are its own. Knows nothing about actors.
 */
import type { ActorId, WorkerId } from "../../protocol/ids.ts";

export interface CheckpointName {
  readonly workerId: WorkerId;
  readonly actorId: ActorId;
}

export interface CheckpointRecord extends CheckpointName {
  readonly epoch: number;
  readonly number: number;
  /** Wall time, ms. */
  readonly savedAt: number;
  readonly bytes: Uint8Array;
}

export type CheckpointSummary = Omit<CheckpointRecord, "bytes"> & { readonly sizeBytes: number };

export interface CheckpointStore {
  /**
   * Each takes the place of the actor's older record. When it resolves all of them survive a crash of the browser; when it
   * rejects, with an Error that says why, none is there and what was there before is.
   */
  save(records: readonly CheckpointRecord[]): Promise<void>;
  load(name: CheckpointName): Promise<CheckpointRecord | undefined>;
  delete(names: readonly CheckpointName[]): Promise<void>;
  /** All workers' records, without reading their bytes. */
  list(): Promise<readonly CheckpointSummary[]>;
  /** Lets go of what it has open; used again, it opens it again. */
  close(): void;
}
