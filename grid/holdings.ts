/**
 * Which objects this Grid holds: one HeldObject for each id while a handle on it lives. Owns the counts and says `hold`
 * and `release`. Knows nothing about values.
 */
import type { ObjectId } from "../protocol/ids.ts";
import { HeldObject } from "./held-object.ts";
import type { Outbox } from "./outbox.ts";

/** Shared by all Grids, so that one costs nothing to make. */
const collected = new FinalizationRegistry<HeldObject>((held) => {
  if (held.disposals > 0) held.disposals--;
  else held.holder.drop(held);
});

export class Holdings implements Iterable<HeldObject> {
  readonly #outbox: Outbox;
  readonly #isLasting: boolean;
  readonly #onReleased: (held: HeldObject) => void;
  readonly #objects = new Map<ObjectId, HeldObject>();

  constructor(outbox: Outbox, isLasting: boolean, onReleased: (held: HeldObject) => void) {
    this.#outbox = outbox;
    this.#isLasting = isLasting;
    this.#onReleased = onReleased;
  }

  [Symbol.iterator](): IterableIterator<HeldObject> {
    return this.#objects.values();
  }

  find(id: ObjectId): HeldObject | undefined {
    return this.#objects.get(id);
  }

  /** What this Grid made itself: the other end knows that it is held. */
  own(id: ObjectId): HeldObject {
    const held = new HeldObject(id, this);
    this.#objects.set(id, held);
    return held;
  }

  /** What came from elsewhere: said once, until it is released. */
  share(id: ObjectId): HeldObject {
    const held = this.#objects.get(id);
    if (held !== undefined) return held;
    this.#outbox.hold(id);
    return this.own(id);
  }

  /** Counts `handle`, which lives as long as someone can reach it. */
  add(held: HeldObject, handle: object): void {
    held.handles++;
    if (this.#isLasting) collected.register(handle, held);
  }

  /** A handle was disposed of by hand. */
  dispose(held: HeldObject): void {
    if (this.#isLasting) held.disposals++;
    this.drop(held);
  }

  /** One handle fewer. The last one releases the object, unless somebody still waits for it. */
  drop(held: HeldObject): void {
    if (held.handles > 0) held.handles--;
    this.settle(held);
  }

  /** Releases the object if neither a handle nor a waiter is left. */
  settle(held: HeldObject): void {
    if (held.handles > 0 || held.waiters !== undefined || this.#objects.get(held.id) !== held) return;
    this.#objects.delete(held.id);
    this.#onReleased(held);
    if (!held.isFreed && held.known.type !== "ended") this.#outbox.release(held.id);
  }
}
