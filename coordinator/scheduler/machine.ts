/**
 * The workbench of one `handle`: the records, the time of the event, the instructions so far, and what is recommended
 * next. The lives of tasks, objects, actors and workers are each written in a file of their own on top of this one.
 */
import type { ActorId, AttemptId, JobId, ObjectId, ParentId, TaskId } from "../../protocol/ids.ts";
import { attemptNumber, creationOf, taskOfAttempt } from "../../protocol/ids.ts";
import type { Failure } from "../../protocol/nouns.ts";
import { Deadlines } from "./deadlines.ts";
import type { Instruction, Submitter } from "./events.ts";
import { Leases } from "./leases.ts";
import { Classes } from "./placement.ts";
import {
  type Actor,
  type Attempt,
  type Job,
  type ObjectRecord,
  Records,
  type Task,
  type TaskStateName,
  type Worker,
} from "./records.ts";
import { Story, type StoryEntry } from "./story.ts";

export interface SchedulerOptions {
  /** An attempt not heard of for this long is run elsewhere. */
  readonly leaseMs: number;
  /** A worker whose link dropped may be back within this time. */
  readonly graceMs: number;
  /** The same after a restart of the coordinator. */
  readonly restartGraceMs: number;
  /** A worker that is gone may have its actors back within this time; then they live elsewhere. */
  readonly homeMs: number;
  /** Thread time sent ahead of a free thread, ms a thread. */
  readonly aheadMs: number;
  readonly aheadTasks: number;
  /** Functions that run this long at most share trips to a thread. */
  readonly quickMs: number;
  /** What was sent ahead and has not begun after this is given to an idle worker. */
  readonly recallMs: number;
  /** Thread time a job may be ahead of another before it is the other's turn, ms a thread. */
  readonly turnMs: number;
  /** Calls sent to one actor and not ended, at most. */
  readonly callsInFlight: number;
  /** Workers lost under one task before it must run alone. */
  readonly suspectAfter: number;
  readonly queuedTasksPerJob: number;
  readonly storyEntries: number;
  /** Ended tasks remembered for people. */
  readonly historyEntries: number;
}

export const defaultOptions: SchedulerOptions = {
  leaseMs: 15_000,
  graceMs: 1_000,
  restartGraceMs: 4_000,
  homeMs: 3_000,
  aheadMs: 30,
  aheadTasks: 512,
  quickMs: 1.5,
  recallMs: 100,
  turnMs: 500,
  callsInFlight: 1_024,
  suspectAfter: 3,
  queuedTasksPerJob: 1_000_000,
  storyEntries: 200_000,
  historyEntries: 10_000,
};

export type Recommendation =
  | { readonly task: Task; readonly to: "queued" | "waiting" | "cancelled" }
  | { readonly task: Task; readonly to: "failed"; readonly failure: Failure };

export type Deadline =
  /** These two matter while what they wait for is still to be over then. */
  | { readonly type: "grace"; readonly worker: Worker; readonly until: number }
  | { readonly type: "home"; readonly actor: Actor; readonly until: number }
  /** It was queued after so many attempts, and has been since. */
  | { readonly type: "unschedulable"; readonly task: Task; readonly attempts: number };

/** A rule was broken inside the scheduler; the story says how it came to it. */
export class InvalidTransition extends Error {
  constructor(id: string, from: string, to: string, story: string) {
    super(`Cannot move task "${id}" from ${from} to ${to}. Its story:\n${story}`);
    this.name = "InvalidTransition";
  }
}

export class Machine {
  readonly options: SchedulerOptions;
  readonly records = new Records();
  readonly classes: Classes;
  readonly leases: Leases<Attempt>;
  readonly deadlines = new Deadlines<Deadline>();
  readonly story: Story;
  /** Sent ahead of a free thread, oldest first. */
  readonly ahead = new Set<Attempt>();
  /** None of them was sent before. To find the oldest is not free: a set walks over the places of those taken from its front. */
  aheadFrom = 0;
  /** Calls of logs that run again, by attempt. */
  readonly replays = new Map<AttemptId, Actor>();
  readonly dirtyWorkers = new Set<Worker>();
  readonly history: Ended[] = [];
  at = 0;
  order = 0;
  /** Restarts of the coordinator so far. */
  restarts = 0;
  restartedAt = 0;
  /** Not before this is work sent ahead looked at again. */
  recallAt = 0;
  /** Whose turn it is when jobs share. */
  turn: Job | undefined;
  /** What nothing that may run again needs any more, to be worked off. */
  readonly unneeded: ObjectId[] = [];
  /** Lost values that somebody needs. */
  toRemake: ObjectRecord[] = [];
  out: Instruction[] = [];
  recommended: Recommendation[] = [];
  /** Actors whose constructor's inputs have all come, or whose input failed. */
  actorsReady: { readonly actor: Actor; readonly failure?: Failure }[] = [];
  /** Actors with a call that may be sent now, and whose. */
  toPump: { readonly actor: Actor; readonly caller: ParentId | undefined }[] = [];

  constructor(options: SchedulerOptions) {
    this.options = options;
    this.classes = new Classes(this.records.workers);
    this.leases = new Leases(options.leaseMs);
    this.story = new Story(options.storyEntries);
  }

  tell(id: string, what: string, detail?: string): void {
    this.story.tell(this.at, id, what, detail);
  }
  command(instruction: Instruction): void {
    this.out.push(instruction);
  }
  /** What the records say of a task's plain way, and between it everything that was out of the ordinary. */
  storyOf(id: string): StoryEntry[] {
    const told = this.story.of(id);
    const task = this.records.tasks.get(id as TaskId);
    const ended = task === undefined ? this.history.findLast((entry) => entry.id === id) : undefined;
    const way =
      task === undefined ? ended : { ...task, name: task.spec.name, state: task.state.name, error: problemIn(task) };
    if (way === undefined) return told;
    const { name, state, submittedAt, startedAt, endedAt, workerId, error } = way;
    const plain: StoryEntry[] = [{ at: submittedAt, id, what: "submitted", detail: name }];
    if (startedAt > 0) plain.push({ at: startedAt, id, what: "running", detail: workerId });
    if (endedAt > 0) plain.push({ at: endedAt, id, what: state, detail: error });
    else plain.push({ at: this.at, id, what: `${state} now` });
    return [...plain.slice(0, 1), ...told, ...plain.slice(1)].toSorted((a, b) => a.at - b.at);
  }
  broken(task: Task, to: TaskStateName): InvalidTransition {
    const story = this.storyOf(task.id).map((entry) => `  ${entry.at} ${entry.what} ${entry.detail ?? ""}`);
    return new InvalidTransition(task.id, task.state.name, to, story.join("\n"));
  }
  /** An ended task is remembered for a while after its values are gone. */
  remember(task: Task): void {
    const { id, spec, state, parent, startedAt, endedAt, submittedAt, workerId, attempts } = task;
    const entry: Ended = {
      id,
      jobId: task.job.id,
      name: spec.name,
      state: state.name,
      parent,
      submittedAt,
      startedAt,
      endedAt,
      workerId,
      attempts,
      ...(state.name === "failed" ? { error: state.failure.message } : {}),
    };
    this.history.push(entry);
    if (this.history.length > this.options.historyEntries * 2) this.history.splice(0, this.options.historyEntries);
  }

  /** Who a submitter is; undefined when it may not speak (any more). */
  speakerOf(by: Submitter): Speaker | undefined {
    if (by.type === "client") {
      const job = this.records.jobs.get(by.jobId);
      return job === undefined || job.closed ? undefined : { job, parent: job.id, task: undefined, actor: undefined };
    }
    const attempt = this.records.attempts.get(by.attemptId);
    if (attempt !== undefined) {
      if (attempt.worker.id !== by.workerId) return undefined;
      const { task } = attempt;
      return { job: task.job, parent: task.id, task, actor: task.actor };
    }
    return this.#replaySpeaking(by) ?? this.#actorSpeaking(by);
  }
  /** A call that is run again names what it submits as it did the first time. */
  #replaySpeaking({ attemptId, workerId }: Extract<Submitter, { type: "attempt" }>): Speaker | undefined {
    const actor = this.replays.get(attemptId);
    const task = actor?.replays.get(attemptId);
    if (actor === undefined || task === undefined || !("worker" in actor.state)) return undefined;
    return actor.state.worker?.id === workerId ? { job: task.job, parent: task.id, task, actor } : undefined;
  }
  /** An actor outside of any call (its constructor, what it does between calls) speaks as the activation it is. */
  #actorSpeaking({ attemptId, workerId }: Extract<Submitter, { type: "attempt" }>): Speaker | undefined {
    const actor = this.records.actors.get(taskOfAttempt(attemptId) as string as ActorId);
    if (actor === undefined || actor.epoch !== attemptNumber(attemptId) || !("worker" in actor.state)) return undefined;
    if (actor.state.worker?.id !== workerId) return undefined;
    return { job: actor.job, parent: creationOf(actor.id), task: undefined, actor };
  }
}

function problemIn({ state }: Task): string | undefined {
  return state.name === "failed" ? state.failure.message : undefined;
}

/** Whoever submits: a client, a task, a call of an actor, or the actor itself. */
export interface Speaker {
  readonly job: Job;
  /** What it submits is named after this. */
  readonly parent: ParentId;
  readonly task: Task | undefined;
  /** What a call or its actor makes is the actor's to hold. */
  readonly actor: Actor | undefined;
}

/** An ended task, for people. */
export interface Ended {
  readonly id: TaskId;
  readonly jobId: JobId;
  readonly name: string;
  readonly state: TaskStateName;
  readonly parent: ParentId;
  readonly submittedAt: number;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly workerId: string | undefined;
  readonly attempts: number;
  readonly error?: string;
}
