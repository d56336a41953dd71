/** A small grid with actors in it, and short words for what happens to them. */
import type { ActorId, AttemptId, ObjectId, WorkerId } from "../../../protocol/ids.ts";
import type { Outcome } from "../../../protocol/messages.ts";
import { failure, type Value } from "../../../protocol/nouns.ts";
import type { Instruction } from "../../../coordinator/scheduler/events.ts";
import type { Actor } from "../../../coordinator/scheduler/records.ts";
import { aCallSpec, anActorSpec, aSubmission, aValue } from "../../simulation/builders.ts";
import { client, SmallGrid } from "./small-grid.ts";

export const worker = (id: string): WorkerId => id as WorkerId;
export const actor = (id: string): ActorId => id as ActorId;
export const attempt = (id: string): AttemptId => id as AttemptId;
export const done = (id: string): Outcome => ({ type: "done", attemptId: attempt(id), values: [aValue()], ranMs: 1 });
/** A state of so many bytes, with these refs inside. */
export const aState = (size: number, ...refs: string[]): Value => ({
  type: "inline",
  bytes: new Uint8Array(size),
  refs: refs as ObjectId[],
});

export class ActorGrid extends SmallGrid {
  create(id: string, over: Parameters<typeof anActorSpec>[0] = {}, submission: Parameters<typeof aSubmission>[1] = {}) {
    return this.tell({
      type: "actor-created",
      by: client,
      spec: anActorSpec(over),
      creation: aSubmission(id, submission),
    });
  }
  started(id: string, on: string, epoch = 1) {
    return this.tell({ type: "actor-started", workerId: worker(on), actorId: actor(id), epoch });
  }
  ended(
    id: string,
    on: string,
    epoch = 1,
    crashed = true,
    problem = crashed ? undefined : failure("TASK_ERROR", "threw"),
  ) {
    return this.tell({
      type: "actor-ended",
      workerId: worker(on),
      actorId: actor(id),
      epoch,
      failure: problem,
      crashed,
    });
  }
  call(id: string, to: string, submission: Parameters<typeof aSubmission>[1] = {}, over: object = {}) {
    const spec = aCallSpec({ actorId: actor(to), ...over });
    return this.tell({ type: "tasks-submitted", by: client, spec, tasks: [aSubmission(id, submission)] });
  }
  alive(id: string, over: Parameters<typeof anActorSpec>[0] = {}) {
    this.join("w1");
    this.create(id, over);
    this.started(id, "w1");
  }
  record(id: string): Actor {
    const found = this.scheduler.records.actors.get(actor(id));
    if (found === undefined) throw new Error(`no actor ${id}`);
    return found;
  }
  /** Its `number`th save: what it is, and what it includes. */
  saved(
    id: string,
    on: string,
    { epoch = 1, number = 1, state = aState(1), outcomes = [], included = [] }: Partial<Saved> = {},
  ) {
    return this.tell({
      type: "actor-checkpointed",
      workerId: worker(on),
      actorId: actor(id),
      epoch,
      number,
      state,
      outcomes: outcomes.map(done),
      included: included.map(attempt),
    });
  }
  released(id: string, on: string, epoch = 1) {
    return this.tell({ type: "actor-released", workerId: worker(on), actorId: actor(id), epoch });
  }
  returned(on: string, ...ids: string[]) {
    return this.tell({ type: "attempts-returned", workerId: worker(on), attemptIds: ids.map(attempt) });
  }
  /** What it has; `complete` after a restart. */
  holding(on: string, attempts: readonly string[], actors: Readonly<Record<string, number>> = {}, complete = true) {
    return this.tell({
      type: "worker-holding",
      workerId: worker(on),
      attemptIds: attempts.map(attempt),
      actors: Object.entries(actors).map(([id, epoch]) => ({ actorId: actor(id), epoch })),
      suspendedMs: 0,
      complete,
    });
  }
  restarted() {
    return this.tell({ type: "coordinator-restarted" });
  }
  back(on: string) {
    return this.tell({ type: "worker-back", workerId: worker(on) });
  }
}

interface Saved {
  readonly epoch: number;
  readonly number: number;
  readonly state: Value;
  readonly outcomes: readonly string[];
  readonly included: readonly string[];
}

/** The checkpoints that actors are started with. */
export function startedWith(orders: readonly Instruction[]): unknown[] {
  return orders.flatMap((order) => (order.type === "start-actor" ? [order.checkpoint?.number] : []));
}
