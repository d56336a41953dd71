/** What is to happen when, in order of time and, at one time, of asking: a plain binary heap. */
interface Timer {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

export class Timers {
  readonly #heap: Timer[] = [];
  #order = 0;

  add(at: number, run: () => void): void {
    const heap = this.#heap;
    const timer: Timer = { at, order: this.#order++, run };
    let place = heap.length;
    heap.push(timer);
    while (place > 0) {
      const above = (place - 1) >> 1;
      const other = heap[above];
      if (other === undefined || !isBefore(timer, other)) break;
      heap[place] = other;
      place = above;
    }
    heap[place] = timer;
  }

  /** The next; undefined when there is none. */
  take(): Timer | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || first === last) return first;
    let place = 0;
    for (;;) {
      let below = place * 2 + 1;
      let other = heap[below];
      if (other === undefined) break;
      const right = heap[below + 1];
      if (right !== undefined && isBefore(right, other)) {
        below++;
        other = right;
      }
      if (!isBefore(other, last)) break;
      heap[place] = other;
      place = below;
    }
    heap[place] = last;
    return first;
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.at !== b.at ? a.at < b.at : a.order < b.order;
}
