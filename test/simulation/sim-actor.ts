/**
 * An actor as its thread sees it: its state is the list of calls it has applied, its reply their number. Owns what of it
 * is saved when, by its checkpoints' policy. Knows nothing about links.
 */
import type { ActorId, AttemptId, TaskId } from "../../protocol/ids.ts";
import { ordinalOf, taskOfAttempt } from "../../protocol/ids.ts";
import type { Outcome } from "../../protocol/messages.ts";
import { type CheckpointPolicy, failure, type Value } from "../../protocol/nouns.ts";
import type { Instruction } from "../../coordinator/scheduler/events.ts";
import type { SimWorker } from "./sim-worker.ts";
import type { Surroundings } from "./surroundings.ts";

type StartActor = Extract<Instruction, { type: "start-actor" }>;

interface SimCall {
  readonly id: AttemptId;
  isCancelled: boolean;
}

export class SimActor {
  readonly id: ActorId;
  readonly epoch: number;
  readonly policy: CheckpointPolicy;
  readonly applied: TaskId[];
  readonly #world: Surroundings;
  readonly #worker: SimWorker;
  /** Given and not over, in order of arrival. */
  readonly #calls = new Map<AttemptId, SimCall>();
  #line: SimCall[] = [];
  #running: SimCall | undefined;
  /** Outcomes nobody has heard of. */
  #held: Outcome[] = [];
  /** Told since the last save. */
  #told: AttemptId[] = [];
  #isSaving = false;
  #saves = 0;
  #phase: "starting" | "alive" | "retiring" = "starting";
  /** It is no longer here, whatever is still under way. */
  #isOver = false;

  constructor(world: Surroundings, worker: SimWorker, order: StartActor) {
    this.#world = world;
    this.#worker = worker;
    this.id = order.actorId;
    this.epoch = order.epoch;
    this.policy = order.spec.checkpoint;
    this.applied = order.checkpoint === undefined ? [] : appliedIn(order.checkpoint.value);
    if (order.checkpoint !== undefined) world.count("states restored");
    world.after(world.random.around(10), () => this.#constructed());
  }

  #constructed(): void {
    if (this.#isOver || this.#phase !== "starting") return;
    if (this.#worker.isSuspended) return this.#world.after(50, () => this.#constructed());
    const { id: actorId, epoch } = this;
    const { id: workerId } = this.#worker;
    if (this.#world.random.chance(0.01)) {
      const broke = failure("TASK_ERROR", "constructor threw");
      this.#worker.dropActor(this);
      return this.#worker.say({ type: "actor-ended", workerId, actorId, epoch, failure: broke, crashed: false });
    }
    this.#phase = "alive";
    this.#worker.say({ type: "actor-started", workerId, actorId, epoch });
    this.#advance();
  }

  /** Attempts that it has, held outcomes included. */
  attemptIds(): Iterable<AttemptId> {
    return this.#calls.keys();
  }
  end(): void {
    this.#isOver = true;
  }

  // ---------------------------------------------------------------------------------------- calls

  take(id: AttemptId): void {
    if (this.#calls.has(id)) return;
    const call: SimCall = { id, isCancelled: false };
    this.#calls.set(id, call);
    this.#line.push(call);
    this.#advance();
  }

  cancel(id: AttemptId): void {
    const call = this.#calls.get(id);
    if (call === undefined) return;
    call.isCancelled = true;
    if (!this.#line.includes(call)) return;
    this.#line = this.#line.filter((other) => other !== call);
    this.#ended(call, failed(call, "TASK_CANCELLED"));
  }

  #advance(): void {
    if (this.#running !== undefined || this.#phase !== "alive") return;
    const call = this.#line.shift();
    if (call === undefined) return;
    this.#running = call;
    const { random } = this.#world;
    if (transfers(taskOfAttempt(call.id))) this.#worker.transfer(this, call.id);
    this.#world.after(random.around(5), () => this.#finish(call));
  }

  #finish(call: SimCall): void {
    if (this.#isOver) return;
    if (this.#worker.isSuspended) return this.#world.after(50, () => this.#finish(call));
    const luck = this.#world.random.next();
    if (luck < 0.005) {
      this.#worker.dropActor(this);
      return this.#worker.say({
        type: "actor-ended",
        workerId: this.#worker.id,
        actorId: this.id,
        epoch: this.epoch,
        crashed: true,
      });
    }
    this.#running = undefined;
    if (call.isCancelled && luck < 0.5) this.#ended(call, failed(call, "TASK_CANCELLED"));
    else if (throws(taskOfAttempt(call.id))) this.#ended(call, failed(call, "TASK_ERROR"));
    else this.#ended(call, { type: "done", attemptId: call.id, values: [this.#apply(call)], ranMs: luck * 10 });
    if (this.#phase === "retiring") this.#lastSave();
    else this.#advance();
  }

  #apply(call: SimCall): Value {
    const task = taskOfAttempt(call.id);
    if (this.applied.includes(task)) throw this.#world.problem(`[SIM-4] ${this.id} applies ${call.id} a second time`);
    this.applied.push(task);
    return { type: "inline", bytes: new Uint8Array([this.applied.length >> 8, this.applied.length & 255]), refs: [] };
  }

  #ended(call: SimCall, outcome: Outcome): void {
    if (this.policy.type === "call") {
      this.#held.push(outcome);
      return this.#save();
    }
    this.#calls.delete(call.id);
    this.#worker.report(outcome);
    if (this.policy.type === "rhythm") {
      this.#told.push(call.id);
      if (this.#told.length >= (this.policy.everyCalls ?? 1)) this.#save();
    } else if (this.policy.type === "manual" && this.#world.random.chance(0.2)) this.#save();
  }

  // ---------------------------------------------------------------------------------------- saved

  /** What is told while a save is under way is in the next. */
  #save(): void {
    if (this.#isSaving) return;
    this.#isSaving = true;
    const send = this.#saved();
    this.#world.after(this.#world.random.around(2), () => {
      if (this.#isOver) return;
      this.#isSaving = false;
      send();
      const { policy } = this;
      if (this.#phase === "retiring") this.#lastSave();
      else if (this.#held.length > 0) this.#save();
      else if (policy.type === "rhythm" && this.#told.length >= (policy.everyCalls ?? 1)) this.#save();
    });
  }

  /** The state and what it has, as they are now; to be sent when that is durable. */
  #saved(): () => void {
    const state: Value = { type: "inline", bytes: new TextEncoder().encode(this.applied.join(" ")), refs: [] };
    const outcomes = this.#held;
    const included = this.#told;
    const number = ++this.#saves;
    this.#held = [];
    this.#told = [];
    return () => {
      for (const { attemptId } of outcomes) this.#calls.delete(attemptId);
      this.#worker.flushOutcomes();
      const { id: actorId, epoch } = this;
      const { id: workerId } = this.#worker;
      this.#worker.say({
        type: "actor-checkpointed",
        workerId,
        actorId,
        epoch,
        number,
        state,
        outcomes,
        included,
      });
    };
  }

  /** It is to live elsewhere: what runs ends, a last state goes out, and what has not begun is given back. */
  retire(): void {
    if (this.#phase === "starting") return this.#release();
    this.#phase = "retiring";
    this.#lastSave();
  }

  #lastSave(): void {
    if (this.#running !== undefined || this.#isSaving) return;
    this.#isSaving = true;
    const send = this.#saved();
    this.#world.after(this.#world.random.around(2), () => {
      if (this.#isOver) return;
      send();
      this.#release();
    });
  }

  #release(): void {
    const { id: actorId, epoch } = this;
    const { id: workerId } = this.#worker;
    this.#world.count("actors released");
    this.#worker.dropActor(this);
    const attemptIds = this.#line.map(({ id }) => id);
    if (attemptIds.length > 0) this.#worker.say({ type: "attempts-returned", workerId, attemptIds });
    this.#worker.say({ type: "actor-released", workerId, actorId, epoch });
  }
}

export function appliedIn(value: Value): TaskId[] {
  if (value.type === "stored" || value.bytes.length === 0) return [];
  return new TextDecoder().decode(value.bytes).split(" ") as TaskId[];
}

/** Some calls throw before they have done anything, each time they run. */
function throws(id: TaskId): boolean {
  return ordinalOf(id) % 50 === 7;
}

function transfers(id: TaskId): boolean {
  return ordinalOf(id) % 6 === 2;
}

function failed(call: SimCall, code: "TASK_CANCELLED" | "TASK_ERROR"): Outcome {
  return { type: "failed", attemptId: call.id, failure: failure(code, code), crashed: false, ranMs: 1 };
}
