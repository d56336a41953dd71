/** The scheduler without a grid around it; see scheduler/load.ts. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import * as v from "valibot";
import { bundle } from "../bundle.ts";
import type { Measurement } from "./measurement.ts";

const eventRate = "scheduler alone, 10^6 queued, 10^4 workers";
const taskBytes = "scheduler's memory for a queued task";

const output = v.object({
  eventsPerSecond: v.number(),
  tasksPerSecond: v.number(),
  fillEventsPerSecond: v.number(),
  bytesPerTask: v.number(),
  queued: v.number(),
  workers: v.number(),
});

export const scheduler: Measurement = {
  name: "scheduler",
  figures: [
    { name: eventRate, unit: "events/s", goals: [{ of: "value", is: "at least", limit: 300_000 }] },
    { name: taskBytes, unit: "bytes", goals: [{ of: "value", is: "below", limit: 1_024 }] },
  ],
  async run({ limitMs }) {
    const folder = mkdtempSync(join(tmpdir(), "tabgrid-bench-"));
    try {
      // Bundled as the coordinator is: tsx would time its own helper in every closure.
      const script = join(folder, "load.mjs");
      writeFileSync(script, await bundle(join(import.meta.dirname, "../scheduler/load.ts"), "node"));
      const stdout = await outputOf(script, Math.min(limitMs, 5_000));
      const read = v.parse(output, JSON.parse(stdout));
      const { eventsPerSecond, tasksPerSecond, fillEventsPerSecond, bytesPerTask, queued, workers } = read;
      const round = (value: number): string => Math.round(value).toLocaleString("en-US");
      return {
        [eventRate]: {
          value: eventsPerSecond,
          note: `${round(tasksPerSecond)} tasks/s submitted, wanted, ended and released; while filling ${round(fillEventsPerSecond)} events/s; ${queued} queued, ${workers} workers`,
        },
        [taskBytes]: { value: bytesPerTask },
      };
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

async function outputOf(script: string, limitMs: number): Promise<string> {
  const options = ["--expose-gc", "--max-old-space-size=4096"];
  try {
    return (await promisify(execFile)(process.execPath, [...options, script, String(limitMs)], { timeout: 100_000 }))
      .stdout;
  } catch (error) {
    // Of a failed script the error itself is worth telling, not the code around it.
    const said =
      error instanceof Error && "stderr" in error ? /^\w*Error: .*$/m.exec(String(error.stderr))?.[0] : undefined;
    throw new Error(said ?? "The scheduler's process failed", { cause: error });
  }
}
