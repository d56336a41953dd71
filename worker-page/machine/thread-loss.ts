/**
 * A thread is gone, or must go, with several attempts in it: who of them fails and who begins again. What ran alone is
 * the culprit and fails; where several may be, each begins again on its own, so that the culprit is found. Beginning
 * again is safe, since what an attempt submits is named by it, and spends nothing of its budget.
 */
import { failure } from "../../protocol/nouns.ts";
import { endActor } from "./actor-life.ts";
import { type Attempt, ready, type TaskAttempt } from "./attempts.ts";
import type { Holdings } from "./holdings.ts";
import { cancelled, fail, leaveThread } from "./settle.ts";
import { endThread } from "./thread-supply.ts";
import type { ActorThread, BoundThread, TaskThread } from "./threads.ts";

/** An attempt whose thread died so often of something else may be the one that kills them. */
const mostReruns = 3;

export function threadCrashed(h: Holdings, thread: BoundThread, reason: string): void {
  endThread(h, thread);
  if (thread.type === "actors") {
    endActors(h, thread, reason);
    return;
  }
  const culprit = culpritOf(thread);
  const again: TaskAttempt[] = [];
  for (const task of tasksOf(thread)) {
    if (task === culprit || task.reruns >= mostReruns) failCrashed(h, task, reason);
    else {
      task.reruns++;
      task.isQuick = false;
      again.push(task);
    }
  }
  beginAgain(h, thread, again);
}

/** It ran longer than its timeoutMs: only stopping its thread is sure to stop it. */
export function timedOut(h: Holdings, attempt: Attempt, thread: BoundThread): void {
  const { name, timeoutMs } = attempt.work;
  const message = `Task "${name}" ran longer than its timeoutMs of ${timeoutMs}`;
  fail(h, attempt, failure("TASK_TIMEOUT", message, { taskName: name }));
  endUnder(h, thread, `${message} in the same thread`);
}

export function forceCancelled(h: Holdings, task: TaskAttempt, thread: BoundThread): void {
  fail(h, task, cancelled(task));
  endUnder(h, thread, "it was stopped");
}

/** Ends a thread that one attempt, already settled, made impossible; the others did nothing wrong. */
function endUnder(h: Holdings, thread: BoundThread, reason: string): void {
  endThread(h, thread);
  if (thread.type === "actors") endActors(h, thread, reason);
  else beginAgain(h, thread, tasksOf(thread));
}

/** Where only one can have done it: what ran alone, or was alone at all. */
function culpritOf(thread: TaskThread): Attempt | undefined {
  const running = [...thread.held].filter((attempt) => attempt.state.type === "running");
  const [only] = running.length === 0 ? thread.held : running;
  if (only === undefined) return undefined;
  if (running.length === 0) return thread.held.size === 1 ? only : undefined;
  if (running.length > 1 || only.state.type !== "running") return undefined;
  // The last of a batch may not have begun when another of it did the harm.
  return only.state.trip.size === 1 ? only : undefined;
}

function failCrashed(h: Holdings, task: TaskAttempt, reason: string): void {
  const { name } = task.work;
  fail(h, task, failure("WORKER_CRASHED", `The thread died under "${name}": ${reason}`, { taskName: name }), true);
}

/** In their old order, ahead of all others of their job. Whoever is paused or leaving gives them back instead. */
function beginAgain(h: Holdings, thread: TaskThread, tasks: readonly TaskAttempt[]): void {
  for (const task of tasks) {
    if (task.state.type === "blocked") h.outbox.send({ type: "unblocked", attemptId: task.id });
    leaveThread(h, task);
    task.state = ready;
  }
  h.lanes.putFirst(
    thread.jobId,
    [...tasks].sort((a, b) => a.sequence - b.sequence),
  );
}

function tasksOf(thread: TaskThread): readonly TaskAttempt[] {
  return [...thread.held].filter((attempt): attempt is TaskAttempt => attempt.kind === "task");
}

function endActors(h: Holdings, thread: ActorThread, reason: string): void {
  for (const actor of thread.actors) {
    const { id, spec } = actor;
    const message = `The thread of actor "${spec.className}" died: ${reason}`;
    endActor(h, actor, failure("WORKER_CRASHED", message, { actorId: id }), true);
  }
}
