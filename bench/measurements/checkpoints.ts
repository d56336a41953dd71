/** Calls of one actor whose state is durable before a reply leaves, against one that keeps no checkpoints. */
import type { Browser } from "playwright-core";
import { median, percentile } from "../statistics.ts";
import { callRate } from "./actor.ts";
import {
  type Measurement,
  rateOf,
  repetitions,
  roundTripCount,
  taskCount,
  tasksInFlight,
  warmUpCount,
} from "./measurement.ts";
import { pipeRoundTrip } from "./pipe.ts";

const savedRate = 'calls of one actor, checkpoint "call"';
const savedRoundTrip = 'one actor call, checkpoint "call", round trip p50';
const savedRoundTripSlow = 'one actor call, checkpoint "call", round trip p99';
const commit = "one IndexedDB commit, strict, p50";
const largeRate = "calls of one actor, 5 MB of state, { everyCalls: 100 }";

const commits = 300;
const largeBytes = 5_000_000;
const largeCalls = 2_000;

export const checkpoints: Measurement = {
  name: "checkpoints",
  figures: [
    { name: savedRate, unit: "calls/s", reference: callRate, goals: [{ of: "ratio", is: "at least", limit: 0.5 }] },
    { name: commit, unit: "ms", goals: [] },
    {
      name: savedRoundTrip,
      unit: "ms",
      reference: [pipeRoundTrip, commit],
      goals: [{ of: "ratio", is: "at most", limit: 2 }],
    },
    { name: savedRoundTripSlow, unit: "ms", goals: [] },
    { name: largeRate, unit: "calls/s", reference: callRate, goals: [] },
  ],
  async run({ lab, limitMs }) {
    const { client, browser, url } = await lab();
    const commitTimes = await commitMs(browser, url);
    const load = { inFlight: tasksInFlight, limitMs };
    const warmUp = { ...load, total: warmUpCount };
    const loads = [warmUp, ...Array.from({ length: repetitions }, () => ({ ...load, total: taskCount }))];
    const roundTrips = { total: roundTripCount, limitMs };
    const { runs, times } = await client.run("actorCalls", { checkpoint: "call", loads, roundTrips });
    const large = await client.run("actorCalls", {
      checkpoint: { everyCalls: 100 },
      loads: Array.from({ length: 1 + repetitions }, () => ({ ...load, total: largeCalls })),
      roundTrips: { total: 1, limitMs },
      stateBytes: largeBytes,
    });
    return {
      [savedRate]: rateOf(runs.slice(1), `${tasksInFlight} in flight`),
      [commit]: { value: median(commitTimes), note: `${commitTimes.length} alone, 500 bytes` },
      [savedRoundTrip]: { value: median(times), note: `${times.length} alone` },
      [savedRoundTripSlow]: { value: percentile(times, 0.99) },
      [largeRate]: rateOf(large.runs.slice(1), `${tasksInFlight} in flight`),
    };
  },
};

/** Bare transactions of one small record, one after another, in a page of the coordinator. */
async function commitMs(browser: Browser, url: string): Promise<number[]> {
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    await page.goto(url);
    // Without a function that has a name: the tool that runs this wraps those in a helper that no page has.
    return await page.evaluate(async (count) => {
      const database = await new Promise<IDBDatabase>((resolve, reject) => {
        const opening = indexedDB.open("bench", 1);
        opening.onupgradeneeded = () => void opening.result.createObjectStore("records");
        opening.onsuccess = () => resolve(opening.result);
        opening.onerror = () => reject(opening.error ?? new Error("IndexedDB cannot be opened"));
      });
      const times: number[] = [];
      for (let n = 0; n < count; n++) {
        const begin = performance.now();
        await new Promise<void>((resolve, reject) => {
          const transaction = database.transaction("records", "readwrite", { durability: "strict" });
          transaction.oncomplete = () => resolve();
          transaction.onabort = () => reject(transaction.error ?? new Error("the transaction was aborted"));
          transaction.objectStore("records").put({ n, bytes: new Uint8Array(500) }, "record");
        });
        times.push(performance.now() - begin);
      }
      database.close();
      return times.slice(20);
    }, commits);
  } finally {
    await context.close();
  }
}
