/**
 * What the coordinator takes back: cancelled attempts, recalled ones, whole jobs; and what the worker gives back itself.
 */
import type { AttemptId, JobId } from "../../protocol/ids.ts";
import { jobOf } from "../../protocol/ids.ts";
import { forgetCopies } from "./actor-life.ts";
import type { Attempt } from "./attempts.ts";
import type { Holdings } from "./holdings.ts";
import { cancelled, fail, forget } from "./settle.ts";
import { forceCancelled } from "./thread-loss.ts";
import { endThread } from "./thread-supply.ts";

export function takeCancel(h: Holdings, attemptIds: readonly AttemptId[], force: boolean): void {
  const inThreads = new Map<number, AttemptId[]>();
  for (const attemptId of attemptIds) {
    const attempt = h.attempts.get(attemptId);
    if (attempt === undefined) continue;
    const { state } = attempt;
    // What a call did is done, and its actor's next state has it: its value stands.
    if (attempt.kind === "call" && state.type === "delivering") continue;
    if (state.type !== "running" && state.type !== "blocked") dropCancelled(h, attempt);
    else if (force && attempt.kind === "task") forceCancelled(h, attempt, state.trip.thread);
    else {
      const { id } = state.trip.thread;
      inThreads.set(id, [...(inThreads.get(id) ?? []), attemptId]);
    }
  }
  for (const [threadId, attemptIds] of inThreads) h.outbox.order({ type: "cancel", threadId, attemptIds });
}

function dropCancelled(h: Holdings, attempt: Attempt): void {
  if (attempt.kind === "creation") return;
  if (attempt.kind === "call") attempt.actor.line = attempt.actor.line.filter((call) => call !== attempt);
  fail(h, attempt, cancelled(attempt));
}

/** Gives back those that have not started. A call's place is with its actor, so it stays. */
export function takeRecall(h: Holdings, attemptIds: readonly AttemptId[]): void {
  giveBack(
    h,
    attemptIds.flatMap((attemptId) => h.attempts.get(attemptId) ?? []),
  );
}

/** Gives back every task that has not started. */
export function giveBackAll(h: Holdings): void {
  giveBack(h, [...h.attempts.values()]);
}

function giveBack(h: Holdings, attempts: readonly Attempt[]): void {
  const attemptIds: AttemptId[] = [];
  for (const attempt of attempts) {
    if (attempt.kind !== "task" || (attempt.state.type !== "waiting" && attempt.state.type !== "ready")) continue;
    attemptIds.push(attempt.id);
    forget(h, attempt);
  }
  if (attemptIds.length > 0) h.outbox.send({ type: "returned", attemptIds });
}

/**
 * Nothing is said: nobody is left who would hear it. Actors that outlive their job stay until they are stopped; copies of
 * those that live elsewhere or nowhere go.
 */
export function takeForgetJob(h: Holdings, jobId: JobId): void {
  for (const attempt of [...h.attempts.values()]) {
    if (attempt.kind === "task" && attempt.jobId === jobId) forget(h, attempt);
  }
  for (const thread of [...h.threads.all()]) {
    if (thread.type === "tasks" && thread.jobId === jobId) endThread(h, thread);
  }
  h.lanes.forget(jobId);
  h.objects.forget((id) => jobOf(id) === jobId);
  forgetCopies(
    h,
    [...h.copies].filter((id) => jobOf(id) === jobId && !h.actors.has(id)),
  );
}
