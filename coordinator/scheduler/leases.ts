/**
 * Who must be heard from by when. All leases are equally long and time only goes forward, so the order in which they
 * were taken or extended is the order in which they end: a map in insertion order is enough, O(1) each.
 */
export class Leases<T> {
  readonly leaseMs: number;
  readonly #deadlines = new Map<T, number>();

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
    this.#deadlines.delete(holder);
    this.#deadlines.set(holder, at + this.leaseMs);
  }
  end(holder: T): void {
    this.#deadlines.delete(holder);
  }
  next(): number | undefined {
    for (const deadline of this.#deadlines.values()) return deadline;
    return undefined;
  }
  /** Those whose time is over; they are ended by this. */
  expire(at: number): T[] {
    const expired: T[] = [];
    for (const [holder, deadline] of this.#deadlines) {
      if (deadline > at) break;
      this.#deadlines.delete(holder);
      expired.push(holder);
    }
    return expired;
  }
}
