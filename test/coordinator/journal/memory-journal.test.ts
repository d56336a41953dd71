import { expect, it } from "vitest";
import type { JobId } from "../../../protocol/ids.ts";
import { memoryJournal } from "../../../coordinator/journal/memory-journal.ts";
import { journalContract, passed, replayed } from "../../contracts/journal.ts";
import { aSpec, aSubmission } from "../../simulation/builders.ts";

journalContract("memory", {
  open: () => Promise.resolve(memoryJournal()),
  again: (journal) => Promise.resolve(journal),
});

it("[JOURNAL-2] forgets the oldest facts beyond its capacity, however many one event holds", async () => {
  const journal = memoryJournal(100);
  const by = { type: "client", jobId: "j1" as JobId } as const;
  for (let at = 0; at < 50; at++) {
    const tasks = Array.from({ length: 30 }, (_, i) => aSubmission(`j1.${at * 30 + i}`));
    journal.append({ type: "events", events: [{ type: "tasks-submitted", at, by, spec: aSpec(), tasks }] });
  }
  const entries = await replayed(journal);
  expect(entries.length).toBeLessThan(5);
  expect(entries.at(-1)).toMatchObject({ events: [{ at: 49 }] });
});

it("[JOURNAL-2] a picture is forgotten like the rest", async () => {
  const journal = memoryJournal(10);
  await journal.compact([passed(1)]);
  for (let at = 2; at < 20; at++) journal.append(passed(at));
  const entries = await replayed(journal);
  expect(entries).not.toContainEqual(passed(1));
  expect(entries.length).toBeLessThanOrEqual(10);
});

it("[JOURNAL-3] is kept as soon as it is appended", () => {
  const journal = memoryJournal();
  expect(journal.append(passed(1))).toBe(1);
  expect(journal.kept).toBe(1);
});
