/** No-op tasks from a Node client: as many as there is room for, all at once, and one alone. */
import { median, percentile } from "../statistics.ts";
import {
  type Measurement,
  rateOf,
  repeat,
  repetitions,
  roundTripCount,
  taskCount,
  tasksInFlight,
  warmUpCount,
} from "./measurement.ts";
import { pipeRate, pipeRoundTrip, pipeRoundTripSlow } from "./pipe.ts";

export const taskRate = "no-op tasks, Node client";
const atOnceRate = "no-op tasks, Node client, submitted at once by map";
const roundTrip = "one no-op task, round trip p50";
const roundTripSlow = "one no-op task, round trip p99";

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
    const { client } = await lab();
    const load = { inFlight: tasksInFlight, limitMs };
    await client.run("tasks", { ...load, total: warmUpCount });
    const runs = await repeat(repetitions, () => client.run("tasks", { ...load, total: taskCount }));
    return { [taskRate]: rateOf(runs, `${tasksInFlight} in flight`) };
  },
};

export const tasksAtOnce: Measurement = {
  name: "tasks-at-once",
  figures: [
    { name: atOnceRate, unit: "tasks/s", reference: pipeRate, goals: [{ of: "value", is: "at least", limit: 10_000 }] },
  ],
  async run({ lab }) {
    const { client } = await lab();
    await client.run("tasksAtOnce", { total: warmUpCount });
    const runs = await repeat(repetitions, () => client.run("tasksAtOnce", { total: taskCount }));
    return { [atOnceRate]: rateOf(runs) };
  },
};

export const taskRoundTrip: Measurement = {
  name: "round-trip",
  figures: [
    { name: roundTrip, unit: "ms", reference: pipeRoundTrip, goals: [{ of: "ratio", is: "at most", limit: 2 }] },
    { name: roundTripSlow, unit: "ms", reference: pipeRoundTripSlow, goals: [] },
  ],
  async run({ lab, limitMs }) {
    const { client } = await lab();
    await client.run("taskRoundTrips", { total: 50, limitMs });
    const times = await client.run("taskRoundTrips", { total: roundTripCount, limitMs });
    return {
      [roundTrip]: { value: median(times), note: `${times.length} alone` },
      [roundTripSlow]: { value: percentile(times, 0.99) },
    };
  },
};
