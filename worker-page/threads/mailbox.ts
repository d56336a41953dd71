/**
 * The calls that wait for one concurrency group of an actor, in order of arrival, and how many of them may be in
 * progress at once. Knows nothing about what a call does.
 */
import type { Attempt } from "./attempt.ts";
import type { ThreadCall } from "./thread-work.ts";

export interface Letter {
  readonly call: ThreadCall;
  readonly attempt: Attempt;
}

interface Waiting<L> {
  readonly letter: L;
  next: Waiting<L> | undefined;
}

export class Mailbox<L extends Letter> {
  readonly #limit: number;
  #inProgress = 0;
  #first: Waiting<L> | undefined = undefined;
  #last: Waiting<L> | undefined = undefined;

  constructor(limit: number) {
    this.#limit = Math.max(1, limit);
  }

  add(letter: L): void {
    const waiting: Waiting<L> = { letter, next: undefined };
    if (this.#last === undefined) this.#first = waiting;
    else this.#last.next = waiting;
    this.#last = waiting;
  }

  /** The next call that may begin, counted as in progress from here on. */
  take(): L | undefined {
    while (this.#first !== undefined && this.#inProgress < this.#limit) {
      const { letter } = this.#first;
      this.#first = this.#first.next;
      if (this.#first === undefined) this.#last = undefined;
      // Cancelled while it waited.
      if (letter.attempt.hasEnded) continue;
      this.#inProgress++;
      return letter;
    }
    return undefined;
  }

  /** One that was taken has ended. */
  done(): void {
    this.#inProgress--;
  }
}
