/**
 * The life of an object: made pending or ready, waited for and wanted, kept while anybody holds it, then forgotten.
 * Recommends moves of the tasks and actors that wait; moves none itself.
 */
import { type ObjectId, returnIndex, type TaskId, taskOfObject } from "../../protocol/ids.ts";
import { type Failure, failure, type Submission, type Value } from "../../protocol/nouns.ts";
import type { ReadyObject, Submitter } from "./events.ts";
import type { Machine } from "./machine.ts";
import { type Actor, isOver, isTask, type Job, type ObjectRecord, type ObjectState, type Task } from "./records.ts";

/** Pending, held by nobody yet. */
export function makeObject(m: Machine, id: ObjectId, job: Job): ObjectRecord {
  const record: ObjectRecord = {
    id,
    job,
    state: { name: "pending" },
    holders: 0,
    lineage: 0,
    dependents: undefined,
    wants: undefined,
  };
  m.records.objects.set(id, record);
  job.objects.add(record);
  return record;
}

export function readyState(value: Value): Extract<ObjectState, { name: "ready" }> {
  return { name: "ready", value };
}

/** The object has become what it will be: those who wait hear of it. A freed one stays freed. */
export function settle(
  m: Machine,
  object: ObjectRecord,
  state: Exclude<ObjectState, { name: "pending" | "lost" }>,
): void {
  if (object.state.name !== "pending") {
    // It was freed, or a repeated attempt made it before: the bytes that came now belong to nobody.
    return;
  }
  object.state = state;
  if (state.name === "ready") for (const id of state.value.refs) holdById(m, id);
  const { wants, dependents } = object;
  object.wants = undefined;
  object.dependents = undefined;
  for (const want of wants ?? []) m.command({ type: "deliver", to: want.by, object: answer(object, want.values) });
  for (const dependent of dependents ?? []) inputSettled(m, dependent, object);
  forgetIfUnheld(m, object);
}

function inputSettled(m: Machine, dependent: Task | Actor, object: ObjectRecord): void {
  if (dependent.state.name !== "waiting") return;
  const problem = problemOf(object);
  if (isTask(dependent)) {
    if (problem !== undefined) {
      m.recommended.push({
        task: dependent,
        to: "failed",
        failure: inputFailure(dependent.spec.name, object.id, problem),
      });
    } else if (--dependent.state.missing === 0) m.recommended.push({ task: dependent, to: "queued" });
    return;
  }
  if (problem !== undefined)
    m.actorsReady.push({ actor: dependent, failure: inputFailure(dependent.spec.className, object.id, problem) });
  else if (--dependent.state.missing === 0) m.actorsReady.push({ actor: dependent });
}

export function problemOf(object: ObjectRecord): Failure | undefined {
  if (object.state.name === "failed") return object.state.failure;
  if (object.state.name === "freed") return freedFailure(object.id);
  return undefined;
}

const chainLength = 20;

/** What becomes of a task whose input failed: the first error stays at the end of the chain, which is kept short. */
export function inputFailure(name: string, input: ObjectId, problem: Failure): Failure {
  let length = 0;
  let root = problem;
  while (root.because !== undefined) {
    root = root.because;
    length++;
  }
  const because = length < chainLength ? problem : root;
  const made = problem.taskName === undefined ? "" : ` from "${problem.taskName}"`;
  return failure("TASK_ERROR", `Cannot run "${name}": its input ${input}${made} failed: ${quoted(problem.message)}`, {
    taskName: name,
    because,
    ...(problem.workerId === undefined ? {} : { workerId: problem.workerId }),
    ...(problem.errorName === undefined ? {} : { errorName: problem.errorName }),
  });
}

/** A message that quotes another stays within what a message may be, however often it is quoted in turn. */
export function quoted(message: string): string {
  return message.length <= quotedLength ? message : `${message.slice(0, quotedLength)}...`;
}
const quotedLength = 2_000;

export function lostFailure(id: ObjectId): Failure {
  return failure("OBJECT_LOST", `Cannot get object "${id}": it was never made here, or its last handle was released`);
}
function freedFailure(id: ObjectId): Failure {
  return failure("OBJECT_FREED", `Cannot get object "${id}": it was freed`);
}

export function answer(object: ObjectRecord, values: boolean): ReadyObject {
  const { id, state } = object;
  if (state.name === "ready") return values ? { type: "value", id, value: state.value } : { type: "exists", id };
  const problem = problemOf(object) ?? lostFailure(id);
  return { type: "failed", id, failure: problem };
}

export function want(m: Machine, by: Submitter, id: ObjectId, values: boolean): void {
  const object = m.records.objects.get(id) ?? upcomingItem(m, id);
  if (object === undefined) {
    m.command({ type: "deliver", to: by, object: missingAnswer(m, id) });
    return;
  }
  need(m, object);
  if (object.state.name !== "pending") {
    m.command({ type: "deliver", to: by, object: answer(object, values) });
    return;
  }
  // Who asks again after a restart may have asked in what it said again.
  const isAsked = object.wants?.some((want) => want.values === values && isSame(want.by, by));
  if (isAsked !== true) (object.wants ??= []).push({ by, values });
}

function isSame(a: Submitter, b: Submitter): boolean {
  if (a.type === "client") return b.type === "client" && a.jobId === b.jobId;
  return b.type === "attempt" && a.attemptId === b.attemptId && a.workerId === b.workerId;
}

/** An item that a living generator has not produced yet. */
function upcomingItem(m: Machine, id: ObjectId): ObjectRecord | undefined {
  const producer = m.records.tasks.get(taskOfObject(id));
  if (producer === undefined || producer.spec.kind !== "generator" || isOver(producer)) return undefined;
  const index = returnIndex(id);
  // Only the next ones: a hostile client cannot have records made without end.
  if (!(index > producer.produced && index <= producer.produced + 1_024)) return undefined;
  return makeObject(m, id, producer.job);
}

function missingAnswer(m: Machine, id: ObjectId): ReadyObject {
  const producer = m.records.tasks.get(taskOfObject(id));
  if (producer?.spec.kind === "generator" && returnIndex(id) > producer.produced) {
    if (producer.state.name === "failed") return { type: "failed", id, failure: producer.state.failure };
    if (isOver(producer)) return { type: "ended", id };
  }
  return { type: "failed", id, failure: lostFailure(id) };
}

export function hold(object: ObjectRecord): void {
  object.holders++;
}
export function holdById(m: Machine, id: ObjectId): ObjectRecord | undefined {
  const object = m.records.objects.get(id);
  if (object !== undefined) object.holders++;
  return object;
}

export function release(m: Machine, object: ObjectRecord): void {
  if (object.holders > 0) object.holders--;
  forgetIfUnheld(m, object);
}
export function releaseById(m: Machine, id: ObjectId): void {
  const object = m.records.objects.get(id);
  if (object !== undefined) release(m, object);
}

export function forgetIfUnheld(m: Machine, object: ObjectRecord): void {
  if (object.holders > 0 || object.state.name === "pending") return;
  if (object.wants !== undefined || object.dependents !== undefined) return;
  if (object.lineage > 0) dropRemakable(m, object);
  else forget(m, object);
}

/** The record goes, and with it what only it kept. */
export function forget(m: Machine, object: ObjectRecord): void {
  if (!m.records.objects.delete(object.id)) return;
  object.job.objects.delete(object);
  dropValue(m, object);
  const producer = m.records.tasks.get(taskOfObject(object.id));
  if (producer !== undefined) forgetTaskIfUnheld(m, producer);
}

export function dropValue(m: Machine, object: ObjectRecord): void {
  const { state } = object;
  if (state.name !== "ready") return;
  if (state.value.type === "stored") m.command({ type: "forget-object", id: object.id });
  for (const id of state.value.refs) releaseById(m, id);
}

export function free(m: Machine, object: ObjectRecord): void {
  if (object.state.name === "freed" || object.state.name === "failed") return;
  if (object.state.name === "lost") object.state = { name: "pending" };
  if (object.state.name === "pending") return settle(m, object, { name: "freed" });
  dropValue(m, object);
  object.state = { name: "freed" };
}

/** A task that has ended is on record while any of its returns is. */
export function forgetTaskIfUnheld(m: Machine, task: Task): void {
  if (!isOver(task)) return;
  for (let i = 0; i < task.spec.returns; i++) if (m.records.objects.has(`${task.id}:${i}` as ObjectId)) return;
  forgetTask(m, task);
}
export function forgetTask(m: Machine, task: Task): void {
  if (!m.records.tasks.delete(task.id)) return;
  task.job.tasks.delete(task);
  if (task.actor === undefined && task.work !== undefined) {
    m.unneeded.push(...needsOf(task.work));
    task.work = undefined;
  }
  const parent = m.records.tasks.get(task.parent as TaskId);
  parent?.children?.delete(task);
}

/** Adds `dependent` to those who wait for its inputs. Says how many are missing, or why it can never run. */
export function awaitInputs(
  m: Machine,
  dependent: Task | Actor,
  name: string,
  inputs: readonly ObjectId[],
): { readonly missing: number } | { readonly failure: Failure } {
  let missing = 0;
  const seen = inputs.length > 1 ? new Set(inputs) : inputs;
  for (const id of seen) {
    const object = m.records.objects.get(id);
    if (object !== undefined) need(m, object);
    const problem = object === undefined ? lostFailure(id) : problemOf(object);
    if (problem !== undefined) return { failure: inputFailure(name, id, problem) };
    if (object?.state.name !== "pending") continue;
    (object.dependents ??= new Set()).add(dependent);
    missing++;
  }
  return { missing };
}

/** The values of inputs that are all here. */
export function resolve(m: Machine, inputs: readonly ObjectId[]): { id: ObjectId; value: Value }[] {
  const resolved: { id: ObjectId; value: Value }[] = [];
  for (const id of inputs) {
    const state = m.records.objects.get(id)?.state;
    if (state?.name === "ready") resolved.push({ id, value: state.value });
  }
  return resolved;
}

// ------------------------------------------------------------------------------------------ lost values

/** A lost value that somebody needs is pending again; how it comes to be is worked off later. */
function need(m: Machine, object: ObjectRecord): void {
  if (object.state.name !== "lost") return;
  object.state = { name: "pending" };
  m.toRemake.push(object);
}

/** Nobody holds the value, and it is not needed unless something that was made from it is lost. */
function dropRemakable(m: Machine, object: ObjectRecord): void {
  if (object.state.name !== "ready" || object.state.value.type !== "stored") return;
  if (producerOf(m, object) === undefined) return;
  dropValue(m, object);
  object.state = { name: "lost" };
}

/** The task that can make it again. */
export function producerOf(m: Machine, object: ObjectRecord): Task | undefined {
  const producer = m.records.tasks.get(taskOfObject(object.id));
  const isAble = producer?.state.name === "finished" && producer.work !== undefined && isRemakable(producer);
  return isAble ? producer : undefined;
}

/** Whether what it made may have to be made again. */
export function isRemakable(task: Task): boolean {
  return task.actor === undefined && task.spec.kind !== "generator" && !task.cancelAsked;
}

/** What a task needs to run. */
export function needsOf({ inputs, holds }: Submission): readonly ObjectId[] {
  return holds.length === 0 ? inputs : [...inputs, ...holds];
}

/** Whether an input that had come is gone again. */
export function lacksInputs(m: Machine, inputs: readonly ObjectId[]): boolean {
  for (const id of inputs) if (m.records.objects.get(id)?.state.name !== "ready") return true;
  return false;
}
