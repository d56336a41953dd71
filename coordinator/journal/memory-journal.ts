/**
 * A journal in memory: the newest entries, for a look back. It ends with the process, and forgets the oldest beyond its
 * capacity, which counts facts: an event that submits a hundred tasks weighs a hundred. What is appended is kept at
 * once; `onKept` follows when the turn that appended is over. There is no room to gain by compacting, so both sizes
 * are 0.
 */
import type { SchedulerEvent } from "../scheduler/events.ts";
import type { Journal, JournalEntry } from "./journal.ts";

export function memoryJournal(capacity = 10_000): Journal {
  let newer: JournalEntry[] = [];
  let older: JournalEntry[] = [];
  let newerFacts = 0;
  let kept = 0;
  let isTelling = false;
  const journal: Journal = {
    append(entry) {
      newer.push(entry);
      newerFacts += factsIn(entry);
      if (newerFacts >= capacity / 2) {
        older = newer;
        newer = [];
        newerFacts = 0;
      }
      kept++;
      if (!isTelling) {
        isTelling = true;
        queueMicrotask(() => {
          isTelling = false;
          journal.onKept(kept);
        });
      }
      return kept;
    },
    get kept() {
      return kept;
    },
    onKept: () => {},
    onTrouble: () => {},
    flushed: () => Promise.resolve(),
    sizeBytes: 0,
    compactedBytes: 0,
    async compact(entries) {
      older = [...entries];
      newer = [];
      newerFacts = 0;
    },
    async *replay() {
      yield* older;
      yield* newer;
    },
    close: () => Promise.resolve(),
  };
  return journal;
}

function factsIn(entry: JournalEntry): number {
  if (entry.type === "events") return entry.events.reduce((facts, event) => facts + factsInEvent(event), 0);
  // A function's bytes: a fact is about a KiB at most.
  return "bytes" in entry ? 1 + Math.floor((entry.bytes?.length ?? 0) / 1024) : 1;
}

function factsInEvent(event: SchedulerEvent): number {
  if (event.type === "tasks-submitted") return event.tasks.length;
  if (event.type === "attempts-ended") return event.items.length;
  return "ids" in event ? event.ids.length : 1;
}
