/**
 * Bytes that many attempts share, by id: functions, and inputs too large for a message. Each is fetched once for all who
 * wait for it, and kept to a bound; what was used longest ago goes first. Knows nothing about how they are fetched.
 */

export class Stock<Id, Waiter> {
  readonly #maxBytes: number;
  readonly #kept = new Map<Id, Uint8Array>();
  readonly #awaited = new Map<Id, Set<Waiter>>();
  #keptBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get(id: Id): Uint8Array | undefined {
    const bytes = this.#kept.get(id);
    if (bytes === undefined) return undefined;
    // A Map remembers the order of insertion: the first is what was used longest ago.
    this.#kept.delete(id);
    this.#kept.set(id, bytes);
    return bytes;
  }

  /** True when nobody waited for it before: it has to be fetched. */
  await(id: Id, waiter: Waiter): boolean {
    const waiters = this.#awaited.get(id);
    if (waiters !== undefined) {
      waiters.add(waiter);
      return false;
    }
    this.#awaited.set(id, new Set([waiter]));
    return true;
  }

  /** Keeps the bytes and returns who waited for them. */
  arrived(id: Id, bytes: Uint8Array): readonly Waiter[] {
    const before = this.#kept.get(id);
    if (before !== undefined) this.#drop(id, before);
    if (bytes.length <= this.#maxBytes) {
      this.#kept.set(id, bytes);
      this.#keptBytes += bytes.length;
    }
    for (const [oldId, old] of this.#kept) {
      if (this.#keptBytes <= this.#maxBytes) break;
      this.#drop(oldId, old);
    }
    return this.missed(id);
  }

  /** Whether anyone waits for it. */
  isAwaited(id: Id): boolean {
    return (this.#awaited.get(id)?.size ?? 0) > 0;
  }

  /** It is not kept any longer. */
  drop(id: Id): void {
    const bytes = this.#kept.get(id);
    if (bytes !== undefined) this.#drop(id, bytes);
  }

  /** It will not come: who waited for it. */
  missed(id: Id): readonly Waiter[] {
    const waiters = this.#awaited.get(id);
    if (waiters === undefined) return [];
    this.#awaited.delete(id);
    return [...waiters];
  }

  /** `waiter` waits no more, for anything. What is on its way comes all the same. */
  forgetWaiter(waiter: Waiter): void {
    for (const waiters of this.#awaited.values()) waiters.delete(waiter);
  }

  forget(gone: (id: Id) => boolean): void {
    for (const [id, bytes] of this.#kept) if (gone(id)) this.#drop(id, bytes);
  }

  #drop(id: Id, bytes: Uint8Array): void {
    this.#kept.delete(id);
    this.#keptBytes -= bytes.length;
  }
}
