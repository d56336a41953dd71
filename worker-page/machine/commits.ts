/**
 * The output gate: what an actor did becomes known only together with a state that has it. Owns what is held, the one
 * commit of an actor that is on its way, and when each goes out. Knows nothing about how a state is made or restored.
 *
 * A commit is uploaded if it is large and copied into this browser, both at once; then it is sent, outcomes and state in
 * one message; then the thread may save again. The coordinator's answer is not waited for: the session keeps the
 * message, in order, and sends it again until it is acknowledged, also after a restart of the coordinator. Should this tab
 * be lost before, the coordinator has heard neither of the state nor of any outcome in it, so it goes on from the state
 * before and has those calls run again. Should the session be lost, all that is held here is dropped (presence.ts). The
 * copy in this browser proves nothing: it serves only if the coordinator names its epoch and number.
 *
 *   checkpoint "call"   outcomes wait for the next state and travel with it
 *   every n calls       outcomes go out at once; the next state names the calls it has, and goes out behind them
 *   "manual", "off"     outcomes go out at once; a state names none
 */
import { type ActorId, checkpointId } from "../../protocol/ids.ts";
import { limits } from "../../protocol/limits.ts";
import { type Failure, failure, type Value } from "../../protocol/nouns.ts";
import { giveUpActor } from "./actor-life.ts";
import type { Actor } from "./actors.ts";
import type { Attempt, CallAttempt, Delivery } from "./attempts.ts";
import { clip } from "./clip.ts";
import type { Commit } from "./gate.ts";
import type { Holdings } from "./holdings.ts";
import { sizeOf } from "./outbox.ts";
import { conclude } from "./settle.ts";
import type { ThreadReport } from "./thread-work.ts";
import type { ActorThread } from "./threads.ts";
import { upload } from "./uploads.ts";

/** Outcomes of one commit stay in its message up to this sum; what comes beyond it is uploaded or cut. */
const heldBytes = limits.messageBytes / 2;
/** What is left of a failure that does not fit. */
const cutMessageBytes = 1_024;

/** The attempt, if how it ended waits for its actor's state. */
export function gated(attempt: Attempt): CallAttempt | undefined {
  if (attempt.kind !== "call") return undefined;
  const { spec, gate } = attempt.actor;
  return spec.checkpoint.type === "call" && !gate.isOpen ? attempt : undefined;
}

/** Whether this much more still fits in the message that the outcome of this call will be in. */
export function fitsCommit({ actor: { gate } }: CallAttempt, sizeBytes: number): boolean {
  return gate.heldBytes + (gate.next?.outcomesBytes ?? 0) + sizeBytes <= heldBytes;
}

/** A failure as it fits in that message. */
export function cutToCommit(call: CallAttempt, why: Failure): Failure {
  const size = sizeOf({ type: "failed", attemptId: call.id, failure: why, crashed: false, ranMs: 0 });
  if (fitsCommit(call, size)) return why;
  const { error: _error, because: _because, ...rest } = why;
  return { ...rest, message: clip(why.message, cutMessageBytes) };
}

/** Its thread has reported how it ended, and nobody is told before the next state. */
export function hold({ gate }: Actor, delivery: Delivery): void {
  gate.held.push(delivery);
  if (delivery.item.type !== "produced") gate.heldBytes += sizeOf(delivery.item);
}

/** Its thread has reported how it ended, and it is told at once: the next state has its effects. */
export function noteTold(call: CallAttempt): void {
  if (call.actor.spec.checkpoint.type === "rhythm") call.actor.gate.told.push(call);
}

/** False for a forgery. */
export function takeSaved(h: Holdings, thread: ActorThread, report: Extract<ThreadReport, { type: "saved" }>): boolean {
  const { actorId, epoch, number, state } = report;
  const actor = h.actors.get(actorId);
  if (actor?.epoch !== epoch || actor.state.type === "waiting" || actor.state.thread !== thread) return false;
  const { gate } = actor;
  if (number <= gate.number) return false;
  gate.number = number;
  if (actor.state.type === "stopping") return true;
  if (state.bytes.length > limits.objectBytes) {
    giveUpActor(h, actor, tooLarge(actor, state.bytes.length), false);
    return true;
  }
  const commit: Commit = {
    number,
    state,
    outcomes: gate.held,
    outcomesBytes: gate.heldBytes,
    told: gate.told,
    outcomesThrough: 0,
    toldThrough: 0,
    isUploaded: false,
    isAnswered: false,
  };
  gate.held = [];
  gate.heldBytes = 0;
  gate.told = [];
  if (gate.commit === undefined) begin(h, actor, commit);
  else gate.next = gate.next === undefined ? commit : merged(gate.next, commit);
  return true;
}

/** The bytes of its state are with the coordinator. */
export function stateUploaded(h: Holdings, actor: Actor): void {
  const { commit } = actor.gate;
  if (commit === undefined) return;
  commit.isUploaded = true;
  advanceCommit(h, actor);
}

/** They cannot be: whoever has the state before it goes on from there. */
export function stateNotUploaded(h: Holdings, actor: Actor, reason: string): void {
  const { id, spec } = actor;
  const message = `The state of actor "${spec.className}" could not be stored: ${reason}`;
  giveUpActor(h, actor, failure("OBJECT_LOST", message, { actorId: id }), true);
}

/** This browser has made its copy, or will not: without one, only a loss of this tab takes longer to mend. */
export function copyAnswered(h: Holdings, actorId: ActorId, epoch: number, number: number, notKept?: string): void {
  const actor = h.actors.get(actorId);
  if (actor?.epoch !== epoch || actor.gate.commit?.number !== number) return;
  actor.gate.notKept = notKept;
  actor.gate.commit.isAnswered = true;
  advanceCommit(h, actor);
}

/** Sends the commit that is on its way, if nothing of it has to be waited for any more. */
export function advanceCommit(h: Holdings, actor: Actor): void {
  const { commit } = actor.gate;
  if (commit?.isUploaded !== true || !commit.isAnswered) return;
  while (commit.outcomes[commit.outcomesThrough]?.isThrough === true) commit.outcomesThrough++;
  if (commit.outcomesThrough < commit.outcomes.length) return;
  while (commit.told[commit.toldThrough]?.state.type === "over") commit.toldThrough++;
  if (commit.toldThrough < commit.told.length) return;
  send(h, actor, commit);
}

function begin(h: Holdings, actor: Actor, commit: Commit): void {
  const { id: actorId, epoch } = actor;
  const { number, state } = commit;
  actor.gate.commit = commit;
  if (state.bytes.length <= limits.inlineValueBytes) commit.isUploaded = true;
  else upload(h, checkpointId(actorId, epoch, number), { of: { type: "state", actor }, bytes: state.bytes, tries: 1 });
  h.copies.add(actorId);
  h.outbox.order({ type: "save-checkpoint", actorId, epoch, number, bytes: state.bytes });
}

/** The newest state has everything that those before it had. */
function merged(older: Commit, newer: Commit): Commit {
  return {
    ...newer,
    outcomes: [...older.outcomes, ...newer.outcomes],
    outcomesBytes: older.outcomesBytes + newer.outcomesBytes,
    told: [...older.told, ...newer.told],
  };
}

function send(h: Holdings, actor: Actor, commit: Commit): void {
  const { id: actorId, epoch, gate } = actor;
  const { number, told } = commit;
  const outcomes = commit.outcomes.flatMap(({ item }) => (item.type === "produced" ? [] : [item]));
  for (const { attempt, item } of commit.outcomes) if (item.type !== "produced") conclude(h, attempt, item);
  h.outbox.flushOutcomes();
  const included = told.map((call) => call.id);
  h.outbox.send({ type: "checkpointed", actorId, epoch, number, state: valueOf(commit), outcomes, included });
  gate.savedAt = h.at;
  if (actor.state.type !== "waiting" && actor.state.type !== "stopping") {
    h.outbox.order({ type: "committed", threadId: actor.state.thread.id, actorId, epoch, number });
  }
  const { next } = gate;
  gate.commit = undefined;
  gate.next = undefined;
  if (next !== undefined) begin(h, actor, next);
}

function valueOf({ state: { bytes, refs } }: Commit): Value {
  if (bytes.length <= limits.inlineValueBytes) return { type: "inline", bytes, refs };
  return { type: "stored", sizeBytes: bytes.length, refs };
}

function tooLarge({ id, spec }: Actor, sizeBytes: number): Failure {
  const message = `The state of actor "${spec.className}" takes ${sizeBytes} bytes, over the limit objectBytes ${limits.objectBytes}`;
  return failure("OBJECT_TOO_LARGE", message, { actorId: id });
}
