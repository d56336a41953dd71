/** What everybody in a simulated world shares: its clock, its chance, and how a broken rule is told. */
import type { Random } from "./random.ts";

export interface Surroundings {
  readonly random: Random;
  readonly now: number;
  after(ms: number, run: () => void): void;
  /** Notes that this has happened. */
  count(what: string): void;
  /** The error that ends this world. */
  problem(what: string): Error;
}
