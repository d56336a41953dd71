/** From the wish for a worker to the order that starts an actor there, under an epoch of its own. */
import type { Machine } from "./machine.ts";
import { awaitInputs, lacksInputs, resolve } from "./object-life.ts";
import { occupy, take } from "./placement.ts";
import type { Actor, Worker } from "./records.ts";

export function queueForPlace(m: Machine, actor: Actor): void {
  const { demand, labels, placement } = actor.spec;
  const traits = { job: actor.job, demand, labels, placement, priority: 0, alone: false, actors: true };
  m.classes.enqueue(actor, m.classes.classFor(traits, actor.spec));
}

/** A worker was found. */
export function place(m: Machine, actor: Actor, worker: Worker): void {
  if (actor.state.name !== "starting" && actor.state.name !== "restarting") return;
  m.classes.dequeue(actor);
  const { creation, checkpoint } = actor;
  if (checkpoint === undefined && lacksInputs(m, creation.inputs)) return awaitCreation(m, actor);
  actor.state.worker = worker;
  // An epoch that a restarted coordinator has forgotten is never given again.
  actor.epoch = Math.max(actor.epoch, m.restarts * epochsPerRestart) + 1;
  actor.retiring = false;
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
    args: creation.args,
    inputs: checkpoint === undefined ? resolve(m, creation.inputs) : [],
    checkpoint,
  });
}
const epochsPerRestart = 1_000_000;

/** Until the inputs of its constructor are here. */
export function awaitCreation(m: Machine, actor: Actor): void {
  const inputs = awaitInputs(m, actor, actor.spec.className, actor.creation.inputs);
  actor.state = { name: "waiting", missing: "failure" in inputs ? 0 : inputs.missing };
  if ("failure" in inputs) m.actorsReady.push({ actor, failure: inputs.failure });
  else if (inputs.missing === 0) m.actorsReady.push({ actor });
}
