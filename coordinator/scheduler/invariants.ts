/**
 * What must hold between any two events, checked from the records alone. Used by the simulation after every event and,
 * when switched on, in production. Gives the list of what is broken; an empty list is health.
 */
import { returnId } from "../../protocol/ids.ts";
import { homeOf } from "./actor-activation.ts";
import { fit } from "./placement.ts";
import { type Actor, isTask, type Job, type ObjectRecord, type Task, type Worker } from "./records.ts";
import type { Scheduler } from "./scheduler.ts";

const epsilon = 1e-6;

/** Everything: the time is that of the whole record. */
export function violations(scheduler: Scheduler): string[] {
  const broken = countViolations(scheduler);
  const say = (rule: string, what: string): void => void broken.push(`[${rule}] ${what}`);
  const { records } = scheduler;
  for (const job of records.jobs.values()) jobHolds(job, say);
  for (const task of records.tasks.values()) taskHolds(scheduler, task, say);
  for (const worker of records.workers.values()) workerHolds(scheduler, worker, say);
  for (const actor of records.actors.values()) actorHolds(actor, say);
  for (const object of records.objects.values()) objectHolds(scheduler, object, say);
  for (const attempt of records.attempts.values()) {
    const { state } = attempt.task;
    if (state.name !== "running" || state.attempt !== attempt)
      say("INV-2", `attempt ${attempt.id} lives but its task is ${state.name}`);
  }
  classesHold(scheduler, say);
  return broken;
}

/** What the counts alone show: cheap enough to be asked after every event, however much is on record. */
export function countViolations({ machine, records }: Scheduler): string[] {
  const broken: string[] = [];
  const say = (rule: string, what: string): void => void broken.push(`[${rule}] ${what}`);
  if (machine.recommended.length + machine.out.length + machine.toPump.length + machine.actorsReady.length > 0) {
    say("INV-1", "something recommended was not worked off");
  }
  if (machine.leases.size !== records.attempts.size)
    say("INV-3", `${machine.leases.size} leases for ${records.attempts.size} attempts`);
  let running = 0;
  let queued = 0;
  for (const job of records.jobs.values()) {
    running += job.running;
    queued += job.queued;
    if (job.queued < 0 || job.running < 0)
      say("INV-4", `job ${job.id} counts ${job.queued} queued and ${job.running} running`);
  }
  if (running !== records.attempts.size)
    say("INV-4", `jobs count ${running} running and ${records.attempts.size} attempts live`);
  if (queued + records.attempts.size > records.tasks.size)
    say("INV-4", `${queued} queued and ${records.attempts.size} running are more than ${records.tasks.size} tasks`);
  for (const of of machine.classes.waiting()) {
    const worker = of.workers.peek();
    if (worker !== undefined && of.simple && fit(of, worker, undefined, machine.options) === "free") {
      say("INV-19", `worker ${worker.id} is free while ${of.queue.length} wait in ${of.key}`);
    }
  }
  return broken;
}

type Say = (rule: string, what: string) => void;

function jobHolds(job: Job, say: Say): void {
  let queued = 0;
  let running = 0;
  for (const task of job.tasks) {
    if (task.state.name === "queued") queued++;
    if (task.state.name === "running") running++;
  }
  if (queued !== job.queued || running !== job.running) {
    say(
      "INV-4",
      `job ${job.id} counts ${job.queued} queued and ${job.running} running, and has ${queued} and ${running}`,
    );
  }
}

function taskHolds({ records, machine }: Scheduler, task: Task, say: Say): void {
  const { state } = task;
  if (!task.job.tasks.has(task)) say("INV-5", `task ${task.id} is not with its job`);
  const over = state.name === "finished" || state.name === "failed" || state.name === "cancelled";
  // A call of the log runs again after a loss, and so does a task whose values may be lost.
  const mayRunAgain = task.actor === undefined ? state.name === "finished" : task.actor.log.get(task.id) === task;
  if (over !== (task.work === undefined) && !mayRunAgain)
    say("INV-6", `task ${task.id} is ${state.name} and its work is ${over ? "kept" : "gone"}`);
  if (state.name === "running") {
    const { attempt } = state;
    if (records.attempts.get(attempt.id) !== attempt)
      say("INV-2", `task ${task.id} runs as an attempt that is not on record`);
    if (!attempt.worker.attempts.has(attempt))
      say("INV-7", `worker ${attempt.worker.id} does not know of ${attempt.id}`);
    if (!machine.leases.has(attempt)) say("INV-3", `attempt ${attempt.id} has no lease`);
    if (task.actor !== undefined && !task.actor.inFlight.has(task))
      say("INV-8", `call ${task.id} runs unknown to its actor`);
  } else if (task.actor?.inFlight.has(task) === true) say("INV-8", `call ${task.id} is in flight and ${state.name}`);
  if (state.name === "waiting") {
    let missing = 0;
    for (const id of new Set(task.work?.inputs ?? [])) if (records.objects.get(id)?.state.name === "pending") missing++;
    if (missing !== state.missing || missing === 0)
      say("INV-9", `task ${task.id} waits for ${state.missing} inputs and misses ${missing}`);
  }
  if (over) return;
  // One that was freed may be gone altogether. Made again for one return, others may be there.
  const states = Array.from(
    { length: task.spec.returns },
    (_, i) => records.objects.get(returnId(task.id, i))?.state.name,
  );
  const isMade = states.some((name) => name === "ready" || name === "failed");
  if (isMade && !states.includes("pending"))
    say("INV-10", `task ${task.id} is ${state.name} and its returns are ${states.join(", ")}`);
}

function workerHolds({ records }: Scheduler, worker: Worker, say: Say): void {
  let cpus = 0;
  let inHand = 0;
  for (const attempt of worker.attempts) {
    const { spec } = attempt.task;
    if (records.attempts.get(attempt.id) !== attempt)
      say("INV-7", `worker ${worker.id} holds ${attempt.id}, which is over`);
    if (spec.type !== "task") continue;
    inHand++;
    if (!attempt.blocked) cpus += spec.demand.cpus;
  }
  for (const actor of worker.actors) {
    cpus += actor.spec.demand.cpus;
    if (homeOf(actor) !== worker) say("INV-11", `worker ${worker.id} keeps actor ${actor.id}, which lives elsewhere`);
  }
  if (inHand !== worker.inHand)
    say("INV-12", `worker ${worker.id} counts ${worker.inHand} tasks in hand and has ${inHand}`);
  if (Math.abs(cpus - worker.cpusInUse) > epsilon)
    say("INV-12", `worker ${worker.id} counts ${worker.cpusInUse} threads in use and has ${cpus}`);
}

function actorHolds(actor: Actor, say: Say): void {
  const home = homeOf(actor);
  if (home !== undefined && !home.actors.has(actor))
    say("INV-11", `actor ${actor.id} lives on ${home.id}, which does not know`);
  if (actor.state.name === "dead" && (actor.inFlight.size > 0 || actor.mailbox.size > 0))
    say("INV-13", `actor ${actor.id} is dead and has calls`);
  if (actor.state.name !== "alive" && actor.inFlight.size > 0)
    say("INV-13", `actor ${actor.id} is ${actor.state.name} and has calls in flight`);
  for (const call of actor.inFlight) {
    if (call.state.name !== "running" || call.state.attempt.worker !== home)
      say("INV-8", `call ${call.id} is in flight elsewhere than its actor`);
  }
}

function objectHolds({ records }: Scheduler, object: ObjectRecord, say: Say): void {
  if (object.holders < 0) say("INV-14", `object ${object.id} has ${object.holders} holders`);
  if (object.state.name !== "pending" && (object.wants !== undefined || object.dependents !== undefined)) {
    say("INV-15", `object ${object.id} is ${object.state.name} and somebody waits for it`);
  }
  if (object.state.name !== "pending" && object.holders === 0 && object.lineage === 0)
    say("INV-16", `object ${object.id} is held by nobody and kept`);
  if (!object.job.objects.has(object)) say("INV-5", `object ${object.id} is not with its job`);
  if (object.state.name === "pending") {
    const producer = object.id.slice(0, object.id.lastIndexOf(":"));
    if (!records.tasks.has(producer as Task["id"]) && !records.actors.has(producer as Actor["id"])) {
      say("INV-17", `object ${object.id} is pending and nothing will make it`);
    }
  }
}

function classesHold({ machine }: Scheduler, say: Say): void {
  for (const of of machine.classes.all()) {
    for (const item of of.queue) {
      if (item.placement !== of) say("INV-18", `${item.id} is queued in a class that is not its own`);
      if (isTask(item) && item.state.name !== "queued")
        say("INV-18", `task ${item.id} is in a queue and ${item.state.name}`);
    }
    if (of.queue.length === 0) continue;
    for (const worker of of.workers.items()) {
      if (fit(of, worker, undefined, machine.options) === "free")
        say("INV-19", `worker ${worker.id} is free while ${of.queue.length} wait in ${of.key}`);
    }
  }
}
