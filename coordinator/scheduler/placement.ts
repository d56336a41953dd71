/**
 * Where things may run. Tasks and actors that ask for the same go in one class; a class knows its queue and its
 * eligible workers, least loaded first. Owns the order of both; knows nothing about attempts or messages.
 */
import type { WorkerId } from "../../protocol/ids.ts";
import type { Demand, LabelSelector, Placement } from "../../protocol/nouns.ts";
import { Fifo } from "./fifo.ts";
import { Heap } from "./heap.ts";
import { type Actor, isTask, type Job, type Task, type Worker } from "./records.ts";

const classesKept = 64;

export type Placeable = Task | Actor;

/** Workers that could run what asks for this, least loaded first. Shared by all classes that ask for the same. */
interface Eligible {
  readonly key: string;
  readonly demand: Demand;
  readonly labels: LabelSelector;
  readonly placement: Placement;
  readonly workers: Heap<Worker>;
  /** Classes that use it. */
  users: number;
}

export interface PlacementClass {
  readonly key: string;
  readonly eligible: Eligible;
  readonly job: Job;
  readonly demand: Demand;
  /** Nothing is asked for but at most one thread: the least loaded worker fits if any does. */
  readonly simple: boolean;
  readonly priority: number;
  readonly labels: LabelSelector;
  readonly placement: Placement;
  readonly alone: boolean;
  /** Actors are placed where few live; they take no thread to do so. */
  readonly actors: boolean;
  readonly queue: Fifo<Placeable>;
  readonly workers: Heap<Worker>;
}

export interface ClassTraits {
  readonly job: Job;
  readonly demand: Demand;
  readonly priority: number;
  readonly labels: LabelSelector;
  readonly placement: Placement;
  readonly alone: boolean;
  readonly actors: boolean;
}

/** How full a worker is, in threads' worth of work a thread. Actors count a little, so that idle ones spread. */
export function loadOf(worker: Worker): number {
  return (worker.cpusInUse + worker.actors.size / 1024) / Math.max(worker.threads, 1);
}

function lessLoaded(a: Worker, b: Worker): boolean {
  if (a.load !== b.load) return a.load < b.load;
  return a.joinedAt !== b.joinedAt ? a.joinedAt < b.joinedAt : a.id < b.id;
}

function matches(labels: LabelSelector, worker: Worker): boolean {
  for (const [key, allowed] of Object.entries(labels)) {
    const has = worker.labels[key];
    if (has === undefined || !allowed.includes(has)) return false;
  }
  return true;
}

function couldOffer(demand: Demand, worker: Worker): boolean {
  if (demand.gpus > worker.offer.gpus || demand.memoryBytes > worker.offer.memoryBytes) return false;
  for (const [key, amount] of Object.entries(demand.custom)) if (amount > (worker.offer.custom[key] ?? 0)) return false;
  return true;
}

function hasLeft(demand: Demand, worker: Worker): boolean {
  const { used, offer } = worker;
  if (used.gpus + demand.gpus > offer.gpus + epsilon) return false;
  if (used.memoryBytes + demand.memoryBytes > offer.memoryBytes) return false;
  for (const [key, amount] of Object.entries(demand.custom)) {
    if ((used.custom[key] ?? 0) + amount > (offer.custom[key] ?? 0) + epsilon) return false;
  }
  return true;
}
const epsilon = 1e-6;

export function take(demand: Demand, worker: Worker, sign: 1 | -1): void {
  const { used } = worker;
  used.gpus += sign * demand.gpus;
  used.memoryBytes += sign * demand.memoryBytes;
  for (const [key, amount] of Object.entries(demand.custom)) used.custom[key] = (used.custom[key] ?? 0) + sign * amount;
}

const plainDemand = (demand: Demand): boolean =>
  demand.cpus <= 1 && demand.gpus === 0 && demand.memoryBytes === 0 && Object.keys(demand.custom).length === 0;

/** Fractions of a thread do not add up exactly: kept to a ten-thousandth, Ray's granularity. */
export function occupy(worker: Worker, cpus: number): void {
  worker.cpusInUse = Math.round((worker.cpusInUse + cpus) * 10_000) / 10_000;
}

interface Asked {
  readonly eligible: string;
  readonly rest: string;
}

export class Classes {
  readonly #classes = new Map<string, PlacementClass>();
  readonly #eligible = new Map<string, Eligible>();
  /** Those with something queued. */
  readonly #waiting = new Set<PlacementClass>();
  readonly #workers: ReadonlyMap<WorkerId, Worker>;
  /** What tasks of one spec ask for is worked out once. */
  readonly #asked = new WeakMap<object, Asked>();
  #last: { readonly spec: object; readonly of: PlacementClass } | undefined;

  constructor(workers: ReadonlyMap<WorkerId, Worker>) {
    this.#workers = workers;
  }

  /** The class that was asked for last, if it is this one: nearly always, since tasks of one spec come together. */
  recent(spec: object, job: Job, alone: boolean): PlacementClass | undefined {
    const last = this.#last;
    return last?.spec === spec && last.of.alone === alone && last.of.job === job ? last.of : undefined;
  }
  /** `spec` is the identity under which the answer is remembered. */
  classFor(traits: ClassTraits, spec: object): PlacementClass {
    let asked = this.#asked.get(spec);
    if (asked === undefined) {
      const { demand, labels, placement, priority, actors } = traits;
      asked = { eligible: JSON.stringify([demand, labels, placement]), rest: `${priority}${actors ? " actors" : ""}` };
      this.#asked.set(spec, asked);
    }
    const key = `${traits.job.id} ${asked.rest}${traits.alone ? " alone" : ""} ${asked.eligible}`;
    const known = this.#classes.get(key);
    if (known !== undefined) {
      this.#last = { spec, of: known };
      return known;
    }
    const eligible = this.#eligibleFor(asked.eligible, traits);
    eligible.users++;
    const made: PlacementClass = {
      key,
      ...traits,
      eligible,
      workers: eligible.workers,
      simple: plainDemand(traits.demand) && !traits.alone,
      queue: new Fifo(),
    };
    this.#classes.set(key, made);
    this.#last = { spec, of: made };
    return made;
  }
  #eligibleFor(key: string, { demand, labels, placement }: ClassTraits): Eligible {
    const known = this.#eligible.get(key);
    if (known !== undefined) return known;
    const made: Eligible = { key, demand, labels, placement, workers: new Heap(lessLoaded), users: 0 };
    this.#refill(made);
    this.#eligible.set(key, made);
    return made;
  }

  enqueue(item: Placeable, into: PlacementClass): void {
    item.placement = into;
    if (isTask(item) && item.attempts > 0) this.#inOrder(item, into);
    else into.queue.push(item);
    this.#waiting.add(into);
  }
  /** Behind those that were queued before it. */
  requeue(item: Placeable, into: PlacementClass): void {
    item.placement = into;
    into.queue.push(item);
    this.#waiting.add(into);
  }
  /** What is tried again goes before what was submitted after it. */
  #inOrder(item: Task, into: PlacementClass): void {
    const head = into.queue.peek();
    if (head === undefined || head.order > item.order) into.queue.prepend([item]);
    else into.queue.push(item);
  }
  dequeue(item: Placeable): void {
    const from = item.placement;
    if (from === undefined) return;
    item.placement = undefined;
    if (from.queue.peek() === item) from.queue.shift();
    else from.queue.remove(item);
    this.#tidy(from);
  }
  #tidy(of: PlacementClass): void {
    if (of.queue.length > 0) return;
    this.#waiting.delete(of);
    // Every class costs a little at every change of load: those not in use go when there are many.
    if (this.#classes.size > classesKept) this.#drop(of);
  }
  waiting(): Iterable<PlacementClass> {
    return this.#waiting;
  }
  all(): Iterable<PlacementClass> {
    return this.#classes.values();
  }
  forgetJob(job: Job): void {
    for (const of of this.#classes.values()) if (of.job === job) this.#drop(of);
  }
  #drop(of: PlacementClass): void {
    if (!this.#classes.delete(of.key)) return;
    this.#waiting.delete(of);
    if (this.#last?.of === of) this.#last = undefined;
    if (--of.eligible.users === 0) this.#eligible.delete(of.eligible.key);
  }

  #isEligible(of: Eligible, worker: Worker): boolean {
    if (worker.threads <= 0 || worker.link !== "connected" || worker.unheard) return false;
    if (!matches(of.labels, worker) || !couldOffer(of.demand, worker)) return false;
    if (of.demand.cpus > worker.threads) return false;
    const wanted = of.placement;
    if (wanted.type !== "worker" || wanted.workerId === worker.id) return true;
    return wanted.soft && !this.#workers.has(wanted.workerId);
  }
  /** A worker came, went, or changed what it offers. */
  review(worker: Worker): void {
    worker.load = loadOf(worker);
    for (const of of this.#eligible.values()) {
      const eligible = this.#workers.get(worker.id) === worker && this.#isEligible(of, worker);
      if (!eligible) of.workers.remove(worker);
      else if (of.workers.has(worker)) of.workers.moved(worker);
      else of.workers.push(worker);
      if (of.placement.type === "worker" && of.placement.soft && of.placement.workerId === worker.id) this.#refill(of);
    }
  }
  #refill(of: Eligible): void {
    for (const worker of this.#workers.values()) {
      const eligible = this.#isEligible(of, worker);
      if (eligible && !of.workers.has(worker)) of.workers.push(worker);
      else if (!eligible) of.workers.remove(worker);
    }
  }
  /** A worker's load changed. */
  loadChanged(worker: Worker): void {
    const load = loadOf(worker);
    if (load === worker.load) return;
    worker.load = load;
    for (const of of this.#eligible.values()) of.workers.moved(worker);
  }
}

export type Fit = "free" | "ahead" | undefined;

export interface FitLimits {
  /** Thread time a worker may have in hand, ms a thread, for work to be sent ahead of a free thread. */
  readonly aheadMs: number;
  /** Tasks in hand a thread at most. */
  readonly aheadTasks: number;
}

/** Whether `worker` takes something of this class now: on a free thread, ahead of one, or not at all. */
export function fit(of: PlacementClass, worker: Worker, estimateMs: number | undefined, bounds: FitLimits): Fit {
  if (worker.alone !== undefined) return undefined;
  if (of.alone && worker.inHand > 0) return undefined;
  if (!of.simple && !hasLeft(of.demand, worker)) return undefined;
  if (of.actors) return "free";
  if (worker.cpusInUse + of.demand.cpus <= worker.threads + epsilon) return "free";
  if (estimateMs === undefined || of.alone || !of.simple) return undefined;
  if (worker.inHand >= bounds.aheadTasks * worker.threads) return undefined;
  return worker.backlogMs + estimateMs <= bounds.aheadMs * worker.threads ? "ahead" : undefined;
}

/** The worker for the next of this class: the least loaded that fits. */
export function pickWorker(
  of: PlacementClass,
  estimateMs: number | undefined,
  bounds: FitLimits,
): { worker: Worker; fit: "free" | "ahead" } | undefined {
  const least = of.workers.peek();
  if (least === undefined) return undefined;
  const first = fit(of, least, estimateMs, bounds);
  if (first !== undefined) return { worker: least, fit: first };
  if (of.simple && least.alone === undefined) return undefined;
  // Special demands: the least loaded need not be one that fits.
  let best: Worker | undefined;
  for (const worker of of.workers.items()) {
    if (fit(of, worker, estimateMs, bounds) !== "free") continue;
    if (best === undefined || lessLoaded(worker, best)) best = worker;
  }
  return best === undefined ? undefined : { worker: best, fit: "free" };
}
