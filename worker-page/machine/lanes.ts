/**
 * Tasks that are ready and wait for a thread: one lane per job, in order of arrival. Owns the order between jobs: the
 * one whose first task came first. Knows nothing about threads.
 */
import type { JobId } from "../../protocol/ids.ts";
import type { TaskAttempt } from "./attempts.ts";

export class Lane {
  readonly jobId: JobId;
  /** How many wait. */
  length = 0;
  #queue: TaskAttempt[] = [];
  #head = 0;

  constructor(jobId: JobId) {
    this.jobId = jobId;
  }

  get first(): TaskAttempt | undefined {
    // Whoever left the lane from its middle is still in the array, no longer ready.
    while (this.#head < this.#queue.length) {
      const attempt = this.#queue[this.#head];
      if (attempt?.state.type === "ready") return attempt;
      this.#head++;
    }
    this.#queue = [];
    this.#head = 0;
    return undefined;
  }

  push(attempt: TaskAttempt): void {
    this.#queue.push(attempt);
    this.length++;
  }

  /** Ahead of all others. */
  putFirst(attempts: readonly TaskAttempt[]): void {
    this.#queue = [...attempts, ...this.#queue.slice(this.#head)];
    this.#head = 0;
    this.length += attempts.length;
  }

  /** Takes `first` away; it must be there. */
  shift(): void {
    this.#head++;
    this.length--;
    if (this.#head > 1_024 && this.#head * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
  }

  waiting(): readonly TaskAttempt[] {
    return this.#queue.slice(this.#head).filter((attempt) => attempt.state.type === "ready");
  }
}

export class Lanes {
  /** How many tasks wait in all. */
  length = 0;
  readonly #lanes = new Map<JobId, Lane>();

  /** Jobs that were here and are not forgotten. */
  get jobs(): number {
    return this.#lanes.size;
  }

  all(): Iterable<Lane> {
    return this.#lanes.values();
  }

  of(jobId: JobId): Lane {
    let lane = this.#lanes.get(jobId);
    if (lane === undefined) {
      lane = new Lane(jobId);
      this.#lanes.set(jobId, lane);
    }
    return lane;
  }

  hasReady(jobId: JobId): boolean {
    return (this.#lanes.get(jobId)?.length ?? 0) > 0;
  }

  push(attempt: TaskAttempt): void {
    this.of(attempt.jobId).push(attempt);
    this.length++;
  }

  putFirst(jobId: JobId, attempts: readonly TaskAttempt[]): void {
    this.of(jobId).putFirst(attempts);
    this.length += attempts.length;
  }

  shift(lane: Lane): void {
    lane.shift();
    this.length--;
  }

  /** `attempt` leaves from wherever it waits; the caller changes its state in the same step. */
  leave(attempt: TaskAttempt): void {
    const lane = this.#lanes.get(attempt.jobId);
    if (lane === undefined) return;
    lane.length--;
    this.length--;
  }

  forget(jobId: JobId): void {
    this.length -= this.#lanes.get(jobId)?.length ?? 0;
    this.#lanes.delete(jobId);
  }

  /** The lane whose first task came before all others', apart from `passed`. */
  oldest(passed: ReadonlySet<Lane>): Lane | undefined {
    let oldest: Lane | undefined;
    let sequence = Infinity;
    for (const lane of this.#lanes.values()) {
      if (lane.length === 0 || passed.has(lane)) continue;
      const first = lane.first;
      if (first === undefined || first.sequence >= sequence) continue;
      oldest = lane;
      sequence = first.sequence;
    }
    return oldest;
  }
}
