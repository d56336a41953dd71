/**
 * Who must be heard from by when. All leases are equally long and time only goes forward, so the order in which they
 * were taken or extended is the order in which they end: a map in insertion order is enough, O(1) each.
 */
export class Leases<T> {
  readonly leaseMs: number;
  readonly #deadlines = new Map<T, number>();
  /** None ends before. To find the first is not free: a map walks over the places of those taken from its front. */
  #notBefore = 0;

  constructor(leaseMs: number) {
    this.leaseMs = leaseMs;
  }
  get size(): number {
    return this.#deadlines.size;
  }
  has(holder: T): boolean {
    return this.#deadlines.has(holder);
  }
  /** Takes a lease, or extends the one there is. */
  extend(holder: T, at: number): void {
    this.restore(holder, at + this.leaseMs);
  }
  /** As it was taken; in the order in which they end. */
  restore(holder: T, deadline: number): void {
    this.#deadlines.delete(holder);
    if (this.#deadlines.size === 0) this.#notBefore = deadline;
    this.#deadlines.set(holder, deadline);
  }
  end(holder: T): void {
    this.#deadlines.delete(holder);
  }
  /** When to look, which may be earlier than the first ends. */
  next(): number | undefined {
    return this.#deadlines.size === 0 ? undefined : this.#notBefore;
  }
  /** With their ends, the next to end first. */
  inOrder(): Iterable<readonly [T, number]> {
    return this.#deadlines;
  }
  /** Those whose time is over; they are ended by this. */
  expire(at: number): readonly T[] {
    if (at < this.#notBefore || this.#deadlines.size === 0) return none;
    const expired: T[] = [];
    for (const [holder, deadline] of this.#deadlines) {
      this.#notBefore = deadline;
      if (deadline > at) break;
      this.#deadlines.delete(holder);
      expired.push(holder);
    }
    return expired;
  }
}

const none: readonly never[] = [];
