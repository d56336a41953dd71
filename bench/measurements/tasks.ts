/** No-op tasks from a Node client: as many as there is room for, all at once, and one alone. */
import type { Grid } from "../../sdk/index.ts";
import { type Done, keepInFlight, timeEach } from "../in-flight.ts";
import { median, percentile, perSecond } from "../statistics.ts";
import {
  check,
  type Measurement,
  repeat,
  repetitions,
  roundTripCount,
  taskCount,
  tasksInFlight,
  warmUpCount,
} from "./measurement.ts";
import { pipeRate, pipeRoundTrip, pipeRoundTripSlow } from "./pipe.ts";

export const taskRate = "no-op tasks, Node client";
const roundTrip = "one no-op task, round trip p50";
const roundTripSlow = "one no-op task, round trip p99";

function noop(grid: Grid): (n: number) => Promise<void> {
  const same = grid.remote((n: number) => n, { name: "noop" });
  return async (n) => {
    const value = await same.remote(n).get();
    check(value === n, () => `task ${n} gave ${value}`);
  };
}

/** `total` no-op tasks, 1,000 in flight, each result checked. */
export function runTasks(grid: Grid, total: number, limitMs: number): Promise<Done> {
  return keepInFlight({ total, inFlight: tasksInFlight, limitMs }, noop(grid));
}

export const tasks: Measurement = {
  name: "tasks",
  figures: [
    {
      name: taskRate,
      unit: "tasks/s",
      reference: pipeRate,
      goals: [
        { of: "ratio", is: "at least", limit: 0.4 },
        { of: "value", is: "at least", limit: 20_000 },
      ],
    },
  ],
  async run({ lab, limitMs }) {
    const { grid } = await lab();
    await runTasks(grid, warmUpCount, limitMs);
    const runs = await repeat(repetitions, () => runTasks(grid, taskCount, limitMs));
    const rates = runs.map(({ count, ms }) => perSecond(count, ms));
    return {
      [taskRate]: { value: median(rates), samples: rates, note: `${tasksInFlight} in flight, ${countsOf(runs)} tasks` },
    };
  },
};

const atOnceRate = "no-op tasks, Node client, submitted at once by map";

export const tasksAtOnce: Measurement = {
  name: "tasks-at-once",
  figures: [
    { name: atOnceRate, unit: "tasks/s", reference: pipeRate, goals: [{ of: "value", is: "at least", limit: 10_000 }] },
  ],
  async run({ lab }) {
    const { grid } = await lab();
    const same = grid.remote((n: number) => n, { name: "noop" });
    const submitAll = async (total: number): Promise<number> => {
      const inputs = Array.from({ length: total }, (_, n) => n);
      const begin = performance.now();
      const values = await grid.get(same.map(inputs));
      const ms = performance.now() - begin;
      check(
        values.length === total && values.every((value, n) => value === n),
        () => `of ${total} tasks submitted at once some differ`,
      );
      return perSecond(total, ms);
    };
    await submitAll(warmUpCount);
    const rates = await repeat(repetitions, () => submitAll(taskCount));
    return { [atOnceRate]: { value: median(rates), samples: rates, note: `${taskCount} tasks` } };
  },
};

export const taskRoundTrip: Measurement = {
  name: "round-trip",
  figures: [
    { name: roundTrip, unit: "ms", reference: pipeRoundTrip, goals: [{ of: "ratio", is: "at most", limit: 2 }] },
    { name: roundTripSlow, unit: "ms", reference: pipeRoundTripSlow, goals: [] },
  ],
  async run({ lab, limitMs }) {
    const one = noop((await lab()).grid);
    await timeEach(50, limitMs, one);
    const times = await timeEach(roundTripCount, limitMs, one);
    return {
      [roundTrip]: { value: median(times), note: `${times.length} alone` },
      [roundTripSlow]: { value: percentile(times, 0.99) },
    };
  },
};

export function countsOf(runs: readonly Done[]): string {
  return [...new Set(runs.map(({ count }) => count))].join(", ");
}
