/**
 * What this Grid knows of one object: whether it is ready, its bytes while they are kept, who waits for it, and how many
 * handles there are on it. Handles on the same id share one of these. Knows nothing about messages.
 */
import type { ObjectId } from "../protocol/ids.ts";
import type { Failure } from "../protocol/nouns.ts";

export type Knowledge =
  | { readonly type: "unknown" }
  /** Ready, and its bytes are not here. */
  | { readonly type: "exists" }
  | { readonly type: "value"; readonly bytes: Uint8Array }
  | { readonly type: "failed"; readonly failure: Failure }
  /** An item that its generator never made. */
  | { readonly type: "ended" };

export const unknown: Knowledge = { type: "unknown" };
export const exists: Knowledge = { type: "exists" };
export const ended: Knowledge = { type: "ended" };

/** Someone who waits for objects. */
export interface Waiter {
  /** The object is known better now. True: nothing more is awaited of it. */
  notice(held: HeldObject): boolean;
}

export class HeldObject {
  readonly id: ObjectId;
  readonly holder: { drop(held: HeldObject): void };
  handles = 0;
  /** Handles disposed of by hand; the garbage collector will report these once more. */
  disposals = 0;
  isFreed = false;
  known: Knowledge = unknown;
  /** `download`: the answer has come, and its bytes are on their way. */
  asked: "nothing" | "readiness" | "value" | "download" = "nothing";
  /** The host's voice in which it was asked for. */
  asker: string | undefined = undefined;
  /** How often its bytes were gone when they were fetched. */
  losses = 0;
  waiters: Waiter[] | undefined = undefined;

  constructor(id: ObjectId, holder: HeldObject["holder"]) {
    this.id = id;
    this.holder = holder;
  }

  get isReady(): boolean {
    return this.known.type !== "unknown";
  }

  await(waiter: Waiter): void {
    if (this.waiters === undefined) this.waiters = [waiter];
    else this.waiters.push(waiter);
  }

  forget(waiter: Waiter): void {
    const { waiters } = this;
    if (waiters === undefined) return;
    const left = waiters.filter((other) => other !== waiter);
    this.waiters = left.length === 0 ? undefined : left;
  }

  /** Tells whoever waits of what is known now. */
  tell(): void {
    const { waiters } = this;
    if (waiters === undefined) return;
    // What a waiter does on being told may add others: those stay.
    this.waiters = undefined;
    const left = waiters.filter((waiter) => !waiter.notice(this));
    if (left.length > 0) this.waiters = this.waiters === undefined ? left : [...left, ...this.waiters];
  }
}
