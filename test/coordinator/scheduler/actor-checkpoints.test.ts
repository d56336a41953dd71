import { describe, expect, it } from "vitest";
import type { AttemptId, JobId, ObjectId } from "../../../protocol/ids.ts";
import { failure } from "../../../protocol/nouns.ts";
import { aCallSpec, aSubmission } from "../../simulation/builders.ts";
import { actor, ActorGrid, aState, attempt, done, startedWith, worker } from "./actor-grid.ts";
import { client, lines } from "./small-grid.ts";

const rhythm = { checkpoint: { type: "rhythm", everyCalls: 10 } } as const;

describe("a checkpoint", () => {
  it("[ACTOR-12] of the living activation is what it goes on from; an earlier activation's changes nothing", () => {
    const grid = new ActorGrid();
    grid.alive("j1.1");
    grid.join("w2");
    expect(lines(grid.saved("j1.1", "w1", { number: 1 }))).toEqual([]);
    grid.saved("j1.1", "w1", { number: 2 });
    expect(startedWith(grid.left("w1"))).toEqual([2]);
    expect(lines(grid.saved("j1.1", "w2", { epoch: 1, number: 3 }))).toEqual(["stop j1.1 on w2"]);
    expect(lines(grid.saved("j1.1", "w1", { epoch: 2, number: 3 }))).toEqual(["stop j1.1 on w1"]);
    expect(grid.record("j1.1").checkpoint).toMatchObject({ epoch: 1, number: 2 });
  });

  it("[ACTOR-13] and the outcomes it includes are taken together, or neither is", () => {
    const grid = new ActorGrid();
    grid.alive("j1.1");
    grid.call("j1.2", "j1.1");
    grid.want("j1.2:0");
    expect(lines(grid.saved("j1.1", "w1", { epoch: 7, outcomes: ["j1.2#1"] }))).toEqual(["stop j1.1 on w1"]);
    expect(grid.stateOf("j1.2")).toBe("running");
    expect(lines(grid.saved("j1.1", "w1", { outcomes: ["j1.2#1"] }))).toEqual(["deliver j1.2:0 value"]);
    expect(grid.record("j1.1").checkpoint?.number).toBe(1);
  });

  it("[ACTOR-14] by rhythm: what was told since runs again after a loss, in order and before any other, unheard", () => {
    const grid = new ActorGrid();
    grid.alive("j1.1", rhythm);
    for (const id of ["j1.2", "j1.3", "j1.4"]) grid.call(id, "j1.1");
    grid.done("w1", "j1.2#1");
    grid.done("w1", "j1.3#1");
    grid.join("w2");
    expect(startedWith(grid.left("w1"))).toEqual([undefined]);
    grid.call("j1.5", "j1.1");
    expect(lines(grid.started("j1.1", "w2", 2))).toEqual([
      "call j1.2#2 of j1.1 on w2 epoch 2",
      "call j1.3#2 of j1.1 on w2 epoch 2",
      "call j1.4#2 of j1.1 on w2 epoch 2",
      "call j1.5#1 of j1.1 on w2 epoch 2",
    ]);
    grid.want("j1.4:0");
    expect(lines(grid.done("w2", "j1.2#2"))).toEqual([]);
    expect(lines(grid.failed("w2", "j1.3#2"))).toEqual([]);
    expect(lines(grid.done("w2", "j1.4#2"))).toEqual(["deliver j1.4:0 value"]);
    expect(grid.scheduler.machine.replays.size).toBe(0);
  });

  it("[ACTOR-15] takes the calls it includes from the log, also those that ran again", () => {
    const grid = new ActorGrid();
    grid.alive("j1.1", rhythm);
    for (const id of ["j1.2", "j1.3", "j1.4"]) grid.call(id, "j1.1");
    for (const id of ["j1.2#1", "j1.3#1", "j1.4#1"]) grid.done("w1", id);
    grid.saved("j1.1", "w1", { included: ["j1.2#1"] });
    grid.join("w2");
    grid.left("w1");
    expect(lines(grid.started("j1.1", "w2", 2))).toEqual([
      "call j1.3#2 of j1.1 on w2 epoch 2",
      "call j1.4#2 of j1.1 on w2 epoch 2",
    ]);
    grid.done("w2", "j1.3#2");
    grid.saved("j1.1", "w2", { epoch: 2, included: ["j1.3#2"] });
    grid.join("w3");
    grid.left("w2");
    expect(lines(grid.started("j1.1", "w3", 3))).toEqual(["call j1.4#3 of j1.1 on w3 epoch 3"]);
  });

  it('[ACTOR-16] "off" begins again with its constructor, but is moved alive once; "manual" goes on from its last', () => {
    const grid = new ActorGrid();
    grid.alive("j1.1", { checkpoint: { type: "off" } });
    grid.create("j1.2", { checkpoint: { type: "manual" } });
    grid.started("j1.2", "w1");
    grid.saved("j1.1", "w1");
    grid.saved("j1.2", "w1", { number: 4 });
    grid.released("j1.1", "w1");
    grid.released("j1.2", "w1");
    expect([grid.record("j1.1").epoch, grid.record("j1.2").epoch]).toEqual([2, 2]);
    grid.started("j1.1", "w1", 2);
    grid.started("j1.2", "w1", 2);
    grid.join("w2");
    expect(startedWith(grid.left("w1"))).toEqual([undefined, 4]);
  });

  it("[ACTOR-17] holds what it refers to while it is the newest", () => {
    const grid = new ActorGrid();
    grid.alive("j1.1");
    grid.submit("j1.2");
    grid.done("w1", "j1.2#1");
    grid.saved("j1.1", "w1", { number: 1, state: aState(1, "j1.2:0") });
    grid.release("j1.2:0");
    expect(grid.scheduler.records.objects.has("j1.2:0" as ObjectId)).toBe(true);
    grid.saved("j1.1", "w1", { number: 2, state: aState(1, "j1.2:0") });
    expect(grid.scheduler.records.objects.has("j1.2:0" as ObjectId)).toBe(true);
    grid.saved("j1.1", "w1", { number: 3 });
    expect(grid.scheduler.records.objects.has("j1.2:0" as ObjectId)).toBe(false);
  });

  it("[ACTOR-18] that is stored is forgotten once a newer is there, when it is refused, and when the actor dies", () => {
    const grid = new ActorGrid();
    const state = { type: "stored", sizeBytes: 1_000_000, refs: [] } as const;
    grid.alive("j1.1");
    grid.saved("j1.1", "w1", { number: 1, state });
    expect([...grid.scheduler.storedIds()]).toEqual(["j1.1:c1.1"]);
    expect(lines(grid.saved("j1.1", "w1", { number: 2, state }))).toEqual(["forget j1.1:c1.1"]);
    expect(lines(grid.saved("j1.1", "w1", { epoch: 9, number: 1, state }))).toEqual([
      "forget j1.1:c9.1",
      "stop j1.1 on w1",
    ]);
    expect(lines(grid.saved("j1.1", "w9", { number: 3, state }))).toEqual(["forget j1.1:c1.3", "stop j1.1 on w9"]);
    expect(lines(grid.tell({ type: "kill-asked", by: client, actorId: actor("j1.1"), restart: false }))).toEqual([
      "stop j1.1 on w1",
      "forget j1.1:c1.2",
    ]);
    expect([...grid.scheduler.storedIds()]).toEqual([]);
  });

  it("[ACTOR-19] what a call submitted stays while the call may run again, so that it finds it done", () => {
    const grid = new ActorGrid();
    grid.alive("j1.1", rhythm);
    grid.call("j1.2", "j1.1");
    const by = (id: string) => ({ type: "attempt", workerId: worker("w1"), attemptId: attempt(id) }) as const;
    grid.create("j1.9");
    grid.started("j1.9", "w1");
    const child = {
      type: "tasks-submitted",
      spec: aCallSpec({ actorId: actor("j1.9") }),
      tasks: [aSubmission("j1.2.1")],
    } as const;
    grid.tell({ ...child, by: by("j1.2#1") });
    grid.saved("j1.9", "w1", { outcomes: ["j1.2.1#1"] });
    grid.done("w1", "j1.2#1");
    grid.tell({ type: "objects-released", by: by("j1.1#1"), ids: ["j1.2.1:0" as ObjectId] });
    grid.ended("j1.1", "w1");
    expect(lines(grid.started("j1.1", "w1", 2))).toEqual(["call j1.2#2 of j1.1 on w1 epoch 2"]);
    expect(lines(grid.tell({ ...child, by: by("j1.2#2") }))).toEqual([]);
    grid.done("w1", "j1.2#2");
    grid.saved("j1.1", "w1", { epoch: 2, included: ["j1.2#2"] });
    expect(grid.scheduler.records.objects.has("j1.2.1:0" as ObjectId)).toBe(false);
  });

  it("[ACTOR-20] what a call of the log needs stays, also when its caller's job closes", () => {
    const grid = new ActorGrid();
    const other = { type: "client", jobId: "j2" as JobId } as const;
    grid.tell({ type: "job-opened", jobId: other.jobId, name: "other", namespace: "default" });
    grid.alive("j1.1", rhythm);
    grid.tell({ type: "value-put", by: other, id: "j2.1:0" as ObjectId, value: aState(5) });
    const spec = aCallSpec({ actorId: actor("j1.1") });
    const tasks = [aSubmission("j2.2", { inputs: ["j2.1:0" as ObjectId] })];
    grid.tell({ type: "tasks-submitted", by: other, spec, tasks });
    grid.done("w1", "j2.2#1");
    grid.tell({ type: "job-closed", jobId: other.jobId });
    grid.ended("j1.1", "w1");
    const again = grid.started("j1.1", "w1", 2).filter((order) => order.type === "call");
    expect(again).toMatchObject([{ attemptId: "j2.2#2", inputs: [{ id: "j2.1:0", value: aState(5) }] }]);
  });
});

describe("the home of an actor", () => {
  it("[ACTOR-21] whose page went may have it back; one that was planned to leave may not", () => {
    const grid = new ActorGrid({ homeMs: 3_000 });
    grid.alive("j1.1");
    grid.create("j1.2");
    grid.started("j1.2", "w1");
    grid.saved("j1.1", "w1");
    grid.call("j1.3", "j1.1");
    grid.join("w2");
    expect(lines(grid.left("w1", "goodbye"))).toEqual([]);
    expect(lines(grid.pass(2_999))).toEqual([]);
    expect(lines(grid.join("w1"))).toEqual(["start j1.1 on w1 epoch 2 restored", "start j1.2 on w1 epoch 2 restored"]);
    expect(lines(grid.started("j1.1", "w1", 2))).toEqual(["call j1.3#2 of j1.1 on w1 epoch 2"]);
    expect(lines(grid.pass(10_000))).toEqual([]);
    expect(lines(grid.left("w1", "planned"))).toEqual([
      "start j1.1 on w2 epoch 3 restored",
      "start j1.2 on w2 epoch 3 restored",
    ]);
  });

  it("[ACTOR-21] too late it lives elsewhere", () => {
    const grid = new ActorGrid({ homeMs: 3_000 });
    grid.alive("j1.1");
    grid.join("w2");
    grid.left("w1", "lost");
    expect(lines(grid.pass(3_000))).toEqual(["start j1.1 on w2 epoch 2 restored"]);
    expect(lines(grid.join("w1"))).toEqual([]);
  });

  it("[ACTOR-21] the end of one wait does not end the next", () => {
    const grid = new ActorGrid({ homeMs: 3_000 });
    grid.alive("j1.1");
    grid.join("w2");
    grid.left("w1", "goodbye");
    grid.at = 2_000;
    grid.join("w1");
    grid.started("j1.1", "w1", 2);
    grid.left("w1", "goodbye");
    expect(lines(grid.pass(1_000))).toEqual([]);
    expect(lines(grid.pass(2_000))).toEqual(["start j1.1 on w2 epoch 3 restored"]);
  });

  it("[ACTOR-22] lets it go behind its last state: it goes on elsewhere at once, without a restart spent", () => {
    const grid = new ActorGrid();
    grid.alive("j1.1", { maxRestarts: 0 });
    grid.join("w2");
    grid.tell({ type: "capacity-changed", workerId: worker("w1"), threads: 0 });
    grid.call("j1.2", "j1.1");
    grid.saved("j1.1", "w1", { outcomes: ["j1.2#1"] });
    const orders = grid.released("j1.1", "w1");
    expect(lines(orders)).toEqual(["start j1.1 on w2 epoch 2 restored"]);
    expect(startedWith(orders)).toEqual([1]);
    expect(lines(grid.released("j1.1", "w1"))).toEqual([]);
    expect(grid.record("j1.1").restarts).toBe(0);
  });

  it("[ACTOR-23] calls it gives back wait for the next, in their order and before later ones", () => {
    const grid = new ActorGrid();
    grid.alive("j1.1");
    for (const id of ["j1.2", "j1.3", "j1.4"]) grid.call(id, "j1.1");
    grid.join("w2");
    expect(lines(grid.returned("w1", "j1.3#1", "j1.4#1"))).toEqual([]);
    expect(lines(grid.call("j1.5", "j1.1"))).toEqual([]);
    grid.tell({ type: "capacity-changed", workerId: worker("w1"), threads: 0 });
    grid.released("j1.1", "w1");
    expect(lines(grid.started("j1.1", "w2", 2))).toEqual([
      "call j1.2#2 of j1.1 on w2 epoch 2",
      "call j1.3#2 of j1.1 on w2 epoch 2",
      "call j1.4#2 of j1.1 on w2 epoch 2",
      "call j1.5#1 of j1.1 on w2 epoch 2",
    ]);
  });
});

describe("a call", () => {
  it("[ACTOR-24] whose input fails lets its caller's later ones go on", () => {
    const grid = new ActorGrid();
    grid.alive("j1.1");
    grid.submit("j1.2");
    grid.call("j1.3", "j1.1", { inputs: ["j1.2:0"] as ObjectId[] });
    expect(lines(grid.call("j1.4", "j1.1"))).toEqual([]);
    expect(lines(grid.failed("w1", "j1.2#1"))).toEqual(["call j1.4#1 of j1.1 on w1 epoch 1"]);
  });

  it("[ACTOR-25] whose error is to be retried goes before those that were not sent", () => {
    const grid = new ActorGrid({ callsInFlight: 2 });
    grid.alive("j1.1");
    const retried = { retryErrors: { type: "all" }, maxRetries: 1 } as const;
    for (const id of ["j1.2", "j1.3", "j1.4"]) grid.call(id, "j1.1", {}, retried);
    const boom = failure("TASK_ERROR", "boom");
    const failed = (id: string) =>
      ({ type: "failed", attemptId: id as AttemptId, failure: boom, crashed: false, ranMs: 1 }) as const;
    const items = [failed("j1.2#1"), failed("j1.3#1")];
    expect(lines(grid.tell({ type: "attempts-ended", workerId: worker("w1"), items }))).toEqual([
      "call j1.2#2 of j1.1 on w1 epoch 1",
      "call j1.3#2 of j1.1 on w1 epoch 1",
    ]);
    grid.want("j1.2:0");
    expect(lines(grid.failed("w1", "j1.2#2", boom))).toEqual([
      "deliver j1.2:0 TASK_ERROR",
      "call j1.4#1 of j1.1 on w1 epoch 1",
    ]);
  });

  it("[ACTOR-26] of an actor that nobody knows fails and says so", () => {
    const grid = new ActorGrid();
    expect(lines(grid.call("j1.2", "j1.99"))).toEqual([]);
    expect(lines(grid.want("j1.2:0"))).toEqual(["deliver j1.2:0 ACTOR_DIED"]);
    expect(done("j1.2#1").type).toBe("done");
  });

  it("[LEASE-4] that runs again, or an actor in its constructor, is not told to stop when it is named", () => {
    const grid = new ActorGrid();
    grid.alive("j1.1", rhythm);
    grid.call("j1.2", "j1.1");
    grid.done("w1", "j1.2#1");
    grid.ended("j1.1", "w1");
    expect(lines(grid.holding("w1", ["j1.1#2"], { "j1.1": 2 }, false))).toEqual([]);
    grid.started("j1.1", "w1", 2);
    expect(lines(grid.holding("w1", ["j1.2#2"], { "j1.1": 2 }, false))).toEqual([]);
    expect(lines(grid.holding("w1", ["j1.2#1"], { "j1.1": 2 }, false))).toEqual(["cancel j1.2#1 on w1 force"]);
  });
});
