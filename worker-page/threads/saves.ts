/**
 * When an actor's state is saved, and who waits for that. Owns the numbers of its states, from 1 in each activation, and
 * the rule that a `saved` report includes every outcome that was reported before it and no other. Knows nothing about
 * what a state is or how it is taken.
 *
 * Policy "call": nobody hears of an outcome before a state that includes it is durable. The first state is saved as soon
 * as a call has ended; calls that end until it is durable share the next. Where calls do not interleave, a state is taken
 * between two of them, and before one begins that may wait for something, whatever the last has come to: no outcome
 * waits for a call that came after it.
 *
 * THREAD-22: with checkpoint "call" every outcome is followed by a state that includes it, that of a call alone at once.
 * THREAD-23: calls that end while a state becomes durable share the next, which is saved as soon as that one is.
 * THREAD-24: where calls do not interleave no state shows one half way, and what has ended is saved before a call begins
 * that may not end at once; one that surprises is waited for 100 ms, and not at all once it waits for the grid.
 * THREAD-25: where calls interleave a state is saved whenever it is due, in a turn of its own.
 * THREAD-26: { everyCalls, everyMs } saves after that many calls, and that long after the first that is in no state.
 * THREAD-27: checkpoint() saves then and there, and resolves once that is durable.
 * THREAD-28: while a state is being taken no call begins that would not interleave, and outcomes are reported after it.
 */
import { ActorDiedError } from "../../protocol/errors.ts";
import type { CheckpointPolicy } from "../../protocol/nouns.ts";
import type { ThreadValue } from "./thread-work.ts";
import type { Turns } from "./turns.ts";

/**
 * How long outcomes wait for a call that was quick until now and is not this time. After that it is saved half way: were
 * it lost then, it would run again from there.
 */
const patienceMs = 100;

export interface SavesPort {
  readonly policy: CheckpointPolicy;
  /** Several calls may be in progress: none of them is a reason to put a save off. */
  readonly isInterleaved: boolean;
  readonly turns: Turns;
  /** No call is half way. */
  isBetweenCalls(): boolean;
  /** The state as it is now. Throws, or rejects, when it cannot be had. */
  take(): ThreadValue | Promise<ThreadValue>;
  /** A state is being taken that takes a while: outcomes that come meanwhile are to be reported after it. */
  holdOutcomes(until: Promise<void>): void;
  report(number: number, state: ThreadValue): void;
  /** It has been taken, or could not be, and calls may begin again. */
  taken(): void;
  /** A state that has to be saved cannot be. */
  failed(error: unknown): void;
}

interface Asker {
  /** The state it waits for; 0 until that has been taken. */
  readonly number: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class Saves {
  readonly #port: SavesPort;
  readonly #everyCalls: number;
  readonly #everyMs: number | undefined;
  #number = 0;
  #committed = 0;
  /** Outcomes that were reported and are in no state yet, and those of them whose code ran. */
  #unsaved = 0;
  #unsavedThatRan = 0;
  #hasBegun = false;
  #isTaking = false;
  /** Code that takes a state runs now. */
  #isLooking = false;
  #isDueComing = false;
  #isTimeUp = false;
  #stopTimer: (() => void) | undefined = undefined;
  /** They wait for a state that is taken from now on; for the one that is being taken; for one to become durable. */
  #asking: Asker[] = [];
  #taking: readonly Asker[] = [];
  #waiting: Asker[] = [];
  #hasEnded = false;

  constructor(port: SavesPort) {
    this.#port = port;
    const { policy } = port;
    this.#everyMs = policy.type === "rhythm" ? policy.everyMs : undefined;
    // A rhythm without a measure is that of the calls.
    const everyCalls = policy.type !== "rhythm" || this.#everyMs === undefined ? 1 : Infinity;
    this.#everyCalls = (policy.type === "rhythm" ? policy.everyCalls : undefined) ?? everyCalls;
  }

  get isTaking(): boolean {
    return this.#isTaking;
  }

  // ------------------------------------------------------------------------------------------ what happens to it

  /** There is a state to save, and outcomes may have come before. */
  begin(): void {
    this.#hasBegun = true;
    this.#saveIfDue();
  }

  /** The outcome of a call was reported. */
  callEnded(hasRun: boolean): void {
    const { type } = this.#port.policy;
    if (type === "off" || type === "manual") return;
    this.#unsaved++;
    if (hasRun) this.#unsavedThatRan++;
    this.#startTimer();
    this.#saveIfDue();
  }

  /** False: not before `taken` is called. */
  mayBegin(isAtOnce: boolean): boolean {
    const { policy, isInterleaved } = this.#port;
    if (isInterleaved) return true;
    if (this.#isTaking) return false;
    if (policy.type !== "call" || this.#unsaved === 0 || isAtOnce) return true;
    this.#saveDue();
    return !this.#isTaking && !this.#hasEnded;
  }

  /** A call waits for the grid. If nobody expected it to, what it waits for may be waiting for an outcome before it. */
  callWaits(): void {
    if (this.#isHeldUp()) this.#saveDue();
  }

  /** A call that began did not end at once. If nobody expected that, outcomes before it wait for it, but not for long. */
  callGoesOn(): void {
    if (!this.#isHeldUp()) return;
    this.#port.turns.after(patienceMs, () => {
      if (this.#isHeldUp() && !this.#port.isBetweenCalls()) this.#saveDue();
    });
  }

  #isHeldUp(): boolean {
    const { policy, isInterleaved } = this.#port;
    return policy.type === "call" && !isInterleaved && !this.#hasEnded && !this.#isTaking && this.#unsavedThatRan > 0;
  }

  /** The states up to this number are durable. */
  committed(number: number): void {
    if (number <= this.#committed || number > this.#number) return;
    this.#committed = number;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (let i = 0; i < waiting.length; i++) {
      const asker = waiting[i];
      if (asker === undefined) continue;
      if (asker.number <= number) asker.resolve();
      else this.#waiting[this.#waiting.length] = asker;
    }
    this.#saveIfDue();
  }

  /** Nothing is saved any more; whoever waits hears why. */
  end(error: ActorDiedError): void {
    this.#hasEnded = true;
    this.#stopTimer?.();
    reject(this.#asking, error);
    reject(this.#taking, error);
    reject(this.#waiting, error);
    this.#asking = [];
    this.#taking = [];
    this.#waiting = [];
  }

  // ------------------------------------------------------------------------------------------ saving

  /** Saves now, half way through a call or not. Resolves once that state or a later one is durable. */
  save(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#isLooking) throw new TypeError("Cannot checkpoint: this is called while the state is being saved");
      this.#asking[this.#asking.length] = { number: 0, resolve, reject };
      // One that is being taken may have looked already.
      if (!this.#isTaking) this.#saveAsked();
    });
  }

  /** Saves what there is. `then` is called once it was reported, or could not be taken and nobody has a right to it. */
  saveLast(then: () => void): void {
    this.#take(then, (error) => {
      if (this.#port.policy.type === "call" && this.#unsaved > 0) this.#port.failed(error);
      else then();
    });
  }

  #saveAsked(): void {
    this.#take(
      () => {},
      () => {},
    );
  }

  #saveDue(): void {
    this.#take(
      () => {},
      (error) => this.#port.failed(error),
    );
  }

  #saveIfDue(): void {
    if (!this.#isDue()) return;
    const { isInterleaved, turns } = this.#port;
    if (!isInterleaved) {
      if (this.#port.isBetweenCalls()) this.#saveDue();
      return;
    }
    if (this.#isDueComing) return;
    this.#isDueComing = true;
    // In a turn of its own: a call that has done its work and only has to return is not caught before it has.
    turns.next(() => {
      this.#isDueComing = false;
      if (this.#isDue()) this.#saveDue();
    });
  }

  #isDue(): boolean {
    if (!this.#hasBegun || this.#hasEnded || this.#isTaking) return false;
    if (this.#unsaved === 0 || this.#committed < this.#number) return false;
    return this.#unsaved >= this.#everyCalls || this.#isTimeUp;
  }

  #startTimer(): void {
    if (this.#everyMs === undefined || this.#stopTimer !== undefined || this.#isTimeUp || this.#unsaved === 0) return;
    this.#stopTimer = this.#port.turns.after(this.#everyMs, () => {
      this.#stopTimer = undefined;
      this.#isTimeUp = true;
      this.#saveIfDue();
    });
  }

  #take(then: () => void, failed: (error: unknown) => void): void {
    const unsaved = this.#unsaved;
    const thatRan = this.#unsavedThatRan;
    this.#isTaking = true;
    this.#taking = this.#asking;
    this.#asking = [];
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    this.#isTimeUp = false;

    const done = (state: ThreadValue): void => {
      this.#isTaking = false;
      if (this.#hasEnded) return;
      this.#unsaved -= unsaved;
      this.#unsavedThatRan -= thatRan;
      this.#number++;
      for (let i = 0; i < this.#taking.length; i++) {
        const asker = this.#taking[i];
        if (asker !== undefined) this.#waiting[this.#waiting.length] = { ...asker, number: this.#number };
      }
      this.#taking = [];
      this.#port.report(this.#number, state);
      then();
      this.#goOn();
    };
    const refused = (error: unknown): void => {
      this.#isTaking = false;
      if (this.#hasEnded) return;
      const taking = this.#taking;
      this.#taking = [];
      reject(taking, error);
      failed(error);
      this.#goOn();
    };

    let taken: ThreadValue | Promise<ThreadValue>;
    this.#isLooking = true;
    try {
      taken = this.#port.take();
    } catch (error) {
      this.#isLooking = false;
      refused(error);
      return;
    }
    this.#isLooking = false;
    if ("then" in taken) this.#port.holdOutcomes(taken.then(done, refused));
    else done(taken);
  }

  #goOn(): void {
    if (this.#hasEnded) return;
    if (this.#asking.length > 0) {
      this.#saveAsked();
      return;
    }
    this.#startTimer();
    this.#saveIfDue();
    this.#port.taken();
  }
}

function reject(askers: readonly Asker[], error: unknown): void {
  for (let i = 0; i < askers.length; i++) askers[i]?.reject(error);
}
