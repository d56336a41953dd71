/**
 * This worker as others see it: heartbeats, standing still, lending, pausing and leaving.
 */
import type { WorkerId } from "../../protocol/ids.ts";
import type { Connected } from "./events.ts";
import type { Holdings } from "./holdings.ts";
import { forgetCopies, isSettled } from "./actor-life.ts";
import { releaseRetired, retireActors } from "./retirement.ts";
import { forget } from "./settle.ts";
import { endThread } from "./thread-supply.ts";
import { giveBackAll } from "./withdrawals.ts";

const heartbeatMs = 5_000;
/** Ticks come every second; after a longer gap the tab stood still: suspended, frozen, or its machine asleep. */
const stillMs = 3_000;

/**
 * In a new session everything held is dropped, under the same name too: what was said of it in the old one may be lost, and
 * an actor whose saved calls nobody heard of must not run them again here.
 */
export function connected(h: Holdings, workerId: WorkerId, link: Connected["link"]): void {
  const { standing } = h;
  if (link === "new" || (standing.workerId !== undefined && standing.workerId !== workerId)) dropEverything(h);
  if (link === "restored") askAgain(h);
  standing.workerId = workerId;
  sayHolding(h, link !== "resumed");
  h.outbox.send({ type: "capacity", threads: h.threads.capacity });
}

/** Until it is somebody new nothing begins here. */
export function replaced(h: Holdings): void {
  dropEverything(h);
  h.standing.workerId = undefined;
  h.standing.heartbeatAt = Infinity;
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
  if (h.standing.state !== "paused") return;
  h.standing.state = "lending";
  changeCapacity(h);
}

/** Once: what runs may finish, and actors move. Twice: at once. */
export function leave(h: Holdings): void {
  if (h.standing.state === "left") return;
  if (h.standing.state === "leaving") {
    goAway(h);
    return;
  }
  h.standing.state = "leaving";
  changeCapacity(h);
  retireActors(h);
}

/** While not lending nothing waits here; who leaves goes when nothing runs and nobody lives here. */
export function keepStanding(h: Holdings): void {
  const { standing } = h;
  if (standing.state === "lending" || standing.state === "left") return;
  if (h.lanes.length > 0) giveBackAll(h);
  if (standing.state !== "leaving") return;
  releaseRetired(h);
  if (!isWorking(h)) goAway(h);
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

function sayHolding(h: Holdings, complete: boolean): void {
  const { standing } = h;
  const attemptIds = [];
  for (const attempt of h.attempts.values()) {
    // What made an actor that lives is told by the actor.
    if (attempt.kind !== "creation" || !isSettled(attempt.actor)) attemptIds.push(attempt.id);
  }
  const actors = [...h.actors.values()].map(({ id, epoch }) => ({ actorId: id, epoch }));
  h.outbox.send({ type: "holding", attemptIds, actors, suspendedMs: standing.suspendedMs, complete });
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
  h.uploads.clear();
  h.threads.actorUnits = 0;
}

/** Whoever waits for something that the coordinator has forgotten would wait for ever. */
function askAgain(h: Holdings): void {
  for (const thread of h.threads.all()) {
    if (thread.type === "spare") continue;
    const hasAsked = thread.type === "actors" || [...thread.held].some((attempt) => attempt.hasRelayed);
    if (hasAsked) h.outbox.order({ type: "ask-again", threadId: thread.id });
  }
}

function isWorking(h: Holdings): boolean {
  if (h.actors.size > 0) return true;
  for (const attempt of h.attempts.values()) if (attempt.kind !== "creation") return true;
  return false;
}

function goAway(h: Holdings): void {
  h.standing.state = "left";
  h.outbox.flushOutcomes();
  h.outbox.send({ type: "leave" });
  dropEverything(h);
  forgetCopies(h, [...h.copies]);
  h.outbox.order({ type: "disconnect" });
}
