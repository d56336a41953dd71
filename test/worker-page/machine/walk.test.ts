/**
 * Walks at random through what can happen to a worker. After every step the invariants hold (the builder checks them);
 * at the end every attempt it was given has ended exactly once: with an outcome, given back, or with its actor. What an
 * actor that saves after each call has done is told with exactly the state that has it.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { AttemptId, ObjectId, WorkerId } from "../../../protocol/ids.ts";
import type { WorkerMessage } from "../../../protocol/messages.ts";
import type { Instruction } from "../../../worker-page/machine/instructions.ts";
import {
  aCall,
  anActor,
  anAssign,
  aStartActor,
  attempt,
  aWorker,
  done,
  instructionsOf,
  jobA,
  jobB,
  range,
  saved,
  TestWorker,
} from "./builders.ts";

const weighted = (weight: number, arbitrary: fc.Arbitrary<Step>) => ({ weight, arbitrary });

type Step =
  | { type: "assign"; count: number; quick: boolean; second: boolean; halves: number }
  | { type: "report"; pick: number; what: "done" | "large" | "failed" | "blocked" | "unblocked" }
  | { type: "die"; pick: number }
  | { type: "cancel"; pick: number; force: boolean }
  | { type: "recall"; pick: number }
  | { type: "actor"; what: "start" | "call" | "started" | "save" | "stop" | "ended" | "retired"; large: boolean }
  | { type: "answer"; pick: number; what: "arrived" | "failed" | "refused" }
  | { type: "volunteer"; what: "paused" | "continued" | "one" | "three" | "leave" }
  | { type: "connect"; link: "resumed" | "restored" | "new" }
  | { type: "wait"; ms: number };

const constant = <const T>(value: T) => fc.constant(value);
const pick = fc.nat();
const assign = fc.record({
  type: constant("assign"),
  count: fc.integer({ min: 1, max: 20 }),
  quick: fc.boolean(),
  second: fc.boolean(),
  halves: fc.integer({ min: 0, max: 5 }),
});
const report = fc.record({
  type: constant("report"),
  pick,
  what: fc.constantFrom("done", "large", "failed", "blocked", "unblocked"),
});
const work = fc.record({
  type: constant("actor"),
  what: fc.constantFrom("call", "call", "save"),
  large: fc.boolean(),
});
const life = fc.record({
  type: constant("actor"),
  what: fc.constantFrom("start", "started", "started", "stop", "ended", "retired"),
  large: constant(false),
});
const answer = fc.record({
  type: constant("answer"),
  pick,
  what: fc.constantFrom("arrived", "arrived", "arrived", "failed", "refused"),
});
const accident = fc.oneof(
  fc.record({ type: constant("die"), pick }),
  fc.record({ type: constant("cancel"), pick, force: fc.boolean() }),
  fc.record({ type: constant("recall"), pick }),
  fc.record({ type: constant("volunteer"), what: fc.constantFrom("paused", "continued", "one", "three") }),
  fc.record({ type: constant("connect"), link: fc.constantFrom("resumed", "restored", "new") }),
  fc.record({ type: constant("wait"), ms: fc.integer({ min: 1, max: 12_000 }) }),
);
const leaving = fc.record({ type: constant("volunteer"), what: constant("leave") });

const anyStep = fc.oneof(
  weighted(6, assign),
  weighted(8, report),
  weighted(3, work),
  weighted(2, life),
  weighted(2, answer),
  weighted(5, accident),
  weighted(1, leaving),
);
/** Mostly of an actor at work. */
const actorStep = fc.oneof(
  weighted(40, report),
  weighted(60, work),
  weighted(5, life),
  weighted(40, answer),
  weighted(4, accident),
  weighted(1, leaving),
);

class Walk {
  readonly worker: TestWorker = aWorker(2);
  readonly given = new Map<AttemptId, number>();
  readonly actorCalls = new Set<AttemptId>();
  readonly life = { epoch: 0, number: 0, reported: new Set<AttemptId>(), told: new Set<AttemptId>() };
  /** Calls that the thread had reported when it reported a state, by `epoch.number`. */
  readonly inState = new Map<string, ReadonlySet<AttemptId>>();
  copies: Extract<Instruction, { type: "save-checkpoint" }>[] = [];
  ordinal = 10;
  readonly held = new Map<AttemptId, number>();
  threads: number[] = [];
  uploads: ObjectId[] = [];
  hasLeft = false;
  /** The actor has ended, and its values may still be on their way. */
  isOver = false;
  commits = 0;

  take(step: Step): void {
    const { worker } = this;
    if (this.hasLeft) return;
    switch (step.type) {
      case "assign": {
        const job = step.second ? jobB : jobA;
        const ordinals = range(this.ordinal, (this.ordinal += step.count) - 1);
        for (const ordinal of ordinals) this.given.set(attempt(ordinal, job), 0);
        return this.watch(worker.told(anAssign(ordinals, { job, quick: step.quick, cpus: step.halves / 2 })));
      }
      case "report":
        return this.report(step.pick, step.what);
      case "die": {
        const threadId = this.threads[step.pick % Math.max(1, this.threads.length)];
        if (threadId !== undefined) this.watch(worker.feed({ type: "thread-died", threadId, reason: "walk" }));
        return;
      }
      case "cancel":
        return this.watch(
          worker.told({ type: "cancel-attempts", attemptIds: this.some(step.pick), force: step.force }),
        );
      case "recall":
        return this.watch(worker.told({ type: "recall", attemptIds: this.some(step.pick) }));
      case "actor":
        return this.actor(step.what, step.large);
      case "answer":
        return this.answer(step.pick, step.what);
      case "connect":
        if (step.link === "new") this.forget();
        return this.watch(worker.feed({ type: "connected", workerId: "w1" as WorkerId, link: step.link }));
      case "volunteer":
        if (step.what === "paused" || step.what === "continued") return this.watch(worker.feed({ type: step.what }));
        if (step.what === "leave") return this.leave();
        return this.watch(worker.feed({ type: "threads-lent", threads: step.what === "one" ? 1 : 3 }));
      case "wait":
        return this.watch(worker.wait(step.ms));
    }
  }

  leave(): void {
    // The second time nothing may finish.
    if (this.worker.machine.snapshot().state === "leaving") this.forget();
    this.watch(this.worker.feed({ type: "leave-asked" }));
  }

  /** What was given before is no longer anyone's. */
  forget(): void {
    for (const [id, ends] of this.given) if (ends === 0) this.given.set(id, 1);
  }

  some(pick: number): readonly AttemptId[] {
    const all = [...this.given.keys()];
    return all.filter((_, index) => index % 7 === pick % 7).slice(-5);
  }

  report(pick: number, what: "done" | "large" | "failed" | "blocked" | "unblocked"): void {
    const all = [...this.held];
    const [id, threadId] = all[pick % Math.max(1, all.length)] ?? [];
    if (id === undefined || threadId === undefined) return;
    if (!this.worker.machine.holds(threadId, id)) {
      this.held.delete(id);
      return;
    }
    if (what === "blocked" || what === "unblocked")
      return this.watch(this.worker.reported(threadId, { type: what, attemptId: id }));
    this.held.delete(id);
    const failure = { code: "TASK_ERROR", message: "walk" } as const;
    const report =
      what === "failed"
        ? ({ type: "failed", attemptId: id, failure, ranMs: 1 } as const)
        : done(id, what === "large" ? 70_000 : 1);
    if (this.actorCalls.has(id)) this.life.reported.add(id);
    this.watch(this.worker.reported(threadId, report));
  }

  actor(what: "start" | "call" | "started" | "save" | "stop" | "ended" | "retired", large: boolean): void {
    const { worker, life } = this;
    const actorId = anActor(1);
    const { epoch } = life;
    const thread = this.threads.find((threadId) => worker.machine.holds(threadId, attempt(1))) ?? 0;
    switch (what) {
      case "start":
        this.renew();
        return this.watch(worker.told(aStartActor(1, life.epoch, undefined, { policy: "call" })));
      case "started":
        return this.watch(worker.reported(thread, { type: "actor-started", actorId, epoch }));
      case "save": {
        if (thread === 0) return;
        const number = ++life.number;
        this.inState.set(`${epoch}.${number}`, new Set(life.reported));
        return this.watch(worker.reported(thread, saved(1, number, large ? 70_000 : 1, epoch)));
      }
      case "ended":
        return this.watch(worker.reported(thread, { type: "actor-ended", actorId, epoch }));
      case "retired":
        return this.watch(worker.reported(thread, { type: "retired", actorId, epoch, returned: [] }));
      case "stop":
        return this.watch(worker.told({ type: "stop-actor", actorId, epoch }));
      case "call": {
        this.actorCalls.add(attempt(this.ordinal));
        return this.watch(worker.told(aCall(1, [this.ordinal++], epoch)));
      }
    }
  }

  /** Another activation: nothing of the one before is told any more. */
  renew(): void {
    const { life } = this;
    life.epoch++;
    life.number = 0;
    life.reported = new Set();
    life.told = new Set();
  }

  answer(pick: number, what: "arrived" | "failed" | "refused"): void {
    const { worker } = this;
    const [copy] = this.copies.splice(pick % Math.max(1, this.copies.length), 1);
    if (copy !== undefined) {
      const { actorId, epoch, number } = copy;
      const type = what === "arrived" ? "checkpoint-saved" : "checkpoint-not-saved";
      this.watch(worker.feed({ type, actorId, epoch, number, reason: "walk" }));
    }
    const [objectId] = this.uploads.splice(pick % Math.max(1, this.uploads.length), 1);
    if (objectId === undefined) return;
    if (what === "arrived") this.watch(worker.feed({ type: "uploaded", objectId }));
    else this.watch(worker.feed({ type: "upload-failed", objectId, reason: "walk", isFinal: what === "refused" }));
  }

  watch(instructions: ReturnType<TestWorker["feed"]>): void {
    for (const { threadId } of instructionsOf(instructions, "start-thread")) this.threads.push(threadId);
    for (const { threadId } of instructionsOf(instructions, "end-thread"))
      this.threads = this.threads.filter((id) => id !== threadId);
    for (const { threadId, tasks } of instructionsOf(instructions, "run"))
      for (const { attemptId } of tasks) this.held.set(attemptId, threadId);
    for (const { threadId, calls } of instructionsOf(instructions, "call"))
      for (const { attemptId } of calls) this.held.set(attemptId, threadId);
    for (const { objectId } of instructionsOf(instructions, "upload")) this.uploads.push(objectId);
    this.copies.push(...instructionsOf(instructions, "save-checkpoint"));
    this.hasLeft ||= instructions.some(({ type }) => type === "disconnect");
    const messages = instructionsOf(instructions, "send").map(({ message }) => message);
    const endsActor = messages.some((message) => message.type === "actor-ended" && !message.crashed);
    for (const message of messages) {
      if (message.type === "checkpointed") this.checkpointed(message);
      if (message.type === "outcomes") for (const { attemptId } of message.items) this.outcome(attemptId, endsActor);
      if (message.type === "returned") for (const attemptId of message.attemptIds) this.end(attemptId);
    }
    if (endsActor || messages.some(({ type }) => type === "actor-ended")) this.isOver = true;
    if (instructionsOf(instructions, "start-actor").length > 0) this.isOver = false;
  }

  /** Alone it is told of a task; of a call, if the thread never reported it, or the actor is over for good. */
  outcome(id: AttemptId, endsActor: boolean): void {
    if (!this.actorCalls.has(id)) return this.end(id);
    if (this.life.reported.has(id) && !endsActor && !this.isOver) throw new Error(`${id} was told without its state`);
  }

  checkpointed({ epoch, number, outcomes }: Extract<WorkerMessage, { type: "checkpointed" }>): void {
    const { life } = this;
    if (epoch !== life.epoch) throw new Error(`A state of epoch ${epoch} was told in ${life.epoch}`);
    for (const { attemptId } of outcomes) {
      if (life.told.has(attemptId)) throw new Error(`${attemptId} was told twice`);
      life.told.add(attemptId);
    }
    // No call is missing from the state it is told with, and none is in a state without being told.
    expect([...life.told].toSorted()).toEqual([...(this.inState.get(`${epoch}.${number}`) ?? [])].toSorted());
    this.commits++;
  }

  end(id: AttemptId): void {
    if (this.actorCalls.has(id)) return;
    this.given.set(id, (this.given.get(id) ?? 0) + 1);
  }

  /** Everything that can still happen happens well. */
  finish(): void {
    if (this.hasLeft) return;
    this.watch(this.worker.feed({ type: "continued" }));
    for (let round = 0; round < 2_000; round++) {
      for (const objectId of this.uploads.splice(0)) this.watch(this.worker.feed({ type: "uploaded", objectId }));
      const [[id, threadId] = []] = this.held;
      if (id === undefined || threadId === undefined) break;
      this.report(0, "done");
    }
    this.leave();
  }
}

test("[WORKER-0] whatever happens, every task given ends exactly once", () => {
  fc.assert(
    fc.property(fc.array(anyStep, { minLength: 1, maxLength: 80, size: "max" }), (steps) => {
      const walk = new Walk();
      walk.threads = [1, 2];
      for (const one of steps) walk.take(one);
      walk.finish();
      const wrong = [...walk.given].filter(([, ends]) => ends !== 1);
      expect(wrong).toEqual([]);
    }),
    { numRuns: 150 },
  );
});

test("[WORKER-29] whatever happens, a call is told with the state that has it, or not at all", () => {
  let commits = 0;
  fc.assert(
    fc.property(fc.array(actorStep, { minLength: 1, maxLength: 120, size: "max" }), (steps) => {
      const walk = new Walk();
      walk.threads = [1, 2];
      for (const what of ["start", "started", "call"] as const) walk.take({ type: "actor", what, large: false });
      for (const one of steps) walk.take(one);
      commits += walk.commits;
    }),
    { numRuns: 300 },
  );
  // The walks go where they are meant to.
  expect(commits).toBeGreaterThan(100);
});
