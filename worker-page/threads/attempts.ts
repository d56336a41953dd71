/**
 * The attempts on this thread that have not ended, by id, and whose code is running. Knows nothing about what they do.
 *
 * JavaScript does not say which async function a continuation belongs to. So whoever enters user code says so, and what
 * runs later counts as the only attempt there is, else as the one last entered.
 */
import type { AttemptId } from "../../protocol/ids.ts";
import type { ToSubmitterMessage } from "../../protocol/messages.ts";
import type { Attempt } from "./attempt.ts";

/** Where the answers to what an attempt has asked of the grid go. */
export type Listener = (message: ToSubmitterMessage) => void;

export class Attempts {
  #byId: Record<string, Attempt | undefined> = Object.create(null);
  #listeners: Record<string, Listener | undefined> = Object.create(null);
  #count = 0;
  #lastEntered: Attempt | undefined = undefined;

  find(id: AttemptId): Attempt | undefined {
    return this.#byId[id];
  }

  listenerOf(id: AttemptId): Listener | undefined {
    return this.#listeners[id];
  }

  add(attempt: Attempt): void {
    if (this.#byId[attempt.id] === undefined) this.#count++;
    this.#byId[attempt.id] = attempt;
  }

  listen(id: AttemptId, listener: Listener): void {
    this.#listeners[id] = listener;
  }

  remove(id: AttemptId): void {
    if (this.#byId[id] !== undefined) this.#count--;
    delete this.#byId[id];
    delete this.#listeners[id];
  }

  /** Its code runs from here until somebody else's does. */
  enter(attempt: Attempt): void {
    this.#lastEntered = attempt;
  }

  /** Whose code it is that runs now, as well as one can tell. */
  get running(): Attempt | undefined {
    if (this.#count === 1) for (const id in this.#byId) return this.#byId[id];
    return this.#lastEntered;
  }

  /** Those whose code has begun. */
  begunIds(): readonly AttemptId[] {
    const ids: AttemptId[] = [];
    for (const id in this.#byId) {
      const attempt = this.#byId[id];
      if (attempt?.hasBegun === true) ids[ids.length] = attempt.id;
    }
    return ids;
  }
}
