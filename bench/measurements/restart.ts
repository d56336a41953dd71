/** From the start of the process to accepting connections, with a journal of a million queued tasks. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { JournalEntry } from "../../coordinator/journal/journal.ts";
import { sqliteJournal } from "../../coordinator/journal/sqlite-journal.ts";
import type { JobId, SessionId } from "../../protocol/ids.ts";
import { aSpec, aSubmission } from "../../test/simulation/builders.ts";
import { median } from "../statistics.ts";
import { within } from "../within.ts";
import { type Measurement, repeat } from "./measurement.ts";

const toAccepting = "restart to accepting, 1,000,000 tasks journaled";
const bytesEach = "journal, bytes a task";

const tasks = 1_000_000;
const inOneBatch = 1_000;
const starts = 3;
const startMs = 60_000;
const root = join(import.meta.dirname, "../..");

export const restart: Measurement = {
  name: "restart",
  figures: [
    { name: toAccepting, unit: "s", goals: [{ of: "value", is: "below", limit: 10 }] },
    { name: bytesEach, unit: "bytes", goals: [] },
  ],
  async run() {
    const folder = mkdtempSync(join(tmpdir(), "tabgrid-bench-"));
    try {
      const journal = await sqliteJournal(folder, { version: "bench" });
      for await (const _ of journal.replay());
      for (const entry of entries()) {
        const position = journal.append(entry);
        if (position % 50 === 0) await journal.flushed();
      }
      await journal.close();
      const sizeBytes = readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
      const seconds = await repeat(starts, () => startOn(folder));
      return {
        [toAccepting]: { value: median(seconds), samples: seconds },
        [bytesEach]: { value: sizeBytes / tasks, note: "an id and 20 bytes of arguments, submitted 1,000 at a time" },
      };
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

function* entries(): Iterable<JournalEntry> {
  const jobId = "jbenchmark0" as JobId;
  const by = { type: "client", jobId } as const;
  const spec = aSpec();
  const args = new Uint8Array(20).fill(7);
  yield {
    type: "session-opened",
    sessionId: "bench" as SessionId,
    resumeKey: "bench",
    owner: by,
    retainMs: 3_600_000,
  };
  yield { type: "events", events: [{ type: "job-opened", at: 1, jobId, name: "bench", namespace: "default" }] };
  for (let from = 0; from < tasks; from += inOneBatch) {
    const batch = Array.from({ length: inOneBatch }, (_, n) => aSubmission(`${jobId}.${from + n + 1}`, { args }));
    yield { type: "events", events: [{ type: "tasks-submitted", at: 2, by, spec, tasks: batch }] };
  }
}

/** Seconds until the first line, which is printed once connections are accepted. */
async function startOn(folder: string): Promise<number> {
  const begin = performance.now();
  const command = [join(root, "dist/bin/cli.js"), "start", "--json", "--port", "0", "--data", folder];
  const coordinator = spawn(process.execPath, command, { cwd: root, stdio: ["ignore", "pipe", "inherit"] });
  const orphan = (): boolean => coordinator.kill("SIGKILL");
  process.once("exit", orphan);
  try {
    const exit = once(coordinator, "exit");
    const ended = exit.then((): never => {
      throw new Error("the coordinator ended before it accepted connections");
    });
    ended.catch(() => {});
    const line = once(createInterface({ input: coordinator.stdout }), "line");
    await within(startMs, Promise.race([line, ended]), "Starting on a million tasks");
    const seconds = (performance.now() - begin) / 1_000;
    coordinator.kill("SIGKILL");
    await exit;
    return seconds;
  } finally {
    process.off("exit", orphan);
  }
}
