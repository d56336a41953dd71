/** A journal whose entries are kept when the test says so, and whose process can be killed. */
import type { Journal, JournalEntry } from "../../coordinator/journal/journal.ts";

export class ManualJournal implements Journal {
  readonly #before: readonly JournalEntry[];
  #entries: JournalEntry[] = [];
  /** Entries are kept as soon as they come. */
  isPrompt = true;
  kept = 0;
  sizeBytes = 0;
  compactedBytes = 0;
  onKept: (kept: number) => void = () => {};
  onTrouble: (error: Error | undefined) => void = () => {};

  constructor(before: readonly JournalEntry[] = []) {
    this.#before = before;
  }

  append(entry: JournalEntry): number {
    this.#entries.push(entry);
    if (this.isPrompt) this.keep();
    return this.#entries.length;
  }
  keep(): void {
    this.kept = this.#entries.length;
    this.onKept(this.kept);
  }
  /** What the next process finds: the rest is gone. */
  killed(): ManualJournal {
    return new ManualJournal([...this.#before, ...this.#entries.slice(0, this.kept)]);
  }
  flushed(): Promise<void> {
    return Promise.resolve();
  }
  async compact(entries: Iterable<JournalEntry>): Promise<void> {
    this.#entries = [...entries];
    this.kept = this.#entries.length;
  }
  async *replay(): AsyncIterable<JournalEntry> {
    yield* this.#before;
  }
  close(): Promise<void> {
    return Promise.resolve();
  }
}
