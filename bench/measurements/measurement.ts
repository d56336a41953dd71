/** One thing that is run, and the figures it gives. */
import type { FigureSpec, Readings } from "../figures.ts";
import type { Lab } from "../lab.ts";

export interface Surroundings {
  /** Every repetition stops after this long, done or not. */
  readonly limitMs: number;
  /** The grid that measurements share; opened at the first call, and anew after one has failed. */
  lab(): Promise<Lab>;
}

export interface Measurement {
  /** For `--only`. */
  readonly name: string;
  readonly figures: readonly FigureSpec[];
  /** Throws when anything went wrong, a wrong result included. */
  run(surroundings: Surroundings): Promise<Readings>;
}

/** How often a rate is measured: the figure is the median. */
export const repetitions = 3;
export const tasksInFlight = 1_000;
export const taskCount = 20_000;
/** Before anything is measured: code is compiled, threads and connections are warm. */
export const warmUpCount = 2_000;
export const roundTripCount = 500;

export function check(isRight: boolean, what: () => string): void {
  if (!isRight) throw new Error(`Wrong result: ${what()}`);
}

/** One after another. */
export async function repeat<T>(times: number, measure: (n: number) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  for (let n = 0; n < times; n++) results.push(await measure(n));
  return results;
}
