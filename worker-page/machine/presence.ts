/**
 * This worker as others see it: heartbeats, standing still, lending, pausing and leaving.
 */
import type { WorkerId } from "../../protocol/ids.ts";
import type { Holdings } from "./holdings.ts";
import { forget } from "./settle.ts";
import { restartThread } from "./thread-loss.ts";
import { endThread } from "./thread-supply.ts";
import { giveBackAll } from "./withdrawals.ts";

const heartbeatMs = 5_000;
/** Ticks come every second; after a longer gap the tab stood still: suspended, frozen, or its machine asleep. */
const stillMs = 3_000;

export function connected(h: Holdings, workerId: WorkerId, isResumed: boolean): void {
  const { standing } = h;
  if (standing.workerId !== undefined && standing.workerId !== workerId) dropEverything(h);
  else if (!isResumed) dropWhoSpoke(h);
  standing.workerId = workerId;
  sayHolding(h, true);
  h.outbox.send({ type: "capacity", threads: h.threads.capacity });
}

export function lend(h: Holdings, threads: number): void {
  h.standing.threadsLent = threads;
  changeCapacity(h);
}

export function pause(h: Holdings): void {
  if (h.standing.state !== "lending") return;
  h.standing.state = "paused";
  changeCapacity(h);
}

export function continueLending(h: Holdings): void {
  if (h.standing.state !== "paused" && h.standing.state !== "leaving") return;
  h.standing.state = "lending";
  changeCapacity(h);
}

/** Once: what runs may finish. Twice: at once. */
export function leave(h: Holdings): void {
  if (h.standing.state === "left") return;
  if (h.standing.state === "leaving") {
    goAway(h);
    return;
  }
  h.standing.state = "leaving";
  changeCapacity(h);
}

/** While not lending nothing waits here; who leaves goes when nothing runs. */
export function keepStanding(h: Holdings): void {
  const { standing } = h;
  if (standing.state === "lending" || standing.state === "left") return;
  if (h.lanes.length > 0) giveBackAll(h);
  if (standing.state === "leaving" && !isWorking(h)) goAway(h);
}

/** When the tab stood still, nothing that was due in the meantime is anyone's fault, and the coordinator hears of it. */
export function noticeSuspension(h: Holdings): void {
  const { standing } = h;
  const gapMs = standing.tickedAt === undefined ? 0 : h.at - standing.tickedAt;
  standing.tickedAt = h.at;
  if (gapMs <= stillMs) return;
  standing.suspendedMs += Math.round(gapMs);
  standing.lastSuspension = { at: h.at, ms: gapMs };
  h.deadlines.postpone(gapMs);
  if (standing.workerId !== undefined) sayHolding(h, false);
}

export function heartbeat(h: Holdings): void {
  if (h.at >= h.standing.heartbeatAt) sayHolding(h, false);
}

function sayHolding(h: Holdings, resumed: boolean): void {
  const { standing } = h;
  const attemptIds = [];
  for (const attempt of h.attempts.values()) {
    // What made an actor that lives is told by the actor.
    if (attempt.kind !== "creation" || attempt.actor.state.type !== "alive") attemptIds.push(attempt.id);
  }
  const actors = [...h.actors.values()].map(({ id, epoch }) => ({ actorId: id, epoch }));
  h.outbox.send({ type: "holding", attemptIds, actors, suspendedMs: standing.suspendedMs, resumed });
  standing.suspendedMs = 0;
  standing.heartbeatAt = h.at + heartbeatMs;
}

function changeCapacity(h: Holdings): void {
  const capacity = h.standing.state === "lending" ? h.standing.threadsLent : 0;
  if (capacity === h.threads.capacity) return;
  h.threads.capacity = capacity;
  if (h.standing.workerId !== undefined) h.outbox.send({ type: "capacity", threads: capacity });
  if (capacity === 0) giveBackAll(h);
}

/** Nobody asks for it any more: a coordinator that takes us for somebody new, or one we leave. */
function dropEverything(h: Holdings): void {
  for (const thread of [...h.threads.all()]) endThread(h, thread);
  for (const attempt of [...h.attempts.values()]) forget(h, attempt);
  h.actors.clear();
  h.threads.actorUnits = 0;
}

/**
 * A coordinator that was restarted may have forgotten what tasks asked of it, and they would wait for ever: those begin
 * again. Those that only compute go on.
 */
function dropWhoSpoke(h: Holdings): void {
  for (const thread of [...h.threads.all()]) {
    if (thread.type !== "tasks" || ![...thread.held].some((attempt) => attempt.hasRelayed)) continue;
    restartThread(h, thread);
  }
}

function isWorking(h: Holdings): boolean {
  for (const attempt of h.attempts.values()) if (attempt.kind !== "creation") return true;
  return false;
}

function goAway(h: Holdings): void {
  h.standing.state = "left";
  h.outbox.flushOutcomes();
  h.outbox.send({ type: "leave" });
  dropEverything(h);
  h.outbox.order({ type: "disconnect" });
}
