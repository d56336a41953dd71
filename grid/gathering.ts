/**
 * One `get` or `wait` in progress: which of its objects are still missing, and the moment when there is enough. Knows
 * nothing about messages; it only watches HeldObjects.
 */
import type { Failure } from "../protocol/nouns.ts";
import type { HeldObject, Waiter } from "./held-object.ts";

export type Outcome =
  | { readonly type: "enough" }
  | { readonly type: "failed"; readonly failure: Failure }
  | { readonly type: "too-late" }
  | { readonly type: "aborted"; readonly reason: unknown };

const enough: Outcome = { type: "enough" };

export interface Patience {
  readonly timeoutMs: number | undefined;
  readonly signal: AbortSignal | undefined;
}

/** Settles once. */
export class Ending {
  outcome: Outcome | undefined = undefined;
  #resolve: ((outcome: Outcome) => void) | undefined = undefined;

  end(outcome: Outcome): void {
    if (this.outcome !== undefined) return;
    this.outcome = outcome;
    this.#resolve?.(outcome);
  }

  fail(failure: Failure): void {
    this.end({ type: "failed", failure });
  }

  /** Resolves with the outcome, whenever that comes. */
  settled(): Promise<Outcome> {
    return new Promise((resolve) => {
      if (this.outcome === undefined) this.#resolve = resolve;
      else resolve(this.outcome);
    });
  }

  /** Resolves once there is enough, one has failed, or patience has run out. */
  async outcomeWithin({ timeoutMs, signal }: Patience): Promise<Outcome> {
    if (this.outcome !== undefined) return this.outcome;
    const ending = new Promise<Outcome>((resolve) => {
      this.#resolve = resolve;
    });
    if (timeoutMs === undefined && signal === undefined) return await ending;
    const timer = timeoutMs === undefined ? undefined : setTimeout(() => this.end({ type: "too-late" }), timeoutMs);
    const abort = (): void => this.end({ type: "aborted", reason: signal?.reason });
    signal?.addEventListener("abort", abort, { once: true });
    const outcome = await ending;
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
    return outcome;
  }
}

/** Collects the bytes of all of `objects`; ends at once when one has failed. */
export class ValuesGathering {
  readonly ending = new Ending();
  /** In the order asked for, duplicates included. */
  readonly bytes: Uint8Array[];
  readonly #places: readonly Place[];
  missing = 0;

  constructor(objects: readonly HeldObject[]) {
    this.bytes = new Array<Uint8Array>(objects.length);
    const places: Place[] = [];
    this.#places = places;
    for (let index = 0; index < objects.length; index++) {
      const held = objects[index];
      if (held === undefined) continue;
      this.missing++;
      if (this.take(held, index)) continue;
      places.push(new Place(this, held, index));
    }
    if (this.missing === 0) this.ending.end(enough);
  }

  watch(): void {
    for (const place of this.#places) place.held.await(place);
  }

  unwatch(): void {
    for (const place of this.#places) place.held.forget(place);
  }

  /** The objects that are not here, each as often as it was asked for. */
  get awaited(): readonly HeldObject[] {
    return this.#places.map((place) => place.held);
  }

  /** True when the object's part in this is over. */
  take(held: HeldObject, index: number): boolean {
    const { known } = held;
    switch (known.type) {
      case "value":
        this.bytes[index] = known.bytes;
        if (--this.missing === 0) this.ending.end(enough);
        return true;
      case "failed":
        this.ending.fail(known.failure);
        return true;
      case "ended":
        this.ending.fail({
          code: "OBJECT_LOST",
          message: `Cannot get object "${held.id}": its generator ended before it`,
        });
        return true;
      default:
        return false;
    }
  }
}

class Place implements Waiter {
  readonly #gathering: ValuesGathering;
  readonly held: HeldObject;
  readonly #index: number;

  constructor(gathering: ValuesGathering, held: HeldObject, index: number) {
    this.#gathering = gathering;
    this.held = held;
    this.#index = index;
  }

  notice(held: HeldObject): boolean {
    return this.#gathering.ending.outcome !== undefined || this.#gathering.take(held, this.#index);
  }
}

/** Waits until `wanted` of `objects` are ready; a failed one is. */
export class ReadinessGathering implements Waiter {
  readonly ending = new Ending();
  readonly #wanted: number;
  readonly #objects: readonly HeldObject[];
  #ready = 0;

  constructor(objects: readonly HeldObject[], wanted: number) {
    this.#objects = objects;
    this.#wanted = wanted;
    for (const held of objects) if (held.isReady) this.#ready++;
    this.#check();
  }

  watch(): void {
    for (const held of this.#objects) if (!held.isReady) held.await(this);
  }

  unwatch(): void {
    for (const held of this.#objects) held.forget(this);
  }

  notice(held: HeldObject): boolean {
    if (!held.isReady) return false;
    this.#ready++;
    this.#check();
    return true;
  }

  #check(): void {
    if (this.#ready >= this.#wanted) this.ending.end(enough);
  }
}
