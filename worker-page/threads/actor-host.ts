/**
 * One actor on this thread: how it comes to life, that its state is saved, and its end. Knows nothing about other
 * actors, or about which of them has its turn.
 *
 * THREAD-29: a new actor whose state cannot be saved is not made; one whose state cannot be saved any more ends with
 * ACTOR_DIED because of that.
 * THREAD-31: calls wait until `restoreState` has resolved; when it throws, the actor has ended with that.
 * THREAD-32: an actor that retires begins no call, ends those in progress, reports its last state, and gives the others
 * back.
 * THREAD-18: `exit()` lets the current call run out and fails it, and every other call, with ACTOR_DIED.
 */
import type { Grid } from "../../grid/types.ts";
import { ActorDiedError } from "../../protocol/errors.ts";
import type { ActorId } from "../../protocol/ids.ts";
import type { Failure } from "../../protocol/nouns.ts";
import { ActorCalls } from "./actor-calls.ts";
import { endedItself, endedUnsaved, type FailingActor, noSuchGroup, unsavable } from "./actor-failures.ts";
import { ActorInstance } from "./actor-instance.ts";
import { Attempt } from "./attempt.ts";
import { type ActorPart, AttemptHost, openGrid } from "./attempt-host.ts";
import type { Link } from "./attempts.ts";
import { isThenable } from "./carry-out.ts";
import type { Functions } from "./functions.ts";
import { describe } from "./run.ts";
import type { Runtime } from "./runtime.ts";
import { Saves } from "./saves.ts";
import type { ThreadActor, ThreadCall, ThreadReport } from "./thread-work.ts";

export interface ActorHostPort {
  readonly runtime: Runtime;
  readonly functions: Functions;
  /** A call of this actor may begin now. */
  wake(): void;
  /** One more of its calls runs and does not await the grid, or one fewer. */
  active(by: 1 | -1): void;
  /** It is over; said once. */
  ended(actor: ActorHost): void;
}

/** Thrown by `exit()`; whether user code lets it through makes no difference. */
class Exit extends Error {}

export class ActorHost {
  readonly id: ActorId;
  readonly epoch: number;
  readonly #given: ThreadActor;
  readonly #of: ActorHostPort;
  readonly #creation: Attempt;
  readonly #host: AttemptHost;
  readonly #grid: Grid;
  readonly #link: Link;
  readonly #instance: ActorInstance;
  readonly #calls: ActorCalls;
  readonly #saves: Saves;
  #lastState: ThreadReport | undefined = undefined;
  /** Its instance is made, and is what it is to be. */
  #isAlive = false;
  #isExiting = false;
  #isRetiring = false;
  #hasEnded = false;

  constructor(given: ThreadActor, of: ActorHostPort) {
    const { actorId, epoch, creation, spec, work } = given;
    this.id = actorId;
    this.epoch = epoch;
    this.#given = given;
    this.#of = of;
    const { runtime } = of;
    this.#creation = new Attempt(creation.attemptId, work, runtime, { waits() {}, goesOn() {}, ended() {} });
    this.#host = new AttemptHost(this.#creation, spec.demand, runtime, this.#part());
    ({ grid: this.#grid, link: this.#link } = openGrid(this.#host));
    this.#instance = new ActorInstance(spec, of.functions, this.#grid);
    this.#calls = this.#newCalls();
    this.#saves = this.#newSaves();
  }

  #part(): ActorPart {
    const { actorId, restored, spec } = this.#given;
    return {
      actorId,
      actorName: spec.name,
      wasRestored: restored,
      checkpoint: () => this.#checkpoint(),
      exit: () => this.#exit(),
    };
  }

  #newCalls(): ActorCalls {
    return new ActorCalls(this.#given.spec, {
      runtime: this.#of.runtime,
      host: this.#host,
      grid: this.#grid,
      link: this.#link,
      run: (call) => this.#instance.call(call),
      isMethod: (name) => this.#instance.isMethod(name),
      noSuchGroup: ({ work, concurrencyGroup = "" }) =>
        noSuchGroup({ ...this.#failing, taskName: work.name }, concurrencyGroup),
      mayBegin: (isAtOnce) => this.#saves.mayBegin(isAtOnce),
      active: (by) => this.#of.active(by),
      goesOn: () => this.#saves.callGoesOn(),
      waits: () => {
        this.#saves.callWaits();
        this.#of.wake();
      },
      ended: (attempt, hasRun) => this.#callEnded(attempt, hasRun),
    });
  }

  #newSaves(): Saves {
    const { runtime } = this.#of;
    const { spec } = this.#given;
    return new Saves({
      policy: spec.checkpoint,
      isInterleaved: spec.maxConcurrency > 1 || Object.keys(spec.concurrencyGroups).length > 0,
      turns: runtime.turns,
      isBetweenCalls: () => this.#calls.inProgress === 0,
      take: () => this.#instance.takeState(),
      holdOutcomes: (until) => this.#host.holdOutcomes(until),
      report: (number, state) =>
        this.#reportState({ type: "saved", actorId: this.id, epoch: this.epoch, number, state }),
      taken: () => {
        this.#retireWhenIdle();
        this.#of.wake();
      },
      failed: (error) => this.#end(endedUnsaved(this.#failing, this.#unsavable(error)), "fail"),
    });
  }

  // ------------------------------------------------------------------------------------------ its beginning

  start(): void {
    const { attempts } = this.#of.runtime;
    const { creation, state } = this.#given;
    attempts.add(this.#creation);
    attempts.connect(this.#creation.id, this.#link);
    this.#creation.begin();
    const failed = (error: unknown): void => this.#end(this.#isExiting ? undefined : this.#describe(error), "fail");
    try {
      const made: unknown = state === undefined ? this.#instance.make(creation) : this.#instance.remake(state);
      if (isThenable(made)) void Promise.resolve(made).then(() => this.#made(), failed);
      else this.#made();
    } catch (error) {
      failed(error);
    }
  }

  /** A new instance shows at once whether its state can be saved, rather than when that is needed. */
  #made(): void {
    this.#link.flush();
    if (this.#given.state !== undefined || this.#given.spec.checkpoint.type === "off") {
      this.#started();
      return;
    }
    const failed = (error: unknown): void => this.#end(this.#isExiting ? undefined : this.#unsavable(error), "fail");
    try {
      const state = this.#instance.takeState();
      if (isThenable(state)) void state.then(() => this.#started(), failed);
      else this.#started();
    } catch (error) {
      failed(error);
    }
  }

  #started(): void {
    if (this.#hasEnded) return;
    if (this.#isExiting) {
      this.#end(undefined, "fail");
      return;
    }
    this.#isAlive = true;
    this.#of.runtime.reports.add({ type: "actor-started", actorId: this.id, epoch: this.epoch });
    this.#saves.begin();
    this.#retireWhenIdle();
    this.#of.wake();
  }

  // ------------------------------------------------------------------------------------------ its calls

  accept(call: ThreadCall): void {
    this.#calls.accept(call);
  }

  /** Begins one call that may begin; false if there is none. */
  beginNext(): boolean {
    if (!this.#isAlive || this.#isExiting || this.#isRetiring || this.#hasEnded) return false;
    return this.#calls.beginNext();
  }

  #callEnded(attempt: Attempt, hasRun: boolean): void {
    if (this.#hasEnded) return;
    if (this.#isExiting && attempt.doom !== undefined) {
      this.#end(undefined, "fail");
      return;
    }
    this.#saves.callEnded(hasRun);
    this.#retireWhenIdle();
    this.#of.wake();
  }

  // ------------------------------------------------------------------------------------------ its state

  committed(number: number): void {
    this.#saves.committed(number);
  }

  async #checkpoint(): Promise<void> {
    const { className, checkpoint } = this.#given.spec;
    if (this.#hasEnded) throw this.#diedError(undefined);
    const what = `Cannot checkpoint actor "${className}"`;
    if (checkpoint.type === "off") throw new TypeError(`${what}: it has checkpoint "off"`);
    if (!this.#isAlive) throw new TypeError(`${what}: it is still being made`);
    await this.#saves.save();
  }

  /** One that has not left says nothing that this one does not say as well. */
  #reportState(state: Extract<ThreadReport, { type: "saved" }>): void {
    const { reports } = this.#of.runtime;
    if (this.#lastState !== undefined) reports.withdraw(this.#lastState);
    this.#lastState = state;
    reports.add(state);
  }

  // ------------------------------------------------------------------------------------------ its end

  /** Its calls end unheard: whoever stops it knows of them. */
  stop(): void {
    this.#end(undefined, "drop");
  }

  /** No call begins any more; once none is in progress it goes, behind its last state. */
  retire(): void {
    this.#isRetiring = true;
    this.#retireWhenIdle();
  }

  #retireWhenIdle(): void {
    if (!this.#isRetiring || !this.#isAlive || this.#isExiting || this.#hasEnded) return;
    if (this.#calls.inProgress > 0 || this.#saves.isTaking) return;
    if (this.#instance.hasWholeState()) this.#saves.saveLast(() => this.#retired());
    else this.#retired();
  }

  #retired(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    const returned = this.#calls.dropAll();
    this.#leave(undefined);
    this.#of.runtime.reports.add({ type: "retired", actorId: this.id, epoch: this.epoch, returned });
    this.#of.ended(this);
  }

  #exit(): never {
    this.#isExiting = true;
    const current = this.#host.current;
    if (current.hasEnded) this.#end(undefined, "fail");
    else current.doom = endedItself(this.#failing);
    throw new Exit(`Actor "${this.#given.spec.className}" exits`);
  }

  #end(why: Failure | undefined, calls: "fail" | "drop"): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    if (calls === "fail") this.#calls.failAll(why ?? endedItself(this.#failing));
    else this.#calls.dropAll();
    this.#leave(why);
    const { reports } = this.#of.runtime;
    reports.add({ type: "actor-ended", actorId: this.id, epoch: this.epoch, ...(why && { failure: why }) });
    this.#of.ended(this);
  }

  #leave(why: Failure | undefined): void {
    this.#creation.drop();
    this.#saves.end(this.#diedError(why));
  }

  #diedError(why: Failure | undefined): ActorDiedError {
    const reason = why === undefined ? "it has ended" : why.message;
    const message = `Cannot checkpoint actor "${this.#given.spec.className}": ${reason}`;
    return new ActorDiedError(message, { actorId: this.id });
  }

  get #failing(): FailingActor {
    const { actorId, spec, work } = this.#given;
    return { actorId, spec, taskName: work.name, workerId: this.#of.runtime.workerId };
  }

  #describe(error: unknown): Failure {
    return describe({ attempt: this.#creation, host: this.#host, grid: this.#grid, runtime: this.#of.runtime }, error);
  }

  #unsavable(error: unknown): Failure {
    return unsavable(this.#failing, error) ?? this.#describe(error);
  }
}
