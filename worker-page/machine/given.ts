/**
 * What the coordinator gives this worker: tasks, actors, calls, and the functions and values they wait for. Owns the
 * way from arrival to ready; knows nothing about threads.
 */
import { type FunctionId, type ObjectId } from "../../protocol/ids.ts";
import type { AssignedTask, ToWorkerMessage } from "../../protocol/messages.ts";
import { failure, type Failure } from "../../protocol/nouns.ts";
import { advanceLine, endActor, placeActor, silence } from "./actor-life.ts";
import type { Actor } from "./actors.ts";
import { type Attempt, CallAttempt, cpuUnitsOf, CreationAttempt, fillInputs, ready, TaskAttempt } from "./attempts.ts";
import type { Holdings } from "./holdings.ts";
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
  const { actorId, epoch, work, spec, restored, creation } = message;
  const before = h.actors.get(actorId);
  if (before !== undefined) {
    if (before.epoch >= epoch) return;
    // The coordinator has moved on: the older life is no longer anyone's.
    silence(h, before);
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
  };
  h.actors.set(actorId, actor);
  h.threads.actorUnits += actor.cpuUnits;
  const attempt = new CreationAttempt(creation, actor);
  h.attempts.set(attempt.id, attempt);
  gather(h, attempt, spec.functionId);
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
  for (const attempt of h.objects.arrived(objectId, bytes)) came(h, attempt, fillInputs(attempt, objectId, bytes));
}

export function functionMissed(h: Holdings, functionId: FunctionId, reason: string): void {
  for (const attempt of h.functions.missed(functionId)) {
    cannotBegin(h, attempt, `its function "${functionId}" could not be fetched: ${reason}`);
  }
}

export function objectMissed(h: Holdings, objectId: ObjectId, reason: string): void {
  for (const attempt of h.objects.missed(objectId)) {
    cannotBegin(h, attempt, `its input "${objectId}" could not be fetched: ${reason}`);
  }
}

/** Finds what the attempt needs, orders what is not here, and lets it go on if nothing is missing. */
function gather(h: Holdings, attempt: Attempt, functionId: FunctionId | undefined): void {
  let missing = 0;
  if (functionId !== undefined) {
    attempt.functionBytes = h.functions.get(functionId);
    if (attempt.functionBytes === undefined) {
      missing++;
      if (h.functions.await(functionId, attempt)) h.outbox.order({ type: "download-function", functionId });
    }
  }
  for (const input of attempt.given.inputs) if (input.value.type === "stored") missing += seek(h, attempt, input);
  if (missing === 0) becomeReady(h, attempt);
  else attempt.state = { type: "waiting", missing };
}

/** Returns how many inputs are missing because of this one. */
function seek(h: Holdings, attempt: Attempt, { id, value }: AssignedTask["inputs"][number]): number {
  const bytes = h.objects.get(id);
  if (bytes !== undefined) {
    fillInputs(attempt, id, bytes);
    return 0;
  }
  const sizeBytes = value.type === "stored" ? value.sizeBytes : 0;
  if (h.objects.await(id, attempt)) h.outbox.order({ type: "download-object", objectId: id, sizeBytes });
  return 1;
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

function cannotBegin(h: Holdings, attempt: Attempt, reason: string): void {
  const { name } = attempt.work;
  const why: Failure = failure("OBJECT_LOST", `Cannot run "${name}": ${reason}`, { taskName: name });
  if (attempt.kind === "creation") {
    endActor(h, attempt.actor, why, false);
    return;
  }
  fail(h, attempt, why);
  if (attempt.kind === "task") return;
  const { actor } = attempt;
  actor.line = actor.line.filter((call) => call !== attempt);
  advanceLine(h, actor);
}
