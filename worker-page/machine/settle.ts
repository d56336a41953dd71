/**
 * The end of an attempt: it leaves its thread, what is left to say of it is said, and nothing here remembers it.
 */
import type { Outcome } from "../../protocol/messages.ts";
import { failure, type Failure } from "../../protocol/nouns.ts";
import { type Attempt, over } from "./attempts.ts";
import type { Holdings } from "./holdings.ts";
import { droppedLine } from "./log-budget.ts";

/** Sends the outcome and forgets the attempt. */
export function settle(h: Holdings, attempt: Attempt, outcome: Outcome): void {
  conclude(h, attempt, outcome);
  h.outbox.outcome(outcome);
}

/** The same where the outcome travels with something else. */
export function conclude(h: Holdings, attempt: Attempt, outcome: Outcome): void {
  if (outcome.type === "done") h.tally.done++;
  else h.tally.failed++;
  if (attempt.logBudget !== undefined) {
    const lines = droppedLine(attempt.logBudget, attempt.id);
    if (lines.length > 0) h.outbox.send({ type: "log", lines });
  }
  forget(h, attempt);
}

/** `crashed`: it may be tried again at the expense of a retry. */
export function fail(h: Holdings, attempt: Attempt, why: Failure, crashed = false): void {
  settle(h, attempt, { type: "failed", attemptId: attempt.id, failure: why, crashed, ranMs: 0 });
}

export function cancelled(attempt: Attempt): Failure {
  const { name } = attempt.work;
  return failure("TASK_CANCELLED", `Task "${name}" was cancelled`, { taskName: name });
}

/** Nothing is said. */
export function forget(h: Holdings, attempt: Attempt): void {
  leaveThread(h, attempt);
  switch (attempt.state.type) {
    case "waiting":
      h.functions.forgetWaiter(attempt);
      h.objects.forgetWaiter(attempt);
      break;
    case "ready":
      if (attempt.kind === "task") h.lanes.leave(attempt);
      break;
    case "running":
    case "blocked":
    case "delivering":
    case "over":
      break;
  }
  dropDeliveries(h, attempt);
  // Whoever still has it in a queue sees that it is over.
  attempt.state = over;
  h.attempts.delete(attempt.id);
}

/** What of it is being uploaded is no longer waited for. */
export function dropDeliveries(h: Holdings, attempt: Attempt): void {
  if (attempt.deliveries === undefined) return;
  attempt.deliveries = undefined;
  for (const [objectId, { of }] of h.uploads) {
    if (of.type === "value" && of.delivery.attempt === attempt) h.uploads.delete(objectId);
  }
}

/** It is no longer in its thread, if it was in one; its slot is free. */
export function leaveThread(h: Holdings, attempt: Attempt): void {
  const { state } = attempt;
  if (state.type !== "running" && state.type !== "blocked") return;
  const { thread } = state.trip;
  thread.held.delete(attempt);
  if (state.type === "running") h.threads.vacate(state.trip);
  if (thread.type === "tasks" && thread.held.size === 0) thread.idleSince = h.at;
}
