/**
 * The life of a task or a call: the table of its transitions. A transition moves one task and recommends moves of
 * others; a pair that is not in the table throws InvalidTransition with the task's story.
 */
import { attemptId, isChildOf, type ObjectId, returnId } from "../../protocol/ids.ts";
import { type Failure, failure, type Spec, type Submission, type Value } from "../../protocol/nouns.ts";
import type { Submitter } from "./events.ts";
import type { Machine, Speaker } from "./machine.ts";
import {
  awaitInputs,
  forgetTaskIfUnheld,
  hold,
  holdById,
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

/** Whoever submits holds what comes of it: a client until it releases, a task until it ends, a call's actor while it lives. */
export function own({ task, actor }: Pick<Speaker, "task" | "actor">, object: ObjectRecord): void {
  if (actor?.made.has(object) === true) return;
  hold(object);
  if (actor !== undefined) actor.made.add(object);
  else if (task !== undefined) (task.made ??= []).push(object);
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
};
const table: Readonly<Record<TaskStateName, Partial<Record<TaskStateName, Transition>>>> = {
  waiting: { queued: enterQueued, failed: end, cancelled: end },
  queued: { running: enterRunning, failed: leaveQueue, cancelled: leaveQueue },
  running: { queued: runAgain, finished: leaveRunning, failed: leaveRunning, cancelled: leaveRunning },
  finished: {},
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
  if (task.actor !== undefined) {
    m.toPump.push({ actor: task.actor, caller: task.parent });
    return;
  }
  const { spec, job } = task;
  if (spec.type !== "task") throw m.broken(task, "queued");
  const alone = task.workersLost >= m.options.suspectAfter;
  const known = m.classes.recent(spec, job, alone);
  m.classes.enqueue(task, known ?? m.classes.classFor({ ...traitsOf(spec), job, alone, actors: false }, spec));
  if (spec.unschedulableMs !== undefined) m.deadlines.add(m.at + spec.unschedulableMs, { type: "unschedulable", task });
}

function traitsOf(spec: Extract<Spec, { type: "task" }>) {
  const { demand, priority, labels, placement } = spec;
  return { demand, priority, labels, placement };
}

function leaveQueue(m: Machine, task: Task, how: How): void {
  task.job.queued--;
  if (task.actor === undefined) m.classes.dequeue(task);
  else task.actor.mailbox.get(task.parent)?.remove(task);
  end(m, task, how);
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
  task.work = undefined;
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
  if (work !== undefined) {
    for (const id of work.inputs) releaseById(m, id);
    for (const id of work.holds) releaseById(m, id);
  }
  const { made } = task;
  task.made = undefined;
  for (const object of made ?? []) release(m, object);
  m.remember(task);
  forgetTaskIfUnheld(m, task);
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
    });
    return;
  }
  transition(m, task, "finished", { values });
}

export function attemptFailed(m: Machine, attempt: Attempt, problem: Failure, crashed: boolean, ranMs: number): void {
  const { task, worker } = attempt;
  if (!crashed) noteDuration(m, attempt, ranMs);
  const known: Failure = { ...problem, taskName: problem.taskName ?? task.spec.name, workerId: worker.id };
  if (problem.code === "TASK_CANCELLED" || (crashed && task.cancelAsked)) return transition(m, task, "cancelled");
  if (!task.cancelAsked && mayRetry(task, problem, crashed)) {
    task.retries++;
    m.tell(task.id, "retried", problem.message);
    return transition(m, task, "queued");
  }
  transition(m, task, "failed", { failure: known });
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
  if (isOver(task)) return;
  task.cancelAsked = true;
  m.tell(task.id, "cancel-asked", force ? "force" : undefined);
  if (task.state.name !== "running") {
    transition(m, task, "cancelled");
    return;
  }
  const { attempt } = task.state;
  m.command({ type: "cancel-attempt", workerId: attempt.worker.id, attemptId: attempt.id, force });
}
