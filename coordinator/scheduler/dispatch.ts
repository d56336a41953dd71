/**
 * Who runs what now: matches what is queued with workers that have room, in order of priority and in fair turns between
 * jobs, and takes back what was sent ahead when somebody idles.
 */
import { place } from "./actor-placing.ts";
import type { Machine } from "./machine.ts";
import { lacksInputs, resolve } from "./object-life.ts";
import { pickWorker, type PlacementClass } from "./placement.ts";
import { isTask, type Task, type Worker } from "./records.ts";
import { transition } from "./task-life.ts";

/** The cost of a task's trip that no measured run time shows. */
const tripMs = 0.05;
/** Tasks of one class that go before another class gets a look. */
const chunk = 64;

export function dispatch(m: Machine): void {
  for (const worker of m.dirtyWorkers) m.classes.loadChanged(worker);
  m.dirtyWorkers.clear();
  let full: Set<PlacementClass> | undefined;
  for (let next = nextClass(m, full); next !== undefined; next = nextClass(m, full)) {
    if (!dispatchSome(m, next)) (full ??= new Set()).add(next);
  }
}

/** False when the class has more than its workers take. */
function dispatchSome(m: Machine, of: PlacementClass): boolean {
  for (let sent = 0; sent < chunk; sent++) {
    const head = of.queue.peek();
    if (head === undefined) return true;
    if (isTask(head) && lacksInputs(m, head.work?.inputs ?? none)) {
      transition(m, head, "waiting");
      continue;
    }
    const measured = isTask(head) ? estimateOf(m, head) : undefined;
    const pick = pickWorker(of, measured, m.options);
    if (pick === undefined) return false;
    m.turn = of.job;
    if (isTask(head)) assign(m, head, pick.worker, pick.fit === "ahead", measured);
    else place(m, head, pick.worker);
  }
  return true;
}

function estimateOf(m: Machine, task: Task): number | undefined {
  if (task.spec.type !== "task") return undefined;
  const measured = m.records.durations.get(task.spec.functionId);
  return measured === undefined ? undefined : measured + tripMs;
}

function assign(m: Machine, task: Task, worker: Worker, ahead: boolean, estimateMs: number | undefined): void {
  const { work, spec, job } = task;
  if (work === undefined || spec.type !== "task") throw m.broken(task, "running");
  transition(m, task, "running", { worker, ahead, estimateMs: estimateMs ?? tripMs });
  if (task.state.name !== "running") throw m.broken(task, "running");
  m.command({
    type: "assign",
    workerId: worker.id,
    attemptId: task.state.attempt.id,
    jobId: job.id,
    namespace: job.namespace,
    spec,
    args: work.args,
    inputs: work.inputs.length === 0 ? none : resolve(m, work.inputs),
    quick:
      estimateMs !== undefined &&
      estimateMs <= m.options.quickMs &&
      spec.timeoutMs === undefined &&
      task.workersLost === 0 &&
      task.retries === 0,
  });
}
const none: never[] = [];

/**
 * The class whose turn it is: the highest priority first; among equals the job that has used least, except that the job
 * whose turn it is keeps it for a while, because a thread that changes jobs is replaced.
 */
function nextClass(m: Machine, full: ReadonlySet<PlacementClass> | undefined): PlacementClass | undefined {
  let best: PlacementClass | undefined;
  let current: PlacementClass | undefined;
  for (const of of m.classes.waiting()) {
    if (full?.has(of) === true || of.workers.size === 0) continue;
    if (of.job === m.turn && (current === undefined || of.priority > current.priority)) current = of;
    if (
      best === undefined ||
      of.priority > best.priority ||
      (of.priority === best.priority && of.job.usedMs < best.job.usedMs)
    )
      best = of;
  }
  if (best === undefined) return undefined;
  if (current !== undefined && current !== best && current.priority === best.priority) {
    const patience = m.options.turnMs * Math.max(1, best.workers.size);
    if (current.job.usedMs - best.job.usedMs < patience) return current;
  }
  return best;
}

// ------------------------------------------------------------------------------------------ recall

function idleWorker(m: Machine): Worker | undefined {
  for (const of of m.classes.all()) {
    const least = of.workers.peek();
    if (least !== undefined && least.cpusInUse < least.threads) return least;
  }
  return undefined;
}

/** When to look again whether work sent ahead should go to somebody idle. */
export function recallDue(m: Machine): number | undefined {
  return m.ahead.size === 0 ? undefined : Math.max(m.aheadFrom + m.options.recallMs, m.recallAt);
}

/** Half of what waits longest behind somebody's thread is taken back while somebody else has none. */
export function recall(m: Machine): void {
  const due = recallDue(m);
  if (due === undefined || due > m.at) return;
  m.recallAt = m.at + m.options.recallMs;
  const idle = idleWorker(m);
  if (idle === undefined) return;
  let isOldest = true;
  for (const oldest of m.ahead) {
    if (isOldest) m.aheadFrom = oldest.assignedAt;
    isOldest = false;
    if (oldest.assignedAt + m.options.recallMs > m.at) return;
    const { worker } = oldest;
    if (worker === idle) continue;
    const waiting = [...worker.attempts].filter((attempt) => m.ahead.has(attempt));
    const back = waiting.slice(Math.floor(waiting.length / 2));
    for (const attempt of back) m.ahead.delete(attempt);
    m.command({ type: "recall", workerId: worker.id, attemptIds: back.map((attempt) => attempt.id) });
    return;
  }
}
