/** Small values put by the Node client and got back. */
import { type Measurement, rateOf, repeat, repetitions } from "./measurement.ts";

const putGetRate = "put and get of 1,000 small values, Node client";
const total = 1_000;

export const putGet: Measurement = {
  name: "put-get",
  figures: [{ name: putGetRate, unit: "values/s", goals: [] }],
  async run({ lab }) {
    const { client } = await lab();
    await client.run("putAndGet", { total });
    const runs = await repeat(repetitions, () => client.run("putAndGet", { total }));
    return { [putGetRate]: rateOf(runs) };
  },
};
