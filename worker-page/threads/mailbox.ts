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

  /** The next call that may begin. */
  peek(): L | undefined {
    if (this.#inProgress >= this.#limit) return undefined;
    // Those that were cancelled while they waited go.
    while (this.#first?.letter.attempt.hasEnded === true) this.#drop();
    return this.#first?.letter;
  }

  /** It is counted as in progress from here on. */
  take(): L | undefined {
    const letter = this.peek();
    if (letter === undefined) return undefined;
    this.#drop();
    this.#inProgress++;
    return letter;
  }

  #drop(): void {
    this.#first = this.#first?.next;
    if (this.#first === undefined) this.#last = undefined;
  }

  /** One that was taken has ended. */
  done(): void {
    this.#inProgress--;
  }
}
