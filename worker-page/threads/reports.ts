/**
 * What the thread has to tell its shell, gathered so that many small things travel in one message and no single one
 * waits. Knows nothing about what the reports say.
 *
 * THREAD-6: reports leave in order: at once after 2 ms of silence and when nothing follows, else those of a turn of the
 * loop together, and at least every 2 ms while code runs that reports.
 */
import type { ThreadReport } from "./thread-work.ts";
import type { Turns } from "./turns.ts";

/** How long work may go on before what it has reported leaves. */
export const sliceMs = 2;

/** How many reports may have come after one that is taken back: the more, the longer it takes. */
const withdrawable = 16;

export class Reports {
  readonly #turns: Turns;
  readonly #send: (reports: readonly ThreadReport[]) => void;
  #gathered: ThreadReport[] = [];
  #flushedAt = -Infinity;
  #isHeld = false;
  #isFlushComing = false;

  constructor(turns: Turns, send: (reports: readonly ThreadReport[]) => void) {
    this.#turns = turns;
    this.#send = send;
  }

  add(report: ThreadReport): void {
    this.#gathered[this.#gathered.length] = report;
    // Code that goes on computing is heard from while it does.
    if (this.#turns.now() - this.#flushedAt >= sliceMs) this.flush();
    else if (!this.#isHeld) this.#flushNextTurn();
  }

  /** Takes it back if it has not left and was among the last. */
  withdraw(report: ThreadReport): void {
    const gathered = this.#gathered;
    const { length } = gathered;
    let at = length - 1;
    while (at >= 0 && at >= length - withdrawable && gathered[at] !== report) at--;
    if (at < 0 || gathered[at] !== report) return;
    for (; at + 1 < length; at++) gathered[at] = gathered[at + 1] ?? report;
    gathered.length = length - 1;
  }

  /** Short work begins: its reports wait for `release`, or for 2 ms. */
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

  #flushNextTurn(): void {
    if (this.#isFlushComing) return;
    this.#isFlushComing = true;
    this.#turns.next(() => {
      this.#isFlushComing = false;
      if (!this.#isHeld) this.flush();
    });
  }
}
