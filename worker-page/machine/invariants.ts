/**
 * What is true of a worker after every event, in words. Tests ask after each; nothing else does.
 */
import { checkpointId } from "../../protocol/ids.ts";
import type { Attempt } from "./attempts.ts";
import { gated } from "./commits.ts";
import { heldBy } from "./gate.ts";
import type { Holdings } from "./holdings.ts";

export function brokenInvariants(h: Holdings): readonly string[] {
  return [...ofThreads(h), ...ofAttempts(h), ...ofGates(h), ...ofActors(h)];
}

function ofThreads(h: Holdings): readonly string[] {
  const broken: string[] = [];
  let usedUnits = 0;
  for (const thread of h.threads.all()) {
    if (thread.type === "spare") continue;
    for (const attempt of thread.held) {
      if (h.attempts.get(attempt.id) !== attempt) broken.push(`thread ${thread.id} holds ${attempt.id}, which is over`);
      if (threadOf(attempt) !== thread)
        broken.push(`thread ${thread.id} holds ${attempt.id}, which is ${attempt.state.type}`);
      if (attempt.work.jobId !== thread.jobId && thread.type === "tasks") {
        broken.push(`thread ${thread.id} of ${thread.jobId} holds ${attempt.id} of ${attempt.work.jobId}`);
      }
    }
    if (thread.type !== "tasks") continue;
    usedUnits += thread.cpuUnits;
    const batches = [...thread.liveTrips].filter((trip) => trip.isBatch).length;
    for (const trip of thread.liveTrips) {
      const live = [...thread.held].filter((a) => a.state.type === "running" && a.state.trip === trip).length;
      if (live !== trip.live) broken.push(`a trip of thread ${thread.id} counts ${trip.live} live, and has ${live}`);
    }
    const isBusy = [...thread.held].some((attempt) => attempt.state.type === "running");
    if (isBusy !== thread.liveTrips.size > 0)
      broken.push(`thread ${thread.id} has ${batches} batches and runs ${isBusy}`);
  }
  if (usedUnits !== h.threads.usedUnits) broken.push(`${h.threads.usedUnits} units used, and threads use ${usedUnits}`);
  return broken;
}

function ofAttempts(h: Holdings): readonly string[] {
  const broken: string[] = [];
  let ready = 0;
  for (const [id, attempt] of h.attempts) {
    const thread = threadOf(attempt);
    if (thread !== undefined && (h.threads.get(thread.id) !== thread || !thread.held.has(attempt))) {
      broken.push(`${id} is ${attempt.state.type} in thread ${thread.id}, which does not hold it`);
    }
    if (attempt.state.type === "over") broken.push(`${id} is over and still here`);
    if (attempt.kind === "task" && attempt.state.type === "ready") ready++;
    if (
      attempt.kind !== "task" &&
      h.actors.get(attempt.actor.id) !== attempt.actor &&
      attempt.state.type !== "delivering"
    ) {
      broken.push(`${id} is of an actor that is not here`);
    }
  }
  if (ready !== h.lanes.length) broken.push(`${ready} tasks are ready, and lanes count ${h.lanes.length}`);
  let inLanes = 0;
  for (const lane of h.lanes.all()) inLanes += lane.waiting().length;
  if (inLanes !== ready) broken.push(`${ready} tasks are ready, and lanes hold ${inLanes}`);
  for (const [objectId, { of }] of h.uploads) {
    if (of.type === "state") {
      const { actor } = of;
      const awaited = actor.gate.commit && checkpointId(actor.id, actor.epoch, actor.gate.commit.number);
      if (h.actors.get(actor.id) !== actor || objectId !== awaited)
        broken.push(`nobody waits for the state ${objectId}`);
      continue;
    }
    const { attempt } = of.delivery;
    if (h.attempts.get(attempt.id) !== attempt)
      broken.push(`${objectId} is being uploaded for ${attempt.id}, which is over`);
  }
  return broken;
}

/** What an actor that saves after each call has done is held exactly once, until a state has it. */
function ofGates(h: Holdings): readonly string[] {
  const broken: string[] = [];
  const held = new Map<Attempt, number>();
  for (const { id, gate } of h.actors.values()) {
    for (const { attempt } of heldBy(gate)) held.set(attempt, (held.get(attempt) ?? 0) + 1);
    if (gate.next !== undefined && gate.commit === undefined) broken.push(`${id} has a state in line behind none`);
  }
  for (const [attempt, times] of held) {
    if (times !== 1) broken.push(`${attempt.id} is held ${times} times`);
    if (h.attempts.get(attempt.id) !== attempt) broken.push(`${attempt.id} is held, and over`);
  }
  for (const attempt of h.attempts.values()) {
    if (attempt.state.type === "delivering" && gated(attempt) !== undefined && !held.has(attempt))
      broken.push(`${attempt.id} waits for a state, and is held by none`);
  }
  return broken;
}

function ofActors(h: Holdings): readonly string[] {
  const broken: string[] = [];
  let units = 0;
  for (const actor of h.actors.values()) {
    units += actor.cpuUnits;
    if (actor.state.type === "waiting") continue;
    const { thread } = actor.state;
    if (!thread.actors.has(actor)) broken.push(`actor ${actor.id} is not in its thread ${thread.id}`);
    if (h.threads.get(thread.id) !== thread) broken.push(`actor ${actor.id} is in thread ${thread.id}, which is gone`);
  }
  if (units !== h.threads.actorUnits) broken.push(`${h.threads.actorUnits} units held by actors that have ${units}`);
  return broken;
}

function threadOf(attempt: Attempt) {
  const { state } = attempt;
  return state.type === "running" || state.type === "blocked" ? state.trip.thread : undefined;
}
