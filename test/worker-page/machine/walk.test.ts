/**
 * Walks at random through what can happen to a worker. After every step the invariants hold (the builder checks them);
 * at the end every attempt it was given has ended exactly once: with an outcome, given back, or with its actor.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { AttemptId } from "../../../protocol/ids.ts";
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
  TestWorker,
} from "./builders.ts";

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant("assign" as const),
      count: fc.integer({ min: 1, max: 20 }),
      quick: fc.boolean(),
      second: fc.boolean(),
      halves: fc.integer({ min: 0, max: 5 }),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      type: fc.constant("report" as const),
      pick: fc.nat(),
      what: fc.constantFrom("done", "large", "failed", "blocked", "unblocked"),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("die" as const), pick: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("cancel" as const), pick: fc.nat(), force: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("recall" as const), pick: fc.nat() }) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant("actor" as const),
      what: fc.constantFrom("start", "call", "started", "stop", "ended"),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant("volunteer" as const),
      what: fc.constantFrom("paused", "continued", "one", "three"),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("wait" as const), ms: fc.integer({ min: 1, max: 12_000 }) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

class Walk {
  readonly worker: TestWorker = aWorker(2);
  readonly given = new Map<AttemptId, number>();
  readonly actorCalls = new Set<AttemptId>();
  ordinal = 10;
  epoch = 0;
  readonly held = new Map<AttemptId, number>();
  threads: number[] = [];
  uploads: string[] = [];

  take(step: Step): void {
    const { worker } = this;
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
        return this.actor(step.what);
      case "volunteer":
        if (step.what === "paused" || step.what === "continued") return this.watch(worker.feed({ type: step.what }));
        return this.watch(worker.feed({ type: "threads-lent", threads: step.what === "one" ? 1 : 3 }));
      case "wait":
        return this.watch(worker.wait(step.ms));
    }
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
    this.watch(this.worker.reported(threadId, report));
  }

  actor(what: "start" | "call" | "started" | "stop" | "ended"): void {
    const { worker } = this;
    const actorId = anActor(1);
    const thread = this.threads.find((threadId) => worker.machine.holds(threadId, attempt(1))) ?? 0;
    if (what === "start") this.watch(worker.told(aStartActor(1, ++this.epoch)));
    if (what === "started") this.watch(worker.reported(thread, { type: "actor-started", actorId, epoch: this.epoch }));
    if (what === "ended") this.watch(worker.reported(thread, { type: "actor-ended", actorId, epoch: this.epoch }));
    if (what === "stop") this.watch(worker.told({ type: "stop-actor", actorId, epoch: this.epoch }));
    if (what === "call") {
      const id = attempt(this.ordinal++);
      this.actorCalls.add(id);
      this.watch(worker.told(aCall(1, [this.ordinal - 1], this.epoch)));
    }
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
    for (const { message } of instructionsOf(instructions, "send")) {
      if (message.type === "outcomes") for (const { attemptId } of message.items) this.end(attemptId);
      if (message.type === "returned") for (const attemptId of message.attemptIds) this.end(attemptId);
    }
  }

  end(id: AttemptId): void {
    if (this.actorCalls.has(id)) return;
    this.given.set(id, (this.given.get(id) ?? 0) + 1);
  }

  /** Everything that can still happen happens well. */
  finish(): void {
    this.watch(this.worker.feed({ type: "continued" }));
    for (let round = 0; round < 2_000; round++) {
      for (const objectId of this.uploads.splice(0))
        this.watch(this.worker.feed({ type: "uploaded", objectId: objectId as never }));
      const [[id, threadId] = []] = this.held;
      if (id === undefined || threadId === undefined) break;
      this.report(0, "done");
    }
    this.watch(this.worker.feed({ type: "leave-asked" }));
  }
}

test("[WORKER-0] whatever happens, every task given ends exactly once", () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 80 }), (steps) => {
      const walk = new Walk();
      walk.threads = [1, 2];
      for (const one of steps) walk.take(one);
      walk.finish();
      const wrong = [...walk.given].filter(([, ends]) => ends !== 1);
      expect(wrong).toEqual([]);
    }),
    { numRuns: 300 },
  );
});
