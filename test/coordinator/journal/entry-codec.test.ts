import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { entryFormat, entrySchema, readEntries } from "../../../coordinator/journal/entry-codec.ts";
import type { JournalEntry } from "../../../coordinator/journal/journal.ts";
import { ProtocolError } from "../../../protocol/errors.ts";
import { Writer } from "../../../protocol/schema.ts";
import { aSpec, aSubmission } from "../../simulation/builders.ts";
import { random } from "../../simulation/random.ts";
import { everyEntry, everyEvent } from "./every-entry.ts";

function rowOf(entries: readonly JournalEntry[]): Uint8Array<ArrayBuffer> {
  const out = new Writer(8);
  for (const entry of entries) entrySchema.write(entry, out);
  return Uint8Array.from(out.bytes.subarray(0, out.at));
}

it("[JOURNAL-11] reads every event and every entry as it was written", () => {
  for (const event of everyEvent) {
    const entry: JournalEntry = { type: "events", events: [event] };
    expect(readEntries(rowOf([entry]))).toEqual([entry]);
  }
  expect(readEntries(rowOf(everyEntry))).toEqual(everyEntry);
  expect(readEntries(rowOf([]))).toEqual([]);
});

it("[JOURNAL-11] rows that are joined are a row", () => {
  const joined = Uint8Array.from([...rowOf(everyEntry), ...rowOf(everyEntry.slice(0, 3))]);
  expect(readEntries(joined)).toEqual([...everyEntry, ...everyEntry.slice(0, 3)]);
});

it("[JOURNAL-11] what is read does not keep its row in memory", () => {
  const args = new Uint8Array(20).fill(7);
  const by = { type: "client", jobId: "j1" as never } as const;
  const tasks = Array.from({ length: 100 }, (_, i) => aSubmission(`j1.${i}`, { args }));
  const row = rowOf([{ type: "events", events: [{ type: "tasks-submitted", at: 1, by, spec: aSpec(), tasks }] }]);
  const [entry] = readEntries(row);
  row.fill(0);
  expect(entry).toMatchObject({ events: [{ tasks }] });
  const event = entry?.type === "events" ? entry.events[0] : undefined;
  expect(event?.type === "tasks-submitted" && event.tasks[5]?.args.buffer.byteLength).toBe(20);
});

it("[JOURNAL-11] 10,000 mutated rows are read or refused, and nothing else happens", () => {
  const chance = random(1);
  const entries: JournalEntry[] = everyEvent.map((event) => ({ type: "events", events: [event] }));
  const sources = [...entries, ...everyEntry].map((entry) => rowOf([entry])).filter(({ length }) => length < 5_000);
  let refused = 0;
  let read = 0;
  for (let i = 0; i < 10_000; i++) {
    const bytes = Uint8Array.from(chance.pick(sources) ?? []);
    const changes = 1 + chance.below(6);
    for (let c = 0; c < changes; c++) bytes[chance.below(bytes.length)] = chance.below(256);
    try {
      read += readEntries(chance.chance(0.3) ? bytes.subarray(0, chance.below(bytes.length)) : bytes).length;
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      refused++;
    }
  }
  expect(refused).toBeGreaterThan(1_000);
  expect(read).toBeGreaterThan(1_000);
});

it("[JOURNAL-6] a row of this format is what it was", () => {
  // Where this fails, the bytes mean something else: raise entryFormat, so that no program misreads another's journal,
  // and put the new fingerprint here. A new event at the end of its schema changes the fingerprint alone.
  const fingerprint = createHash("sha256").update(rowOf(everyEntry)).digest("hex").slice(0, 16);
  expect({ entryFormat, fingerprint }).toEqual({ entryFormat: 1, fingerprint: "ae7c360e3b7cb415" });
});
