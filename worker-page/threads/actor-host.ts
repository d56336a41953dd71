/**
 * One actor on this thread: its instance, its mailboxes and its end. Knows nothing about other actors, or about which of
 * them has its turn.
 *
 * THREAD-17: calls begin in order of arrival, `maxConcurrency` at a time, async methods included; the calls of a
 * concurrency group neither wait for those of another nor count among them.
 * THREAD-18: `exit()` lets the current call run out and fails it, and every other call, with ACTOR_DIED.
 * THREAD-19: a call of a method that the actor does not have fails with the methods it has.
 */
import type { Grid } from "../../grid/types.ts";
import { decodeArguments } from "../../grid/values.ts";
import type { ActorId } from "../../protocol/ids.ts";
import { type Failure, failure } from "../../protocol/nouns.ts";
import { Attempt, type AttemptOwner } from "./attempt.ts";
import { type ActorPart, AttemptHost, openGrid } from "./attempt-host.ts";
import type { Link } from "./attempts.ts";
import type { Functions } from "./functions.ts";
import { inputsById } from "./inputs.ts";
import { Mailbox } from "./mailbox.ts";
import { carryOut } from "./carry-out.ts";
import { describe } from "./run.ts";
import type { Runtime } from "./runtime.ts";
import type { ThreadActor, ThreadCall } from "./thread-work.ts";

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

const call = Reflect.apply;
const construct = Reflect.construct;

export class ActorHost {
  readonly id: ActorId;
  readonly epoch: number;
  readonly #given: ThreadActor;
  readonly #of: ActorHostPort;
  readonly #creation: Attempt;
  readonly #host: AttemptHost;
  readonly #grid: Grid;
  readonly #link: Link;
  readonly #mailboxes: Record<string, Mailbox<Call> | undefined> = Object.create(null);
  readonly #calls: Record<string, Call | undefined> = Object.create(null);
  /** Of them, those that have begun: as many as may run at once, where a thousand may wait. */
  readonly #begun: Record<string, Call | undefined> = Object.create(null);
  #instance: object = {};
  #isExiting = false;
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
    this.#mailboxes[""] = new Mailbox(spec.maxConcurrency);
    for (const group in spec.concurrencyGroups) {
      this.#mailboxes[group] = new Mailbox(spec.concurrencyGroups[group] ?? 1);
    }
  }

  #part(): ActorPart {
    const { actorId, restored, spec } = this.#given;
    return {
      actorId,
      actorName: spec.name,
      wasRestored: restored,
      // State is not durable yet: this is where it will be made so.
      checkpoint: async () => {},
      exit: () => this.#exit(),
    };
  }

  // ------------------------------------------------------------------------------------------ its life

  start(): void {
    const { runtime, functions } = this.#of;
    const { creation, spec } = this.#given;
    runtime.attempts.add(this.#creation);
    runtime.attempts.connect(this.#creation.id, this.#link);
    this.#creation.begin();
    try {
      const made = functions.bind(spec.functionId, this.#grid);
      this.#instance = construct(made, decodeArguments(this.#grid, creation.args, inputsById(creation.inputs)));
    } catch (error) {
      const run = { attempt: this.#creation, host: this.#host, grid: this.#grid, runtime };
      this.#end(this.#isExiting ? undefined : describe(run, error), "fail");
      return;
    }
    if (this.#isExiting) {
      this.#end(undefined, "fail");
      return;
    }
    this.#link.flush();
    runtime.reports.add({ type: "actor-started", actorId: this.id, epoch: this.epoch });
  }

  /** Its calls end unheard: whoever stops it knows of them. */
  stop(): void {
    this.#end(undefined, "drop");
  }

  #exit(): never {
    this.#isExiting = true;
    const current = this.#host.current;
    if (current.hasEnded) this.#end(undefined, "fail");
    else current.doom = this.#died();
    throw new Exit(`Actor "${this.#given.spec.className}" exits`);
  }

  #died(): Failure {
    const { spec, work } = this.#given;
    return failure("ACTOR_DIED", `Actor "${spec.name ?? spec.className}" (${this.id}) has ended itself`, {
      actorId: this.id,
      taskName: work.name,
      workerId: this.#of.runtime.workerId,
    });
  }

  #end(why: Failure | undefined, calls: "fail" | "drop"): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    for (const id in this.#calls) {
      if (calls === "fail") this.#calls[id]?.attempt.fail(why ?? this.#died());
      else this.#calls[id]?.attempt.drop();
    }
    this.#creation.drop();
    const { reports } = this.#of.runtime;
    reports.add({ type: "actor-ended", actorId: this.id, epoch: this.epoch, ...(why && { failure: why }) });
    this.#of.ended(this);
  }

  // ------------------------------------------------------------------------------------------ its calls

  accept(given: ThreadCall): void {
    const { runtime } = this.#of;
    const group = given.concurrencyGroup ?? "";
    const mailbox = this.#mailboxes[group];
    const letter = new Call(given, this, mailbox);
    this.#calls[given.attemptId] = letter;
    runtime.attempts.add(letter.attempt);
    runtime.attempts.connect(given.attemptId, this.#linkOf(letter.attempt));
    if (mailbox === undefined) letter.attempt.fail(this.#noSuchGroup(given, group));
    else mailbox.add(letter);
  }

  /** Begins one call that may begin; false if there is none. */
  beginNext(): boolean {
    if (this.#isExiting || this.#hasEnded) return false;
    for (const group in this.#mailboxes) {
      const letter = this.#mailboxes[group]?.take();
      if (letter === undefined) continue;
      this.#begin(letter);
      return true;
    }
    return false;
  }

  #begin(letter: Call): void {
    const { call: given, attempt } = letter;
    const { runtime } = this.#of;
    letter.hasBegun = true;
    this.#begun[attempt.id] = letter;
    if (given.work.timeoutMs !== undefined) {
      runtime.reports.add({ type: "began", attemptId: attempt.id });
      runtime.reports.flush();
    }
    this.#host.follow(attempt);
    this.#of.active(1);
    carryOut({ attempt, host: this.#host, grid: this.#grid, runtime }, () => {
      const method = this.#method(given.method);
      return call(method, this.#instance, decodeArguments(this.#grid, given.args, inputsById(given.inputs)));
    });
  }

  #method(name: string): Function {
    const method: unknown = Reflect.get(this.#instance, name);
    const isInherited = name === "constructor" || method === Reflect.get(Object.prototype, name);
    if (typeof method === "function" && !isInherited) return method;
    const { spec } = this.#given;
    const names = spec.methods.map((method) => method.name).join(", ");
    throw new TypeError(`Actor "${spec.className}" has no method "${name}"; it has: ${names || "none"}`);
  }

  #noSuchGroup({ work }: ThreadCall, group: string): Failure {
    const { spec } = this.#given;
    const names = Object.keys(spec.concurrencyGroups).join(", ");
    const message = `Actor "${spec.className}" has no concurrency group "${group}"; it has: ${names || "none"}`;
    const { workerId } = this.#of.runtime;
    return failure("TASK_ERROR", message, { taskName: work.name, workerId, actorId: this.id });
  }

  /** What the answer to a call sets going is that call's again. */
  #linkOf(attempt: Attempt): Link {
    return {
      receive: (message) => {
        this.#host.follow(attempt);
        this.#link.receive(message);
      },
      flush: () => this.#link.flush(),
    };
  }

  newAttempt(given: ThreadCall, owner: AttemptOwner): Attempt {
    return new Attempt(given.attemptId, given.work, this.#of.runtime, owner);
  }

  callWaits(): void {
    this.#of.active(-1);
    this.#of.wake();
  }

  callGoesOn({ attempt }: Call): void {
    this.#of.active(1);
    this.#host.follow(attempt);
  }

  callEnded({ attempt }: Call, heldPlace: boolean): void {
    delete this.#calls[attempt.id];
    delete this.#begun[attempt.id];
    if (heldPlace) this.#of.active(-1);
    // Another call that is in progress speaks for itself again.
    for (const id in this.#begun) {
      const other = this.#begun[id]?.attempt;
      if (other?.isRunning !== true) continue;
      this.#host.follow(other);
      this.#of.runtime.attempts.enter(other);
    }
    if (this.#isExiting && attempt.doom !== undefined) this.#end(undefined, "fail");
    else this.#of.wake();
  }
}

class Call implements AttemptOwner {
  readonly call: ThreadCall;
  readonly attempt: Attempt;
  hasBegun = false;
  readonly #actor: ActorHost;
  readonly #mailbox: Mailbox<Call> | undefined;

  constructor(call: ThreadCall, actor: ActorHost, mailbox: Mailbox<Call> | undefined) {
    this.call = call;
    this.#actor = actor;
    this.#mailbox = mailbox;
    this.attempt = actor.newAttempt(call, this);
  }

  waits(): void {
    this.#actor.callWaits();
  }
  goesOn(): void {
    this.#actor.callGoesOn(this);
  }
  ended(_attempt: Attempt, heldPlace: boolean): void {
    if (this.hasBegun) this.#mailbox?.done();
    this.#actor.callEnded(this, heldPlace);
  }
}
