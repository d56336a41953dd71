/**
 * The life of an actor: waiting for its constructor's inputs, starting, alive, restarting after a loss, dead. Calls are
 * tasks; their order within a caller is kept here, and what becomes of them when their actor is lost.
 */
import { encodeValue, joinSegments } from "../../protocol/payload.ts";
import { actorId, creationOf, isChildOf, type ParentId, returnId, type WorkerId } from "../../protocol/ids.ts";
import { type ActorSpec, type Failure, failure, type Submission } from "../../protocol/nouns.ts";
import { dropCheckpoint, forgetLogged, forgetReplays, replayLog } from "./actor-checkpoints.ts";
import { homeOf, isCurrent, order } from "./actor-activation.ts";
import { awaitHome, leaveHomeless } from "./actor-homes.ts";
import { acceptAgain } from "./actor-mailbox.ts";
import { awaitCreation, queueForPlace } from "./actor-placing.ts";
import type { Submitter } from "./events.ts";
import type { Machine, Speaker } from "./machine.ts";
import { holdById, lacksInputs, makeObject, quoted, readyState, release, releaseById, settle } from "./object-life.ts";
import { occupy, take } from "./placement.ts";
import type { Actor, Task, Worker } from "./records.ts";
import { noteOrdinal, own, transition } from "./task-life.ts";

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
  noteOrdinal(speaker, creation.id);
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
    checkpoint: undefined,
    log: new Map(),
    replays: new Map(),
    retiring: false,
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
  awaitCreation(m, actor);
}

/** The inputs of its constructor have come, or one of them failed. */
export function inputsCame(m: Machine, actor: Actor, problem: Failure | undefined): void {
  if (actor.state.name !== "waiting") return;
  if (problem !== undefined) return die(m, actor, problem, "input failed");
  actor.state = { name: "starting", worker: undefined };
  queueForPlace(m, actor);
}

export function started(m: Machine, actor: Actor | undefined, workerId: WorkerId, epoch: number): void {
  if (!isCurrent(actor, workerId, epoch)) return;
  if (actor.state.name !== "starting" && actor.state.name !== "restarting") return;
  const worker = actor.state.worker;
  if (worker === undefined) return;
  actor.state = { name: "alive", worker };
  m.tell(actor.id, "alive", worker.id);
  // Without checkpoints of its own it was moved alive, once.
  if (actor.spec.checkpoint.type === "off") dropCheckpoint(m, actor);
  replayLog(m, actor, worker);
  const ready = m.records.objects.get(returnId(creationOf(actor.id), 0));
  if (ready !== undefined) settle(m, ready, readyState({ type: "inline", bytes: nothing, refs: [] }));
  m.toPump.push({ actor, caller: undefined });
}

// ------------------------------------------------------------------------------------------ calls

/** Sends what may be sent: the first calls of each caller whose inputs are here. */
export function pump(m: Machine, actor: Actor, caller: ParentId | undefined): void {
  if (actor.state.name === "dead") return refuseWaiting(m, actor, actor.state.failure);
  if (actor.state.name !== "alive" || actor.retiring) return;
  const { worker } = actor.state;
  if (worker.link !== "connected" || worker.unheard) return;
  if (caller !== undefined) return pumpCaller(m, actor, worker, caller);
  for (const waiting of actor.mailbox.keys()) pumpCaller(m, actor, worker, waiting);
}

function pumpCaller(m: Machine, actor: Actor, worker: Worker, caller: ParentId): void {
  const queue = actor.mailbox.get(caller);
  if (queue === undefined) return;
  for (let call = queue.peek(); call !== undefined; call = queue.peek()) {
    // A call whose inputs are missing holds back the later ones of its caller, and only those.
    if (call.state.name === "waiting") return;
    if (call.state.name === "queued") {
      if (actor.inFlight.size >= m.options.callsInFlight) return;
      if (lacksInputs(m, call.work?.inputs ?? [])) return transition(m, call, "waiting");
      send(m, actor, worker, call);
    }
    queue.shift();
  }
  actor.mailbox.delete(caller);
}

function send(m: Machine, actor: Actor, worker: Worker, call: Task): void {
  transition(m, call, "running", { worker });
  if (call.state.name !== "running") throw m.broken(call, "running");
  actor.inFlight.add(call);
  order(m, actor, worker, call, call.state.attempt.id);
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
 * in order or fail, as the actor's checkpoints allow. `home`: a worker that may be back and then have it again.
 */
export function lost(m: Machine, actor: Actor, why: string, crashed: boolean, home?: WorkerId): void {
  if (actor.state.name === "dead" || actor.state.name === "waiting") return;
  const { maxRestarts } = actor.spec;
  if (crashed) actor.restarts++;
  const over = maxRestarts !== undefined && (maxRestarts === 0 || actor.restarts > maxRestarts);
  const started_ = actor.state.name !== "starting";
  m.tell(actor.id, "lost", why);
  leaveHome(m, actor);
  if (over) return die(m, actor, diedFailure(actor, `${why}, and it may not be restarted again`), why);
  forgetReplays(m, actor);
  settleInFlight(m, actor, why);
  goElsewhere(m, actor, started_, home);
}

/** It stopped there for good, behind its last checkpoint: it goes on elsewhere, and nothing is lost. */
export function released(m: Machine, actor: Actor | undefined, workerId: WorkerId, epoch: number): void {
  if (!isCurrent(actor, workerId, epoch)) return;
  if (actor.state.name !== "alive" && actor.state.name !== "starting" && actor.state.name !== "restarting") return;
  const started_ = actor.state.name !== "starting";
  m.tell(actor.id, "released", workerId);
  leaveHome(m, actor);
  forgetReplays(m, actor);
  settleInFlight(m, actor, "its worker left");
  goElsewhere(m, actor, started_, undefined);
}

function goElsewhere(m: Machine, actor: Actor, started_: boolean, home: WorkerId | undefined): void {
  if (started_ && home !== undefined) {
    awaitHome(m, actor, home, m.options.homeMs);
    return;
  }
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
  // What it needs could not be fetched there: no crash of its own, and perhaps it can be elsewhere, or later.
  if (crashed && problem?.code === "OBJECT_LOST") return lost(m, actor, problem.message, false);
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
  forgetReplays(m, actor);
  actor.state = { name: "restarting", worker: undefined };
  queueForPlace(m, actor);
}

/** For ever: what it was asked and has not answered fails, its name is free. */
export function die(m: Machine, actor: Actor, problem: Failure, why: string): void {
  if (actor.state.name === "dead") return;
  leaveHome(m, actor);
  leaveHomeless(m, actor);
  m.classes.dequeue(actor);
  forgetReplays(m, actor);
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
  dropCheckpoint(m, actor);
  for (const call of actor.log.values()) forgetLogged(m, call);
  actor.log.clear();
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
  const message = `Cannot reach actor "${actor.spec.name ?? actor.spec.className}": ${why}${because === undefined ? "" : `: ${quoted(because.message)}`}`;
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
