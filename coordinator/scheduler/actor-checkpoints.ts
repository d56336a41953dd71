/**
 * What an actor goes on from after a loss: its newest checkpoint, and the log of calls that were told and are in none.
 * Owns both, and what runs again. Every save names the activation it comes from; one of an earlier activation changes
 * nothing, so a tab that wakes up is never a second copy.
 */
import { type AttemptId, attemptId, checkpointId, taskOfAttempt, type WorkerId } from "../../protocol/ids.ts";
import { isCurrent, order } from "./actor-activation.ts";
import { acceptAgain } from "./actor-mailbox.ts";
import type { SchedulerEvent } from "./events.ts";
import type { Machine } from "./machine.ts";
import { holdById, releaseById } from "./object-life.ts";
import type { Actor, Task, Worker } from "./records.ts";
import { letGo, letGoOfMade, transition } from "./task-life.ts";

type Saved = Extract<SchedulerEvent, { type: "actor-checkpointed" }>;

/** The state and the outcomes it includes are taken together, or neither is. */
export function checkpointed(m: Machine, actor: Actor | undefined, saved: Saved, takeOutcomes: () => void): void {
  const { workerId, actorId, epoch, number, state } = saved;
  if (!isCurrent(actor, workerId, epoch)) {
    if (state.type === "stored") m.command({ type: "forget-object", id: checkpointId(actorId, epoch, number) });
    m.command({ type: "stop-actor", workerId, actorId, epoch });
    return;
  }
  for (const id of state.refs) holdById(m, id);
  dropCheckpoint(m, actor);
  actor.checkpoint = { epoch, number, value: state };
  for (const id of saved.included) {
    const call = actor.log.get(taskOfAttempt(id));
    if (call === undefined) continue;
    actor.log.delete(call.id);
    forgetLogged(m, call);
  }
  takeOutcomes();
}

export function dropCheckpoint(m: Machine, actor: Actor): void {
  const { checkpoint } = actor;
  if (checkpoint === undefined) return;
  actor.checkpoint = undefined;
  const { epoch, number, value } = checkpoint;
  if (value.type === "stored") m.command({ type: "forget-object", id: checkpointId(actor.id, epoch, number) });
  for (const id of value.refs) releaseById(m, id);
}

/** Nothing will run it again. */
export function forgetLogged(m: Machine, call: Task): void {
  const { work } = call;
  call.work = undefined;
  if (work !== undefined) letGo(m, work);
  letGoOfMade(m, call);
}

// ------------------------------------------------------------------------------------------ run again

/** The calls of the log, in their order, before any other. Their outcomes were told long ago. */
export function replayLog(m: Machine, actor: Actor, worker: Worker): void {
  for (const call of actor.log.values()) {
    const id = attemptId(call.id, ++call.attempts);
    actor.replays.set(id, call);
    m.replays.set(id, actor);
    // To one that has not said yet what it has they are sent when it has.
    if (!worker.unheard) order(m, actor, worker, call, id);
  }
}

/** A call of the log has run again. */
export function replayed(m: Machine, workerId: WorkerId, id: AttemptId): void {
  const actor = m.replays.get(id);
  if (actor === undefined || !("worker" in actor.state) || actor.state.worker?.id !== workerId) return;
  actor.replays.delete(id);
  m.replays.delete(id);
}

export function forgetReplays(m: Machine, actor: Actor): void {
  for (const id of actor.replays.keys()) m.replays.delete(id);
  actor.replays.clear();
}

/** What its worker does not name never arrived there: it is sent again, in its old order. */
export function sendAgain(m: Machine, actor: Actor, named: ReadonlySet<AttemptId>): void {
  const { state } = actor;
  if (state.name !== "alive") return;
  for (const [id, call] of actor.replays)
    if (!named.has(id) && call.work !== undefined) order(m, actor, state.worker, call, id);
  const again: Task[] = [];
  for (const call of [...actor.inFlight]) {
    if (call.state.name !== "running") continue;
    const { attempt } = call.state;
    if (named.has(attempt.id)) {
      if (call.cancelAsked)
        m.command({ type: "cancel-attempt", workerId: state.worker.id, attemptId: attempt.id, force: false });
      if (call.taken > 0)
        m.command({ type: "consumed", workerId: state.worker.id, attemptId: attempt.id, taken: call.taken });
      continue;
    }
    if (!call.cancelAsked) again.push(call);
    transition(m, call, call.cancelAsked ? "cancelled" : "queued");
  }
  actor.retiring = false;
  acceptAgain(actor, again);
  m.toPump.push({ actor, caller: undefined });
}
