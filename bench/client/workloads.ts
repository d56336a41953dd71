/**
 * What a client does when it is measured, in Node and in a page alike: each workload takes a connected Grid, checks every
 * result, and gives times. Knows nothing about what is made of them.
 */
import type { ActorOptions, Grid } from "../../sdk/index.ts";
import { type Done, keepInFlight, type Load, timeEach } from "../in-flight.ts";

class Counter {
  calls = 0;
  ballast: Float64Array;
  constructor(stateBytes: number) {
    this.ballast = new Float64Array(stateBytes / 8).fill(1.5);
  }
  next(): number {
    return this.calls++;
  }
}

export interface ActorCalls {
  readonly checkpoint: NonNullable<ActorOptions["checkpoint"]>;
  readonly loads: readonly Load[];
  readonly roundTrips: Omit<Load, "inFlight">;
  readonly stateBytes?: number;
}

export const workloads = {
  /** No-op tasks, each awaited on its own. */
  tasks(grid: Grid, load: Load): Promise<Done> {
    return keepInFlight(load, noop(grid));
  },

  /** All submitted at once by `map`, all awaited together. */
  async tasksAtOnce(grid: Grid, { total }: { readonly total: number }): Promise<Done> {
    const same = grid.remote((n: number) => n, { name: "noop" });
    const inputs = Array.from({ length: total }, (_, n) => n);
    const begin = performance.now();
    const values = await grid.get(same.map(inputs));
    const ms = performance.now() - begin;
    check(values.length === total && values.every((value, n) => value === n), () => `of ${total} tasks some differ`);
    return { count: total, ms };
  },

  /** No-op tasks one after another. */
  taskRoundTrips(grid: Grid, { total, limitMs }: Omit<Load, "inFlight">): Promise<number[]> {
    return timeEach(total, limitMs, noop(grid));
  },

  /** Calls of one actor: one run for each load, then one after another. */
  async actorCalls(
    grid: Grid,
    { checkpoint, loads, roundTrips, stateBytes = 0 }: ActorCalls,
  ): Promise<{ readonly runs: Done[]; readonly times: number[] }> {
    const counter = grid.remote(Counter, { checkpoint }).remote(stateBytes);
    let called = 0;
    // Calls of one caller run in the order made, so each result is known.
    const one = async (): Promise<void> => {
      const expected = called++;
      const value = await counter.next.remote().get();
      check(value === expected, () => `call ${expected} of the counter gave ${value}`);
    };
    const runs: Done[] = [];
    for (const load of loads) runs.push(await keepInFlight(load, one));
    const times = await timeEach(roundTrips.total, roundTrips.limitMs, one);
    await grid.kill(counter);
    return { runs, times };
  },

  /** Small values put, and got back all together. */
  async putAndGet(grid: Grid, { total }: { readonly total: number }): Promise<Done> {
    const values = Array.from({ length: total }, (_, n) => ({ n, name: `value ${n}` }));
    const begin = performance.now();
    const got = await grid.get(values.map((value) => grid.put(value)));
    const ms = performance.now() - begin;
    const isSame = (value: { n: number; name: string }, n: number): boolean =>
      value.n === n && value.name === `value ${n}`;
    check(got.length === total && got.every(isSame), () => `of ${total} values some differ from what was put`);
    return { count: total, ms };
  },
};

function noop(grid: Grid): (n: number) => Promise<void> {
  const same = grid.remote((n: number) => n, { name: "noop" });
  return async (n) => {
    const value = await same.remote(n).get();
    check(value === n, () => `task ${n} gave ${value}`);
  };
}

export function check(isRight: boolean, what: () => string): void {
  if (!isRight) throw new Error(`Wrong result: ${what()}`);
}
