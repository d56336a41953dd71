/**
 * What may leave only once its cause outlives this process: nobody is told of something that a restart could undo. Owns
 * the order of what waits. Knows nothing about what it is.
 */
interface Waiting {
  readonly position: number;
  readonly leave: () => void;
}

export class Gate {
  #kept = 0;
  #waiting: Waiting[] = [];
  #head = 0;

  /** At once, when everything up to `position` is kept and nothing waits before it. */
  pass(position: number, leave: () => void): void {
    if (position <= this.#kept && this.#head === this.#waiting.length) leave();
    else this.#waiting.push({ position, leave });
  }

  /** Everything up to `position` is kept. */
  open(position: number): void {
    this.#kept = Math.max(this.#kept, position);
    for (let next = this.#waiting[this.#head]; next !== undefined && next.position <= this.#kept;) {
      this.#head++;
      next.leave();
      next = this.#waiting[this.#head];
    }
    if (this.#head < this.#waiting.length && this.#head < 1_024) return;
    this.#waiting = this.#waiting.slice(this.#head);
    this.#head = 0;
  }
}
