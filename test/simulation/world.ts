/**
 * A whole grid in one thread: the real scheduler, simulated workers and clients, a simulated clock. Everything that
 * happens is drawn from one seed. Messages to and from a worker keep their order, wait while its link is down, and are
 * lost with it.
 */
import type { ActorId, AttemptId, FunctionId, JobId, ObjectId, WorkerId } from "../../protocol/ids.ts";
import { jobOf, taskOfAttempt, taskOfObject } from "../../protocol/ids.ts";
import type { Outcome } from "../../protocol/messages.ts";
import { failure } from "../../protocol/nouns.ts";
import type { Instruction, SchedulerEvent, Submitter } from "../../coordinator/scheduler/events.ts";
import { countViolations, violations } from "../../coordinator/scheduler/invariants.ts";
import { Scheduler } from "../../coordinator/scheduler/scheduler.ts";
import { aCallSpec, anActorSpec, aSpec, aSubmission, aValue, objectOf, plainDemand } from "./builders.ts";
import { type Random, random } from "./random.ts";
import { Timers } from "./timers.ts";

type Fact = SchedulerEvent extends infer E ? (E extends SchedulerEvent ? Omit<E, "at"> : never) : never;

export interface WorldOptions {
  readonly seed: number;
  readonly workers: number;
  readonly tasks: number;
  readonly actors: number;
  /** The counts are checked after every event, everything after every so many. */
  readonly checkEvery: number;
  /** Keep the events, to be replayed. */
  readonly isJournaled?: boolean;
}

interface SimAttempt {
  readonly id: AttemptId;
  readonly call: { readonly actorId: ActorId; readonly epoch: number } | undefined;
  waitsFor: ObjectId | undefined;
  /** What it takes to run, on average. */
  readonly runMs: number;
}
interface SimWorker {
  readonly id: WorkerId;
  /** Its link is up. While it is down both directions wait. */
  linked: boolean;
  gone: boolean;
  suspended: boolean;
  readonly outbox: Fact[];
  readonly inbox: Instruction[];
  readonly attempts: Map<AttemptId, SimAttempt>;
  readonly actors: Map<ActorId, number>;
  readonly threads: number;
  readonly outcomes: Outcome[];
}

const jobs = ["j1", "j2", "j3"] as JobId[];

export class World {
  readonly scheduler = new Scheduler({ storyEntries: 2_000, historyEntries: 100 });
  readonly journal: SchedulerEvent[] = [];
  readonly ends = new Map<string, number>();
  readonly counts: Record<string, number> = {};
  now = 0;
  events = 0;
  #submitted = 0;
  #answered = 0;
  #wanted = 0;
  #nextWorker = 1;
  #quiet = false;
  readonly #options: WorldOptions;
  readonly #random: Random;
  readonly #timers = new Timers();
  readonly #workers = new Map<WorkerId, SimWorker>();
  readonly #ordinals = new Map<string, number>();
  readonly #recent: ObjectId[] = [];
  readonly #actors: { id: ActorId; readonly jobId: JobId; dead: boolean }[] = [];
  /** The last call of each caller that an activation has begun, to see that none overtakes another. */
  readonly #callOrder = new Map<string, number>();

  constructor(options: WorldOptions) {
    this.#options = options;
    this.#random = random(options.seed);
  }

  get submitted(): number {
    return this.#submitted;
  }

  /** Runs until all that was submitted has ended; throws with the seed on a broken rule. */
  run(): void {
    const { workers, actors } = this.#options;
    for (const jobId of jobs) this.#tell({ type: "job-opened", jobId, name: jobId, namespace: "default" });
    for (let i = 0; i < workers; i++) this.#join();
    for (let i = 0; i < actors; i++) this.#after(this.#random.around(300), () => this.#createActor());
    this.#after(1, () => this.#submitSome());
    this.#after(5, () => this.#trouble());
    this.#heartbeats();
    this.#tick();
    for (let timer = this.#timers.take(); timer !== undefined; timer = this.#timers.take()) {
      this.now = timer.at;
      timer.run();
      if (this.#quiet && this.#answered === this.#wanted) break;
      if (this.now > 10_000_000) throw this.#problem("it does not come to an end");
    }
    this.#checkEnd();
  }

  // ---------------------------------------------------------------------------------------- clients

  #submitSome(): void {
    const random = this.#random;
    const jobId = random.pick(jobs) ?? jobs[0];
    if (jobId === undefined) return;
    const many = 1 + random.below(60);
    const by: Submitter = { type: "client", jobId };
    if (random.chance(0.25) && this.#actors.length > 0) this.#callSome(by, jobId, 1 + random.below(20));
    else {
      const spec = aSpec({
        functionId: `f${random.below(6)}` as FunctionId,
        maxRetries: random.below(3),
        retryErrors: random.chance(0.5) ? { type: "all" } : { type: "none" },
        priority: random.chance(0.1) ? 1 : 0,
        demand: random.chance(0.1) ? { ...plainDemand, cpus: 2 } : plainDemand,
        labels: random.chance(0.05) ? { room: ["1"] } : {},
        ...(random.chance(0.05) ? { returns: 2 } : {}),
      });
      const tasks = Array.from({ length: many }, () => aSubmission(this.#next(jobId), { inputs: this.#inputs(jobId) }));
      this.#submitted += many;
      this.#tell({ type: "tasks-submitted", by, spec, tasks });
      const ids = tasks.flatMap(({ id }) => Array.from({ length: spec.returns }, (_, i) => objectOf(id, i)));
      this.#want(by, ids);
      if (random.chance(0.1)) this.#cancelSoon(by, tasks[0]?.id);
      if (random.chance(0.03))
        this.#after(random.around(50), () => this.#tell({ type: "objects-freed", by, ids: ids.slice(0, 2) }));
    }
    if (this.#submitted < this.#options.tasks) this.#after(random.around(6), () => this.#submitSome());
    else this.#quiet = true;
  }

  #callSome(by: Submitter, jobId: JobId, many: number): void {
    const actor = this.#random.pick(this.#actors);
    if (actor === undefined) return;
    const spec = aCallSpec({ actorId: actor.id });
    const tasks = Array.from({ length: many }, () =>
      aSubmission(this.#next(jobId), { inputs: this.#random.chance(0.1) ? this.#inputs(jobId) : [] }),
    );
    this.#submitted += many;
    this.#tell({ type: "tasks-submitted", by, spec, tasks });
    this.#want(
      by,
      tasks.map(({ id }) => objectOf(id)),
    );
  }

  #want(by: Submitter, ids: readonly ObjectId[]): void {
    this.#wanted += ids.length;
    for (const id of ids) {
      this.ends.set(id, 0);
      if (this.#random.chance(0.3)) this.#recent.push(id);
    }
    if (this.#recent.length > 200) this.#recent.splice(0, 100);
    this.#tell({ type: "objects-wanted", by, ids, values: this.#random.chance(0.7) });
  }

  #inputs(jobId: JobId): ObjectId[] {
    if (!this.#random.chance(0.3)) return [];
    return [this.#random.pick(this.#recent), this.#random.pick(this.#recent)].filter(
      (id) => id !== undefined && jobOf(id) === jobId,
    ) as ObjectId[];
  }

  #cancelSoon(by: Submitter, id: SchedulerEventOf<"cancel-asked">["id"] | undefined): void {
    if (id === undefined) return;
    const force = this.#random.chance(0.5);
    this.#after(this.#random.around(20), () => this.#tell({ type: "cancel-asked", by, id, force, recursive: true }));
  }

  #createActor(): void {
    const random = this.#random;
    const jobId = random.pick(jobs) ?? ("j1" as JobId);
    const creation = aSubmission(this.#next(jobId));
    const id = creation.id as string as ActorId;
    this.#actors.push({ id, jobId, dead: false });
    const checkpoint = random.chance(0.5) ? ({ type: "call" } as const) : ({ type: "off" } as const);
    const spec = anActorSpec({
      checkpoint,
      ...(random.chance(0.2) ? { name: `n${random.below(20)}`, getIfExists: random.chance(0.7) } : {}),
      ...(random.chance(0.2) ? { maxRestarts: random.below(3) } : {}),
      demand: { ...plainDemand, cpus: random.chance(0.1) ? 1 : 0 },
    });
    this.#tell({ type: "actor-created", by: { type: "client", jobId }, spec, creation });
    if (random.chance(0.05)) {
      const restart = random.chance(0.5);
      this.#after(random.around(1000), () =>
        this.#tell({ type: "kill-asked", by: { type: "client", jobId }, actorId: id, restart }),
      );
    }
  }

  #next(parent: string): string {
    const ordinal = (this.#ordinals.get(parent) ?? 0) + 1;
    this.#ordinals.set(parent, ordinal);
    return `${parent}.${ordinal}`;
  }

  // ---------------------------------------------------------------------------------------- workers

  #join(): void {
    const id = `w${this.#nextWorker++}` as WorkerId;
    const threads = 1 + this.#random.below(3);
    const labels: Record<string, string> = this.#random.chance(0.3) ? { room: "1" } : {};
    this.#workers.set(id, {
      id,
      linked: true,
      gone: false,
      suspended: false,
      outbox: [],
      inbox: [],
      attempts: new Map(),
      actors: new Map(),
      threads,
      outcomes: [],
    });
    this.#tell({
      type: "worker-joined",
      workerId: id,
      name: id,
      threads,
      labels,
      offer: { gpus: 0, memoryBytes: 0, custom: {} },
    });
  }

  #trouble(): void {
    const random = this.#random;
    const worker = [...this.#workers.values()][random.below(this.#workers.size)];
    if (worker !== undefined) {
      const kind = random.below(5);
      this.counts[`trouble ${kind}`] = (this.counts[`trouble ${kind}`] ?? 0) + 1;
      if (kind === 0) this.#leave(worker, true);
      else if (kind === 1) this.#leave(worker, false);
      else if (kind === 2) this.#dropLink(worker, random.around(600));
      else if (kind === 3) this.#suspend(worker, random.around(4000));
      else this.#pause(worker);
    }
    if (this.#workers.size < this.#options.workers * 0.9) this.#join();
    this.#after(random.around(this.#quiet ? 400 : 25), () => this.#trouble());
  }

  #leave(worker: SimWorker, goodbye: boolean): void {
    if (this.#workers.size < 3) return;
    worker.gone = true;
    this.#workers.delete(worker.id);
    if (goodbye) this.#tell({ type: "worker-left", workerId: worker.id, goodbye: true });
    else if (worker.linked) this.#tell({ type: "worker-away", workerId: worker.id });
  }

  /** Both directions wait; what was under way arrives when it is back, if that is in time. */
  #dropLink(worker: SimWorker, forMs: number): void {
    if (!worker.linked) return;
    worker.linked = false;
    this.#tell({ type: "worker-away", workerId: worker.id });
    this.#after(forMs, () => {
      if (worker.gone) return;
      worker.linked = true;
      this.#tell({ type: "worker-back", workerId: worker.id });
      this.#holding(worker, 0);
      for (const fact of worker.outbox.splice(0)) this.#tell(fact);
      for (const order of worker.inbox.splice(0)) this.#obey(worker, order);
      if (!this.scheduler.records.workers.has(worker.id)) this.#leave(worker, true);
    });
  }

  #suspend(worker: SimWorker, forMs: number): void {
    if (worker.suspended) return;
    worker.suspended = true;
    this.#after(forMs, () => {
      worker.suspended = false;
      if (!worker.gone) this.#holding(worker, Math.round(forMs));
    });
  }

  #pause(worker: SimWorker): void {
    this.#say(worker, { type: "capacity-changed", workerId: worker.id, threads: 0 });
    this.#after(this.#random.around(200), () =>
      this.#say(worker, { type: "capacity-changed", workerId: worker.id, threads: worker.threads }),
    );
  }

  #holding(worker: SimWorker, suspendedMs: number): void {
    const actors = [...worker.actors].map(([actorId, epoch]) => ({ actorId, epoch }));
    this.#say(worker, {
      type: "worker-holding",
      workerId: worker.id,
      attemptIds: [...worker.attempts.keys()],
      actors,
      suspendedMs,
    });
  }

  #heartbeats(): void {
    for (const worker of this.#workers.values()) if (!worker.suspended) this.#holding(worker, 0);
    this.#after(5_000, () => this.#heartbeats());
  }

  #say(worker: SimWorker, fact: Fact): void {
    if (worker.gone) return;
    const at = Math.max(this.now + this.#random.around(1), this.#departures.get(worker.id) ?? 0);
    this.#departures.set(worker.id, at);
    this.#after(at - this.now, () => {
      if (worker.gone) return;
      if (worker.linked) this.#tell(fact);
      else worker.outbox.push(fact);
    });
  }

  #obey(worker: SimWorker, order: Instruction): void {
    if (worker.gone) return;
    if (!worker.linked) {
      worker.inbox.push(order);
      return;
    }
    switch (order.type) {
      case "assign":
        return this.#begin(
          worker,
          {
            id: order.attemptId,
            call: undefined,
            waitsFor: undefined,
            runMs: isQuick(order.spec.functionId) ? 0.2 : 20,
          },
          order.quick ? 0.5 : 30,
        );
      case "call": {
        const { actorId } = order;
        this.#checkCallOrder(worker, order.attemptId, order.epoch);
        return this.#begin(
          worker,
          { id: order.attemptId, call: { actorId, epoch: order.epoch }, waitsFor: undefined, runMs: 1 },
          5,
        );
      }
      case "start-actor": {
        worker.actors.set(order.actorId, order.epoch);
        const { actorId, epoch } = order;
        this.#after(this.#random.around(10), () => this.#actorStarted(worker, actorId, epoch));
        return;
      }
      case "stop-actor":
        if (worker.actors.get(order.actorId) === order.epoch) this.#dropActor(worker, order.actorId);
        return;
      case "cancel-attempt":
        if (!worker.attempts.has(order.attemptId) || !(order.force || this.#random.chance(0.5))) return;
        return this.#fail(worker, order.attemptId, "TASK_CANCELLED", false);
      case "recall": {
        const back = order.attemptIds.filter((id) => worker.attempts.has(id) && this.#random.chance(0.7));
        for (const id of back) worker.attempts.delete(id);
        return this.#say(worker, { type: "attempts-returned", workerId: worker.id, attemptIds: back });
      }
      default:
        return;
    }
  }

  #actorStarted(worker: SimWorker, actorId: ActorId, epoch: number): void {
    if (worker.gone || worker.actors.get(actorId) !== epoch) return;
    if (!this.#random.chance(0.03))
      return this.#say(worker, { type: "actor-started", workerId: worker.id, actorId, epoch });
    this.#dropActor(worker, actorId);
    const broke = failure("TASK_ERROR", "constructor threw");
    this.#say(worker, { type: "actor-ended", workerId: worker.id, actorId, epoch, failure: broke, crashed: false });
  }

  #dropActor(worker: SimWorker, actorId: ActorId): void {
    worker.actors.delete(actorId);
    for (const attempt of [...worker.attempts.values()])
      if (attempt.call?.actorId === actorId) worker.attempts.delete(attempt.id);
  }

  #begin(worker: SimWorker, attempt: SimAttempt, meanMs: number): void {
    worker.attempts.set(attempt.id, attempt);
    this.#after(this.#random.around(meanMs), () => this.#finish(worker, attempt));
  }

  #finish(worker: SimWorker, attempt: SimAttempt): void {
    const random = this.#random;
    if (worker.gone || worker.attempts.get(attempt.id) !== attempt) return;
    if (worker.suspended) return this.#after(50, () => this.#finish(worker, attempt));
    if (attempt.waitsFor === undefined && attempt.call === undefined && random.chance(0.03))
      return this.#nest(worker, attempt);
    const luck = random.next();
    if (luck < 0.02) return this.#fail(worker, attempt.id, "TASK_ERROR", false);
    if (luck < 0.03 && attempt.call === undefined) return this.#fail(worker, attempt.id, "WORKER_CRASHED", true);
    if (luck < 0.035 && attempt.call !== undefined) {
      const { actorId, epoch } = attempt.call;
      this.#dropActor(worker, actorId);
      return this.#say(worker, { type: "actor-ended", workerId: worker.id, actorId, epoch, crashed: true });
    }
    worker.attempts.delete(attempt.id);
    const task = this.scheduler.records.tasks.get(taskOfAttempt(attempt.id));
    const values = Array.from({ length: task?.spec.returns ?? 1 }, () => aValue());
    this.#report(worker, { type: "done", attemptId: attempt.id, values, ranMs: random.around(attempt.runMs) });
  }

  /** Outcomes of one turn travel together. */
  #report(worker: SimWorker, outcome: Outcome): void {
    worker.outcomes.push(outcome);
    if (worker.outcomes.length > 1) return;
    this.#after(this.#random.around(3), () => {
      const news: Fact = { type: "attempts-ended", workerId: worker.id, items: worker.outcomes.splice(0) };
      this.#say(worker, news);
      // Late and repeated news of dead attempts is a no-op.
      if (this.#random.chance(0.05)) this.#after(this.#random.around(100), () => this.#say(worker, news));
    });
  }

  /** The task submits a child, waits for it without a thread, then goes on. */
  #nest(worker: SimWorker, attempt: SimAttempt): void {
    const by: Submitter = { type: "attempt", workerId: worker.id, attemptId: attempt.id };
    const child = `${taskOfAttempt(attempt.id)}.1`;
    attempt.waitsFor = objectOf(child);
    this.#submitted++;
    this.#say(worker, {
      type: "tasks-submitted",
      by,
      spec: aSpec({ functionId: "f9" as FunctionId }),
      tasks: [aSubmission(child)],
    });
    this.#say(worker, { type: "objects-wanted", by, ids: [attempt.waitsFor], values: true });
    this.#say(worker, { type: "attempt-blocked", workerId: worker.id, attemptId: attempt.id });
  }

  #fail(
    worker: SimWorker,
    attemptId: AttemptId,
    code: "TASK_ERROR" | "WORKER_CRASHED" | "TASK_CANCELLED",
    crashed: boolean,
  ): void {
    worker.attempts.delete(attemptId);
    this.#report(worker, { type: "failed", attemptId, failure: failure(code, code), crashed, ranMs: 1 });
  }

  #checkCallOrder(worker: SimWorker, attemptId: AttemptId, epoch: number): void {
    const call = this.scheduler.records.tasks.get(taskOfAttempt(attemptId));
    if (call?.actor === undefined) return;
    if (worker.actors.get(call.actor.id) !== epoch) return;
    const key = `${call.actor.id} ${epoch} ${call.parent}`;
    const last = this.#callOrder.get(key) ?? -1;
    if (call.order <= last) throw this.#problem(`call ${call.id} of ${key} overtook another`);
    this.#callOrder.set(key, call.order);
  }

  // ---------------------------------------------------------------------------------------- the coordinator

  #tell(fact: Fact): void {
    const event = { ...fact, at: Math.floor(this.now) } as SchedulerEvent;
    if (this.#options.isJournaled === true) this.journal.push(event);
    this.events++;
    const orders = this.scheduler.handle(event);
    this.check(this.events % this.#options.checkEvery === 0);
    for (const order of orders) this.#carry(order);
  }

  #carry(order: Instruction): void {
    if (order.type === "deliver") return this.#deliver(order);
    if (order.type === "refuse") throw this.#problem(`refused: ${order.message}`);
    if (!("workerId" in order)) return;
    const worker = this.#workers.get(order.workerId);
    if (worker !== undefined) this.#inOrder(worker, order);
  }
  readonly #departures = new Map<WorkerId, number>();
  readonly #arrivals = new Map<WorkerId, number>();
  /** Orders to one worker arrive in the order they were given. */
  #inOrder(worker: SimWorker, order: Instruction): void {
    const at = Math.max(this.now + this.#random.around(1), this.#arrivals.get(worker.id) ?? 0);
    this.#arrivals.set(worker.id, at);
    this.#after(at - this.now, () => this.#obey(worker, order));
  }

  #deliver({ to, object }: Extract<Instruction, { type: "deliver" }>): void {
    if (to.type === "attempt") {
      const worker = this.#workers.get(to.workerId);
      const attempt = worker?.attempts.get(to.attemptId);
      if (worker === undefined || attempt === undefined) return;
      this.#say(worker, { type: "attempt-unblocked", workerId: worker.id, attemptId: attempt.id });
      this.#after(this.#random.around(5), () => this.#finish(worker, attempt));
      return;
    }
    const before = this.ends.get(object.id);
    if (before === undefined) return;
    if (before > 0) throw this.#problem(`${object.id} was answered twice`);
    this.ends.set(object.id, 1);
    this.#answered++;
    this.counts[object.type] = (this.counts[object.type] ?? 0) + 1;
    // A client that has its value soon lets go of it.
    this.#release(to, object.id);
  }
  readonly #released = new Map<JobId, ObjectId[]>();
  #release(by: Extract<Submitter, { type: "client" }>, id: ObjectId): void {
    let ids = this.#released.get(by.jobId);
    if (ids === undefined) this.#released.set(by.jobId, (ids = []));
    ids.push(id);
    if (ids.length > 1) return;
    this.#after(this.#random.around(50), () => {
      this.#released.delete(by.jobId);
      this.#tell({ type: "objects-released", by, ids: ids ?? [] });
    });
  }

  #tick(): void {
    const due = this.scheduler.nextDeadline();
    if (due !== undefined && due <= this.now) this.#tell({ type: "time-passed" });
    this.#after(20, () => this.#tick());
  }

  #after(ms: number, run: () => void): void {
    this.#timers.add(this.now + ms, run);
  }

  // ---------------------------------------------------------------------------------------- judgement

  check(everything: boolean): void {
    const broken = everything ? violations(this.scheduler) : countViolations(this.scheduler);
    if (broken.length > 0) throw this.#problem(broken.slice(0, 5).join("; "));
  }

  #checkEnd(): void {
    this.check(true);
    for (const [id, times] of this.ends) {
      if (times !== 1)
        throw this.#problem(
          `${id} was answered ${times} times; task is ${this.scheduler.records.tasks.get(taskOfObject(id as ObjectId))?.state.name}`,
        );
    }
  }

  #problem(what: string): Error {
    return new Error(`seed ${this.#options.seed}, event ${this.events} at ${Math.floor(this.now)} ms: ${what}`);
  }
}

type SchedulerEventOf<T extends SchedulerEvent["type"]> = Extract<SchedulerEvent, { type: T }>;

/** Half of the functions are quick, and so sent ahead and reported in batches. */
function isQuick(id: FunctionId): boolean {
  return id === "f0" || id === "f1" || id === "f2";
}

/** The size at which the guarantees are shown. */
export function runLarge(seed: number): World {
  const world = new World({ seed, workers: 200, tasks: 20_000, actors: 200, checkEvery: 2_000 });
  world.run();
  if (world.submitted < 20_000) throw new Error(`seed ${seed}: only ${world.submitted} were submitted`);
  return world;
}
