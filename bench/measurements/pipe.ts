/** The raw pipe: what a task's bytes cost with nothing of tabgrid but its channels. */
import { openRawPipe } from "../pipe/raw-pipe.ts";
import { median, percentile, perSecond } from "../statistics.ts";
import { type Measurement, repeat, repetitions, roundTripCount, tasksInFlight } from "./measurement.ts";

export const pipeRate = "raw pipe";
export const pipeRoundTrip = "raw pipe round trip p50";
export const pipeRoundTripSlow = "raw pipe round trip p99";

const tabs = 2;
/** Messages in a frame: which of these the pipe likes best is found out first. */
const frameSizes = [32, 64, 125, 250, 500];
const stepMs = 1_000;

export const pipe: Measurement = {
  name: "pipe",
  figures: [
    { name: pipeRate, unit: "messages/s", goals: [] },
    { name: pipeRoundTrip, unit: "ms", goals: [] },
    { name: pipeRoundTripSlow, unit: "ms", goals: [] },
  ],
  async run({ limitMs }) {
    const raw = await openRawPipe(tabs);
    try {
      const rate = async (frameMessages: number): Promise<number> => {
        const echoed = raw.echoFor(Math.min(stepMs, limitMs), tasksInFlight, frameMessages);
        const { count, ms } = await Promise.race([raw.broken, echoed]);
        return perSecond(count, ms);
      };
      // The first is for warmth.
      await rate(64);
      const tried: { readonly size: number; readonly rate: number }[] = [];
      for (const size of frameSizes) tried.push({ size, rate: await rate(size) });
      const best = tried.reduce((a, b) => (b.rate > a.rate ? b : a));
      const rates = await repeat(repetitions, () => rate(best.size));
      const times = await Promise.race([raw.broken, raw.roundTrips(roundTripCount, limitMs)]);
      return {
        [pipeRate]: {
          value: median(rates),
          samples: rates,
          note: `${raw.messageBytes} bytes each way, ${best.size} to a frame, ${tasksInFlight} in flight, ${tabs} tabs`,
        },
        [pipeRoundTrip]: { value: median(times), note: `${times.length} alone` },
        [pipeRoundTripSlow]: { value: percentile(times, 0.99) },
      };
    } finally {
      await raw.close();
    }
  },
};
