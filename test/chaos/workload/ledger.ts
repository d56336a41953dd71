/**
 * Every operation that was submitted and how it ended, as the clients saw it. Owns the count of what is pending and the
 * longest time in which nothing was acknowledged. Knows nothing about what the answers should be.
 */
import type { Ending } from "../verdict.ts";

export interface Operation<T = unknown> {
  readonly workload: string;
  readonly client: string;
  /** Of the task, for its story. */
  readonly id: string;
  readonly submittedAt: number;
  readonly ending: Ending<T>;
  /** Resolves when it has ended, either way. */
  readonly ended: Promise<void>;
}

export interface Submission<T> {
  readonly workload: string;
  readonly client: string;
  readonly id: string;
  readonly answer: Promise<T>;
}

type Listener = (operation: Operation) => void;

export class Ledger {
  readonly #pending = new Set<Operation>();
  readonly #acknowledged = new Map<string, number>();
  readonly #listeners: Listener[] = [];
  #lastAt = performance.now();
  #longestGapMs = 0;
  #gapEndedAt = 0;

  track<T>({ workload, client, id, answer }: Submission<T>): Operation<T> {
    const operation: { -readonly [K in keyof Operation<T>]: Operation<T>[K] } = {
      workload,
      client,
      id,
      submittedAt: performance.now(),
      ending: { type: "pending" },
      ended: Promise.resolve(),
    };
    this.#pending.add(operation);
    operation.ended = answer.then(
      (value) => {
        operation.ending = { type: "value", value };
        this.#settle(operation);
      },
      (error: unknown) => {
        const { code, message } = error as { readonly code?: string; readonly message?: string };
        operation.ending = { type: "error", code: code ?? "no code", message: message ?? String(error) };
        this.#settle(operation);
      },
    );
    return operation;
  }

  onAcknowledged(listener: Listener): void {
    this.#listeners.push(listener);
  }

  get pending(): ReadonlySet<Operation> {
    return this.#pending;
  }

  /** By workload: how many ended with a value. */
  get acknowledged(): ReadonlyMap<string, number> {
    return this.#acknowledged;
  }

  get total(): number {
    return [...this.#acknowledged.values()].reduce((sum, count) => sum + count, 0);
  }

  /** `endedAt`: of performance.now(). */
  get longestGap(): { readonly ms: number; readonly endedAt: number } {
    return { ms: this.#longestGapMs, endedAt: this.#gapEndedAt };
  }

  /** The time before the first fault counts for nothing. */
  forgetGaps(): void {
    this.#lastAt = performance.now();
    this.#longestGapMs = 0;
  }

  #settle(operation: Operation): void {
    this.#pending.delete(operation);
    if (operation.ending.type !== "value") return;
    const at = performance.now();
    if (at - this.#lastAt > this.#longestGapMs) {
      this.#longestGapMs = at - this.#lastAt;
      this.#gapEndedAt = at;
    }
    this.#lastAt = at;
    this.#acknowledged.set(operation.workload, (this.#acknowledged.get(operation.workload) ?? 0) + 1);
    for (const listener of this.#listeners) listener(operation);
  }
}
