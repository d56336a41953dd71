/**
 * A simulated client: what it asked for and what it was answered. Whatever has not been answered it asks for again when
 * the coordinator was restarted. Owns the judgement that each answer comes, and comes once for each time of asking.
 */
import type { JobId, ObjectId } from "../../protocol/ids.ts";
import type { Instruction, ReadyObject, Submitter } from "../../coordinator/scheduler/events.ts";
import { Downstream } from "./downstream.ts";
import type { Fact, SimCoordinator } from "./sim-coordinator.ts";
import type { Surroundings } from "./surroundings.ts";
import { Upstream } from "./upstream.ts";

interface Asked {
  readonly values: boolean;
  times: number;
  answers: number;
  answer: ReadyObject | undefined;
}

export class SimClient {
  readonly jobId: JobId;
  readonly by: Submitter;
  readonly asked = new Map<ObjectId, Asked>();
  unanswered = 0;
  readonly #world: Surroundings;
  readonly #coordinator: SimCoordinator;
  readonly #upstream: Upstream;
  #process: number;
  #downstream: Downstream;
  #ready: ObjectId[] = [];

  constructor(world: Surroundings, coordinator: SimCoordinator, jobId: JobId) {
    this.#world = world;
    this.#coordinator = coordinator;
    this.jobId = jobId;
    this.by = { type: "client", jobId };
    this.#upstream = new Upstream(world, coordinator);
    this.#downstream = this.#open();
    this.#process = coordinator.process;
  }

  say(...facts: readonly Fact[]): void {
    this.#upstream.say(...facts);
  }

  want(ids: readonly ObjectId[], values: boolean): Fact {
    for (const id of ids) {
      const before = this.asked.get(id);
      if (before === undefined) {
        this.asked.set(id, { values, times: 1, answers: 0, answer: undefined });
        this.unanswered++;
      } else before.times++;
    }
    return { type: "objects-wanted", by: this.by, ids, values };
  }

  #open(): Downstream {
    return new Downstream(this.#world, (order) => {
      if (order.type === "deliver") this.#answered(order.object);
    });
  }

  coordinatorKilled(): void {
    this.#upstream.isLinked = false;
    this.#downstream.cut();
  }
  reconnect(): void {
    if (this.#coordinator.isDown || this.#process === this.#coordinator.process) return;
    this.#process = this.#coordinator.process;
    this.#downstream = this.#open();
    this.#upstream.isLinked = true;
    this.#upstream.resume(this.#coordinator.keptSequence(this.#upstream));
    for (const values of [true, false]) {
      const open = [...this.asked].filter(([, asked]) => asked.answers === 0 && asked.values === values);
      if (open.length > 0)
        this.say(
          this.want(
            open.map(([id]) => id),
            values,
          ),
        );
    }
  }

  carry(order: Instruction): void {
    if (order.type === "refuse") throw this.#world.problem(`refused: ${order.message}`);
    if (this.#process === this.#coordinator.process) this.#downstream.send(order);
  }

  #answered(object: ReadyObject): void {
    const asked = this.asked.get(object.id);
    if (asked === undefined) throw this.#world.problem(`${object.id} was answered and never asked for`);
    if (++asked.answers > asked.times)
      throw this.#world.problem(`${object.id} was asked for ${asked.times} times and answered ${asked.answers} times`);
    if (asked.answers > 1) return;
    asked.answer = object;
    this.unanswered--;
    this.#release(object.id);
  }
  /** A client that has its value soon lets go of it. */
  #release(id: ObjectId): void {
    this.#ready.push(id);
    if (this.#ready.length > 1) return;
    this.#world.after(this.#world.random.around(50), () => {
      this.say({ type: "objects-released", by: this.by, ids: this.#ready });
      this.#ready = [];
    });
  }
}
