/**
 * What happened to whom, in order: the source of `story(id)` and of every broken rule's message. Bounded: the oldest
 * entries go first. Knows nothing about what the words mean.
 */
export interface StoryEntry {
  readonly at: number;
  readonly id: string;
  readonly what: string;
  readonly detail?: string | undefined;
}

export class Story {
  readonly capacity: number;
  #entries: StoryEntry[] = [];
  #older: StoryEntry[] = [];

  constructor(capacity: number) {
    this.capacity = capacity;
  }
  tell(at: number, id: string, what: string, detail?: string): void {
    // Two halves: when the newer is full the older is dropped. No entry is moved, and half the capacity is always kept.
    if (this.#entries.length >= this.capacity / 2) {
      this.#older = this.#entries;
      this.#entries = [];
    }
    this.#entries.push({ at, id, what, detail });
  }
  of(id: string): StoryEntry[] {
    return [...this.#older, ...this.#entries].filter((entry) => entry.id === id);
  }
  *all(): Iterable<StoryEntry> {
    yield* this.#older;
    yield* this.#entries;
  }
}
