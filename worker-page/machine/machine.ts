/**
 * What this worker holds and what it does next: events in, instructions out. No DOM, no clock, no chance: time is
 * `event.at`. The table below says which file knows each event.
 *
 *   given.ts        tasks, actors, calls, functions, values: until they are ready
 *   dispatch.ts     which begins next, and in which thread
 *   reports.ts      what threads say of them; deliveries.ts: on to the coordinator; settle.ts: their end
 *   actor-life.ts   actors; commits.ts: their states; retirement.ts: when they are to live elsewhere
 *   thread-supply.ts   how many threads; thread-loss.ts: when one dies
 *   withdrawals.ts  cancelled, recalled, forgotten; presence.ts: heartbeats, pausing, leaving
 */
import type { AttemptId } from "../../protocol/ids.ts";
import type { ToWorkerMessage } from "../../protocol/messages.ts";
import { stopActor } from "./actor-life.ts";
import { assertNever } from "./assert-never.ts";
import { copyAnswered } from "./commits.ts";
import { dispatch } from "./dispatch.ts";
import { uploadArrived, uploadFailed } from "./deliveries.ts";
import type { MachineEvent } from "./events.ts";
import {
  copyLoaded,
  functionArrived,
  functionMissed,
  objectArrived,
  objectMissed,
  takeAssign,
  takeCall,
  takeDefine,
  takeStartActor,
} from "./given.ts";
import { type Due, type Holdings, newHoldings } from "./holdings.ts";
import type { Instruction } from "./instructions.ts";
import { brokenInvariants } from "./invariants.ts";
import {
  connected,
  continueLending,
  heartbeat,
  keepStanding,
  leave,
  lend,
  noticeSuspension,
  pause,
  replaced,
} from "./presence.ts";
import { takeReports } from "./reports.ts";
import { type Picture, pictureOf } from "./picture.ts";
import { threadCrashed, timedOut } from "./thread-loss.ts";
import { shed, spareDied, threadWarmed } from "./thread-supply.ts";
import { giveUpRetiring } from "./retirement.ts";
import { tryAgain } from "./uploads.ts";
import { takeCancel, takeForgetJob, takeRecall } from "./withdrawals.ts";

export class Machine {
  readonly #holdings: Holdings = newHoldings();

  handle(event: MachineEvent): readonly Instruction[] {
    const h = this.#holdings;
    h.at = event.at;
    if (h.standing.state === "left") return [];
    take(h, event);
    keepStanding(h);
    if (!hasLeft(h)) dispatch(h);
    return h.outbox.take();
  }

  /** When to send `ticked` at the latest; Infinity while nothing is due. */
  nextDeadline(): number {
    const { deadlines, standing } = this.#holdings;
    return Math.min(deadlines.next, standing.heartbeatAt);
  }

  /** Whether this thread was given this attempt and has not ended it: what it may fetch and store for. */
  holds(threadId: number, attemptId: AttemptId): boolean {
    const thread = this.#holdings.threads.get(threadId);
    const attempt = this.#holdings.attempts.get(attemptId);
    return thread !== undefined && thread.type !== "spare" && attempt !== undefined && thread.held.has(attempt);
  }

  /** What is not as it must be, for tests after each event. */
  brokenInvariants(): readonly string[] {
    return brokenInvariants(this.#holdings);
  }

  snapshot(): Picture {
    return pictureOf(this.#holdings);
  }
}

function take(h: Holdings, event: MachineEvent): void {
  switch (event.type) {
    case "connected":
      return connected(h, event.workerId, event.link);
    case "replaced":
      return replaced(h);
    case "told":
      for (const message of event.messages) takeMessage(h, message);
      return;
    case "thread-warmed":
      return threadWarmed(h, event.threadId);
    case "thread-died": {
      const thread = h.threads.get(event.threadId);
      if (thread?.type === "spare") spareDied(h, thread);
      else if (thread !== undefined) threadCrashed(h, thread, event.reason);
      return;
    }
    case "thread-reported":
      return takeReports(h, event.threadId, event.reports);
    case "object-downloaded":
      return objectArrived(h, event.objectId, event.bytes);
    case "object-missed":
      return objectMissed(h, event.objectId, event.reason);
    case "function-downloaded":
      return functionArrived(h, event.functionId, event.bytes);
    case "function-missed":
      return functionMissed(h, event.functionId, event.reason);
    case "uploaded":
      return uploadArrived(h, event.objectId);
    case "upload-failed":
      return uploadFailed(h, event.objectId, event.reason, event.isFinal);
    case "checkpoint-saved":
      return copyAnswered(h, event.actorId, event.epoch, event.number);
    case "checkpoint-not-saved":
      return copyAnswered(h, event.actorId, event.epoch, event.number, event.reason);
    case "checkpoint-loaded":
      return copyLoaded(h, event.actorId, event, event.bytes);
    case "threads-lent":
      return lend(h, event.threads);
    case "paused":
      return pause(h);
    case "continued":
      return continueLending(h);
    case "leave-asked":
      return leave(h);
    case "ticked":
      return tick(h);
    default:
      assertNever(event);
  }
}

function takeMessage(h: Holdings, message: ToWorkerMessage): void {
  switch (message.type) {
    case "define":
      return takeDefine(h, message);
    case "assign":
      return takeAssign(h, message);
    case "start-actor":
      return takeStartActor(h, message);
    case "call":
      return takeCall(h, message);
    case "stop-actor":
      return stopActor(h, message.actorId, message.epoch);
    case "cancel-attempts":
      return takeCancel(h, message.attemptIds, message.force);
    case "recall":
      return takeRecall(h, message.attemptIds);
    case "consumed":
      return takeConsumed(h, message.attemptId, message.taken);
    case "forget-job":
      return takeForgetJob(h, message.jobId);
    case "relay": {
      const threadId = threadOf(h, message.attemptId);
      // Whoever asked has ended or begins again, and then asks again.
      if (threadId === undefined) return;
      h.outbox.order({ type: "receive", threadId, attemptId: message.attemptId, message: message.message });
      return;
    }
    case "refused":
      h.tally.refusals++;
      return;
    case "signal":
      // For the shell, which looks after the links.
      return;
    default:
      assertNever(message);
  }
}

function takeConsumed(h: Holdings, attemptId: AttemptId, taken: number): void {
  const attempt = h.attempts.get(attemptId);
  if (attempt?.kind === "task") attempt.taken = Math.max(attempt.taken, taken);
  const threadId = threadOf(h, attemptId);
  if (threadId !== undefined) h.outbox.order({ type: "consumed", threadId, attemptId, taken });
}

function threadOf(h: Holdings, attemptId: AttemptId): number | undefined {
  const state = h.attempts.get(attemptId)?.state;
  return state?.type === "running" || state?.type === "blocked" ? state.trip.thread.id : undefined;
}

function tick(h: Holdings): void {
  noticeSuspension(h);
  for (let due = h.deadlines.take(h.at); due !== undefined; due = h.deadlines.take(h.at)) takeDue(h, due);
  heartbeat(h);
  shed(h);
}

function takeDue(h: Holdings, due: Due): void {
  switch (due.type) {
    case "timeout": {
      const { state } = due.attempt;
      const isOnTrip = (state.type === "running" || state.type === "blocked") && state.trip === due.trip;
      if (isOnTrip) timedOut(h, due.attempt, due.trip.thread);
      return;
    }
    case "stop":
      if (due.actor.state.type === "stopping" && h.actors.get(due.actor.id) === due.actor) {
        threadCrashed(h, due.actor.state.thread, "an actor in it did not stop");
      }
      return;
    case "retire":
      return giveUpRetiring(h, due.actor);
    case "upload":
      return tryAgain(h, due.objectId, due.upload);
    case "thread-start":
      // Time has come: dispatching starts what is wanted.
      return;
    default:
      assertNever(due);
  }
}

function hasLeft(h: Holdings): boolean {
  return h.standing.state === "left";
}
