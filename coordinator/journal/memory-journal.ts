/**
 * A journal in memory: the newest events, for a look back. It ends with the process, and forgets the oldest events
 * beyond its capacity.
 */
import type { SchedulerEvent } from "../scheduler/events.ts";
import type { Journal } from "./journal.ts";

export function memoryJournal(capacity = 100_000): Journal {
  let newer: SchedulerEvent[] = [];
  let older: SchedulerEvent[] = [];
  return {
    append(events) {
      for (const event of events) newer.push(event);
      if (newer.length < capacity / 2) return;
      older = newer;
      newer = [];
    },
    flushed: () => Promise.resolve(),
    async *replay() {
      yield* older;
      yield* newer;
    },
    close: () => Promise.resolve(),
  };
}
