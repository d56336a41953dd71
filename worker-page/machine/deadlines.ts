/**
 * What is due when: a binary heap, so that the next deadline costs nothing to know. Entries are never removed before
 * their time; whoever takes one checks that it still means something.
 */

interface Entry<Due> {
  at: number;
  readonly due: Due;
}

export class Deadlines<Due> {
  readonly #heap: Entry<Due>[] = [];

  get next(): number {
    return this.#heap[0]?.at ?? Infinity;
  }

  add(at: number, due: Due): void {
    const heap = this.#heap;
    let index = heap.length;
    const entry = { at, due };
    heap.push(entry);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || above.at <= at) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = entry;
  }

  /** The earliest that is due at `at`, taken away. */
  take(at: number): Due | undefined {
    const heap = this.#heap;
    const first = heap[0];
    if (first === undefined || first.at > at) return undefined;
    const last = heap.pop();
    if (last !== undefined && heap.length > 0) this.#sink(last);
    return first.due;
  }

  /** Nothing could happen for `ms`: everything is due that much later. Keeps the order. */
  postpone(ms: number): void {
    for (const entry of this.#heap) entry.at += ms;
  }

  #sink(entry: Entry<Due>): void {
    const heap = this.#heap;
    let index = 0;
    for (;;) {
      let child = index * 2 + 1;
      const left = heap[child];
      if (left === undefined) break;
      const right = heap[child + 1];
      let least = left;
      if (right !== undefined && right.at < left.at) {
        least = right;
        child++;
      }
      if (least.at >= entry.at) break;
      heap[index] = least;
      index = child;
    }
    heap[index] = entry;
  }
}
