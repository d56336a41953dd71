/** A first-in first-out list with cheap ends. Knows nothing about what it holds. */
export class Fifo<T> {
  #items: (T | undefined)[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }
  peek(): T | undefined {
    return this.#items[this.#head];
  }
  push(item: T): void {
    this.#items.push(item);
  }
  shift(): T | undefined {
    const item = this.#items[this.#head];
    if (item === undefined) return undefined;
    this.#items[this.#head++] = undefined;
    if (this.#head > 64 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }
  /** Puts these before all others, in their order. Room is made for more of them at once, so that many are cheap. */
  prepend(items: readonly T[]): void {
    if (this.#head < items.length) {
      const room = items.length + 16 + (this.length >> 2);
      const gap: undefined[] = Array.from({ length: room });
      this.#items = [...gap, ...this.#items.slice(this.#head)];
      this.#head = room;
    }
    this.#head -= items.length;
    for (const [i, item] of items.entries()) this.#items[this.#head + i] = item;
  }
  remove(item: T): boolean {
    const index = this.#items.indexOf(item, this.#head);
    if (index < 0) return false;
    this.#items.splice(index, 1);
    return true;
  }
  *[Symbol.iterator](): Iterator<T> {
    for (let i = this.#head; i < this.#items.length; i++) {
      const item = this.#items[i];
      if (item !== undefined) yield item;
    }
  }
}
