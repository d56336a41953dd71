/** Calls of one actor that keeps no checkpoints. */
import { keepInFlight, timeEach } from "../in-flight.ts";
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
import { countsOf } from "./tasks.ts";

const callRate = 'calls of one actor, checkpoint "off"';
const callRoundTrip = 'one actor call, checkpoint "off", round trip p50';
const callRoundTripSlow = 'one actor call, checkpoint "off", round trip p99';

class Counter {
  calls = 0;
  next(): number {
    return this.calls++;
  }
}

export const actor: Measurement = {
  name: "actor",
  figures: [
    { name: callRate, unit: "calls/s", reference: pipeRate, goals: [] },
    { name: callRoundTrip, unit: "ms", reference: pipeRoundTrip, goals: [] },
    { name: callRoundTripSlow, unit: "ms", reference: pipeRoundTripSlow, goals: [] },
  ],
  async run({ lab, limitMs }) {
    const { grid } = await lab();
    const counter = grid.remote(Counter, { checkpoint: "off" }).remote();
    let called = 0;
    // Calls of one caller run in the order made, so each result is known.
    const one = async (): Promise<void> => {
      const expected = called++;
      const value = await counter.next.remote().get();
      check(value === expected, () => `call ${expected} of the counter gave ${value}`);
    };
    const load = { inFlight: tasksInFlight, limitMs };
    await keepInFlight({ ...load, total: warmUpCount }, one);
    const runs = await repeat(repetitions, () => keepInFlight({ ...load, total: taskCount }, one));
    const times = await timeEach(roundTripCount, limitMs, one);
    await grid.kill(counter);
    const rates = runs.map(({ count, ms }) => perSecond(count, ms));
    return {
      [callRate]: { value: median(rates), samples: rates, note: `${tasksInFlight} in flight, ${countsOf(runs)} calls` },
      [callRoundTrip]: { value: median(times), note: `${times.length} alone` },
      [callRoundTripSlow]: { value: percentile(times, 0.99) },
    };
  },
};
