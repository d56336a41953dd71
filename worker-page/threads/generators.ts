/**
 * A generator on its way: each item is sent as it is yielded, not faster than its consumer takes them, and between items
 * the thread sees its orders. Knows nothing about where the generator comes from.
 *
 * THREAD-13: items are numbered from 1; with `backpressure: k` the code of item n + k does not run before item n is
 * taken, and meanwhile the next task may begin.
 * THREAD-14: cancelled or stopped between two items, a generator is told to return, so that its `finally` blocks run.
 */
import type { Attempt } from "./attempt.ts";
import { encode, type Run } from "./outcomes.ts";
import { sliceMs } from "./reports.ts";

type Steps = Iterator<unknown, unknown, undefined> | AsyncIterator<unknown, unknown, undefined>;

/** How many items each generator's consumer has taken, and who waits for it to take more. */
export class Consumers {
  readonly #byId: Record<string, { taken: number; wake: (() => void) | undefined } | undefined> = Object.create(null);

  /** The consumer has taken this many in all. */
  took(attempt: Attempt, taken: number): void {
    const consumer = (this.#byId[attempt.id] ??= { taken: 0, wake: undefined });
    consumer.taken = Math.max(consumer.taken, taken);
    consumer.wake?.();
  }

  taken(attempt: Attempt): number {
    return this.#byId[attempt.id]?.taken ?? 0;
  }

  whenItTakes(attempt: Attempt, wake: (() => void) | undefined): void {
    const consumer = (this.#byId[attempt.id] ??= { taken: 0, wake: undefined });
    consumer.wake = wake;
  }

  forget(attempt: Attempt): void {
    delete this.#byId[attempt.id];
  }
}
