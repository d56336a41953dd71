/**
 * What the coordinator gives this worker: tasks, actors, calls, and the functions and values they wait for. Owns the
 * way from arrival to ready; knows nothing about threads.
 */
import { type ActorId, checkpointId, type FunctionId, type ObjectId } from "../../protocol/ids.ts";
import type { AssignedTask, Checkpoint, ToWorkerMessage } from "../../protocol/messages.ts";
import { failure, type Failure } from "../../protocol/nouns.ts";
import { advanceLine, endActor, placeActor, silence } from "./actor-life.ts";
import type { Actor } from "./actors.ts";
import { type Attempt, CallAttempt, cpuUnitsOf, CreationAttempt, fillInputs, ready, TaskAttempt } from "./attempts.ts";
import type { Holdings } from "./holdings.ts";
import { newGate } from "./gate.ts";
import { refuseActor } from "./retirement.ts";
import { fail } from "./settle.ts";

type Message<Type extends ToWorkerMessage["type"]> = Extract<ToWorkerMessage, { type: Type }>;

export function takeDefine(h: Holdings, { functionId, bytes }: Message<"define">): void {
  // Without bytes it is fetched when the first task needs it.
  if (bytes !== undefined) functionArrived(h, functionId, bytes.slice());
}

export function takeAssign(h: Holdings, message: Message<"assign">): void {
  const { functionId, tasks } = message;
  if (h.standing.state !== "lending") {
    h.outbox.send({ type: "returned", attemptIds: tasks.map((task) => task.attemptId) });
    return;
  }
  for (const given of tasks) {
    if (h.attempts.has(given.attemptId)) continue;
    const attempt = new TaskAttempt(given, message, ++h.lastSequence);
    h.attempts.set(attempt.id, attempt);
    gather(h, attempt, functionId);
  }
}

export function takeStartActor(h: Holdings, message: Message<"start-actor">): void {
  const { actorId, epoch, work, spec, restored, creation, checkpoint } = message;
  const before = h.actors.get(actorId);
  if (before !== undefined) {
    if (before.epoch >= epoch) return;
    // The coordinator has moved on: the older life is no longer anyone's.
    silence(h, before);
  }
  if (h.standing.state === "leaving") {
    refuseActor(h, actorId, epoch);
    return;
  }
  const actor: Actor = {
    id: actorId,
    epoch,
    work,
    spec,
    restored,
    cpuUnits: cpuUnitsOf(spec.demand),
    state: { type: "waiting" },
    line: [],
    gate: newGate(),
  };
  h.actors.set(actorId, actor);
  h.threads.actorUnits += actor.cpuUnits;
  const attempt = new CreationAttempt(creation, actor, checkpoint);
  h.attempts.set(attempt.id, attempt);
  if (checkpoint !== undefined) h.copies.add(actorId);
  gather(h, attempt, spec.functionId, checkpoint);
}

export function takeCall(h: Holdings, message: Message<"call">): void {
  const actor = h.actors.get(message.actorId);
  if (actor === undefined || actor.epoch !== message.epoch || actor.state.type === "stopping") {
    h.outbox.send({ type: "returned", attemptIds: message.tasks.map((task) => task.attemptId) });
    return;
  }
  for (const given of message.tasks) {
    if (h.attempts.has(given.attemptId)) continue;
    const attempt = new CallAttempt(given, message, actor);
    h.attempts.set(attempt.id, attempt);
    actor.line.push(attempt);
    gather(h, attempt, undefined);
  }
  advanceLine(h, actor);
}

export function functionArrived(h: Holdings, functionId: FunctionId, bytes: Uint8Array): void {
  for (const attempt of h.functions.arrived(functionId, bytes)) {
    attempt.functionBytes = bytes;
    came(h, attempt, 1);
  }
}

export function objectArrived(h: Holdings, objectId: ObjectId, bytes: Uint8Array): void {
  const waiters = h.objects.arrived(objectId, bytes);
  for (const attempt of waiters) came(h, attempt, fillInputs(attempt, objectId, bytes));
  // A state serves once.
  if (waiters.some((attempt) => attempt.kind === "creation" && attempt.stateId === objectId)) h.objects.drop(objectId);
}

/** What this browser has of the state that an actor is to go on from; without it the coordinator's copy is fetched. */
export function copyLoaded(
  h: Holdings,
  actorId: ActorId,
  { epoch, number }: { readonly epoch: number; readonly number: number },
  bytes: Uint8Array | undefined,
): void {
  const stateId = checkpointId(actorId, epoch, number);
  if (bytes === undefined) {
    if (h.objects.isAwaited(stateId)) h.outbox.order({ type: "download-object", objectId: stateId });
    else h.objects.missed(stateId);
    return;
  }
  // Not kept: no other attempt has a use for it.
  for (const attempt of h.objects.missed(stateId)) came(h, attempt, fillInputs(attempt, stateId, bytes));
}

export function functionMissed(h: Holdings, functionId: FunctionId, reason: string): void {
  for (const attempt of h.functions.missed(functionId)) {
    cannotBegin(h, attempt, `its function "${functionId}" could not be fetched: ${reason}`);
  }
}

export function objectMissed(h: Holdings, objectId: ObjectId, reason: string): void {
  for (const attempt of h.objects.missed(objectId)) {
    const what = attempt.kind === "creation" && attempt.stateId === objectId ? "state" : "input";
    cannotBegin(h, attempt, `its ${what} "${objectId}" could not be fetched: ${reason}`, what === "state");
  }
}

/** Finds what the attempt needs, orders what is not here, and lets it go on if nothing is missing. */
function gather(h: Holdings, attempt: Attempt, functionId: FunctionId | undefined, checkpoint?: Checkpoint): void {
  let missing = 0;
  if (functionId !== undefined) {
    attempt.functionBytes = h.functions.get(functionId);
    if (attempt.functionBytes === undefined) {
      missing++;
      if (h.functions.await(functionId, attempt)) h.outbox.order({ type: "download-function", functionId });
    }
  }
  for (const input of attempt.given.inputs) if (input.value.type === "stored") missing += seek(h, attempt, input);
  if (attempt.kind === "creation" && checkpoint?.value.type === "stored") {
    missing++;
    seekState(h, attempt, checkpoint);
  }
  if (missing === 0) becomeReady(h, attempt);
  else attempt.state = { type: "waiting", missing };
}

/** Returns how many inputs are missing because of this one. */
function seek(h: Holdings, attempt: Attempt, { id }: AssignedTask["inputs"][number]): number {
  const bytes = h.objects.get(id);
  if (bytes !== undefined) {
    fillInputs(attempt, id, bytes);
    return 0;
  }
  if (h.objects.await(id, attempt)) h.outbox.order({ type: "download-object", objectId: id });
  return 1;
}

/** This browser may have it: then nothing is downloaded. */
function seekState(h: Holdings, attempt: CreationAttempt, { epoch, number }: Checkpoint): void {
  const actorId = attempt.actor.id;
  if (!h.objects.await(checkpointId(actorId, epoch, number), attempt)) return;
  h.outbox.order({ type: "load-checkpoint", actorId, epoch, number });
}

function came(h: Holdings, attempt: Attempt, count: number): void {
  if (attempt.state.type !== "waiting") return;
  const missing = attempt.state.missing - count;
  if (missing > 0) attempt.state = { type: "waiting", missing };
  else {
    becomeReady(h, attempt);
    if (attempt.kind === "call") advanceLine(h, attempt.actor);
  }
}

function becomeReady(h: Holdings, attempt: Attempt): void {
  attempt.state = ready;
  switch (attempt.kind) {
    case "task":
      h.lanes.push(attempt);
      return;
    case "creation":
      placeActor(h, attempt);
      return;
    case "call":
      // Its line advances when all that came with it are in it.
      return;
  }
}

/** `mayRetry`: an actor whose state did not come may begin elsewhere, or later. */
function cannotBegin(h: Holdings, attempt: Attempt, reason: string, mayRetry = false): void {
  const { name } = attempt.work;
  const why: Failure = failure("OBJECT_LOST", `Cannot run "${name}": ${reason}`, { taskName: name });
  if (attempt.kind === "creation") {
    endActor(h, attempt.actor, why, mayRetry);
    return;
  }
  fail(h, attempt, why);
  if (attempt.kind === "task") return;
  const { actor } = attempt;
  actor.line = actor.line.filter((call) => call !== attempt);
  advanceLine(h, actor);
}
