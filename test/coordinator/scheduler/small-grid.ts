/** A scheduler with a client's job and a clock that the test moves; facts go in, orders come out. */
import type { AttemptId, JobId, ObjectId, TaskId, WorkerId } from "../../../protocol/ids.ts";
import type { Failure, Value } from "../../../protocol/nouns.ts";
import { failure } from "../../../protocol/nouns.ts";
import type { Instruction, SchedulerEvent, Submitter } from "../../../coordinator/scheduler/events.ts";
import { violations } from "../../../coordinator/scheduler/invariants.ts";
import type { SchedulerOptions } from "../../../coordinator/scheduler/machine.ts";
import { Scheduler } from "../../../coordinator/scheduler/scheduler.ts";
import { aSpec, aSubmission, aValue, objectOf } from "../../simulation/builders.ts";

export type Fact = SchedulerEvent extends infer E ? (E extends SchedulerEvent ? Omit<E, "at"> : never) : never;
export const job = "j1" as JobId;
export const client: Submitter = { type: "client", jobId: job };

export class SmallGrid {
  readonly scheduler: Scheduler;
  readonly options: Partial<SchedulerOptions>;
  at = 0;

  constructor(options: Partial<SchedulerOptions> = {}) {
    this.options = options;
    this.scheduler = new Scheduler(options);
    this.tell({ type: "job-opened", jobId: job, name: "job", namespace: "default" });
  }
  tell(...facts: readonly Fact[]): readonly Instruction[] {
    const orders = this.scheduler.handle(...facts.map((fact) => ({ ...fact, at: this.at })));
    const broken = violations(this.scheduler);
    if (broken.length > 0) throw new Error(broken.join("\n"));
    return orders;
  }
  pass(ms: number): readonly Instruction[] {
    this.at += ms;
    return this.tell({ type: "time-passed" });
  }
  join(
    id: string,
    threads = 1,
    labels: Record<string, string> = {},
    custom: Record<string, number> = {},
  ): readonly Instruction[] {
    const offer = { gpus: 0, memoryBytes: 0, custom };
    return this.tell({ type: "worker-joined", workerId: id as WorkerId, name: id, threads, labels, offer });
  }
  submit(
    id: string,
    over: Parameters<typeof aSpec>[0] = {},
    submission: Parameters<typeof aSubmission>[1] = {},
  ): readonly Instruction[] {
    return this.tell({ type: "tasks-submitted", by: client, spec: aSpec(over), tasks: [aSubmission(id, submission)] });
  }
  done(worker: string, attempt: string, values: readonly Value[] = [aValue()], ranMs = 10): readonly Instruction[] {
    const item = { type: "done", attemptId: attempt as AttemptId, values, ranMs } as const;
    return this.tell({ type: "attempts-ended", workerId: worker as WorkerId, items: [item] });
  }
  failed(
    worker: string,
    attempt: string,
    problem: Failure = failure("TASK_ERROR", "boom", { errorName: "RangeError" }),
    crashed = false,
  ) {
    const item = { type: "failed", attemptId: attempt as AttemptId, failure: problem, crashed, ranMs: 1 } as const;
    return this.tell({ type: "attempts-ended", workerId: worker as WorkerId, items: [item] });
  }
  left(worker: string, how: "planned" | "goodbye" | "lost" = "planned"): readonly Instruction[] {
    return this.tell({ type: "worker-left", workerId: worker as WorkerId, how });
  }
  want(...ids: string[]): readonly Instruction[] {
    return this.tell({ type: "objects-wanted", by: client, ids: ids as ObjectId[], values: true });
  }
  release(...ids: string[]): readonly Instruction[] {
    return this.tell({ type: "objects-released", by: client, ids: ids as ObjectId[] });
  }
  stateOf(task: string): string | undefined {
    return this.scheduler.records.tasks.get(task as TaskId)?.state.name;
  }
}

/** The orders as short lines: what tests compare. */
export function lines(orders: readonly Instruction[]): string[] {
  return orders.map((order) => {
    switch (order.type) {
      case "assign":
        return `assign ${order.attemptId} to ${order.workerId}${order.quick ? " quick" : ""}`;
      case "call":
        return `call ${order.attemptId} of ${order.actorId} on ${order.workerId} epoch ${order.epoch}`;
      case "start-actor":
        return `start ${order.actorId} on ${order.workerId} epoch ${order.epoch}${order.restored ? " restored" : ""}`;
      case "stop-actor":
        return `stop ${order.actorId} on ${order.workerId}`;
      case "cancel-attempt":
        return `cancel ${order.attemptId} on ${order.workerId}${order.force ? " force" : ""}`;
      case "recall":
        return `recall ${order.attemptIds.join(" ")} from ${order.workerId}`;
      case "deliver":
        return `deliver ${order.object.id} ${order.object.type === "failed" ? order.object.failure.code : order.object.type}`;
      case "refuse":
        return `refuse ${order.about} ${order.code}`;
      case "actor-is":
        return `actor ${order.asked} is ${order.actorId}`;
      case "consumed":
        return `consumed ${order.attemptId} ${order.taken}`;
      case "forget-object":
        return `forget ${order.id}`;
      case "forget-job":
        return `forget ${order.jobId}`;
    }
  });
}
export { objectOf };
