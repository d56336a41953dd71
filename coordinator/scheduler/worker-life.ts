/** The life of a worker: it joins, changes what it lends, drops out of reach and comes back, leaves. */
import type { AttemptId, WorkerId } from "../../protocol/ids.ts";
import * as actors from "./actor-life.ts";
import type { Held, SchedulerEvent } from "./events.ts";
import type { Machine } from "./machine.ts";
import { occupy } from "./placement.ts";
import type { Attempt, Worker } from "./records.ts";
import { attemptLost, transition } from "./task-life.ts";

type Joined = Extract<SchedulerEvent, { type: "worker-joined" }>;

export function join(m: Machine, event: Joined): void {
  if (m.records.workers.has(event.workerId)) return;
  const worker: Worker = {
    id: event.workerId,
    name: event.name,
    labels: event.labels,
    offer: event.offer,
    joinedAt: event.at,
    threads: event.threads,
    link: "connected",
    cpusInUse: 0,
    load: 0,
    backlogMs: 0,
    used: { gpus: 0, memoryBytes: 0, custom: {} },
    attempts: new Set(),
    inHand: 0,
    actors: new Set(),
    alone: undefined,
    tasksDone: 0,
    busyMs: 0,
    suspendedMs: 0,
    lastSeenAt: event.at,
  };
  m.records.workers.set(worker.id, worker);
  m.tell(worker.id, "joined", worker.name);
  m.classes.review(worker);
}

export function away(m: Machine, worker: Worker): void {
  if (worker.link === "away") return;
  worker.link = "away";
  m.tell(worker.id, "away");
  m.classes.review(worker);
  m.deadlines.add(m.at + m.options.graceMs, { type: "grace", worker });
}

export function back(m: Machine, worker: Worker): void {
  worker.link = "connected";
  m.tell(worker.id, "back");
  seen(m, worker);
  m.classes.review(worker);
  for (const actor of worker.actors) m.toPump.push({ actor, caller: undefined });
}

/** When a worker was last heard of, for people; leases are extended by what it names: see `holding`. */
export function seen(m: Machine, worker: Worker): void {
  worker.lastSeenAt = m.at;
}

export function leave(m: Machine, worker: Worker, goodbye: boolean): void {
  m.records.workers.delete(worker.id);
  m.tell(worker.id, goodbye ? "left" : "lost");
  m.classes.review(worker);
  const why = goodbye ? "its worker left" : "its worker was lost";
  for (const actor of [...worker.actors]) actors.lost(m, actor, why, false);
  for (const attempt of [...worker.attempts]) attemptLost(m, attempt, goodbye);
}

export function capacity(m: Machine, worker: Worker, threads: number): void {
  worker.threads = threads;
  m.tell(worker.id, "lends", String(threads));
  m.classes.review(worker);
}

/** What it says it holds lives on; what it holds of the dead it is told to drop. What it does not name is left to its lease. */
export function holding(
  m: Machine,
  worker: Worker,
  attemptIds: readonly AttemptId[],
  held: readonly Held[],
  suspendedMs: number,
): void {
  seen(m, worker);
  if (suspendedMs > 0) {
    worker.suspendedMs += suspendedMs;
    m.tell(worker.id, "suspended", `${suspendedMs} ms`);
  }
  for (const id of attemptIds) {
    const attempt = attemptOn(m, worker.id, id);
    if (attempt !== undefined) m.leases.extend(attempt, m.at);
    else m.command({ type: "cancel-attempt", workerId: worker.id, attemptId: id, force: true });
  }
  for (const { actorId, epoch } of held) {
    const actor = m.records.actors.get(actorId);
    const current = actor !== undefined && actor.epoch === epoch && actors.homeOf(actor) === worker;
    if (!current) m.command({ type: "stop-actor", workerId: worker.id, actorId, epoch });
  }
}

/** The attempt, if it lives and is this worker's. */
export function attemptOn(m: Machine, workerId: WorkerId, id: AttemptId): Attempt | undefined {
  const attempt = m.records.attempts.get(id);
  return attempt?.worker.id === workerId ? attempt : undefined;
}

export function blocked(m: Machine, attempt: Attempt, blocks: boolean): void {
  if (attempt.blocked === blocks) return;
  attempt.blocked = blocks;
  const { spec } = attempt.task;
  if (spec.type !== "task") return;
  occupy(attempt.worker, blocks ? -spec.demand.cpus : spec.demand.cpus);
  m.dirtyWorkers.add(attempt.worker);
}

export function attemptStarted(m: Machine, attempt: Attempt): void {
  attempt.ahead = false;
  m.ahead.delete(attempt);
  attempt.task.startedAt = m.at;
}

/** Given back unstarted: nobody's fault. */
export function returned(m: Machine, attempt: Attempt): void {
  const { task } = attempt;
  m.tell(task.id, "returned", attempt.worker.id);
  transition(m, task, task.cancelAsked ? "cancelled" : "queued");
  if (task.actor !== undefined && task.state.name === "queued") actors.acceptAgain(task.actor, [task]);
}

/** Not heard of for a whole lease: if it was a call, its actor's home is in doubt. */
export function leaseEnded(m: Machine, attempt: Attempt): void {
  const { task, worker } = attempt;
  m.tell(task.id, "lease ended", worker.id);
  m.command({ type: "cancel-attempt", workerId: worker.id, attemptId: attempt.id, force: task.actor === undefined });
  if (task.actor === undefined) return attemptLost(m, attempt, true);
  m.command({ type: "stop-actor", workerId: worker.id, actorId: task.actor.id, epoch: task.actor.epoch });
  actors.lost(m, task.actor, "its worker was not heard of", false);
}
