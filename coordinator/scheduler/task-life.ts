/**
 * The life of a task or a call: the table of its transitions. A transition moves one task and recommends moves of
 * others; a pair that is not in the table throws InvalidTransition with the task's story.
 */
import { attemptId, isChildOf, type ObjectId, ordinalOf, returnId, taskOfObject } from "../../protocol/ids.ts";
import { type Failure, failure, type Spec, type Submission, type Value } from "../../protocol/nouns.ts";
import { acceptAgain } from "./actor-mailbox.ts";
import type { Submitter } from "./events.ts";
import { awaitAgain, keepLineage, makeAgain } from "./lineage.ts";
import type { Machine, Speaker } from "./machine.ts";
import {
  awaitInputs,
  forgetTaskIfUnheld,
  hold,
  holdById,
  isRemakable,
  lacksInputs,
  lostFailure,
  makeObject,
  readyState,
  releaseById,
  release,
  settle,
} from "./object-life.ts";
import { occupy, take } from "./placement.ts";
import {
  type Actor,
  type Attempt,
  isOver,
  type ObjectRecord,
  type Task,
  type TaskState,
  type TaskStateName,
  type Worker,
} from "./records.ts";

// ------------------------------------------------------------------------------------------ submitted

export interface NewTask {
  readonly by: Submitter;
  readonly speaker: Speaker;
  readonly spec: Spec;
  readonly submission: Submission;
  readonly actor: Actor | undefined;
}

/** Makes the records of a submission, or does nothing where a re-run names what is there already. */
export function submit(m: Machine, { by, speaker, spec, submission, actor }: NewTask): Task | undefined {
  const { id } = submission;
  const { job, parent } = speaker;
  if (!isChildOf(id, parent)) {
    m.command({
      type: "refuse",
      to: by,
      code: "PROTOCOL",
      message: `Cannot submit "${id}": it is not named after "${parent}"`,
      about: id,
    });
    return undefined;
  }
  if (m.records.tasks.has(id)) return undefined;
  const task: Task = {
    id,
    job,
    parent,
    spec,
    order: m.order++,
    work: submission,
    state: { name: "waiting", missing: 0 },
    actor,
    attempts: 0,
    retries: 0,
    workersLost: 0,
    cancelAsked: false,
    cancelForced: false,
    children: undefined,
    made: undefined,
    produced: 0,
    taken: 0,
    submittedAt: m.at,
    startedAt: 0,
    endedAt: 0,
    workerId: undefined,
    placement: undefined,
  };
  m.records.tasks.set(id, task);
  job.tasks.add(task);
  noteOrdinal(speaker, id);
  if (speaker.task !== undefined) (speaker.task.children ??= new Set()).add(task);
  for (let i = 0; i < spec.returns; i++) own(speaker, makeObject(m, returnId(id, i), job));
  for (const input of submission.inputs) holdById(m, input);
  for (const held of submission.holds) holdById(m, held);
  const inputs = submission.inputs.length === 0 ? nothingMissing : awaitInputs(m, task, spec.name, submission.inputs);
  if ("failure" in inputs) m.recommended.push({ task, to: "failed", failure: inputs.failure });
  else if (inputs.missing === 0) m.recommended.push({ task, to: "queued" });
  else task.state = { name: "waiting", missing: inputs.missing };
  return task;
}
const nothingMissing = { missing: 0 };

/** A client that comes back without its memory goes on counting from here. */
export function noteOrdinal({ job, parent }: Speaker, id: Task["id"]): void {
  const ordinal = parent === job.id ? ordinalOf(id) : 0;
  // Any text may stand there: only what can be counted on from is noted.
  if (ordinal > job.submitted && Number.isSafeInteger(ordinal)) job.submitted = ordinal;
}

/** Whoever submits holds what comes of it: a client until it releases, a task until it ends, a call's actor while it lives. */
export function own({ task, actor }: Pick<Speaker, "task" | "actor">, object: ObjectRecord): void {
  if (actor?.made.has(object) === true) return;
  hold(object);
  if (actor !== undefined) actor.made.add(object);
  else if (task !== undefined) (task.made ??= []).push(object);
}

/** An actor lets go of it. What a call has submitted is kept while the call may run again, so that it finds it done. */
export function disown(m: Machine, actor: Actor, object: ObjectRecord): void {
  if (!actor.made.delete(object)) return;
  const submitted = taskOfObject(object.id);
  // The brand was minted when the parent was submitted; the actor itself is not among tasks.
  const parent = submitted.slice(0, submitted.lastIndexOf(".")) as Task["id"];
  const call = actor.log.get(parent) ?? m.records.tasks.get(parent);
  const mayRunAgain = call?.actor === actor && (actor.log.has(parent) || !isOver(call));
  if (mayRunAgain) (call.made ??= []).push(object);
  else release(m, object);
}

// ------------------------------------------------------------------------------------------ the table

type Transition = (m: Machine, task: Task, how: How) => void;
/** What a transition may need to know beyond its ends. */
export type How = {
  readonly worker?: Worker;
  readonly ahead?: boolean;
  readonly estimateMs?: number;
  readonly values?: readonly Value[];
  readonly failure?: Failure;
  /** Its code ran to its end, so that a call has left its mark on its actor. */
  readonly ran?: boolean;
};
const table: Readonly<Record<TaskStateName, Partial<Record<TaskStateName, Transition>>>> = {
  waiting: { queued: enterQueued, failed: leaveWaiting, cancelled: leaveWaiting },
  queued: { running: enterRunning, waiting: waitAgain, failed: leaveQueue, cancelled: leaveQueue },
  running: { queued: runAgain, finished: leaveRunning, failed: leaveRunning, cancelled: leaveRunning },
  finished: { waiting: makeAgain },
  failed: {},
  cancelled: {},
};

export function transition(m: Machine, task: Task, to: TaskStateName, how: How = {}): void {
  const move = table[task.state.name][to];
  if (move === undefined) throw m.broken(task, to);
  move(m, task, how.failure === undefined && to === "cancelled" ? { ...how, failure: cancelledFailure(task) } : how);
}

const queued: TaskState = { name: "queued" };
const finished: TaskState = { name: "finished" };
const cancelled: TaskState = { name: "cancelled" };

function enterQueued(m: Machine, task: Task): void {
  task.state = queued;
  task.job.queued++;
  if (task.spec.type === "task") enqueueAgain(m, task);
  else if (task.actor !== undefined) m.toPump.push({ actor: task.actor, caller: task.parent });
}

/** Takes its place in the queue of its class. */
function enqueueAgain(m: Machine, task: Task): void {
  const { spec, job } = task;
  if (spec.type !== "task") throw m.broken(task, "queued");
  const alone = task.workersLost >= m.options.suspectAfter;
  const known = m.classes.recent(spec, job, alone);
  m.classes.enqueue(task, known ?? m.classes.classFor({ ...traitsOf(spec), job, alone, actors: false }, spec));
  if (spec.unschedulableMs !== undefined)
    m.deadlines.add(m.at + spec.unschedulableMs, { type: "unschedulable", task, attempts: task.attempts });
}

function traitsOf(spec: Extract<Spec, { type: "task" }>) {
  const { demand, priority, labels, placement } = spec;
  return { demand, priority, labels, placement };
}

function leaveWaiting(m: Machine, task: Task, how: How): void {
  end(m, task, how);
  // It held back the later calls of its caller.
  if (task.actor !== undefined) m.toPump.push({ actor: task.actor, caller: task.parent });
}

function leaveQueue(m: Machine, task: Task, how: How): void {
  task.job.queued--;
  if (task.actor === undefined) m.classes.dequeue(task);
  else task.actor.mailbox.get(task.parent)?.remove(task);
  end(m, task, how);
}

/** An input was lost while it was queued. A call keeps its place among those of its caller. */
function waitAgain(m: Machine, task: Task): void {
  task.job.queued--;
  if (task.actor === undefined) m.classes.dequeue(task);
  task.state = { name: "waiting", missing: 0 };
  awaitAgain(m, task);
}

function enterRunning(m: Machine, task: Task, { worker, ahead = false, estimateMs = 0 }: How): void {
  if (worker === undefined) throw m.broken(task, "running");
  task.attempts++;
  const attempt: Attempt = {
    id: attemptId(task.id, task.attempts),
    task,
    worker,
    assignedAt: m.at,
    ahead,
    blocked: false,
    estimateMs,
  };
  task.state = { name: "running", attempt };
  task.workerId = worker.id;
  task.startedAt = m.at;
  task.job.queued--;
  task.job.running++;
  m.records.attempts.set(attempt.id, attempt);
  m.leases.extend(attempt, m.at);
  worker.attempts.add(attempt);
  if (task.attempts > 1) m.tell(task.id, "running again", worker.id);
  if (task.actor !== undefined || task.spec.type !== "task") return;
  m.classes.dequeue(task);
  if (ahead) {
    if (m.ahead.size === 0) m.aheadFrom = m.at;
    m.ahead.add(attempt);
  }
  worker.inHand++;
  occupy(worker, task.spec.demand.cpus);
  worker.backlogMs += estimateMs;
  task.job.usedMs += estimateMs;
  take(task.spec.demand, worker, 1);
  if (task.workersLost >= m.options.suspectAfter) worker.alone = attempt;
  m.classes.loadChanged(worker);
}

/** The attempt is over, whatever comes of the task; its thread and its lease are free. */
export function endAttempt(m: Machine, task: Task): void {
  if (task.state.name !== "running") throw m.broken(task, "running");
  const { attempt } = task.state;
  const { worker } = attempt;
  m.records.attempts.delete(attempt.id);
  m.leases.end(attempt);
  m.ahead.delete(attempt);
  worker.attempts.delete(attempt);
  task.job.running--;
  if (task.actor !== undefined) {
    task.actor.inFlight.delete(task);
    m.toPump.push({ actor: task.actor, caller: undefined });
    return;
  }
  if (task.spec.type !== "task") return;
  worker.inHand--;
  if (!attempt.blocked) occupy(worker, -task.spec.demand.cpus);
  worker.backlogMs = worker.inHand === 0 ? 0 : worker.backlogMs - attempt.estimateMs;
  take(task.spec.demand, worker, -1);
  if (worker.alone === attempt) worker.alone = undefined;
  m.dirtyWorkers.add(worker);
}

function runAgain(m: Machine, task: Task): void {
  endAttempt(m, task);
  enterQueued(m, task);
}

function leaveRunning(m: Machine, task: Task, how: How): void {
  endAttempt(m, task);
  end(m, task, how);
}

/** The one way a task ends: its returns are settled, its holds let go, and nothing can run it again. */
function end(m: Machine, task: Task, how: How): void {
  const { work } = task;
  const { values, failure: problem } = how;
  task.endedAt = m.at;
  if (values !== undefined) task.state = finished;
  else if (problem?.code === "TASK_CANCELLED") task.state = cancelled;
  else task.state = { name: "failed", failure: problem ?? lostFailure(returnId(task.id, 0)) };
  if (values !== undefined) task.job.finished++;
  else task.job.failed++;
  const isLogged = how.ran === true && work !== undefined && isReplayedLater(task);
  const isKept = values?.some(({ type }) => type === "stored") === true && isRemakable(task);
  if (!isLogged && !isKept) task.work = undefined;
  for (let i = 0; i < task.spec.returns; i++) {
    const object = m.records.objects.get(returnId(task.id, i));
    if (object === undefined) continue;
    const value = values?.[i];
    settle(
      m,
      object,
      value === undefined ? { name: "failed", failure: problem ?? lostFailure(object.id) } : readyState(value),
    );
  }
  if (task.spec.kind === "generator") endItems(m, task, problem);
  if (isLogged) task.actor?.log.set(task.id, task);
  else if (work !== undefined && isKept) keepLineage(m, work);
  else if (work !== undefined) letGo(m, work);
  if (!isLogged) letGoOfMade(m, task);
  m.remember(task);
  forgetTaskIfUnheld(m, task);
}

/** An actor that saves now and then goes on from its last checkpoint by what it was told since. */
function isReplayedLater({ actor }: Task): boolean {
  return actor !== undefined && actor.state.name !== "dead" && actor.spec.checkpoint.type === "rhythm";
}

export function letGoOfMade(m: Machine, task: Task): void {
  const { made } = task;
  task.made = undefined;
  for (const object of made ?? []) release(m, object);
}

/** What a submission needed, nobody needs for it any more. */
export function letGo(m: Machine, work: Submission): void {
  for (const id of work.inputs) releaseById(m, id);
  for (const id of work.holds) releaseById(m, id);
}

/** Whoever waits for an item beyond the last hears how it ended; items nobody took from a cancelled one go. */
function endItems(m: Machine, task: Task, problem: Failure | undefined): void {
  for (let index = task.produced + 1; index <= task.produced + 1_024; index++) {
    const object = m.records.objects.get(returnId(task.id, index));
    if (object === undefined) break;
    if (problem !== undefined) {
      settle(m, object, { name: "failed", failure: problem });
      continue;
    }
    for (const want of object.wants ?? [])
      m.command({ type: "deliver", to: want.by, object: { type: "ended", id: object.id } });
    object.wants = undefined;
    settle(m, object, { name: "freed" });
  }
  if (!task.cancelAsked) return;
  for (let index = task.taken + 1; index <= task.produced; index++) releaseById(m, returnId(task.id, index));
}

/** One item of a generator. A re-run's repeats are dropped. */
export function produce(m: Machine, task: Task, index: number, value: Value): void {
  if (index !== task.produced + 1) return;
  task.produced = index;
  const id: ObjectId = returnId(task.id, index);
  const object = m.records.objects.get(id) ?? makeObject(m, id, task.job);
  const parent = m.records.tasks.get(task.parent as Task["id"]);
  own({ task: parent, actor: parent?.actor }, object);
  settle(m, object, readyState(value));
}

// ------------------------------------------------------------------------------------------ how an attempt ends

export function attemptDone(m: Machine, attempt: Attempt, values: readonly Value[], ranMs: number): void {
  const { task, worker } = attempt;
  noteDuration(m, attempt, ranMs);
  worker.tasksDone++;
  if (values.length !== task.spec.returns) {
    const message = `Cannot take the result of "${task.spec.name}": it has ${values.length} values and should have ${task.spec.returns}`;
    transition(m, task, "failed", {
      failure: failure("TASK_ERROR", message, { taskName: task.spec.name, workerId: worker.id }),
      ran: true,
    });
    return;
  }
  transition(m, task, "finished", { values, ran: true });
}

export function attemptFailed(m: Machine, attempt: Attempt, problem: Failure, crashed: boolean, ranMs: number): void {
  const { task, worker } = attempt;
  if (!crashed) noteDuration(m, attempt, ranMs);
  const known: Failure = { ...problem, taskName: problem.taskName ?? task.spec.name, workerId: worker.id };
  if (problem.code === "OBJECT_LOST" && !task.cancelAsked && lacksInputs(m, task.work?.inputs ?? [])) {
    // It never began: what it needed was gone when it was fetched.
    m.tell(task.id, "input lost");
    transition(m, task, "queued");
    if (task.actor !== undefined) acceptAgain(task.actor, [task]);
    return;
  }
  if (problem.code === "TASK_CANCELLED" || (crashed && task.cancelAsked)) return transition(m, task, "cancelled");
  if (!task.cancelAsked && mayRetry(task, problem, crashed)) {
    task.retries++;
    m.tell(task.id, "retried", problem.message);
    transition(m, task, "queued");
    if (task.actor !== undefined) acceptAgain(task.actor, [task]);
    return;
  }
  transition(m, task, "failed", { failure: known, ran: !crashed });
}

function mayRetry(task: Task, problem: Failure, crashed: boolean): boolean {
  if (task.actor !== undefined && crashed) return false;
  const { retryErrors } = task.spec;
  const wanted =
    crashed ||
    (problem.code === "TASK_ERROR" &&
      (retryErrors.type === "all" ||
        (retryErrors.type === "named" && retryErrors.names.includes(problem.errorName ?? ""))));
  if (!wanted) return false;
  const budget = task.spec.maxRetries;
  return budget === undefined || task.retries < budget;
}

/** Measured run times make the estimates that let quick tasks be sent ahead. */
function noteDuration(m: Machine, attempt: Attempt, ranMs: number): void {
  const { task, worker } = attempt;
  worker.busyMs += ranMs;
  task.job.usedMs += ranMs - attempt.estimateMs;
  if (task.spec.type !== "task") return;
  const { functionId } = task.spec;
  const before = m.records.durations.get(functionId);
  m.records.durations.set(functionId, before === undefined ? ranMs : before + (ranMs - before) * 0.2);
}

/** Its worker is gone: the task runs elsewhere, unless it is suspected of killing workers or was to be cancelled. */
export function attemptLost(m: Machine, attempt: Attempt, goodbye: boolean): void {
  const { task, worker } = attempt;
  m.tell(task.id, "lost", worker.id);
  if (task.cancelAsked) return transition(m, task, "cancelled");
  if (!goodbye && !attempt.ahead && !attempt.blocked) task.workersLost++;
  if (task.workersLost > m.options.suspectAfter) {
    const message = `Cannot run "${task.spec.name}": ${task.workersLost} workers were lost while they ran it, the last while it ran alone`;
    return transition(m, task, "failed", {
      failure: failure("WORKER_CRASHED", message, { taskName: task.spec.name, workerId: worker.id }),
    });
  }
  transition(m, task, "queued");
}

// ------------------------------------------------------------------------------------------ cancelled

function cancelledFailure(task: Task): Failure {
  return failure("TASK_CANCELLED", `Task "${task.spec.name}" was cancelled`, { taskName: task.spec.name });
}

export function cancel(m: Machine, task: Task, force: boolean, recursive: boolean): void {
  if (recursive) for (const child of task.children ?? []) cancel(m, child, force && child.actor === undefined, true);
  task.cancelAsked = true;
  if (isOver(task)) return;
  task.cancelForced ||= force;
  m.tell(task.id, "cancel-asked", force ? "force" : undefined);
  if (task.state.name !== "running") {
    transition(m, task, "cancelled");
    return;
  }
  const { attempt } = task.state;
  m.command({ type: "cancel-attempt", workerId: attempt.worker.id, attemptId: attempt.id, force });
}
