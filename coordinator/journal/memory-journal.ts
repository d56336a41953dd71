/**
 * A journal in memory: the newest events, for a look back. It ends with the process, and forgets the oldest events
 * beyond its capacity, which counts facts: an event that submits a hundred tasks weighs a hundred.
 */
import type { SchedulerEvent } from "../scheduler/events.ts";
import type { Journal } from "./journal.ts";

export function memoryJournal(capacity = 10_000): Journal {
  let newer: SchedulerEvent[] = [];
  let older: SchedulerEvent[] = [];
  let newerFacts = 0;
  return {
    append(events) {
      for (const event of events) {
        newer.push(event);
        newerFacts += factsIn(event);
      }
      if (newerFacts < capacity / 2) return;
      older = newer;
      newer = [];
      newerFacts = 0;
    },
    flushed: () => Promise.resolve(),
    async *replay() {
      yield* older;
      yield* newer;
    },
    close: () => Promise.resolve(),
  };
}

function factsIn(event: SchedulerEvent): number {
  if (event.type === "tasks-submitted") return event.tasks.length;
  if (event.type === "attempts-ended") return event.items.length;
  return "ids" in event ? event.ids.length : 1;
}
