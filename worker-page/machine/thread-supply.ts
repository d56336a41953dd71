/**
 * How many threads there are: starts what is lent ahead of need, one more when several jobs are here, a bounded number
 * beyond that when all are blocked, and ends what has been idle for long. A thread never changes its job: where another
 * job needs one, the idlest is ended and a fresh one started.
 */
import type { Holdings } from "./holdings.ts";
import type { SpareThread, Thread } from "./threads.ts";

/** Threads beyond those lent that may exist so that blocked tasks cannot stop everything. */
const extraThreads = 8;

/** Threads beyond those lent are ended when idle for this long. */
const idleMs = 10_000;

/** After a thread could not be started the next one waits, twice as long each time. */
const firstBackoffMs = 250;
const lastBackoffMs = 30_000;

export interface ThreadSupply {
  /** In a row, of threads that died before they answered. */
  failures: number;
  /** No thread is started before this. */
  notBefore: number;
}

export const newSupply = (): ThreadSupply => ({ failures: 0, notBefore: -Infinity });

export function startThread(h: Holdings): SpareThread {
  const thread = h.threads.add();
  h.outbox.order({ type: "start-thread", threadId: thread.id });
  return thread;
}

export function endThread(h: Holdings, thread: Thread): void {
  h.threads.remove(thread);
  h.outbox.order({ type: "end-thread", threadId: thread.id });
}

export function threadWarmed(h: Holdings, threadId: number): void {
  h.supply.failures = 0;
  const thread = h.threads.get(threadId);
  if (thread?.type === "spare") thread.isWarm = true;
}

export function spareDied(h: Holdings, thread: SpareThread): void {
  endThread(h, thread);
  if (thread.isWarm) return;
  const backoffMs = Math.min(lastBackoffMs, firstBackoffMs * 2 ** h.supply.failures++);
  h.supply.notBefore = h.at + backoffMs;
  h.deadlines.add(h.supply.notBefore, { type: "thread-start" });
}

/** `wanting`: how many jobs have work and slots for it, and no thread. */
export function recruit(h: Holdings, wanting: number): void {
  const { threads, lanes } = h;
  const usual = usualThreads(h);
  // A thread knows for whom it works, so there is none before the first welcome.
  if (h.standing.workerId === undefined || h.at < h.supply.notBefore) return;
  let live = threads.forTasks;
  let spares = threads.spares;
  for (; live < usual; live++, spares++) startThread(h);
  for (; spares < wanting; live++, spares++) {
    const idlest = live >= usual ? threads.idlest(lanes) : undefined;
    if (idlest !== undefined) {
      endThread(h, idlest);
      live--;
    }
    if (live >= threads.capacity + extraThreads) return;
    startThread(h);
  }
}

/** Ends, on a tick, what is idle and more than usual. */
export function shed(h: Holdings): void {
  const { threads } = h;
  const usual = usualThreads(h);
  for (let live = threads.forTasks; live > usual; live--) {
    const thread = threads.idlest(h.lanes);
    if (thread !== undefined && (threads.capacity === 0 || h.at - thread.idleSince >= idleMs)) endThread(h, thread);
    else if (thread === undefined && threads.capacity === 0 && endSpare(h)) continue;
    else return;
  }
}

function usualThreads(h: Holdings): number {
  const { capacity } = h.threads;
  return capacity === 0 ? 0 : capacity + (h.lanes.jobs > 1 ? 1 : 0);
}

function endSpare(h: Holdings): boolean {
  const spare = h.threads.anySpare();
  if (spare === undefined) return false;
  endThread(h, spare);
  return true;
}
