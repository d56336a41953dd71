/**
 * Which task begins next, and where. In order of arrival, a lane's first tasks go to a free thread: one alone, or as
 * many quick ones as make a good trip. Asked at the end of every event.
 */
import { limits } from "../../protocol/limits.ts";
import { inputsOf, type TaskAttempt } from "./attempts.ts";
import type { Holdings } from "./holdings.ts";
import type { Lane } from "./lanes.ts";
import { recruit } from "./thread-supply.ts";
import { type TaskThread, Trip } from "./threads.ts";

/** The most tasks of one trip, */
const batchTasks = 256;
/** and the most bytes, after which no more are added. */
const batchBytes = limits.messageBytes;

const none: ReadonlySet<Lane> = new Set();

export function dispatch(h: Holdings): void {
  const wanting = h.lanes.length === 0 ? 0 : fillThreads(h);
  if (h.lanes.length > 0) fillPipes(h);
  recruit(h, wanting);
}

/** Returns how many jobs had work, slots for it and no thread. */
function fillThreads(h: Holdings): number {
  const { lanes, threads } = h;
  let passed = none;
  for (;;) {
    const lane = lanes.oldest(passed);
    const first = lane?.first;
    // Strictly in order: what needs more slots than are free is not overtaken for ever by what needs fewer.
    if (lane === undefined || first === undefined || !threads.fits(first.cpuUnits)) return passed.size;
    const thread = threads.freeFor(lane.jobId);
    if (thread === undefined) passed = new Set([...passed, lane]);
    else begin(h, thread, lane, first, threads.unused);
  }
}

/** A thread that runs a batch gets the next behind it, so that it never waits for a trip; unless an older job waits. */
function fillPipes(h: Holdings): void {
  const lane = h.lanes.oldest(none);
  if (lane === undefined) return;
  const pipes = h.threads.pipesFor(lane.jobId);
  for (const [index, thread] of pipes.entries()) {
    const { first } = lane;
    if (first === undefined || !isShareable(first)) return;
    begin(h, thread, lane, first, pipes.length - index);
  }
}

/** `sharers`: how many threads could share what the lane holds. */
function begin(h: Holdings, thread: TaskThread, lane: Lane, first: TaskAttempt, sharers: number): void {
  const tasks = takeTrip(h, lane, first, sharers);
  const trip = new Trip(thread, tasks.length, first.cpuUnits, isShareable(first));
  h.threads.occupy(trip, tasks.length);
  for (const task of tasks) {
    task.state = trip.running;
    task.startedAt = h.at;
    thread.held.add(task);
    define(h, thread, task);
    if (!task.isQuick) h.outbox.started(task.id);
    const { timeoutMs } = task.work;
    if (timeoutMs !== undefined) h.deadlines.add(h.at + timeoutMs, { type: "timeout", attempt: task, trip });
  }
  h.outbox.order({ type: "run", threadId: thread.id, tasks: tasks.map(forThread) });
  for (const task of tasks) {
    // Begun again: what its consumer has taken already need not be waited for.
    if (task.taken > 0)
      h.outbox.order({ type: "consumed", threadId: thread.id, attemptId: task.id, taken: task.taken });
  }
}

function takeTrip(h: Holdings, lane: Lane, first: TaskAttempt, sharers: number): readonly TaskAttempt[] {
  const tasks: TaskAttempt[] = [];
  // A share for each thread, so that one does not take all while another is free.
  const most = isShareable(first) ? Math.min(batchTasks, Math.ceil(lane.length / Math.max(1, sharers))) : 1;
  let bytes = 0;
  let next: TaskAttempt | undefined = first;
  while (next !== undefined && tasks.length < most && bytes < batchBytes) {
    if (next !== first && (!isShareable(next) || next.cpuUnits !== first.cpuUnits)) break;
    h.lanes.shift(lane);
    tasks.push(next);
    bytes += next.given.args.length;
    for (const input of next.inputs) bytes += input?.bytes.length ?? 0;
    next = lane.first;
  }
  return tasks;
}

function isShareable(task: TaskAttempt): boolean {
  return task.isQuick && task.work.timeoutMs === undefined && task.work.kind !== "generator";
}

function define(h: Holdings, thread: TaskThread, task: TaskAttempt): void {
  const { functionId, functionBytes } = task;
  if (functionBytes === undefined || thread.defined.has(functionId)) return;
  thread.defined.add(functionId);
  h.outbox.order({ type: "define", threadId: thread.id, functionId, bytes: functionBytes });
}

function forThread(task: TaskAttempt) {
  return {
    attemptId: task.id,
    functionId: task.functionId,
    work: task.work,
    demand: task.demand,
    args: task.given.args,
    inputs: inputsOf(task),
  };
}
