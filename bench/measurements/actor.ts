/** Calls of one actor that keeps no checkpoints. */
import { median, percentile } from "../statistics.ts";
import {
  type Measurement,
  rateOf,
  repetitions,
  roundTripCount,
  taskCount,
  tasksInFlight,
  warmUpCount,
} from "./measurement.ts";
import { pipeRate, pipeRoundTrip, pipeRoundTripSlow } from "./pipe.ts";

export const callRate = 'calls of one actor, checkpoint "off"';
const callRoundTrip = 'one actor call, checkpoint "off", round trip p50';
const callRoundTripSlow = 'one actor call, checkpoint "off", round trip p99';

export const actor: Measurement = {
  name: "actor",
  figures: [
    { name: callRate, unit: "calls/s", reference: pipeRate, goals: [] },
    { name: callRoundTrip, unit: "ms", reference: pipeRoundTrip, goals: [] },
    { name: callRoundTripSlow, unit: "ms", reference: pipeRoundTripSlow, goals: [] },
  ],
  async run({ lab, limitMs }) {
    const { client } = await lab();
    const load = { inFlight: tasksInFlight, limitMs };
    const warmUp = { ...load, total: warmUpCount };
    const loads = [warmUp, ...Array.from({ length: repetitions }, () => ({ ...load, total: taskCount }))];
    const { runs, times } = await client.run("actorCalls", {
      checkpoint: "off",
      loads,
      roundTrips: { total: roundTripCount, limitMs },
    });
    return {
      [callRate]: rateOf(runs.slice(1), `${tasksInFlight} in flight`),
      [callRoundTrip]: { value: median(times), note: `${times.length} alone` },
      [callRoundTripSlow]: { value: percentile(times, 0.99) },
    };
  },
};
