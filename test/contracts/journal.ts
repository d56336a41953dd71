/**
 * What every journal does. A suite, not a test file: each adapter's test calls it with a way to open an empty journal,
 * and to open one again after its process has ended, or, where it ends with the process, to look back.
 */
import { describe, expect, it } from "vitest";
import type { Journal, JournalEntry } from "../../coordinator/journal/journal.ts";
import { everyEntry } from "../coordinator/journal/every-entry.ts";

export interface JournalAdapter {
  open(): Promise<Journal>;
  again(journal: Journal): Promise<Journal>;
}

export const passed = (...at: number[]): JournalEntry => ({
  type: "events",
  events: at.map((at) => ({ type: "time-passed", at })),
});

export async function replayed(journal: Journal): Promise<JournalEntry[]> {
  const entries: JournalEntry[] = [];
  for await (const entry of journal.replay()) entries.push(entry);
  return entries;
}

export function journalContract(name: string, adapter: JournalAdapter): void {
  describe(`Journal contract: ${name}`, () => {
    it("[JOURNAL-1] gives back what was appended, in order", async () => {
      const journal = await adapter.open();
      for (const entry of everyEntry) journal.append(entry);
      await journal.flushed();
      journal.append(passed(1, 2));
      const again = await adapter.again(journal);
      expect(await replayed(again)).toEqual([...everyEntry, passed(1, 2)]);
      await again.close();
    });

    it("[JOURNAL-1] an empty journal gives nothing back", async () => {
      const journal = await adapter.open();
      expect(await replayed(journal)).toEqual([]);
      await journal.close();
    });

    it("[JOURNAL-3] counts positions from 1, and says when they are kept", async () => {
      const journal = await adapter.open();
      expect(journal.kept).toBe(0);
      await journal.flushed();
      const told: number[] = [];
      journal.onKept = (kept) => {
        told.push(kept);
        expect(journal.kept).toBe(kept);
      };
      expect([journal.append(passed(1)), journal.append(passed(2))]).toEqual([1, 2]);
      expect(told).toEqual([]);
      await journal.flushed();
      expect(journal.kept).toBe(2);
      expect(journal.append(passed(3))).toBe(3);
      await journal.flushed();
      expect(journal.kept).toBe(3);
      await Promise.resolve();
      expect(told).toEqual([2, 3]);
      await journal.close();
    });

    it("[JOURNAL-3] keeps together what one turn appends, however much it is", async () => {
      const journal = await adapter.open();
      const told: number[] = [];
      journal.onKept = (kept) => void told.push(kept);
      const large: JournalEntry = { type: "scheduler-state", bytes: new Uint8Array(700_000) };
      for (let turn = 0; turn < 3; turn++) {
        for (let i = 0; i < 4; i++) journal.append(large);
        await new Promise(setImmediate);
      }
      await journal.flushed();
      await Promise.resolve();
      expect(told.at(-1)).toBe(12);
      expect(told.filter((kept) => kept % 4 !== 0)).toEqual([]);
      await journal.close();
    });

    it("[JOURNAL-4] compacted, it gives back what was said in place of the rest, and what came after", async () => {
      const journal = await adapter.open();
      for (let at = 0; at < 50; at++) journal.append(passed(at));
      const compacting = journal.compact([passed(1_000), passed(1_001)]);
      expect(journal.append(passed(2_000))).toBe(51);
      await compacting;
      journal.append(passed(3_000));
      expect(journal.compactedBytes).toBeLessThanOrEqual(journal.sizeBytes);
      const again = await adapter.again(journal);
      expect(await replayed(again)).toEqual([passed(1_000), passed(1_001), passed(2_000), passed(3_000)]);
      await again.close();
    });

    it("[JOURNAL-4] is what it was when compacting fails", async () => {
      const journal = await adapter.open();
      journal.append(passed(1));
      const failing = function* (): Iterable<JournalEntry> {
        yield passed(1_000);
        throw new Error("no picture");
      };
      await expect(journal.compact(failing())).rejects.toThrow("no picture");
      journal.append(passed(2));
      const again = await adapter.again(journal);
      expect(await replayed(again)).toEqual([passed(1), passed(2)]);
      await again.close();
    });

    it("[JOURNAL-3] close settles everything, more than once, and nothing throws after it", async () => {
      const journal = await adapter.open();
      journal.append(passed(1));
      const flushed = journal.flushed();
      await Promise.all([journal.close(), journal.close(), flushed]);
      await journal.close();
      expect(journal.kept).toBe(1);
      expect(journal.append(passed(2))).toBe(2);
      await Promise.allSettled([journal.flushed(), journal.compact([passed(3)])]);
    });
  });
}
