import { expect, it } from "vitest";
import type { JobId } from "../../../protocol/ids.ts";
import { memoryJournal } from "../../../coordinator/journal/memory-journal.ts";
import type { SchedulerEvent } from "../../../coordinator/scheduler/events.ts";
import { aSpec, aSubmission } from "../../simulation/builders.ts";

const passed = (at: number): SchedulerEvent => ({ type: "time-passed", at });

it("[JOURNAL-1] gives back what was appended, in order", async () => {
  const journal = memoryJournal(10);
  journal.append([passed(1), passed(2)]);
  journal.append([passed(3)]);
  await journal.flushed();
  const replayed: number[] = [];
  for await (const { at } of journal.replay()) replayed.push(at);
  expect(replayed).toEqual([1, 2, 3]);
});

it("[JOURNAL-2] forgets the oldest facts beyond its capacity, however many one event holds", async () => {
  const journal = memoryJournal(100);
  const by = { type: "client", jobId: "j1" as JobId } as const;
  for (let at = 0; at < 50; at++) {
    const tasks = Array.from({ length: 30 }, (_, i) => aSubmission(`j1.${at * 30 + i}`));
    journal.append([{ type: "tasks-submitted", at, by, spec: aSpec(), tasks }]);
  }
  const replayed: number[] = [];
  for await (const { at } of journal.replay()) replayed.push(at);
  expect(replayed.length).toBeLessThan(5);
  expect(replayed.at(-1)).toBe(49);
});
