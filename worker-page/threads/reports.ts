/**
 * What the thread has to tell its shell, gathered so that many small things travel in one message and no single one
 * waits. Knows nothing about what the reports say.
 *
 * THREAD-6: reports leave in order: those of one turn together, during long work every 2 ms, and at once when nothing
 * follows.
 */
import type { ThreadReport } from "./thread-api.ts";
import type { Turns } from "./turns.ts";

/** How long work may go on before what it has reported leaves. */
export const sliceMs = 2;

export class Reports {
  readonly #turns: Turns;
  readonly #send: (reports: readonly ThreadReport[]) => void;
  #gathered: ThreadReport[] = [];
  #flushedAt: number;
  #isHeld = false;
  #isFlushComing = false;

  constructor(turns: Turns, send: (reports: readonly ThreadReport[]) => void) {
    this.#turns = turns;
    this.#send = send;
    this.#flushedAt = turns.now();
  }

  add(report: ThreadReport): void {
    this.#gathered[this.#gathered.length] = report;
    // Code that computes for long is heard from while it does.
    if (this.#turns.now() - this.#flushedAt >= sliceMs) this.flush();
    else if (!this.#isHeld) this.#flushAfterThisCode();
  }

  /** A run of short tasks begins: their reports wait for `release`, or for 2 ms. */
  hold(): void {
    this.#isHeld = true;
    this.#flushedAt = this.#turns.now();
  }

  release(): void {
    this.#isHeld = false;
    this.flush();
  }

  flush(): void {
    this.#flushedAt = this.#turns.now();
    if (this.#gathered.length === 0) return;
    const reports = this.#gathered;
    this.#gathered = [];
    this.#send(reports);
  }

  /** A microtask comes after all that were queued before it, so it takes along what this turn has set in motion. */
  #flushAfterThisCode(): void {
    if (this.#isFlushComing) return;
    this.#isFlushComing = true;
    void Promise.resolve().then(() => {
      this.#isFlushComing = false;
      if (!this.#isHeld) this.flush();
    });
  }
}
