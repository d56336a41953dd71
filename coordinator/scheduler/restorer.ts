/** Makes a machine again from a picture. Knows nothing about how the picture was drawn but its format. */
import { attemptId, type JobId, jobOf, type ParentId, type TaskId } from "../../protocol/ids.ts";
import type { Spec, Submission, Value } from "../../protocol/nouns.ts";
import { Reader, type TypeOf } from "../../protocol/schema.ts";
import { nameKey } from "./actor-life.ts";
import { Fifo } from "./fifo.ts";
import type { Machine } from "./machine.ts";
import { type actorStateSchema, type objectStateSchema, type Part, part, type taskStateSchema } from "./picture.ts";
import { type PlacementClass, take } from "./placement.ts";
import type { Actor, ActorState, Attempt, Job, ObjectRecord, Task, TaskState, Worker } from "./records.ts";

type PartOf<T extends Part["type"]> = Extract<Part, { type: T }>;

/** Takes the chunks of one picture in order, into a machine that knows nothing. Throws ProtocolError for other bytes. */
export class Restorer {
  readonly #m: Machine;
  readonly #specs: Spec[] = [];
  readonly #classes: PlacementClass[] = [];
  readonly #actors = new Map<number, Actor>();
  /** By their order, counted from the first one's: nearly all places are taken where there are many. */
  readonly #tasks: (Task | undefined)[] = [];
  #firstTask: number | undefined;

  constructor(m: Machine) {
    this.#m = m;
  }

  take(chunk: Uint8Array): void {
    const input = new Reader(chunk);
    while (input.remaining > 0) this.#take(part.read(input));
  }

  #take(one: Part): void {
    const m = this.#m;
    const { records } = m;
    switch (one.type) {
      case "machine":
        m.at = one.at;
        m.order = one.order;
        m.restarts = one.restarts;
        m.restartedAt = one.restartedAt;
        m.recallAt = one.recallAt;
        m.aheadFrom = one.aheadFrom;
        return;
      case "job":
        records.jobs.set(one.id, newJob(one));
        return;
      case "worker": {
        const worker = newWorker(one);
        records.workers.set(one.id, worker);
        m.classes.review(worker);
        return;
      }
      case "duration":
        records.durations.set(one.functionId, one.ms);
        return;
      case "object":
        return this.#object(one.id, stateOfObject(one.state), one.holders);
      case "pending":
        return this.#object(one.id, pending, one.holders);
      case "actor":
        return this.#actor(one);
      case "alias":
        records.aliases.set(one.asked, this.#actorOf(one.actor));
        return;
      case "spec":
        this.#specs.push(one.spec);
        return;
      case "task":
        return this.#task(one);
      case "fresh":
        return this.#fresh(one);
      case "dependents": {
        const object = records.objects.get(one.id);
        if (object !== undefined) object.dependents = new Set(one.items.map((order) => this.#item(order)));
        return;
      }
      case "attempt":
        return this.#attempt(one);
      case "leases":
        for (const order of one.tasks) m.leases.restore(attemptOf(this.#taskOf(order)), one.until);
        return;
      case "calls":
        return this.#calls(one);
      case "residents": {
        const worker = this.#worker(one.workerId);
        for (const order of one.actors) {
          const actor = this.#actorOf(order);
          worker.actors.add(actor);
          take(actor.spec.demand, worker, 1);
        }
        m.classes.review(worker);
        return;
      }
      case "homeless":
        records.homeless.set(one.home, new Set(one.actors.map((order) => this.#actorOf(order))));
        return;
      case "class": {
        const { type: _, jobId, ...traits } = one;
        this.#classes.push(m.classes.classFor({ ...traits, job: this.#job(jobId) }, traits));
        return;
      }
      case "queue": {
        const into = this.#classes[one.of];
        if (into !== undefined) for (const order of one.items) m.classes.requeue(this.#item(order), into);
        return;
      }
      case "grace-due":
        return m.deadlines.add(one.at, { type: "grace", worker: this.#worker(one.workerId), until: one.at });
      case "home-due":
        return m.deadlines.add(one.at, { type: "home", actor: this.#actorOf(one.actor), until: one.at });
      case "unschedulable-due": {
        const { at, attempts } = one;
        return m.deadlines.add(at, { type: "unschedulable", task: this.#taskOf(one.task), attempts });
      }
      case "ended": {
        const { type: _, error, workerId, parent, ...entry } = one;
        // The brand was minted when it was a task.
        const told = { ...entry, parent: parent as ParentId, workerId };
        m.history.push(error === undefined ? told : { ...told, error });
        return;
      }
      case "end":
        m.turn = one.turn === undefined ? undefined : records.jobs.get(one.turn);
        this.#actors.clear();
        this.#tasks.length = 0;
    }
  }

  // ---------------------------------------------------------------------------------------- by name

  #job(id: JobId): Job {
    // A detached actor may have been called by a job that is gone.
    return this.#m.records.jobs.get(id) ?? newJob({ ...noJob, id });
  }
  #worker(id: Worker["id"]): Worker {
    return known(this.#m.records.workers.get(id), `worker "${id}"`);
  }
  #taskOf(order: number): Task {
    return known(this.#tasks[order - (this.#firstTask ?? 0)], `task ${order}`);
  }
  #actorOf(order: number): Actor {
    return known(this.#actors.get(order), `actor ${order}`);
  }
  #item(order: number): Task | Actor {
    return this.#tasks[order - (this.#firstTask ?? 0)] ?? this.#actorOf(order);
  }
  #noteOrder(task: Task): void {
    this.#firstTask ??= task.order;
    this.#tasks[task.order - this.#firstTask] = task;
  }

  // ---------------------------------------------------------------------------------------- one by one

  #object(id: ObjectRecord["id"], state: ObjectRecord["state"], holders: number): void {
    const job = this.#job(jobOf(id));
    const object: ObjectRecord = { id, job, state, holders, lineage: 0, dependents: undefined, wants: undefined };
    this.#m.records.objects.set(id, object);
    job.objects.add(object);
  }

  #actor(one: PartOf<"actor">): void {
    const { records } = this.#m;
    const { type: _, state, made, checkpoint, creation, ...rest } = one;
    const job = this.#job(jobOf(one.id));
    const actor: Actor = {
      ...rest,
      job,
      creation: { ...creation, args: creation.args.slice() },
      state: this.#stateOfActor(state),
      checkpoint: checkpoint === undefined ? undefined : { ...checkpoint, value: ownValue(checkpoint.value) },
      mailbox: new Map(),
      inFlight: new Set(),
      log: new Map(),
      replays: new Map(),
      made: new Set(this.#objects(made)),
      placement: undefined,
    };
    this.#actors.set(actor.order, actor);
    records.actors.set(actor.id, actor);
    job.actors.add(actor);
    const { name, namespace } = actor.spec;
    if (name !== undefined && actor.state.name !== "dead") records.names.set(nameKey(namespace, name), actor);
  }

  #objects(ids: readonly ObjectRecord["id"][]): ObjectRecord[] {
    return ids.flatMap((id) => this.#m.records.objects.get(id) ?? []);
  }

  #stateOfActor(state: TypeOf<typeof actorStateSchema>): ActorState {
    switch (state.type) {
      case "waiting":
        return { name: "waiting", missing: state.missing };
      case "starting":
        return { name: "starting", worker: this.#placed(state) };
      case "alive":
        return { name: "alive", worker: this.#worker(state.workerId) };
      case "restarting": {
        const { home, until } = state;
        const worker = this.#placed(state);
        return home === undefined || until === undefined
          ? { name: "restarting", worker }
          : { name: "restarting", worker, home, until };
      }
      case "dead":
        return { name: "dead", failure: state.failure };
    }
  }
  #placed({ workerId }: { readonly workerId?: Worker["id"] | undefined }): Worker | undefined {
    return workerId === undefined ? undefined : this.#worker(workerId);
  }

  #fresh(one: PartOf<"fresh">): void {
    const { id, args, inputs, holds } = one;
    const { job, parent } = this.#above(id);
    job.queued++;
    this.#keep({
      id,
      job,
      parent,
      spec: known(this.#specs[one.spec], `spec ${one.spec}`),
      order: one.order,
      work: { id, args, inputs: inputs.length === 0 ? none : inputs, holds: holds.length === 0 ? none : holds },
      state: queued,
      actor: one.actor === undefined ? undefined : this.#actorOf(one.actor),
      attempts: 0,
      retries: 0,
      workersLost: 0,
      cancelAsked: false,
      cancelForced: false,
      children: undefined,
      made: undefined,
      produced: 0,
      taken: 0,
      submittedAt: one.submittedAt,
      startedAt: 0,
      endedAt: 0,
      workerId: undefined,
      placement: undefined,
    });
  }

  #task(one: PartOf<"task">): void {
    const { id } = one;
    const { job, parent } = this.#above(id);
    const task: Task = {
      id,
      job,
      parent,
      spec: known(this.#specs[one.spec], `spec ${one.spec}`),
      order: one.order,
      work: one.work,
      state: stateOfTask(one.state),
      actor: one.actor === undefined ? undefined : this.#actorOf(one.actor),
      attempts: one.attempts,
      retries: one.retries,
      workersLost: one.workersLost,
      cancelAsked: one.cancelAsked,
      cancelForced: one.cancelForced,
      children: undefined,
      made: one.made === undefined ? undefined : this.#objects(one.made),
      produced: one.produced,
      taken: one.taken,
      submittedAt: one.submittedAt,
      startedAt: one.startedAt,
      endedAt: one.endedAt,
      workerId: one.workerId,
      placement: undefined,
    };
    if (task.state.name === "queued") job.queued++;
    if (!one.onRecord) {
      this.#noteOrder(task);
      return;
    }
    this.#keep(task);
    if (task.state.name === "finished" && task.actor === undefined && task.work !== undefined)
      this.#keepLineage(task.work);
  }

  /** The job it is of, and who submitted it. */
  #above(id: TaskId): { readonly job: Job; readonly parent: ParentId } {
    const job = this.#job(jobOf(id));
    const dot = id.lastIndexOf(".");
    // The brand was minted when the parent was submitted.
    return { job, parent: dot === job.id.length ? job.id : (id.slice(0, dot) as ParentId) };
  }

  #keep(task: Task): void {
    const { records } = this.#m;
    const { job, parent } = task;
    this.#noteOrder(task);
    records.tasks.set(task.id, task);
    job.tasks.add(task);
    if (parent === job.id) return;
    const above = records.tasks.get(parent as TaskId);
    if (above !== undefined) (above.children ??= new Set()).add(task);
  }

  #keepLineage({ inputs, holds }: Submission): void {
    for (const object of this.#objects([...inputs, ...holds])) object.lineage++;
  }

  #attempt(one: PartOf<"attempt">): void {
    const m = this.#m;
    const { assignedAt, ahead, blocked, estimateMs, recallable } = one;
    const task = this.#taskOf(one.task);
    const worker = this.#worker(one.workerId);
    const id = attemptId(task.id, task.attempts);
    const attempt: Attempt = { id, task, worker, assignedAt, ahead, blocked, estimateMs };
    task.state = { name: "running", attempt };
    task.job.running++;
    m.records.attempts.set(id, attempt);
    worker.attempts.add(attempt);
    if (task.spec.type !== "task") return;
    worker.inHand++;
    take(task.spec.demand, worker, 1);
    if (task.workersLost >= m.options.suspectAfter) worker.alone = attempt;
    if (recallable) m.ahead.add(attempt);
  }

  #calls({ actor: order, mailbox, inFlight, log, replays }: PartOf<"calls">): void {
    const m = this.#m;
    const actor = this.#actorOf(order);
    for (const { caller, calls } of mailbox) {
      const queue = new Fifo<Task>();
      for (const call of calls) queue.push(this.#taskOf(call));
      // The brand was minted when the calls were taken.
      actor.mailbox.set(caller as ParentId, queue);
    }
    for (const call of inFlight) actor.inFlight.add(this.#taskOf(call));
    for (const logged of log) {
      const call = this.#taskOf(logged);
      actor.log.set(call.id, call);
    }
    for (const { call: replayed, attempt } of replays) {
      const call = this.#taskOf(replayed);
      const id = attemptId(call.id, attempt);
      actor.replays.set(id, call);
      m.replays.set(id, actor);
    }
  }
}

const none: never[] = [];
const pending: ObjectRecord["state"] = { name: "pending" };
const queued: TaskState = { name: "queued" };

function known<T>(found: T | undefined, what: string): T {
  if (found === undefined) throw new TypeError(`Cannot restore: ${what} is not in the picture`);
  return found;
}

const noJob = {
  name: "",
  namespace: "default",
  openedAt: 0,
  submitted: 0,
  finished: 0,
  failed: 0,
  usedMs: 0,
  closed: true,
};

function newJob({ id, ...rest }: Omit<PartOf<"job">, "type">): Job {
  const { name, namespace, openedAt, submitted, finished, failed, usedMs, closed } = rest;
  return {
    id,
    name,
    namespace,
    openedAt,
    submitted,
    finished,
    failed,
    usedMs,
    closed,
    queued: 0,
    running: 0,
    tasks: new Set(),
    actors: new Set(),
    objects: new Set(),
  };
}

function newWorker(one: PartOf<"worker">): Worker {
  const { type: _, ...rest } = one;
  return {
    ...rest,
    load: 0,
    used: { gpus: 0, memoryBytes: 0, custom: {} },
    attempts: new Set(),
    inHand: 0,
    actors: new Set(),
    alone: undefined,
  };
}

function attemptOf({ id, state }: Task): Attempt {
  return known(state.name === "running" ? state.attempt : undefined, `the attempt of "${id}"`);
}

/** One that runs is so once its attempt is read. */
function stateOfTask(state: TypeOf<typeof taskStateSchema>): TaskState {
  switch (state.type) {
    case "waiting":
      return { name: "waiting", missing: state.missing };
    case "failed":
      return { name: "failed", failure: state.failure };
    case "running":
      return { name: "waiting", missing: 0 };
    default:
      return { name: state.type };
  }
}

function stateOfObject(state: TypeOf<typeof objectStateSchema>): ObjectRecord["state"] {
  if (state.type === "ready") return { name: "ready", value: ownValue(state.value) };
  return state.type === "failed" ? { name: "failed", failure: state.failure } : { name: state.type };
}

/** A view would keep the whole chunk. */
function ownValue(value: Value): Value {
  return value.type === "inline" ? { ...value, bytes: value.bytes.slice() } : value;
}
