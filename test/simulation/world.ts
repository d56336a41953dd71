/**
 * A whole grid in one thread: the real scheduler behind a coordinator that may be killed, simulated workers and clients,
 * a simulated clock. Everything that happens is drawn from one seed. Owns who submits what when and what goes wrong.
 */
import type { ActorId, FunctionId, JobId, ObjectId, TaskId, WorkerId } from "../../protocol/ids.ts";
import { jobOf, taskOfObject } from "../../protocol/ids.ts";
import type { CheckpointPolicy } from "../../protocol/nouns.ts";
import type { Instruction } from "../../coordinator/scheduler/events.ts";
import type { Scheduler } from "../../coordinator/scheduler/scheduler.ts";
import { aCallSpec, anActorSpec, aSpec, aSubmission, objectOf, plainDemand } from "./builders.ts";
import { whatIsWrongWith } from "./judgement.ts";
import { type Random, random } from "./random.ts";
import { SimClient } from "./sim-client.ts";
import { SimCoordinator } from "./sim-coordinator.ts";
import { SimWorker } from "./sim-worker.ts";
import type { Surroundings } from "./surroundings.ts";
import { Timers } from "./timers.ts";

export interface WorldOptions {
  readonly seed: number;
  readonly workers: number;
  readonly tasks: number;
  readonly actors: number;
  /** The counts are checked after every batch of facts, everything after every so many. */
  readonly checkEvery: number;
  /** Mean time between submissions. */
  readonly submitMs?: number;
  /** How many of them are calls. */
  readonly callShare?: number;
  /** The coordinator is killed so often, */
  readonly kills?: number;
  /** this long after it was started, on average; a little earlier its journal is compacted as often as not. */
  readonly killMs?: number;
  /** How long it takes until the next process is there, and as long again until the others have found it. */
  readonly downMs?: number;
  /** How likely the next process is so late that all leases and graces would be over. */
  readonly longDown?: number;
  /** Whatever is replayed is compared with the first time. */
  readonly isCompared?: boolean;
}

const jobs = ["j1", "j2", "j3"] as JobId[];
/** Long enough for whoever is away to be given up, and for what lived there to live again. */
const settleMs = 40_000;

export class World implements Surroundings {
  readonly coordinator: SimCoordinator;
  readonly random: Random;
  readonly counts: Record<string, number> = {};
  now = 0;
  submitted = 0;
  readonly #options: WorldOptions;
  readonly #timers = new Timers();
  readonly #clients = new Map<JobId, SimClient>();
  readonly #workers = new Map<WorkerId, SimWorker>();
  readonly #ordinals = new Map<string, number>();
  readonly #recent: ObjectId[] = [];
  readonly #actors: ActorId[] = [];
  readonly #killed = new Set<ActorId>();
  readonly #callees = new Map<TaskId, ActorId>();
  readonly #transfers = new Map<TaskId, ActorId>();
  #nextWorker = 1;
  #killsLeft: number;
  readonly #downMs: number;
  /** All is submitted; then all is answered, and nothing goes wrong any more. */
  #phase: "busy" | "quiet" | "settling" = "busy";
  #settledAt = Infinity;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.random = random(options.seed);
    this.#killsLeft = options.kills ?? 0;
    this.#downMs = options.downMs ?? 300;
    this.coordinator = new SimCoordinator(this, {
      carry: (order) => this.#carry(order),
      checkEvery: options.checkEvery,
      isMortal: this.#killsLeft > 0,
      isCompared: options.isCompared ?? false,
    });
  }

  get scheduler(): Scheduler {
    return this.coordinator.scheduler;
  }

  /** Runs until all that was submitted has ended; throws with the seed on a broken rule. */
  run(): void {
    const { workers, actors } = this.#options;
    for (const jobId of jobs) {
      this.#clients.set(jobId, new SimClient(this, this.coordinator, jobId));
      this.coordinator.take([{ type: "job-opened", jobId, name: jobId, namespace: "default" }]);
    }
    for (let i = 0; i < workers; i++) this.#join();
    for (let i = 0; i < actors; i++) this.after(this.random.around(300), () => this.#createActor());
    this.after(1, () => this.#submitSome());
    this.after(5, () => this.#trouble());
    this.#killSoon();
    this.#heartbeats();
    this.#tick();
    for (let timer = this.#timers.take(); timer !== undefined; timer = this.#timers.take()) {
      this.now = timer.at;
      if (this.now > this.#settledAt) break;
      timer.run();
      if (this.now > 1_000_000) throw this.problem(`it does not come to an end: ${this.#open().join("; ")}`);
    }
    this.#judge();
  }

  #isAnswered(): boolean {
    for (const client of this.#clients.values()) if (client.unanswered > 0) return false;
    return true;
  }
  /** Nobody is away, and every actor lives where it is to stay. */
  #isSettled(): boolean {
    const { workers, actors } = this.scheduler.records;
    for (const { link } of workers.values()) if (link !== "connected") return false;
    for (const { state, replays } of actors.values())
      if ((state.name !== "alive" && state.name !== "dead") || replays.size > 0) return false;
    return true;
  }
  /** What is not answered, and why. */
  #open(): string[] {
    const open = [...this.#clients.values()].flatMap(({ asked }) =>
      [...asked].filter(([, { answers }]) => answers === 0),
    );
    return open.slice(0, 5).map(([id]) => {
      const task = this.scheduler.records.tasks.get(taskOfObject(id));
      return `${id}: ${task?.state.name}${task?.actor === undefined ? "" : ` of ${task.actor.state.name} ${task.actor.id}`}`;
    });
  }
  #look(): void {
    if (this.coordinator.isDown) return;
    if (this.#phase === "settling" && this.#isSettled()) this.#settledAt = this.now;
    if (this.#phase !== "quiet" || !this.#isAnswered()) return;
    this.#phase = "settling";
    this.#settledAt = this.now + settleMs;
  }

  count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }
  after(ms: number, run: () => void): void {
    this.#timers.add(this.now + ms, run);
  }

  problem(what: string): Error {
    return new Error(
      `seed ${this.#options.seed}, batch ${this.coordinator.batches} at ${Math.floor(this.now)} ms: ${what}`,
    );
  }

  // ---------------------------------------------------------------------------------------- clients

  #submitSome(): void {
    const { random } = this;
    const client = this.#clients.get(random.pick(jobs) ?? ("j1" as JobId));
    if (client === undefined) return;
    if (random.chance(this.#options.callShare ?? 0.25) && this.#actors.length > 0)
      this.#callSome(client, 1 + random.below(20));
    else this.#submitTasks(client, 1 + random.below(60));
    if (this.submitted < this.#options.tasks)
      this.after(random.around(this.#options.submitMs ?? 6), () => this.#submitSome());
    else this.#phase = "quiet";
  }

  #submitTasks(client: SimClient, many: number): void {
    const { random } = this;
    const { by, jobId } = client;
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
    this.submitted += many;
    const ids = tasks.flatMap(({ id }) => Array.from({ length: spec.returns }, (_, i) => objectOf(id, i)));
    client.say({ type: "tasks-submitted", by, spec, tasks }, client.want(this.#noted(ids), random.chance(0.7)));
    if (random.chance(0.1)) this.#cancelSoon(client, tasks[0]?.id);
    if (random.chance(0.03))
      this.after(random.around(50), () => client.say({ type: "objects-freed", by, ids: ids.slice(0, 2) }));
  }

  #callSome(client: SimClient, many: number): void {
    const { random } = this;
    const { by, jobId } = client;
    const actorId = random.pick(this.#actors);
    if (actorId === undefined) return;
    const spec = aCallSpec({ actorId, ...(random.chance(0.2) ? { retryErrors: { type: "all" }, maxRetries: 2 } : {}) });
    const tasks = Array.from({ length: many }, () =>
      aSubmission(this.#next(jobId), { inputs: random.chance(0.1) ? this.#inputs(jobId) : [] }),
    );
    this.submitted += many;
    for (const { id } of tasks) this.#callees.set(id, actorId);
    const ids = this.#noted(tasks.map(({ id }) => objectOf(id)));
    client.say({ type: "tasks-submitted", by, spec, tasks }, client.want(ids, true));
    if (random.chance(0.05)) this.#cancelSoon(client, random.pick(tasks)?.id);
  }

  #noted(ids: readonly ObjectId[]): readonly ObjectId[] {
    for (const id of ids) if (this.random.chance(0.3)) this.#recent.push(id);
    if (this.#recent.length > 200) this.#recent.splice(0, 100);
    return ids;
  }

  #inputs(jobId: JobId): ObjectId[] {
    if (!this.random.chance(0.3)) return [];
    return [this.random.pick(this.#recent), this.random.pick(this.#recent)].filter(
      (id) => id !== undefined && jobOf(id) === jobId,
    ) as ObjectId[];
  }

  #cancelSoon(client: SimClient, id: TaskId | undefined): void {
    if (id === undefined) return;
    const force = !this.#callees.has(id) && this.random.chance(0.5);
    this.after(this.random.around(20), () =>
      client.say({ type: "cancel-asked", by: client.by, id, force, recursive: true }),
    );
  }

  #createActor(): void {
    const { random } = this;
    const client = this.#clients.get(random.pick(jobs) ?? ("j1" as JobId));
    if (client === undefined) return;
    const creation = aSubmission(this.#next(client.jobId));
    const id = creation.id as string as ActorId;
    this.#actors.push(id);
    const spec = anActorSpec({
      checkpoint: this.#policy(),
      ...(random.chance(0.2) ? { name: `n${random.below(20)}`, getIfExists: random.chance(0.7) } : {}),
      ...(random.chance(0.2) ? { maxRestarts: random.below(3) } : {}),
      demand: { ...plainDemand, cpus: random.chance(0.1) ? 1 : 0 },
    });
    client.say({ type: "actor-created", by: client.by, spec, creation });
    if (!random.chance(0.05)) return;
    const restart = random.chance(0.5);
    this.#killed.add(id);
    this.after(random.around(1000), () => client.say({ type: "kill-asked", by: client.by, actorId: id, restart }));
  }

  #policy(): CheckpointPolicy {
    const luck = this.random.next();
    if (luck < 0.4) return { type: "call" };
    if (luck < 0.75) return { type: "rhythm", everyCalls: 1 + this.random.below(8) };
    return luck < 0.85 ? { type: "manual" } : { type: "off" };
  }

  /** A call calls the same actor whenever it runs. */
  #calleeOf(call: TaskId): ActorId | undefined {
    const known = this.#transfers.get(call);
    if (known !== undefined) return known;
    const callee = this.random.pick(this.#actors);
    if (callee !== undefined) this.#transfers.set(call, callee);
    return callee;
  }

  #next(parent: string): string {
    const ordinal = (this.#ordinals.get(parent) ?? 0) + 1;
    this.#ordinals.set(parent, ordinal);
    return `${parent}.${ordinal}`;
  }

  // ---------------------------------------------------------------------------------------- workers

  #join(): void {
    const id = `w${this.#nextWorker++}` as WorkerId;
    const worker = new SimWorker(this, this.coordinator, {
      id,
      threads: 1 + this.random.below(3),
      labels: this.random.chance(0.3) ? { room: "1" } : {},
      calleeOf: (call) => this.#calleeOf(call),
    });
    this.#workers.set(id, worker);
    worker.join();
  }

  #trouble(): void {
    if (this.#phase === "settling") return;
    const { random } = this;
    const worker = random.pick([...this.#workers.values()]);
    if (worker?.isHere === true) {
      const kind = random.below(6);
      if (kind === 0) this.#take(worker, () => worker.leave());
      else if (kind === 1) this.#take(worker, () => worker.goAway());
      else if (kind === 2) worker.dropLink(random.around(1_000));
      else if (kind === 3) worker.suspend(random.around(4000));
      else if (kind === 4) worker.pause(random.around(200));
      else worker.reload(random.around(2_000));
    }
    if (this.#workers.size < this.#options.workers * 0.9) this.#join();
    this.after(random.around(this.#phase === "quiet" ? 400 : 25), () => this.#trouble());
  }

  #take(worker: SimWorker, away: () => void): void {
    if (this.#workers.size < 3) return;
    this.#workers.delete(worker.id);
    this.#gone.push(worker);
    away();
  }
  /** Those that leave take a while to, and may still be told something. */
  readonly #gone: SimWorker[] = [];

  #heartbeats(): void {
    for (const worker of this.#present()) worker.heartbeat();
    this.after(5_000, () => this.#heartbeats());
  }

  *#present(): Iterable<SimWorker> {
    yield* this.#workers.values();
    for (const worker of this.#gone) if (worker.isHere) yield worker;
  }
  #workerOf(id: WorkerId): SimWorker | undefined {
    return this.#workers.get(id) ?? this.#gone.find((worker) => worker.isHere && worker.id === id);
  }

  // ---------------------------------------------------------------------------------------- the coordinator

  #carry(order: Instruction): void {
    if (order.type === "deliver" || order.type === "refuse" || order.type === "actor-is") {
      const { to } = order;
      if (to.type === "client") this.#clients.get(to.jobId)?.carry(order);
      else this.#workerOf(to.workerId)?.carry(order);
    } else if ("workerId" in order) this.#workerOf(order.workerId)?.carry(order);
  }

  #killSoon(): void {
    if (this.#killsLeft-- <= 0) return;
    const { random } = this;
    const killMs = 50 + random.around(this.#options.killMs ?? 1_000);
    if (random.chance(0.7)) this.after(killMs * random.next(), () => this.coordinator.compact());
    this.after(killMs, () => {
      if (this.#phase === "settling") return;
      this.coordinator.kill();
      this.count("killed");
      for (const worker of this.#present()) worker.coordinatorKilled();
      for (const client of this.#clients.values()) client.coordinatorKilled();
      this.after(random.chance(this.#options.longDown ?? 0) ? 20_000 : random.around(this.#downMs), () =>
        this.#restart(),
      );
    });
  }

  #restart(): void {
    const { random } = this;
    this.coordinator.restart();
    for (const worker of this.#present())
      this.after(random.around(random.chance(0.03) ? 12_000 : this.#downMs), () => worker.reconnect());
    for (const client of this.#clients.values()) this.after(random.around(this.#downMs), () => client.reconnect());
    this.#killSoon();
  }

  #tick(): void {
    const due = this.coordinator.isDown ? undefined : this.scheduler.nextDeadline();
    if (due !== undefined && due <= this.now) this.coordinator.take([{ type: "time-passed" }]);
    this.#look();
    this.after(20, () => this.#tick());
  }

  // ---------------------------------------------------------------------------------------- judgement

  #judge(): void {
    this.coordinator.finish();
    const { records } = this.scheduler;
    const acknowledged = new Map<ActorId, Map<TaskId, number>>();
    for (const client of this.#clients.values()) {
      for (const [id, { answers, answer }] of client.asked) {
        if (answers === 0) throw this.problem(`${id} was never answered`);
        const task = id.slice(0, id.lastIndexOf(":")) as TaskId;
        const callee = this.#callees.get(task);
        if (callee === undefined || answer?.type !== "value" || answer.value.type !== "inline") continue;
        const actorId = records.aliases.get(callee)?.id ?? callee;
        const { bytes } = answer.value;
        let replies = acknowledged.get(actorId);
        if (replies === undefined) acknowledged.set(actorId, (replies = new Map()));
        replies.set(task, ((bytes[0] ?? 0) << 8) + (bytes[1] ?? 0));
      }
    }
    const killed = new Set([...this.#killed].map((id) => records.aliases.get(id)?.id ?? id));
    for (const actor of records.actors.values()) {
      if (killed.has(actor.id) || actor.state.name === "dead") continue;
      if (actor.state.name !== "alive") throw this.problem(`actor ${actor.id} is ${actor.state.name} for ever`);
      const home = this.#workerOf(actor.state.worker.id)?.actors.get(actor.id);
      if (home?.epoch !== actor.epoch) throw this.problem(`actor ${actor.id} does not live where it is said to`);
      const policy = actor.spec.checkpoint.type;
      const wrong = whatIsWrongWith(actor, home.applied, acknowledged.get(actor.id) ?? new Map());
      if (wrong !== undefined) throw this.problem(wrong);
      this.count(`judged by ${policy}`);
    }
  }
}

/** The size at which the guarantees are shown. */
export function runLarge(seed: number): World {
  const world = new World({
    seed,
    workers: 200,
    tasks: 20_000,
    actors: 200,
    checkEvery: 2_000,
    // Each costs about as much as the rest of the world.
    kills: seed % 4 === 0 ? 1 : 0,
    killMs: 500,
    downMs: 50,
  });
  world.run();
  if (world.submitted < 20_000) throw new Error(`seed ${seed}: only ${world.submitted} were submitted`);
  return world;
}

/** Everything is checked after every batch of facts, and the coordinator is killed often. */
export function runSmall(seed: number, over: Partial<WorldOptions> = {}): World {
  const world = new World({
    seed,
    workers: 8,
    tasks: 500,
    actors: 12,
    checkEvery: 1,
    submitMs: 60,
    kills: 6,
    killMs: 600,
    longDown: 0.1,
    isCompared: true,
    ...over,
  });
  world.run();
  return world;
}
