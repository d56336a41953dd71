/**
 * Actors that are to live elsewhere, because this tab leaves: each finishes what it has begun and saves a last time, and
 * what it has not begun is given back. Owns the way from the order to the release. One that takes too long is given up:
 * it goes on elsewhere from the state the coordinator has.
 */
import type { ActorId, AttemptId } from "../../protocol/ids.ts";
import { forgetCopies, silence } from "./actor-life.ts";
import type { Actor } from "./actors.ts";
import type { Attempt } from "./attempts.ts";
import type { Holdings } from "./holdings.ts";
import type { ThreadReport } from "./thread-work.ts";
import type { ActorThread } from "./threads.ts";

/** What an actor that retires may take to finish. */
const retireMs = 10_000;

export function retireActors(h: Holdings): void {
  for (const actor of [...h.actors.values()]) {
    const { state } = actor;
    if (state.type === "alive") {
      actor.state = { type: "retiring", thread: state.thread, returned: undefined };
      h.outbox.order({ type: "retire-actor", threadId: state.thread.id, actorId: actor.id });
      h.deadlines.add(h.at + retireMs, { type: "retire", actor });
    } else if (state.type === "waiting" || state.type === "starting") {
      // It has done nothing yet.
      release(h, actor);
    }
  }
}

/** False for a forgery. */
export function takeRetired(
  h: Holdings,
  thread: ActorThread,
  { actorId, epoch, returned }: Extract<ThreadReport, { type: "retired" }>,
): boolean {
  const actor = h.actors.get(actorId);
  if (actor?.epoch !== epoch || actor.state.type !== "retiring" || actor.state.thread !== thread) return false;
  actor.state = { type: "retiring", thread, returned: returned.filter((id) => isHeld(h, actor, thread, id)) };
  return true;
}

/** Lets go of those that have retired and of which nothing is on its way any more. */
export function releaseRetired(h: Holdings): void {
  for (const actor of [...h.actors.values()]) {
    if (actor.state.type === "retiring" && actor.state.returned !== undefined && isQuiet(h, actor)) release(h, actor);
  }
}

/** It has had its time. */
export function giveUpRetiring(h: Holdings, actor: Actor): void {
  if (actor.state.type === "retiring" && h.actors.get(actor.id) === actor) release(h, actor);
}

/** An actor that was to live here never will. */
export function refuseActor(h: Holdings, actorId: ActorId, epoch: number): void {
  h.outbox.send({ type: "actor-released", actorId, epoch });
}

function release(h: Holdings, actor: Actor): void {
  const begun = actor.state.type === "retiring" ? (actor.state.returned ?? []) : [];
  const attemptIds = [...begun, ...actor.line.map((call) => call.id)];
  silence(h, actor);
  h.outbox.flushOutcomes();
  if (attemptIds.length > 0) h.outbox.send({ type: "returned", attemptIds });
  h.outbox.send({ type: "actor-released", actorId: actor.id, epoch: actor.epoch });
  forgetCopies(h, [actor.id]);
}

/** No state and no value of it is on its way. What is held without a state that has it will be done again elsewhere. */
function isQuiet(h: Holdings, actor: Actor): boolean {
  const { commit, held } = actor.gate;
  if (commit !== undefined) return false;
  const heldBack = new Set<Attempt>(held.map(({ attempt }) => attempt));
  for (const attempt of h.attempts.values()) {
    const isDelivering = attempt.kind === "call" && attempt.actor === actor && attempt.state.type === "delivering";
    if (isDelivering && !heldBack.has(attempt)) return false;
  }
  return true;
}

function isHeld(h: Holdings, actor: Actor, thread: ActorThread, id: AttemptId): boolean {
  const attempt = h.attempts.get(id);
  return attempt?.kind === "call" && attempt.actor === actor && thread.held.has(attempt);
}
