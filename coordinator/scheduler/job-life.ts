/** The life of a job: it opens with its client and closes with it; detached actors and what they need stay. */
import type { FunctionId, ObjectId } from "../../protocol/ids.ts";
import { failure } from "../../protocol/nouns.ts";
import * as actors from "./actor-life.ts";
import type { SchedulerEvent } from "./events.ts";
import type { Machine } from "./machine.ts";
import { forget, forgetTask } from "./object-life.ts";
import { type Actor, isOver, type Job, type ObjectRecord } from "./records.ts";
import { cancel, transition } from "./task-life.ts";

type Opened = Extract<SchedulerEvent, { type: "job-opened" }>;

export function open(m: Machine, event: Opened): void {
  if (m.records.jobs.has(event.jobId)) return;
  let least = Infinity;
  for (const job of m.records.jobs.values()) if (!job.closed) least = Math.min(least, job.usedMs);
  m.records.jobs.set(event.jobId, {
    id: event.jobId,
    name: event.name,
    namespace: event.namespace,
    openedAt: event.at,
    tasks: new Set(),
    actors: new Set(),
    objects: new Set(),
    submitted: 0,
    queued: 0,
    running: 0,
    finished: 0,
    failed: 0,
    // Whoever comes later starts level with the others instead of having all turns until it has caught up.
    usedMs: Number.isFinite(least) ? least : 0,
    closed: false,
  });
  m.tell(event.jobId, "opened", event.name);
}

export function close(m: Machine, job: Job): void {
  if (job.closed) return;
  job.closed = true;
  m.tell(job.id, "closed");
  for (const actor of [...job.actors]) {
    if (actor.spec.detached && actor.state.name !== "dead") continue;
    actors.kill(m, actor, false);
    if (actor.state.name !== "dead")
      actors.die(m, actor, failure("ACTOR_DIED", "Its job has closed", { actorId: actor.id }), "job closed");
    m.records.actors.delete(actor.id);
    job.actors.delete(actor);
  }
  const workers = new Set<string>();
  const functions = new Set<FunctionId>();
  for (const task of [...job.tasks]) {
    if (task.spec.type === "task") functions.add(task.spec.functionId);
    if (task.state.name === "running") workers.add(task.state.attempt.worker.id);
    if (!isOver(task)) cancel(m, task, task.actor === undefined, false);
    // The worker is told to stop it; nobody waits for how it ends.
    if (!isOver(task)) transition(m, task, "cancelled");
  }
  const kept = keptByDetached(m, job);
  for (const object of [...job.objects]) if (!kept.has(object)) forget(m, object);
  for (const task of [...job.tasks]) forgetTask(m, task);
  for (const [asked, actor] of m.records.aliases)
    if (asked.startsWith(`${job.id}.`) && actor.state.name === "dead") m.records.aliases.delete(asked);
  m.classes.forgetJob(job);
  for (const actor of job.actors) requeue(m, actor);
  if (m.turn === job) m.turn = undefined;
  for (const id of functions) m.records.durations.delete(id);
  m.command({
    type: "forget-job",
    jobId: job.id,
    workerIds: [...m.records.workers.keys()],
    functionIds: [...functions],
  });
  if (job.actors.size === 0) m.records.jobs.delete(job.id);
}

/** A detached actor that was waiting for a place waits on. */
function requeue(m: Machine, actor: Actor): void {
  if (actor.placement === undefined) return;
  const { demand, labels, placement } = actor.spec;
  const traits = { job: actor.job, demand, labels, placement, priority: 0, alone: false, actors: true };
  m.classes.enqueue(actor, m.classes.classFor(traits, actor.spec));
}

function keptByDetached(m: Machine, job: Job): Set<ObjectRecord> {
  const kept = new Set<ObjectRecord>();
  const keep = (id: ObjectId): void => {
    const object = m.records.objects.get(id);
    if (object === undefined || kept.has(object)) return;
    kept.add(object);
    if (object.state.name === "ready") for (const ref of object.state.value.refs) keep(ref);
  };
  for (const actor of job.actors) {
    keep(`${actor.id}:0` as ObjectId);
    for (const id of [...actor.creation.inputs, ...actor.creation.holds]) keep(id);
    for (const object of actor.made) keep(object.id);
    for (const ref of actor.checkpoint?.value.refs ?? []) keep(ref);
  }
  // Whose call is run again needs what it needed.
  for (const actor of m.records.actors.values())
    for (const { work } of actor.log.values())
      for (const id of [...(work?.inputs ?? []), ...(work?.holds ?? [])]) keep(id);
  return kept;
}
