/** Results of 10 MB to the Node client, beside the same bytes over plain HTTP; see client/large-results.ts. */
import { median } from "../statistics.ts";
import type { Measurement } from "./measurement.ts";

const readyRate = "10 MB result that is ready, to the Node client";
const wholeRate = "10 MB result, from submission to the Node client";
const rawDown = "raw HTTP download of 10 MB";
const rawUpAndDown = "raw HTTP upload and download of 10 MB";

const sizeBytes = 10_000_000;
const rounds = 8;

export const largeResult: Measurement = {
  name: "large-result",
  figures: [
    { name: rawDown, unit: "MB/s", goals: [] },
    { name: readyRate, unit: "MB/s", reference: rawDown, goals: [{ of: "ratio", is: "at least", limit: 0.8 }] },
    { name: rawUpAndDown, unit: "MB/s", goals: [] },
    { name: wholeRate, unit: "MB/s", reference: rawUpAndDown, goals: [{ of: "ratio", is: "at least", limit: 0.8 }] },
  ],
  async run({ lab }) {
    const { client } = await lab();
    const times = await client.run("largeResults", { rounds, sizeBytes });
    const reading = (ms: readonly number[]) => ({ value: rate(median(ms)), samples: ms.map(rate) });
    return {
      [rawDown]: reading(times.rawDown),
      [readyRate]: reading(times.ready),
      [rawUpAndDown]: reading(times.rawUpAndDown),
      [wholeRate]: {
        ...reading(times.whole),
        note: "made in the tab, kept by the coordinator, fetched by the client",
      },
    };
  },
};

/** MB/s. */
function rate(ms: number): number {
  return sizeBytes / 1_000 / ms;
}
