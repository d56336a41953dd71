/** Things that fall due, soonest first. Knows nothing about what they are; whoever takes one checks that it still matters. */
import { Heap } from "./heap.ts";

interface Due<T> {
  readonly at: number;
  readonly order: number;
  readonly what: T;
}
function isSooner<T>(a: Due<T>, b: Due<T>): boolean {
  return a.at !== b.at ? a.at < b.at : a.order < b.order;
}

export class Deadlines<T> {
  readonly #heap = new Heap<Due<T>>(isSooner);
  #order = 0;

  add(at: number, what: T): void {
    this.#heap.push({ at, order: this.#order++, what });
  }
  next(): number | undefined {
    return this.#heap.peek()?.at;
  }
  inOrder(): Due<T>[] {
    return this.#heap.items().toSorted((a, b) => (isSooner(a, b) ? -1 : 1));
  }
  due(at: number): T[] {
    const found: T[] = [];
    for (let first = this.#heap.peek(); first !== undefined && first.at <= at; first = this.#heap.peek()) {
      this.#heap.pop();
      found.push(first.what);
    }
    return found;
  }
}
