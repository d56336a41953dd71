/**
 * The life of an actor: waiting for its constructor's inputs, starting, alive, restarting after a loss, dead. Calls are
 * tasks; their order within a caller is kept here, and what becomes of them when their actor is lost.
 */
import { encodeValue, joinSegments } from "../../protocol/payload.ts";
import { actorId, creationOf, isChildOf, type ParentId, returnId, type WorkerId } from "../../protocol/ids.ts";
import { type ActorSpec, type Failure, failure, type Submission } from "../../protocol/nouns.ts";
import type { Submitter } from "./events.ts";
import { Fifo } from "./fifo.ts";
import type { Machine, Speaker } from "./machine.ts";
import { awaitInputs, holdById, makeObject, readyState, release, releaseById, resolve, settle } from "./object-life.ts";
import { occupy, take } from "./placement.ts";
import type { Actor, Attempt, Task, Worker } from "./records.ts";
import { own, transition } from "./task-life.ts";

/** What `$ready()` gives: the payload of undefined. */
const nothing = joinSegments(encodeValue(undefined));

export function nameKey(namespace: string, name: string): string {
  return JSON.stringify([namespace, name]);
}

// ------------------------------------------------------------------------------------------ created

export interface NewActor {
  readonly by: Submitter;
  readonly speaker: Speaker;
  readonly spec: ActorSpec;
  readonly creation: Submission;
}

export function createActor(m: Machine, { by, speaker, spec, creation }: NewActor): void {
  const id = actorId(creation.id);
  const { job, parent } = speaker;
  if (!isChildOf(creation.id, parent)) {
    m.command({
      type: "refuse",
      to: by,
      code: "PROTOCOL",
      message: `Cannot create "${id}": it is not named after "${parent}"`,
      about: id,
    });
    return;
  }
  if (m.records.actors.has(id) || m.records.aliases.has(id)) return;
  const key = spec.name === undefined ? undefined : nameKey(spec.namespace, spec.name);
  const known = key === undefined ? undefined : m.records.names.get(key);
  if (known !== undefined && spec.getIfExists) {
    m.records.aliases.set(id, known);
    m.command({ type: "actor-is", to: by, asked: id, actorId: known.id });
    return;
  }
  const actor: Actor = {
    id,
    job,
    spec,
    creation,
    order: m.order++,
    state: { name: "waiting", missing: 0 },
    epoch: 0,
    restarts: 0,
    mailbox: new Map(),
    inFlight: new Set(),
    made: new Set(),
    calls: 0,
    createdAt: m.at,
    placement: undefined,
  };
  m.records.actors.set(id, actor);
  job.actors.add(actor);
  own(speaker, makeObject(m, returnId(creation.id, 0), job));
  for (const input of creation.inputs) holdById(m, input);
  for (const held of creation.holds) holdById(m, held);
  m.tell(id, "created", spec.className);
  if (known !== undefined) {
    const message = `Cannot create actor "${spec.name}": one of that name lives in namespace "${spec.namespace}"`;
    return die(m, actor, failure("ACTOR_EXISTS", message, { actorId: id }), "named twice");
  }
  if (key !== undefined) m.records.names.set(key, actor);
  const inputs = awaitInputs(m, actor, spec.className, creation.inputs);
  if ("failure" in inputs) m.actorsReady.push({ actor, failure: inputs.failure });
  else if (inputs.missing === 0) m.actorsReady.push({ actor });
  else actor.state = { name: "waiting", missing: inputs.missing };
}

/** The inputs of its constructor have come, or one of them failed. */
export function inputsCame(m: Machine, actor: Actor, problem: Failure | undefined): void {
  if (actor.state.name !== "waiting") return;
  if (problem !== undefined) return die(m, actor, problem, "input failed");
  actor.state = { name: "starting", worker: undefined };
  queueForPlace(m, actor);
}

function queueForPlace(m: Machine, actor: Actor): void {
  const { demand, labels, placement } = actor.spec;
  const traits = { job: actor.job, demand, labels, placement, priority: 0, alone: false, actors: true };
  m.classes.enqueue(actor, m.classes.classFor(traits, actor.spec));
}

/** A worker was found. */
export function place(m: Machine, actor: Actor, worker: Worker): void {
  if (actor.state.name !== "starting" && actor.state.name !== "restarting") return;
  m.classes.dequeue(actor);
  actor.state.worker = worker;
  actor.epoch++;
  worker.actors.add(actor);
  take(actor.spec.demand, worker, 1);
  occupy(worker, actor.spec.demand.cpus);
  m.classes.loadChanged(worker);
  m.tell(actor.id, "starting", worker.id);
  m.command({
    type: "start-actor",
    workerId: worker.id,
    actorId: actor.id,
    epoch: actor.epoch,
    restored: actor.state.name === "restarting",
    jobId: actor.job.id,
    spec: actor.spec,
    args: actor.creation.args,
    inputs: resolve(m, actor.creation.inputs),
  });
}

/** The worker where this epoch lives or starts. */
export function homeOf(actor: Actor): Worker | undefined {
  return "worker" in actor.state ? actor.state.worker : undefined;
}

function isCurrent(actor: Actor | undefined, workerId: WorkerId, epoch: number): actor is Actor {
  return actor !== undefined && actor.epoch === epoch && homeOf(actor)?.id === workerId;
}

export function started(m: Machine, actor: Actor | undefined, workerId: WorkerId, epoch: number): void {
  if (!isCurrent(actor, workerId, epoch)) return;
  if (actor.state.name !== "starting" && actor.state.name !== "restarting") return;
  const worker = actor.state.worker;
  if (worker === undefined) return;
  actor.state = { name: "alive", worker };
  m.tell(actor.id, "alive", worker.id);
  const ready = m.records.objects.get(returnId(creationOf(actor.id), 0));
  if (ready !== undefined) settle(m, ready, readyState({ type: "inline", bytes: nothing, refs: [] }));
  m.toPump.push({ actor, caller: undefined });
}

// ------------------------------------------------------------------------------------------ calls

/** The call takes its place behind the earlier calls of the same caller. */
export function accept(actor: Actor, call: Task): void {
  actor.calls++;
  let queue = actor.mailbox.get(call.parent);
  if (queue === undefined) actor.mailbox.set(call.parent, (queue = new Fifo()));
  queue.push(call);
}

/** Sends what may be sent: the first calls of each caller whose inputs are here. */
export function pump(m: Machine, actor: Actor, caller: ParentId | undefined): void {
  if (actor.state.name === "dead") return refuseWaiting(m, actor, actor.state.failure);
  if (actor.state.name !== "alive" || actor.state.worker.link !== "connected") return;
  if (caller !== undefined) return pumpCaller(m, actor, actor.state.worker, caller);
  for (const waiting of actor.mailbox.keys()) pumpCaller(m, actor, actor.state.worker, waiting);
}

function pumpCaller(m: Machine, actor: Actor, worker: Worker, caller: ParentId): void {
  const queue = actor.mailbox.get(caller);
  if (queue === undefined) return;
  for (let call = queue.peek(); call !== undefined; call = queue.peek()) {
    // A call whose inputs are missing holds back the later ones of its caller, and only those.
    if (call.state.name === "waiting") return;
    if (call.state.name === "queued") {
      if (actor.inFlight.size >= m.options.callsInFlight) return;
      send(m, actor, worker, call);
    }
    queue.shift();
  }
  actor.mailbox.delete(caller);
}

function send(m: Machine, actor: Actor, worker: Worker, call: Task): void {
  const { work, spec, job } = call;
  if (work === undefined || spec.type !== "call") throw m.broken(call, "running");
  transition(m, call, "running", { worker });
  if (call.state.name !== "running") throw m.broken(call, "running");
  actor.inFlight.add(call);
  m.command({
    type: "call",
    actorId: actor.id,
    workerId: worker.id,
    attemptId: (call.state as { attempt: Attempt }).attempt.id,
    jobId: job.id,
    namespace: job.namespace,
    epoch: actor.epoch,
    spec,
    args: work.args,
    inputs: resolve(m, work.inputs),
  });
}

// ------------------------------------------------------------------------------------------ lost, ended, killed

/** It takes no more room on its worker. */
function leaveHome(m: Machine, actor: Actor): void {
  const worker = homeOf(actor);
  if (worker === undefined || !worker.actors.delete(actor)) return;
  take(actor.spec.demand, worker, -1);
  occupy(worker, -actor.spec.demand.cpus);
  m.dirtyWorkers.add(worker);
}

/**
 * Its worker or its thread is gone. A crash spends a restart, a worker that leaves none. Calls in progress are replayed
 * in order or fail, as the actor's checkpoints allow.
 */
export function lost(m: Machine, actor: Actor, why: string, crashed: boolean): void {
  if (actor.state.name === "dead" || actor.state.name === "waiting") return;
  const { maxRestarts } = actor.spec;
  if (crashed) actor.restarts++;
  const over = maxRestarts !== undefined && (maxRestarts === 0 || actor.restarts > maxRestarts);
  const started_ = actor.state.name !== "starting";
  m.tell(actor.id, "lost", why);
  leaveHome(m, actor);
  if (over) return die(m, actor, diedFailure(actor, `${why}, and it may not be restarted again`), why);
  settleInFlight(m, actor, why);
  actor.state = { name: started_ ? "restarting" : "starting", worker: undefined };
  queueForPlace(m, actor);
}

function settleInFlight(m: Machine, actor: Actor, why: string): void {
  const again: Task[] = [];
  for (const call of [...actor.inFlight]) {
    if (call.cancelAsked) transition(m, call, "cancelled");
    else if (isReplayed(actor, call)) {
      transition(m, call, "queued");
      again.push(call);
    } else transition(m, call, "failed", { failure: unavailableFailure(actor, call, why) });
  }
  acceptAgain(actor, again);
}

/** Calls that were sent and come back go before those that were not, in their order. */
export function acceptAgain(actor: Actor, calls: readonly Task[]): void {
  for (const caller of new Set(calls.map((call) => call.parent))) {
    let queue = actor.mailbox.get(caller);
    if (queue === undefined) actor.mailbox.set(caller, (queue = new Fifo()));
    queue.prepend(calls.filter((call) => call.parent === caller));
  }
}

function isReplayed(actor: Actor, call: Task): boolean {
  const { checkpoint } = actor.spec;
  if (checkpoint.type === "call" || checkpoint.type === "rhythm") return true;
  const budget = call.spec.maxRetries;
  if (budget !== undefined && call.retries >= budget) return false;
  call.retries++;
  return true;
}

export function ended(
  m: Machine,
  actor: Actor | undefined,
  workerId: WorkerId,
  epoch: number,
  problem: Failure | undefined,
  crashed: boolean,
): void {
  if (!isCurrent(actor, workerId, epoch)) return;
  if (crashed) return lost(m, actor, "its thread died", true);
  leaveHome(m, actor);
  if (problem === undefined) return die(m, actor, diedFailure(actor, "it ended itself"), "exit");
  die(m, actor, problem, "constructor failed");
}

export function kill(m: Machine, actor: Actor, restart: boolean): void {
  if (actor.state.name === "dead") return;
  const worker = homeOf(actor);
  if (worker !== undefined)
    m.command({ type: "stop-actor", workerId: worker.id, actorId: actor.id, epoch: actor.epoch });
  leaveHome(m, actor);
  if (!restart) return die(m, actor, diedFailure(actor, "it was killed"), "killed");
  if (actor.state.name === "waiting") return;
  m.tell(actor.id, "killed to restart");
  for (const call of [...actor.inFlight])
    transition(m, call, "failed", { failure: unavailableFailure(actor, call, "it was killed to restart") });
  if (worker === undefined) return;
  actor.state = { name: "restarting", worker: undefined };
  queueForPlace(m, actor);
}

/** For ever: what it was asked and has not answered fails, its name is free. */
export function die(m: Machine, actor: Actor, problem: Failure, why: string): void {
  if (actor.state.name === "dead") return;
  leaveHome(m, actor);
  m.classes.dequeue(actor);
  const died =
    problem.code === "ACTOR_DIED" || problem.code === "ACTOR_EXISTS"
      ? problem
      : diedFailure(actor, "its constructor failed", problem);
  actor.state = { name: "dead", failure: died };
  m.tell(actor.id, "dead", why);
  const { name, namespace } = actor.spec;
  const key = name === undefined ? undefined : nameKey(namespace, name);
  if (key !== undefined && m.records.names.get(key) === actor) m.records.names.delete(key);
  for (const call of [...actor.inFlight]) transition(m, call, "failed", { failure: callFailure(died, call) });
  refuseWaiting(m, actor, died);
  const ready = m.records.objects.get(returnId(creationOf(actor.id), 0));
  if (ready !== undefined) settle(m, ready, { name: "failed", failure: problem });
  for (const id of actor.creation.inputs) releaseById(m, id);
  for (const id of actor.creation.holds) releaseById(m, id);
  for (const object of actor.made) release(m, object);
  actor.made.clear();
}

function refuseWaiting(m: Machine, actor: Actor, died: Failure): void {
  const waiting = [...actor.mailbox.values()].flatMap((queue) => [...queue]);
  actor.mailbox.clear();
  for (const call of waiting) {
    if (call.state.name === "waiting" || call.state.name === "queued")
      transition(m, call, "failed", { failure: callFailure(died, call) });
  }
}

function callFailure(died: Failure, call: Task): Failure {
  return { ...died, taskName: call.spec.name };
}

function diedFailure(actor: Actor, why: string, because?: Failure): Failure {
  const message = `Cannot reach actor "${actor.spec.name ?? actor.spec.className}": ${why}${because === undefined ? "" : `: ${because.message}`}`;
  return failure("ACTOR_DIED", message, { actorId: actor.id, ...(because === undefined ? {} : { because }) });
}

function unavailableFailure(actor: Actor, call: Task, why: string): Failure {
  const message = `Cannot say whether "${call.spec.name}" ran: actor "${actor.spec.className}" was lost during the call (${why}); the call may or may not have run`;
  return failure("ACTOR_UNAVAILABLE", message, { actorId: actor.id, taskName: call.spec.name });
}

/** Who is meant by this id, by a getIfExists that found another included. */
export function findActor(m: Machine, id: Actor["id"]): Actor | undefined {
  return m.records.actors.get(id) ?? m.records.aliases.get(id);
}

export function unknownActorFailure(id: string): Failure {
  return failure("ACTOR_DIED", `Cannot reach actor "${id}": no such actor is on record`, {
    actorId: id as Actor["id"],
  });
}
