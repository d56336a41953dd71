/**
 * The threads of this tab and the slots they take. A thread is *spare* until its first job, then serves tasks or actors
 * of that job alone, and ends with it. Owns binding, slots and which thread is free; knows nothing about reports.
 *
 * A thread runs one thing at a time, so it takes as many slots as the largest of what it runs, and none while all of it
 * is blocked. Actors take theirs as long as they live.
 */
import type { ActorId, FunctionId, JobId } from "../../protocol/ids.ts";
import type { Actor } from "./actors.ts";
import type { Attempt, AttemptState } from "./attempts.ts";
import { cpuUnitsPerThread } from "./attempts.ts";
import type { Lanes } from "./lanes.ts";

export interface SpareThread {
  readonly type: "spare";
  readonly id: number;
  /** It has answered: it takes work at once. */
  isWarm: boolean;
}

/** What every thread has that serves a job. */
class Bound {
  readonly id: number;
  readonly jobId: JobId;
  readonly held = new Set<Attempt>();
  /** Functions it has been given. */
  readonly defined = new Set<FunctionId>();
  /** Reports about attempts it was not given. */
  forgeries = 0;

  constructor(id: number, jobId: JobId) {
    this.id = id;
    this.jobId = jobId;
  }
}

export class TaskThread extends Bound {
  readonly type = "tasks";
  readonly liveTrips = new Set<Trip>();
  cpuUnits = 0;
  idleSince = 0;
}

export class ActorThread extends Bound {
  readonly type = "actors";
  readonly actors = new Set<Actor>();
  /** Those it ever had: of one that is over here it may say something yet. */
  readonly given = new Set<ActorId>();
  /** All its calls are on this one: what of a mailbox runs is the thread's own affair. */
  readonly trip = new Trip(this, 0, 0, false);
}

export type BoundThread = TaskThread | ActorThread;
export type Thread = SpareThread | BoundThread;

/** What is given to a thread at once: one task, or a batch of quick ones. */
export class Trip {
  readonly thread: BoundThread;
  readonly size: number;
  readonly cpuUnits: number;
  readonly isBatch: boolean;
  /** Those of it that neither reported nor are blocked. */
  live = 0;
  readonly running: AttemptState;
  readonly blocked: AttemptState;

  constructor(thread: BoundThread, size: number, cpuUnits: number, isBatch: boolean) {
    this.thread = thread;
    this.size = size;
    this.cpuUnits = cpuUnits;
    this.isBatch = isBatch;
    this.running = { type: "running", trip: this };
    this.blocked = { type: "blocked", trip: this };
  }
}

export class Threads {
  /** How many the volunteer lends; 0 while paused. */
  capacity = 0;
  /** Held by actors as long as they live. */
  actorUnits = 0;
  #usedUnits = 0;
  #lastId = 0;
  readonly #threads = new Map<number, Thread>();

  all(): Iterable<Thread> {
    return this.#threads.values();
  }

  get(id: number): Thread | undefined {
    return this.#threads.get(id);
  }

  /** Those that serve tasks or may. */
  get forTasks(): number {
    return this.#count((thread) => thread.type !== "actors");
  }
  get spares(): number {
    return this.#count((thread) => thread.type === "spare");
  }
  /** Those that run something now; an actor between its calls does not. */
  get busy(): number {
    return this.#count((thread) => thread.type !== "spare" && [...thread.held].some(isRunning));
  }

  /** Threads lent that run nothing of a task, and so could share what waits. */
  get unused(): number {
    return this.capacity - this.#count((thread) => thread.type === "tasks" && thread.cpuUnits > 0);
  }

  add(): SpareThread {
    const thread: SpareThread = { type: "spare", id: ++this.#lastId, isWarm: false };
    this.#threads.set(thread.id, thread);
    return thread;
  }

  remove(thread: Thread): void {
    this.#threads.delete(thread.id);
    if (thread.type !== "tasks") return;
    // What is still in it leaves later, and must not give its slot back a second time.
    thread.liveTrips.clear();
    this.#recount(thread);
  }

  get usedUnits(): number {
    return this.#usedUnits;
  }

  /** Something that needs so many slots may begin. What needs more than there are begins alone. */
  fits(cpuUnits: number): boolean {
    const free = this.capacity * cpuUnitsPerThread - this.actorUnits - this.#usedUnits;
    return cpuUnits <= free || this.#usedUnits === 0;
  }

  /**
   * A thread that may begin a task of this job now: an idle one of the job, else a warm spare, else one in which
   * everything is blocked. Apart from threads of their own, tasks would also be at each other's mercy when one dies.
   */
  freeFor(jobId: JobId): TaskThread | undefined {
    let spare: SpareThread | undefined;
    let blocked: TaskThread | undefined;
    for (const thread of this.#threads.values()) {
      if (thread.type === "spare") {
        if (thread.isWarm) spare ??= thread;
      } else if (thread.type === "tasks" && thread.jobId === jobId && thread.liveTrips.size === 0) {
        if (thread.held.size === 0) return thread;
        blocked ??= thread;
      }
    }
    return spare === undefined ? blocked : this.#bindToTasks(spare, jobId);
  }

  /** The threads of this job that run one batch and can have the next behind it. */
  pipesFor(jobId: JobId): readonly TaskThread[] {
    const pipes: TaskThread[] = [];
    for (const thread of this.#threads.values()) {
      if (thread.type !== "tasks" || thread.jobId !== jobId || thread.liveTrips.size !== 1) continue;
      for (const trip of thread.liveTrips) if (trip.isBatch) pipes.push(thread);
    }
    return pipes;
  }

  /** Idle since longest, among those whose job has nothing for them. */
  idlest(lanes: Lanes): TaskThread | undefined {
    let idlest: TaskThread | undefined;
    for (const thread of this.#threads.values()) {
      if (thread.type !== "tasks" || thread.held.size > 0 || lanes.hasReady(thread.jobId)) continue;
      if (idlest === undefined || thread.idleSince < idlest.idleSince) idlest = thread;
    }
    return idlest;
  }

  /** The thread for one more actor of this job: the least loaded of `most`, or undefined while another may be started. */
  forActor(jobId: JobId, most: number): ActorThread | undefined {
    let count = 0;
    let least: ActorThread | undefined;
    for (const thread of this.#threads.values()) {
      if (thread.type !== "actors" || thread.jobId !== jobId) continue;
      count++;
      if (least === undefined || thread.actors.size < least.actors.size) least = thread;
    }
    if (count < most && (least === undefined || least.actors.size > 0)) return undefined;
    return least;
  }

  /** A warm spare if there is one, else one that is being started. */
  anySpare(): SpareThread | undefined {
    let starting: SpareThread | undefined;
    for (const thread of this.#threads.values()) {
      if (thread.type !== "spare") continue;
      if (thread.isWarm) return thread;
      starting ??= thread;
    }
    return starting;
  }

  bindToActors(spare: SpareThread, jobId: JobId): ActorThread {
    const thread = new ActorThread(spare.id, jobId);
    this.#threads.set(thread.id, thread);
    return thread;
  }

  #bindToTasks(spare: SpareThread, jobId: JobId): TaskThread {
    const thread = new TaskThread(spare.id, jobId);
    this.#threads.set(thread.id, thread);
    return thread;
  }

  /** So many of the trip began, or are unblocked, and take their slot. */
  occupy(trip: Trip, count: number): void {
    trip.live += count;
    if (trip.thread.type !== "tasks" || trip.live !== count) return;
    trip.thread.liveTrips.add(trip);
    this.#recount(trip.thread);
  }

  /** One of the trip has reported or is blocked. */
  vacate(trip: Trip): void {
    trip.live--;
    if (trip.thread.type !== "tasks" || trip.live > 0) return;
    trip.thread.liveTrips.delete(trip);
    this.#recount(trip.thread);
  }

  #recount(thread: TaskThread): void {
    let most = 0;
    for (const trip of thread.liveTrips) if (trip.cpuUnits > most) most = trip.cpuUnits;
    this.#usedUnits += most - thread.cpuUnits;
    thread.cpuUnits = most;
  }

  #count(is: (thread: Thread) => boolean): number {
    let count = 0;
    for (const thread of this.#threads.values()) if (is(thread)) count++;
    return count;
  }
}

function isRunning(attempt: Attempt): boolean {
  const isBetweenCalls = attempt.kind === "creation" && attempt.actor.state.type !== "starting";
  return attempt.state.type === "running" && !isBetweenCalls;
}
