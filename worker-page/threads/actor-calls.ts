/**
 * The calls of one actor, from their arrival to their end: which of them may begin, and in whose name the actor speaks
 * while several are in progress. Knows nothing about the actor's own life, nor about its state.
 *
 * THREAD-17: calls begin in order of arrival, `maxConcurrency` at a time, async methods included; the calls of a
 * concurrency group neither wait for those of another nor count among them.
 */
import type { Grid } from "../../grid/types.ts";
import type { AttemptId } from "../../protocol/ids.ts";
import type { ActorSpec, Failure } from "../../protocol/nouns.ts";
import { Attempt, type AttemptOwner } from "./attempt.ts";
import type { AttemptHost } from "./attempt-host.ts";
import type { Link } from "./attempts.ts";
import { carryOut } from "./carry-out.ts";
import { Mailbox } from "./mailbox.ts";
import { MethodPaces } from "./method-paces.ts";
import type { Runtime } from "./runtime.ts";
import type { ThreadCall } from "./thread-work.ts";

export interface ActorCallsPort {
  readonly runtime: Runtime;
  readonly host: AttemptHost;
  readonly grid: Grid;
  readonly link: Link;
  /** The user's code. */
  run(call: ThreadCall): unknown;
  isMethod(name: string): boolean;
  noSuchGroup(call: ThreadCall): Failure;
  /** `isAtOnce`: it surely ends where it begins. */
  mayBegin(isAtOnce: boolean): boolean;
  /** One more runs and does not await the grid, or one fewer. */
  active(by: 1 | -1): void;
  /** One that began did not end at once. */
  goesOn(): void;
  /** One in progress awaits the grid. */
  waits(): void;
  ended(attempt: Attempt, hasRun: boolean): void;
}

export class ActorCalls {
  readonly #of: ActorCallsPort;
  readonly #mailboxes: Record<string, Mailbox<Call> | undefined> = Object.create(null);
  readonly #calls: Record<string, Call | undefined> = Object.create(null);
  /** Of them, those that have begun: as many as may run at once, where a thousand may wait. */
  readonly #begun: Record<string, Call | undefined> = Object.create(null);
  readonly #paces = new MethodPaces();
  #inProgress = 0;

  constructor({ maxConcurrency, concurrencyGroups }: ActorSpec, of: ActorCallsPort) {
    this.#of = of;
    this.#mailboxes[""] = new Mailbox(maxConcurrency);
    for (const group in concurrencyGroups) this.#mailboxes[group] = new Mailbox(concurrencyGroups[group] ?? 1);
  }

  get inProgress(): number {
    return this.#inProgress;
  }

  accept(given: ThreadCall): void {
    const { runtime } = this.#of;
    const mailbox = this.#mailboxes[given.concurrencyGroup ?? ""];
    const letter = new Call(given, this, mailbox);
    this.#calls[given.attemptId] = letter;
    runtime.attempts.add(letter.attempt);
    runtime.attempts.connect(given.attemptId, this.#linkOf(letter.attempt));
    if (mailbox === undefined) letter.attempt.fail(this.#of.noSuchGroup(given));
    else mailbox.add(letter);
  }

  /** Begins one call that may begin; false if there is none. */
  beginNext(): boolean {
    for (const group in this.#mailboxes) {
      const mailbox = this.#mailboxes[group];
      const next = mailbox?.peek();
      if (mailbox === undefined || next === undefined) continue;
      const { method, work } = next.call;
      const pace = work.kind === "generator" ? "slow" : this.#paces.of(method);
      if (!this.#of.mayBegin(pace === "at-once")) return false;
      // It may keep the thread for long: what is known by now is not kept with it.
      if (pace === "slow") this.#of.runtime.reports.flush();
      mailbox.take();
      this.#begin(next);
      return true;
    }
    return false;
  }

  /** Every one of them, with what it was waiting for. */
  failAll(why: Failure): void {
    for (const id in this.#calls) this.#calls[id]?.attempt.fail(why);
  }

  /** Every one of them, unheard: gives their ids, in order of arrival. */
  dropAll(): AttemptId[] {
    const dropped: AttemptId[] = [];
    for (const id in this.#calls) {
      const attempt = this.#calls[id]?.attempt;
      if (attempt === undefined) continue;
      dropped[dropped.length] = attempt.id;
      attempt.drop();
    }
    return dropped;
  }

  #begin(letter: Call): void {
    const { call: given, attempt } = letter;
    const { runtime, host, grid } = this.#of;
    letter.hasBegun = true;
    this.#begun[attempt.id] = letter;
    this.#inProgress++;
    if (given.work.timeoutMs !== undefined) {
      runtime.reports.add({ type: "began", attemptId: attempt.id });
      runtime.reports.flush();
    }
    host.follow(attempt);
    this.#of.active(1);
    carryOut({ attempt, host, grid, runtime }, () => this.#of.run(given));
    letter.isBeginning = false;
    if (!attempt.hasEnded) this.#of.goesOn();
  }

  /** What the answer to a call sets going is that call's again. */
  #linkOf(attempt: Attempt): Link {
    const { host, link } = this.#of;
    return {
      receive: (message) => {
        host.follow(attempt);
        link.receive(message);
      },
      flush: () => link.flush(),
      // That of the creation does, once for all.
      askAgain() {},
    };
  }

  newAttempt(given: ThreadCall, owner: AttemptOwner): Attempt {
    return new Attempt(given.attemptId, given.work, this.#of.runtime, owner);
  }

  callWaits(): void {
    this.#of.active(-1);
    this.#of.waits();
  }

  callGoesOn({ attempt }: Call): void {
    this.#of.active(1);
    this.#of.host.follow(attempt);
  }

  callEnded({ attempt, call: given, hasBegun, isBeginning }: Call, heldPlace: boolean): void {
    const { runtime, host } = this.#of;
    delete this.#calls[attempt.id];
    delete this.#begun[attempt.id];
    if (heldPlace) this.#of.active(-1);
    if (hasBegun) {
      this.#inProgress--;
      // Any name can be asked for; those that are methods are known, and few.
      if (this.#of.isMethod(given.method)) this.#paces.ended(given.method, isBeginning, attempt.ranMs);
    }
    // Another call that is in progress speaks for itself again.
    for (const id in this.#begun) {
      const other = this.#begun[id]?.attempt;
      if (other?.isRunning !== true) continue;
      host.follow(other);
      runtime.attempts.enter(other);
    }
    this.#of.ended(attempt, hasBegun);
  }
}

class Call implements AttemptOwner {
  readonly call: ThreadCall;
  readonly attempt: Attempt;
  hasBegun = false;
  /** Its code has not let go for the first time. */
  isBeginning = true;
  readonly #of: ActorCalls;
  readonly #mailbox: Mailbox<Call> | undefined;

  constructor(call: ThreadCall, of: ActorCalls, mailbox: Mailbox<Call> | undefined) {
    this.call = call;
    this.#of = of;
    this.#mailbox = mailbox;
    this.attempt = of.newAttempt(call, this);
  }

  waits(): void {
    this.#of.callWaits();
  }
  goesOn(): void {
    this.#of.callGoesOn(this);
  }
  ended(_attempt: Attempt, heldPlace: boolean): void {
    if (this.hasBegun) this.#mailbox?.done();
    this.#of.callEnded(this, heldPlace);
  }
}
