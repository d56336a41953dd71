/**
 * A simulated worker: what it was given and does, its actors, and its link, which may drop, be renewed by a reload of its
 * page, or lead to another process of the coordinator. Facts leave and orders arrive in the order they were sent.
 */
import type { ActorId, AttemptId, FunctionId, ObjectId, TaskId, WorkerId } from "../../protocol/ids.ts";
import { taskOfAttempt } from "../../protocol/ids.ts";
import type { Outcome } from "../../protocol/messages.ts";
import { failure } from "../../protocol/nouns.ts";
import type { Instruction, Submitter } from "../../coordinator/scheduler/events.ts";
import { aCallSpec, aSpec, aSubmission, aValue, objectOf } from "./builders.ts";
import { Downstream } from "./downstream.ts";
import { SimActor } from "./sim-actor.ts";
import type { Fact, SimCoordinator } from "./sim-coordinator.ts";
import type { Surroundings } from "./surroundings.ts";
import { Upstream } from "./upstream.ts";

interface SimAttempt {
  readonly id: AttemptId;
  readonly returns: number;
  /** What it takes to run, on average. */
  readonly runMs: number;
  hasNested: boolean;
  waitsFor: ObjectId | undefined;
}

export interface SimWorkerOptions {
  readonly id: WorkerId;
  readonly threads: number;
  readonly labels: Readonly<Record<string, string>>;
  /** Whom this call calls, each time it runs. */
  readonly calleeOf: (call: TaskId) => ActorId | undefined;
}

const leaveMs = 3_000;

export class SimWorker {
  readonly id: WorkerId;
  readonly actors = new Map<ActorId, SimActor>();
  /** Its page is open. */
  isHere = false;
  isSuspended = false;
  isLeaving = false;
  readonly #world: Surroundings;
  readonly #coordinator: SimCoordinator;
  readonly #options: SimWorkerOptions;
  readonly #attempts = new Map<AttemptId, SimAttempt>();
  #outcomes: Outcome[] = [];
  #upstream: Upstream;
  #isLinked = true;
  /** The coordinator's process that knows its session. */
  #process = 0;
  /** Where in the journal it joined. */
  #joinedAt = 0;
  #isForgotten = false;
  /** What came while its link was down. */
  #inbox: Instruction[] = [];
  #downstream: Downstream;

  constructor(world: Surroundings, coordinator: SimCoordinator, options: SimWorkerOptions) {
    this.#world = world;
    this.#coordinator = coordinator;
    this.#options = options;
    this.id = options.id;
    this.#upstream = new Upstream(world, coordinator);
    this.#downstream = this.#open();
  }

  // ---------------------------------------------------------------------------------------- its session

  /** In a new session, with nothing. */
  join(): void {
    if (this.#coordinator.isDown) return this.#world.after(100, () => this.join());
    this.#dropEverything();
    this.#cut();
    this.#upstream = new Upstream(this.#world, this.#coordinator);
    this.#downstream = this.#open();
    this.#isLinked = true;
    this.#isForgotten = false;
    this.isHere = true;
    this.#process = this.#coordinator.process;
    if (this.#isOnRecord()) this.#coordinator.take([{ type: "worker-left", workerId: this.id, how: "goodbye" }]);
    this.#joinedAt = this.#coordinator.take([this.#joined()]);
    this.#introduce();
  }

  #joined(): Fact {
    const { threads, labels } = this.#options;
    const offer = { gpus: 0, memoryBytes: 0, custom: {} };
    return { type: "worker-joined", workerId: this.id, name: this.id, threads, labels, offer };
  }
  #introduce(): void {
    this.#holding(0, true);
    const threads = this.isLeaving ? 0 : this.#options.threads;
    this.say({ type: "capacity-changed", workerId: this.id, threads });
  }
  #isOnRecord(): boolean {
    return this.#coordinator.scheduler.records.workers.has(this.id);
  }
  #isAttached(): boolean {
    return this.isHere && !this.#coordinator.isDown && this.#process === this.#coordinator.process;
  }

  #cut(): void {
    this.#upstream.isLinked = false;
    this.#downstream.cut();
  }

  coordinatorKilled(): void {
    this.#cut();
    if (!this.#coordinator.isKept(this.#joinedAt)) this.#isForgotten = true;
  }

  /** It finds the new process; what that one has not kept of it comes first. */
  reconnect(): void {
    if (!this.isHere || !this.#isLinked || this.#coordinator.isDown || this.#isAttached()) return;
    if (this.#isForgotten) return this.join();
    this.#process = this.#coordinator.process;
    this.#downstream = this.#open();
    this.#coordinator.take([this.#isOnRecord() ? { type: "worker-back", workerId: this.id } : this.#joined()]);
    this.#upstream.isLinked = true;
    this.#upstream.resume(this.#coordinator.keptSequence(this.#upstream));
    this.#introduce();
    for (const attempt of this.#attempts.values()) this.#want(attempt);
  }

  /** Both directions wait; what was under way arrives when it is back, if that is in time. */
  dropLink(forMs: number): void {
    if (!this.#isLinked || !this.isHere) return;
    this.#isLinked = false;
    this.#upstream.isLinked = false;
    if (this.#isAttached()) this.#coordinator.take([{ type: "worker-away", workerId: this.id }]);
    const upstream = this.#upstream;
    this.#world.after(forMs, () => {
      if (!this.isHere || this.#upstream !== upstream) return;
      this.#isLinked = true;
      if (!this.#isAttached()) return this.reconnect();
      // It was given up meanwhile: it joins again under its old name, and says what it still holds.
      if (!this.#isOnRecord()) this.#coordinator.take([this.#joined()]);
      this.#coordinator.take([{ type: "worker-back", workerId: this.id }]);
      upstream.isLinked = true;
      upstream.flush();
      this.#holding(0, false);
      for (const order of this.#inbox.splice(0)) this.#obey(order);
    });
  }

  /** Its page is loaded anew: everything here is gone, and it comes back under its name. */
  reload(awayMs: number): void {
    this.#vanish(this.#world.random.chance(0.6) ? "goodbye" : "silent");
    this.#world.after(awayMs, () => this.join());
  }
  goAway(): void {
    this.#vanish(this.#world.random.chance(0.5) ? "goodbye" : "silent");
  }
  #vanish(how: "goodbye" | "silent"): void {
    if (this.#isAttached() && this.#isLinked) {
      if (how === "goodbye") this.#coordinator.take([{ type: "worker-left", workerId: this.id, how: "goodbye" }]);
      else this.#coordinator.take([{ type: "worker-away", workerId: this.id }]);
    }
    this.isHere = false;
    this.#cut();
    this.#dropEverything();
  }

  /** Its person takes it away: tasks and actors are given back first. */
  leave(): void {
    if (this.isLeaving || !this.isHere) return;
    this.isLeaving = true;
    this.say({ type: "capacity-changed", workerId: this.id, threads: 0 });
    const back = [...this.#attempts.values()].filter((attempt) => attempt.waitsFor === undefined);
    for (const attempt of back) this.#attempts.delete(attempt.id);
    this.#giveBack(back.map(({ id }) => id));
    for (const actor of [...this.actors.values()]) actor.retire();
    const patience = this.#world.now + leaveMs;
    const look = (): void => {
      if (!this.isHere) return;
      const isBusy = this.#attempts.size + this.actors.size + this.#outcomes.length > 0;
      if (isBusy && this.#world.now < patience) return this.#world.after(10, look);
      this.say({ type: "worker-left", workerId: this.id, how: "planned" });
      this.isHere = false;
      this.#downstream.cut();
      this.#dropEverything();
    };
    look();
  }

  suspend(forMs: number): void {
    if (this.isSuspended) return;
    this.isSuspended = true;
    this.#world.after(forMs, () => {
      this.isSuspended = false;
      if (this.isHere) this.#holding(Math.round(forMs), false);
    });
  }

  pause(forMs: number): void {
    if (!this.isHere || this.isLeaving) return;
    this.say({ type: "capacity-changed", workerId: this.id, threads: 0 });
    this.#world.after(forMs, () => {
      if (this.isHere && !this.isLeaving)
        this.say({ type: "capacity-changed", workerId: this.id, threads: this.#options.threads });
    });
  }

  heartbeat(): void {
    if (this.isHere && !this.isSuspended) this.#holding(0, false);
  }

  #holding(suspendedMs: number, complete: boolean): void {
    // What has ended is said before it is no longer named.
    this.flushOutcomes();
    const attemptIds = [...this.#attempts.keys()];
    const actors = [...this.actors.values()].map(({ id, epoch }) => ({ actorId: id, epoch }));
    for (const actor of this.actors.values()) attemptIds.push(...actor.attemptIds());
    this.say({ type: "worker-holding", workerId: this.id, attemptIds, actors, suspendedMs, complete });
  }

  say(...facts: readonly Fact[]): void {
    if (this.isHere) this.#upstream.say(...facts);
  }

  // ---------------------------------------------------------------------------------------- what it is told

  carry(order: Instruction): void {
    if (this.#isAttached()) this.#downstream.send(order);
  }
  #open(): Downstream {
    this.#inbox = [];
    return new Downstream(this.#world, (order) => {
      if (this.#isLinked) this.#obey(order);
      else this.#inbox.push(order);
    });
  }

  #obey(order: Instruction): void {
    switch (order.type) {
      case "assign": {
        const { attemptId: id, spec, quick } = order;
        if (this.isLeaving) return this.#giveBack([id]);
        if (this.#attempts.has(id)) return;
        const runMs = isQuick(spec.functionId) ? 0.2 : 20;
        const attempt: SimAttempt = { id, returns: spec.returns, runMs, hasNested: false, waitsFor: undefined };
        this.#attempts.set(id, attempt);
        return this.#world.after(this.#world.random.around(quick ? 0.5 : 30), () => this.#finish(attempt));
      }
      case "call": {
        const actor = this.actors.get(order.actorId);
        if (actor === undefined || actor.epoch !== order.epoch) return this.#giveBack([order.attemptId]);
        if (this.#isReplay(order.attemptId)) this.#world.count("calls replayed");
        return actor.take(order.attemptId);
      }
      case "start-actor": {
        const { actorId, epoch } = order;
        if (this.isLeaving) return this.say({ type: "actor-released", workerId: this.id, actorId, epoch });
        const before = this.actors.get(actorId);
        if (before !== undefined) {
          if (before.epoch >= epoch) return;
          this.dropActor(before);
        }
        this.actors.set(actorId, new SimActor(this.#world, this, order));
        return;
      }
      case "stop-actor": {
        const actor = this.actors.get(order.actorId);
        if (actor?.epoch === order.epoch) this.dropActor(actor);
        return;
      }
      case "cancel-attempt": {
        const { attemptId, force } = order;
        if (this.#attempts.has(attemptId)) {
          if (force || this.#world.random.chance(0.5)) this.#fail(attemptId, "TASK_CANCELLED", false);
          return;
        }
        for (const actor of this.actors.values()) actor.cancel(attemptId);
        return;
      }
      case "recall": {
        const back = order.attemptIds.filter((id) => this.#attempts.has(id) && this.#world.random.chance(0.7));
        for (const id of back) this.#attempts.delete(id);
        return this.#giveBack(back);
      }
      case "deliver": {
        const attempt = order.to.type === "attempt" ? this.#attempts.get(order.to.attemptId) : undefined;
        if (attempt === undefined || attempt.waitsFor !== order.object.id) return;
        attempt.waitsFor = undefined;
        this.say({ type: "attempt-unblocked", workerId: this.id, attemptId: attempt.id });
        return this.#world.after(this.#world.random.around(5), () => this.#finish(attempt));
      }
      default:
        return;
    }
  }

  #isReplay(id: AttemptId): boolean {
    return this.#coordinator.scheduler.machine.replays.has(id);
  }

  #giveBack(attemptIds: readonly AttemptId[]): void {
    if (attemptIds.length > 0) this.say({ type: "attempts-returned", workerId: this.id, attemptIds });
  }

  // ---------------------------------------------------------------------------------------- what it does

  #finish(attempt: SimAttempt): void {
    const { random } = this.#world;
    if (this.#attempts.get(attempt.id) !== attempt || attempt.waitsFor !== undefined) return;
    if (this.isSuspended) return this.#world.after(50, () => this.#finish(attempt));
    if (!attempt.hasNested && random.chance(0.03)) return this.#nest(attempt);
    const luck = random.next();
    if (luck < 0.02) return this.#fail(attempt.id, "TASK_ERROR", false);
    if (luck < 0.03) return this.#fail(attempt.id, "WORKER_CRASHED", true);
    this.#attempts.delete(attempt.id);
    const values = Array.from({ length: attempt.returns }, () => aValue());
    this.report({ type: "done", attemptId: attempt.id, values, ranMs: random.around(attempt.runMs) });
  }

  #fail(attemptId: AttemptId, code: "TASK_ERROR" | "WORKER_CRASHED" | "TASK_CANCELLED", crashed: boolean): void {
    this.#attempts.delete(attemptId);
    this.report({ type: "failed", attemptId, failure: failure(code, code), crashed, ranMs: 1 });
  }

  /** Outcomes of one turn travel together. */
  report(outcome: Outcome): void {
    this.#outcomes.push(outcome);
    if (this.#outcomes.length > 1) return;
    this.#world.after(this.#world.random.around(3), () => this.flushOutcomes());
  }
  flushOutcomes(): void {
    if (this.#outcomes.length === 0) return;
    const news: Fact = { type: "attempts-ended", workerId: this.id, items: this.#outcomes };
    this.#outcomes = [];
    this.say(news);
    // Late and repeated news of dead attempts is a no-op.
    if (this.#world.random.chance(0.05)) this.#world.after(this.#world.random.around(100), () => this.say(news));
  }

  /** The task submits a child, waits for it without a thread, then goes on. */
  #nest(attempt: SimAttempt): void {
    const by: Submitter = { type: "attempt", workerId: this.id, attemptId: attempt.id };
    const child = `${taskOfAttempt(attempt.id)}.1`;
    attempt.hasNested = true;
    attempt.waitsFor = objectOf(child);
    this.say({
      type: "tasks-submitted",
      by,
      spec: aSpec({ functionId: "f9" as FunctionId }),
      tasks: [aSubmission(child)],
    });
    this.#want(attempt);
    this.say({ type: "attempt-blocked", workerId: this.id, attemptId: attempt.id });
  }
  #want({ id, waitsFor }: SimAttempt): void {
    if (waitsFor === undefined) return;
    const by: Submitter = { type: "attempt", workerId: this.id, attemptId: id };
    this.say({ type: "objects-wanted", by, ids: [waitsFor], values: true });
  }

  /** A call calls another actor and may soon let go of what comes of it. Run again, it does the same again. */
  transfer(actor: SimActor, call: AttemptId): void {
    const actorId = this.#options.calleeOf(taskOfAttempt(call));
    if (actorId === undefined || actorId === actor.id) return;
    const child = `${taskOfAttempt(call)}.1` as TaskId;
    const by: Submitter = { type: "attempt", workerId: this.id, attemptId: call };
    this.say({ type: "tasks-submitted", by, spec: aCallSpec({ actorId }), tasks: [aSubmission(child)] });
    if (this.#world.random.chance(0.5)) return;
    const itself: Submitter = { ...by, attemptId: `${actor.id}#${actor.epoch}` as AttemptId };
    this.#world.after(this.#world.random.around(30), () =>
      this.say({ type: "objects-released", by: itself, ids: [objectOf(child)] }),
    );
  }

  /** It is no longer here, and nothing is said of it. */
  dropActor(actor: SimActor): void {
    actor.end();
    if (this.actors.get(actor.id) === actor) this.actors.delete(actor.id);
  }
  #dropEverything(): void {
    this.#attempts.clear();
    this.#outcomes = [];
    for (const actor of [...this.actors.values()]) this.dropActor(actor);
  }
}

/** Half of the functions are quick, and so sent ahead and reported in batches. */
export function isQuick(id: FunctionId): boolean {
  return id === "f0" || id === "f1" || id === "f2";
}
