/**
 * The life of an actor here: into its thread, calls in order, stopping and the end. What of its mailbox runs when is the
 * thread's own affair.
 */
import { type ActorId, jobOf } from "../../protocol/ids.ts";
import type { Failure } from "../../protocol/nouns.ts";
import type { Actor } from "./actors.ts";
import { type Attempt, type CreationAttempt, inputsOf } from "./attempts.ts";
import { dropGate, openGate } from "./gate.ts";
import type { Holdings } from "./holdings.ts";
import { forget } from "./settle.ts";
import { endThread, startThread } from "./thread-supply.ts";
import type { ActorThread } from "./threads.ts";

/** How long a stopped actor may take to end before its thread is ended. */
const stopMs = 1_000;

/** Everything its creation needs is here. */
export function placeActor(h: Holdings, creation: CreationAttempt): void {
  const { actor } = creation;
  const { spec } = actor;
  const thread = threadFor(h, creation);
  actor.state = { type: "starting", thread };
  thread.actors.add(actor);
  thread.given.add(actor.id);
  thread.held.add(creation);
  creation.state = thread.trip.running;
  if (!thread.defined.has(spec.functionId) && creation.functionBytes !== undefined) {
    thread.defined.add(spec.functionId);
    h.outbox.order({ type: "define", threadId: thread.id, functionId: spec.functionId, bytes: creation.functionBytes });
  }
  h.outbox.order({
    type: "start-actor",
    threadId: thread.id,
    actor: {
      actorId: actor.id,
      epoch: actor.epoch,
      restored: actor.restored,
      work: actor.work,
      spec,
      creation: { attemptId: creation.id, args: creation.given.args, inputs: inputsOf(creation) },
      ...(creation.stateBytes !== undefined && { state: creation.stateBytes }),
    },
  });
  creation.stateBytes = undefined;
}

function threadFor(h: Holdings, creation: CreationAttempt): ActorThread {
  const jobId = jobOf(creation.actor.id);
  const shared = h.threads.forActor(jobId, Math.max(1, h.standing.threadsLent));
  return shared ?? h.threads.bindToActors(h.threads.anySpare() ?? startThread(h), jobId);
}

/** It has been made and is not over: its creation is told by the actor. */
export function isSettled({ state }: Actor): boolean {
  return state.type === "alive" || state.type === "retiring";
}

/** Gives the thread what stands at the head of the line and has its inputs; order is kept, so one waits for another. */
export function advanceLine(h: Holdings, actor: Actor): void {
  if (actor.state.type !== "alive") return;
  const { thread } = actor.state;
  let count = 0;
  while (actor.line[count]?.state.type === "ready") count++;
  if (count === 0) return;
  const calls = actor.line.slice(0, count);
  actor.line = actor.line.slice(count);
  for (const call of calls) {
    call.state = thread.trip.running;
    thread.held.add(call);
  }
  h.outbox.order({
    type: "call",
    threadId: thread.id,
    calls: calls.map((call) => ({
      actorId: actor.id,
      epoch: actor.epoch,
      method: call.method,
      ...(call.concurrencyGroup !== undefined && { concurrencyGroup: call.concurrencyGroup }),
      work: call.work,
      attemptId: call.id,
      args: call.given.args,
      inputs: inputsOf(call),
    })),
  });
}

/** Its creation stays in the thread as long as it lives: what it says between calls, it says as that. */
export function actorStarted(h: Holdings, thread: ActorThread, actorId: ActorId, epoch: number): boolean {
  const actor = h.actors.get(actorId);
  if (actor?.epoch !== epoch || actor.state.type !== "starting" || actor.state.thread !== thread) return false;
  actor.state = { type: "alive", thread };
  h.outbox.send({ type: "actor-started", actorId, epoch });
  advanceLine(h, actor);
  return true;
}

export function actorEnded(
  h: Holdings,
  thread: ActorThread,
  actorId: ActorId,
  epoch: number,
  failure?: Failure,
): boolean {
  const actor = h.actors.get(actorId);
  if (actor?.epoch !== epoch || actor.state.type === "waiting" || actor.state.thread !== thread) return false;
  endActor(h, actor, failure, false);
  if (thread.actors.size === 0) endThread(h, thread);
  return true;
}

export function stopActor(h: Holdings, actorId: ActorId, epoch: number): void {
  const actor = h.actors.get(actorId);
  if (actor?.epoch !== epoch || actor.state.type === "stopping") return;
  if (actor.state.type === "waiting") {
    endActor(h, actor, undefined, false);
    return;
  }
  const { thread } = actor.state;
  returnLine(h, actor);
  actor.state = { type: "stopping", thread };
  h.outbox.order({ type: "stop-actor", threadId: thread.id, actorId });
  h.deadlines.add(h.at + stopMs, { type: "stop", actor });
}

/**
 * The end, told: calls in progress end with it, and those the thread never saw are given back. Where it may be again, or
 * was told to stop, what it holds back is not said; where it is over for good, all of it is.
 */
export function endActor(h: Holdings, actor: Actor, failure: Failure | undefined, crashed: boolean): void {
  const isTold = actor.state.type === "stopping";
  if (!crashed && !isTold) openGate(h, actor);
  returnLine(h, actor);
  removeActor(h, actor);
  h.outbox.flushOutcomes();
  h.outbox.send({ type: "actor-ended", actorId: actor.id, epoch: actor.epoch, crashed, ...(failure && { failure }) });
  if (!crashed || isTold) forgetCopies(h, [actor.id]);
}

/** The same for one that its thread has not ended. */
export function giveUpActor(h: Holdings, actor: Actor, failure: Failure, crashed: boolean): void {
  endActor(h, actor, failure, crashed);
  stopInThread(h, actor);
}

/** The end, untold. */
export function silence(h: Holdings, actor: Actor): void {
  for (const call of actor.line) forget(h, call);
  removeActor(h, actor);
  stopInThread(h, actor);
}

/** This browser's copies of their states serve nobody any more. */
export function forgetCopies(h: Holdings, actorIds: readonly ActorId[]): void {
  const kept = actorIds.filter((actorId) => h.copies.delete(actorId));
  if (kept.length > 0) h.outbox.order({ type: "forget-checkpoints", actorIds: kept });
}

function stopInThread(h: Holdings, actor: Actor): void {
  if (actor.state.type === "waiting") return;
  const { thread } = actor.state;
  if (thread.actors.size === 0) endThread(h, thread);
  else h.outbox.order({ type: "stop-actor", threadId: thread.id, actorId: actor.id });
}

function removeActor(h: Holdings, actor: Actor): void {
  dropGate(h, actor);
  h.actors.delete(actor.id);
  h.threads.actorUnits -= actor.cpuUnits;
  for (const attempt of attemptsOf(h, actor)) forget(h, attempt);
  if (actor.state.type !== "waiting") actor.state.thread.actors.delete(actor);
}

function returnLine(h: Holdings, actor: Actor): void {
  if (actor.line.length === 0) return;
  const attemptIds = actor.line.map((call) => call.id);
  for (const call of actor.line) forget(h, call);
  actor.line = [];
  h.outbox.send({ type: "returned", attemptIds });
}

/** Its creation and its calls, but for those it is done with. */
function attemptsOf(h: Holdings, actor: Actor): readonly Attempt[] {
  return [...h.attempts.values()].filter(
    (attempt) => attempt.kind !== "task" && attempt.actor === actor && attempt.state.type !== "delivering",
  );
}
