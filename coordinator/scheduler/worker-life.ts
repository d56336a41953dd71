/** The life of a worker: it joins, changes what it lends, drops out of reach and comes back, leaves. */
import { attemptNumber, type AttemptId, taskOfAttempt, type WorkerId } from "../../protocol/ids.ts";
import { sendAgain } from "./actor-checkpoints.ts";
import { awaitHome, goHome } from "./actor-homes.ts";
import { isCurrent } from "./actor-activation.ts";
import * as actors from "./actor-life.ts";
import { acceptAgain } from "./actor-mailbox.ts";
import type { Held, SchedulerEvent } from "./events.ts";
import type { Machine } from "./machine.ts";
import { occupy } from "./placement.ts";
import type { Actor, Attempt, Task, Worker } from "./records.ts";
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
    awayUntil: 0,
    unheard: false,
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
  for (const actor of [...(m.records.homeless.get(worker.id) ?? [])]) goHome(m, actor, worker);
}

export function away(m: Machine, worker: Worker): void {
  if (worker.link === "connected") absent(m, worker, m.options.graceMs);
}

function absent(m: Machine, worker: Worker, graceMs: number): void {
  worker.link = "away";
  worker.awayUntil = m.at + graceMs;
  m.tell(worker.id, "away");
  m.classes.review(worker);
  m.deadlines.add(worker.awayUntil, { type: "grace", worker, until: worker.awayUntil });
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

export function leave(m: Machine, worker: Worker, how: "planned" | "goodbye" | "lost"): void {
  m.records.workers.delete(worker.id);
  m.tell(worker.id, how === "lost" ? "lost" : "left", how);
  m.classes.review(worker);
  const why = how === "lost" ? "its worker was lost" : "its worker left";
  // A page that went may be loaded again: what lives there waits a little for that.
  const home = how === "planned" ? undefined : worker.id;
  for (const actor of [...worker.actors]) actors.lost(m, actor, why, false, home);
  for (const attempt of [...worker.attempts]) attemptLost(m, attempt, how !== "lost");
}

export function capacity(m: Machine, worker: Worker, threads: number): void {
  worker.threads = threads;
  m.tell(worker.id, "lends", String(threads));
  m.classes.review(worker);
}

/** What it says it has lives on; what it has of the dead it is told to drop. What it does not name is left to its lease. */
export function holding(
  m: Machine,
  worker: Worker,
  attemptIds: readonly AttemptId[],
  held: readonly Held[],
  { suspendedMs, complete }: { readonly suspendedMs: number; readonly complete: boolean },
): void {
  seen(m, worker);
  if (suspendedMs > 0) {
    worker.suspendedMs += suspendedMs;
    m.tell(worker.id, "suspended", `${suspendedMs} ms`);
  }
  for (const id of attemptIds) {
    const attempt = attemptOn(m, worker.id, id);
    if (attempt !== undefined) m.leases.extend(attempt, m.at);
    else if (m.speakerOf({ type: "attempt", workerId: worker.id, attemptId: id }) === undefined) drop(m, worker, id);
  }
  const living = new Set<Actor>();
  for (const { actorId, epoch } of held) {
    const actor = m.records.actors.get(actorId);
    if (isCurrent(actor, worker.id, epoch)) living.add(actor);
    else m.command({ type: "stop-actor", workerId: worker.id, actorId, epoch });
  }
  if (complete && worker.unheard) reconcile(m, worker, new Set(attemptIds), living);
}

/** Its number is spent, also where a restart has forgotten that it was given out: the two would be taken for one. */
function drop(m: Machine, worker: Worker, id: AttemptId): void {
  const task = m.records.tasks.get(taskOfAttempt(id));
  if (task !== undefined && task.state.name !== "running" && attemptNumber(id) === task.attempts + 1) task.attempts++;
  m.command({ type: "cancel-attempt", workerId: worker.id, attemptId: id, force: true });
}

/**
 * Nothing is on its way to it: nothing that was sent before the restart, since all of that has arrived or never will, and
 * nothing that was sent after, since it was not heard before. What it does not have never arrived, which is nobody's fault.
 */
function reconcile(m: Machine, worker: Worker, named: ReadonlySet<AttemptId>, living: ReadonlySet<Actor>): void {
  worker.unheard = false;
  m.classes.review(worker);
  for (const actor of [...worker.actors]) {
    if (living.has(actor)) sendAgain(m, actor, named);
    else if (actor.state.name === "alive") actors.lost(m, actor, "its worker does not have it", false);
    else actors.released(m, actor, worker.id, actor.epoch);
  }
  for (const attempt of [...worker.attempts]) {
    const { task } = attempt;
    if (task.actor !== undefined) continue;
    if (!named.has(attempt.id)) {
      m.tell(task.id, "never arrived", worker.id);
      transition(m, task, task.cancelAsked ? "cancelled" : "queued");
      continue;
    }
    // What it was told of these may have been lost on the way.
    if (task.cancelAsked)
      m.command({ type: "cancel-attempt", workerId: worker.id, attemptId: attempt.id, force: task.cancelForced });
    if (task.taken > 0) m.command({ type: "consumed", workerId: worker.id, attemptId: attempt.id, taken: task.taken });
  }
}

/** The coordinator was restarted: everybody is away for a while, and nobody has forgotten anything but what was asked. */
export function restarted(m: Machine): void {
  m.restarts++;
  m.restartedAt = m.at;
  const { restartGraceMs } = m.options;
  // Who was waited for already has what is left of its time, and enough to find the way: restarts that follow one another
  // must not keep waiting for those who are gone.
  const leftOf = (until: number): number => Math.min(restartGraceMs, Math.max(restartGraceMs / 2, until - m.at));
  for (const worker of m.records.workers.values()) {
    worker.unheard = true;
    absent(m, worker, worker.link === "away" ? leftOf(worker.awayUntil) : restartGraceMs);
  }
  for (const attempt of m.records.attempts.values()) m.leases.extend(attempt, m.at);
  for (const [home, waiting] of m.records.homeless)
    for (const actor of [...waiting]) awaitHome(m, actor, home, leftOf(untilOf(actor)));
  // Who waits asks again.
  for (const object of m.records.objects.values()) object.wants = undefined;
}

function untilOf({ state }: Actor): number {
  return state.name === "restarting" ? (state.until ?? 0) : 0;
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
  const { durations } = m.records;
  // What it computed until it first waited is an estimate for the others, which may wait long for its end.
  if (blocks && !durations.has(spec.functionId)) durations.set(spec.functionId, m.at - attempt.task.startedAt);
  occupy(attempt.worker, blocks ? -spec.demand.cpus : spec.demand.cpus);
  m.dirtyWorkers.add(attempt.worker);
}

export function attemptStarted(m: Machine, attempt: Attempt): void {
  attempt.ahead = false;
  m.ahead.delete(attempt);
  attempt.task.startedAt = m.at;
}

/** Given back unstarted: nobody's fault. */
export function returned(m: Machine, attempts: readonly Attempt[]): void {
  const calls = new Map<Actor, Task[]>();
  for (const { task, worker } of attempts) {
    m.tell(task.id, "returned", worker.id);
    transition(m, task, task.cancelAsked ? "cancelled" : "queued");
    if (task.actor === undefined) continue;
    // Who gives a call back is about to let its actor go: the call waits for its next home.
    task.actor.retiring = true;
    if (task.state.name === "queued") calls.set(task.actor, [...(calls.get(task.actor) ?? []), task]);
  }
  for (const [actor, again] of calls) acceptAgain(actor, again);
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
