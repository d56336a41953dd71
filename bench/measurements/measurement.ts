/** One thing that is run, and the figures it gives. */
import type { FigureSpec, Reading, Readings } from "../figures.ts";
import type { Done } from "../in-flight.ts";
import type { Lab } from "../lab.ts";
import { median, perSecond } from "../statistics.ts";

export interface Surroundings {
  /** Every repetition begins nothing new after this long. */
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

/** One after another. */
export async function repeat<T>(times: number, measure: () => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  for (let n = 0; n < times; n++) results.push(await measure());
  return results;
}

/** The median rate of some runs. */
export function rateOf(runs: readonly Done[], note?: string): Reading {
  const rates = runs.map(({ count, ms }) => perSecond(count, ms));
  const counts = [...new Set(runs.map(({ count }) => count))].join(", ");
  return { value: median(rates), samples: rates, note: `${counts} each${note === undefined ? "" : `, ${note}`}` };
}
