/**
 * The attempts on this thread that have not ended, by id, and whose code is running. Knows nothing about what they do.
 *
 * JavaScript does not say which async function a continuation belongs to. So whoever enters user code says so, and what
 * runs later counts as the one last entered, or when that has ended as another that has begun.
 */
import type { AttemptId } from "../../protocol/ids.ts";
import type { ToSubmitterMessage } from "../../protocol/messages.ts";
import type { Attempt } from "./attempt.ts";

/** The Grid of an attempt, as the thread sees it. */
export interface Link {
  receive(message: ToSubmitterMessage): void;
  /** Says at once what it has gathered to say. */
  flush(): void;
  /** Asks again for what it waits for; of the links of one Grid, one does. */
  askAgain(): void;
}

export class Attempts {
  readonly #byId: Record<string, Attempt | undefined> = Object.create(null);
  readonly #links: Record<string, Link | undefined> = Object.create(null);
  #lastEntered: Attempt | undefined = undefined;

  find(id: AttemptId): Attempt | undefined {
    return this.#byId[id];
  }

  linkOf(id: AttemptId): Link | undefined {
    return this.#links[id];
  }

  /** THREAD-33: whoever waits for objects or answers asks again, in the name in which it asked. */
  askAgain(): void {
    for (const id in this.#links) this.#links[id]?.askAgain();
  }

  add(attempt: Attempt): void {
    this.#byId[attempt.id] = attempt;
  }

  connect(id: AttemptId, link: Link): void {
    this.#links[id] = link;
  }

  remove(id: AttemptId): void {
    delete this.#byId[id];
    delete this.#links[id];
  }

  /** Its code runs from here until somebody else's does. */
  enter(attempt: Attempt): void {
    this.#lastEntered = attempt;
  }

  /** Whose code it is that runs now, as well as one can tell. */
  get running(): Attempt | undefined {
    if (this.#lastEntered?.hasEnded === false) return this.#lastEntered;
    for (const id in this.#byId) if (this.#byId[id]?.isRunning === true) return this.#byId[id];
    return undefined;
  }
}
