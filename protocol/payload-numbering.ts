/** The numbers of the objects that a payload has met, in the order in which they began. */

/** Compared one by one before a Map takes over: for few objects that is faster than hashing. */
const few = 12;

export class Numbering {
  #count = 0;
  readonly #few: (object | undefined)[] = Array.from({ length: few }, () => undefined);
  #many: Map<object, number> | undefined;

  /** The number of `object` if it has been met before; else it gets the next one, and the answer is undefined. */
  meet(object: object): number | undefined {
    if (this.#many !== undefined) {
      const number = this.#many.get(object);
      if (number === undefined) this.#many.set(object, this.#count++);
      return number;
    }
    for (let i = 0; i < this.#count; i++) if (this.#few[i] === object) return i;
    if (this.#count < few) {
      this.#few[this.#count++] = object;
      return undefined;
    }
    this.#many = new Map();
    for (const [i, met] of this.#few.entries()) if (met !== undefined) this.#many.set(met, i);
    this.#many.set(object, this.#count++);
    return undefined;
  }

  reset(): void {
    for (let i = Math.min(this.#count, few) - 1; i >= 0; i--) this.#few[i] = undefined;
    this.#count = 0;
    this.#many = undefined;
  }
}
