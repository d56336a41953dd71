/**
 * A binary heap whose items know their place, so that one can be moved or removed in O(log n). `before` decides the
 * order; ties are the caller's to break. Knows nothing about what it holds.
 */
export class Heap<T> {
  readonly #items: T[] = [];
  readonly #places = new Map<T, number>();
  readonly #before: (a: T, b: T) => boolean;

  constructor(before: (a: T, b: T) => boolean) {
    this.#before = before;
  }
  get size(): number {
    return this.#items.length;
  }
  has(item: T): boolean {
    return this.#places.has(item);
  }
  peek(): T | undefined {
    return this.#items[0];
  }
  push(item: T): void {
    this.#items.push(item);
    this.#places.set(item, this.#items.length - 1);
    this.#up(this.#items.length - 1);
  }
  pop(): T | undefined {
    const top = this.#items[0];
    if (top !== undefined) this.remove(top);
    return top;
  }
  remove(item: T): boolean {
    const place = this.#places.get(item);
    if (place === undefined) return false;
    this.#places.delete(item);
    const last = this.#items.pop();
    if (last !== undefined && last !== item) {
      this.#items[place] = last;
      this.#places.set(last, place);
      this.moved(last);
    }
    return true;
  }
  /** The item's order has changed. */
  moved(item: T): void {
    const place = this.#places.get(item);
    if (place !== undefined) this.#down(this.#up(place));
  }
  /** In no particular order but the first is the least. */
  items(): readonly T[] {
    return this.#items;
  }

  #up(start: number): number {
    let place = start;
    const item = this.#items[place];
    if (item === undefined) return place;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const other = this.#items[above];
      if (other === undefined || !this.#before(item, other)) break;
      this.#items[place] = other;
      this.#places.set(other, place);
      place = above;
    }
    this.#items[place] = item;
    this.#places.set(item, place);
    return place;
  }
  #down(start: number): void {
    let place = start;
    const item = this.#items[place];
    if (item === undefined) return;
    for (;;) {
      let below = place * 2 + 1;
      let other = this.#items[below];
      if (other === undefined) break;
      const right = this.#items[below + 1];
      if (right !== undefined && this.#before(right, other)) {
        below++;
        other = right;
      }
      if (!this.#before(other, item)) break;
      this.#items[place] = other;
      this.#places.set(other, place);
      place = below;
    }
    this.#items[place] = item;
    this.#places.set(item, place);
  }
}
