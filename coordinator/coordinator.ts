/**
 * The loop around the scheduler: facts in, journal, decide, carry out, and one timer for whatever falls due. Owns the
 * order of these steps and who is told what. Knows nothing about sockets, pages or the words of sessions.
 */
import type { JobId, WorkerId } from "../protocol/ids.ts";
import type { LogLine } from "../protocol/nouns.ts";
import { jobOf, taskOfAttempt } from "../protocol/ids.ts";
import { Definitions } from "./definitions.ts";
import type { Journal } from "./journal/journal.ts";
import type { ObjectStore } from "./objects/object-store.ts";
import type { Instruction, SchedulerEvent } from "./scheduler/events.ts";
import { Scheduler } from "./scheduler/scheduler.ts";

/** An event without its time: the coordinator stamps it. */
export type Fact = SchedulerEvent extends infer E ? (E extends SchedulerEvent ? Omit<E, "at"> : never) : never;

/** A connected worker or client, as the coordinator sees it: a place where instructions go. */
export interface Destination {
  carry(instruction: Instruction): void;
  log?(lines: readonly { taskName: string; workerName: string; line: LogLine }[]): void;
}

export interface CoordinatorOptions {
  readonly journal: Journal;
  readonly objects: ObjectStore;
  /** Milliseconds; only goes forward. */
  readonly now: () => number;
  /** A rule broken inside, or an adapter that failed: for the log. */
  readonly onTrouble: (error: unknown) => void;
}

export interface Progress {
  readonly fraction: number;
  readonly note: string;
}

export class Coordinator {
  readonly scheduler = new Scheduler();
  readonly definitions: Definitions;
  readonly objects: ObjectStore;
  readonly workers = new Map<WorkerId, Destination>();
  readonly clients = new Map<JobId, Destination>();
  /** Knocks at the door, WebSocket upgrades included. */
  readonly traffic = { requests: 0, upgrades: 0 };
  /** What running tasks last said of themselves. */
  readonly progress = new Map<string, Progress>();
  readonly #options: CoordinatorOptions;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerAt = Infinity;
  #isClosed = false;

  constructor(options: CoordinatorOptions) {
    this.#options = options;
    this.objects = options.objects;
    this.definitions = new Definitions(options.objects);
  }

  now(): number {
    return this.#options.now();
  }

  /** Takes facts in the order they happened, and carries out what follows before it returns. */
  take(...facts: readonly Fact[]): void {
    if (this.#isClosed) return;
    const at = this.now();
    const events = facts.map((fact) => ({ ...fact, at }));
    this.#options.journal.append(events);
    try {
      for (const instruction of this.scheduler.handle(...events)) this.#carry(instruction);
    } catch (error) {
      this.#options.onTrouble(error);
    }
    this.#setTimer(at);
  }

  log(workerName: string, lines: readonly LogLine[]): void {
    const byJob = new Map<JobId, { taskName: string; workerName: string; line: LogLine }[]>();
    for (const line of lines) {
      const jobId = jobOf(line.attemptId);
      const taskName =
        this.scheduler.records.tasks.get(taskOfAttempt(line.attemptId))?.spec.name ?? this.#actorName(line) ?? "";
      let mine = byJob.get(jobId);
      if (mine === undefined) byJob.set(jobId, (mine = []));
      mine.push({ taskName, workerName, line });
    }
    for (const [jobId, said] of byJob) this.clients.get(jobId)?.log?.(said);
  }
  #actorName(line: LogLine): string | undefined {
    return this.scheduler.records.actors.get(taskOfAttempt(line.attemptId) as string as never)?.spec.className;
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  #carry(instruction: Instruction): void {
    switch (instruction.type) {
      case "deliver":
      case "actor-is":
      case "refuse": {
        const { to } = instruction;
        const destination = to.type === "client" ? this.clients.get(to.jobId) : this.workers.get(to.workerId);
        destination?.carry(instruction);
        return;
      }
      case "forget-object":
        this.objects.delete(instruction.id).catch(this.#options.onTrouble);
        return;
      case "forget-job": {
        const functionIds = this.definitions.forgetJob(instruction.jobId);
        for (const worker of this.workers.values()) worker.carry({ ...instruction, functionIds });
        return;
      }
      default:
        this.workers.get(instruction.workerId)?.carry(instruction);
    }
  }

  /** Moves the one timer when the next deadline is sooner, or when it has fired. */
  #setTimer(at: number): void {
    const due = this.scheduler.nextDeadline();
    if (due === undefined || (due >= this.#timerAt && this.#timer !== undefined)) return;
    clearTimeout(this.#timer);
    this.#timerAt = due;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#timerAt = Infinity;
        this.take({ type: "time-passed" });
      },
      Math.max(1, Math.ceil(due - at)),
    );
  }
}
