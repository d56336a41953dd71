/**
 * The present activation of an actor: where it is, whether news is of it, and telling it of a call. Every activation has an
 * epoch; what an earlier one says is not heard.
 */
import type { AttemptId, WorkerId } from "../../protocol/ids.ts";
import type { Machine } from "./machine.ts";
import { resolve } from "./object-life.ts";
import type { Actor, Task, Worker } from "./records.ts";

/** The worker where this epoch lives or starts. */
export function homeOf(actor: Actor): Worker | undefined {
  return "worker" in actor.state ? actor.state.worker : undefined;
}

export function isCurrent(actor: Actor | undefined, workerId: WorkerId, epoch: number): actor is Actor {
  return actor !== undefined && actor.epoch === epoch && homeOf(actor)?.id === workerId;
}

/** Tells the worker of the call, under this attempt. */
export function order(m: Machine, actor: Actor, worker: Worker, call: Task, attemptId: AttemptId): void {
  const { work, spec, job } = call;
  if (work === undefined || spec.type !== "call") throw m.broken(call, "running");
  m.command({
    type: "call",
    actorId: actor.id,
    workerId: worker.id,
    attemptId,
    jobId: job.id,
    namespace: job.namespace,
    epoch: actor.epoch,
    spec,
    args: work.args,
    inputs: resolve(m, work.inputs),
  });
}
