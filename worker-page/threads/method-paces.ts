/**
 * How long the calls of each method of an actor take: surely over where they begin, over soon, or nobody knows. Knows
 * nothing about what calls do.
 */

/** `at-once`: it has never gone on after it had returned. `slow`: or never called before. */
export type Pace = "at-once" | "soon" | "slow";

/** Calls that take longer on average keep others waiting. */
const soonMs = 1;
/** What one call weighs in the average. */
const weight = 0.2;

interface Habit {
  isAlwaysAtOnce: boolean;
  meanMs: number;
}

export class MethodPaces {
  readonly #byName: Record<string, Habit | undefined> = Object.create(null);

  of(name: string): Pace {
    const known = this.#byName[name];
    if (known === undefined || known.meanMs > soonMs) return "slow";
    return known.isAlwaysAtOnce ? "at-once" : "soon";
  }

  /** `isAtOnce`: before whoever called it went on. */
  ended(name: string, isAtOnce: boolean, ms: number): void {
    const known = this.#byName[name];
    if (known === undefined) {
      this.#byName[name] = { isAlwaysAtOnce: isAtOnce, meanMs: ms };
      return;
    }
    known.isAlwaysAtOnce &&= isAtOnce;
    known.meanMs += weight * (ms - known.meanMs);
  }
}
