import { describe, expect, it } from "vitest";
import type { AttemptId, ObjectId, TaskId, WorkerId } from "../../../protocol/ids.ts";
import { failure } from "../../../protocol/nouns.ts";
import { violations } from "../../../coordinator/scheduler/invariants.ts";
import { Scheduler } from "../../../coordinator/scheduler/scheduler.ts";
import { aSpec, aSubmission } from "../../simulation/builders.ts";
import { actor, ActorGrid, aState, worker } from "./actor-grid.ts";
import { client, type Fact, lines, type SmallGrid } from "./small-grid.ts";

function drawn(scheduler: Scheduler): Buffer {
  return Buffer.concat([...scheduler.snapshot()]);
}
function restored(grid: SmallGrid): Scheduler {
  const twin = new Scheduler(grid.options);
  for (const chunk of grid.scheduler.snapshot()) twin.restore(chunk);
  expect(violations(twin)).toEqual([]);
  expect(drawn(twin).equals(drawn(grid.scheduler))).toBe(true);
  return twin;
}
/** Both are told the same, and decide the same. */
function bothTold(grid: SmallGrid, twin: Scheduler, ...facts: readonly Fact[]): string[] {
  const orders = lines(grid.tell(...facts));
  expect(lines(twin.handle(...facts.map((fact) => ({ ...fact, at: grid.at }))))).toEqual(orders);
  return orders;
}

describe("a picture of the scheduler", () => {
  it("[PICTURE-1] of everything there can be, restored, draws the same picture", () => {
    const grid = new ActorGrid();
    grid.join("w1", 2, { room: "1" }, { scanner: 2 });
    grid.join("w2");
    grid.create("j1.1", { checkpoint: { type: "rhythm", everyCalls: 5 }, name: "one" });
    grid.create("j1.2", { name: "one", getIfExists: true });
    grid.create("j1.3", { name: "one" });
    grid.create("j1.4", { labels: { room: ["none"] } });
    grid.started("j1.1", "w1");
    grid.submit("j1.5");
    grid.call("j1.6", "j1.1");
    grid.call("j1.7", "j1.1", { inputs: ["j1.5:0"] as ObjectId[] });
    grid.call("j1.8", "j1.1");
    grid.done("w1", "j1.6#1", [aState(3, "j1.5:0")]);
    grid.saved("j1.1", "w1", { state: aState(9, "j1.6:0") });
    grid.submit("j1.9", { priority: 1, demand: { cpus: 1, gpus: 0, memoryBytes: 0, custom: { scanner: 1 } } });
    for (const id of ["j1.10", "j1.11", "j1.12"]) grid.submit(id, { unschedulableMs: 1_000, labels: { room: ["1"] } });
    grid.submit("j1.13", {}, { inputs: ["j1.12:0"] as ObjectId[] });
    grid.submit("j1.14", { kind: "generator" });
    grid.failed("w1", "j1.9#1", failure("TASK_ERROR", "boom"));
    grid.tell({ type: "objects-freed", by: client, ids: ["j1.13:0" as ObjectId] });
    grid.tell({ type: "worker-away", workerId: worker("w2") });
    grid.tell({ type: "worker-left", workerId: worker("w1"), how: "goodbye" });
    restored(grid);
  });

  it("[PICTURE-2] queues keep their order, which is not that of submission", () => {
    const grid = new ActorGrid();
    grid.join("w1", 3);
    for (let i = 1; i <= 6; i++) grid.submit(`j1.${i}`);
    grid.tell({ type: "capacity-changed", workerId: worker("w1"), threads: 0 });
    grid.returned("w1", "j1.3#1", "j1.1#1", "j1.2#1");
    const twin = restored(grid);
    const threads = { type: "capacity-changed", workerId: worker("w1"), threads: 6 } as const;
    expect(bothTold(grid, twin, threads)).toEqual([
      "assign j1.1#2 to w1",
      "assign j1.3#2 to w1",
      "assign j1.4#1 to w1",
      "assign j1.5#1 to w1",
      "assign j1.6#1 to w1",
      "assign j1.2#2 to w1",
    ]);
  });

  it("[PICTURE-3] leases, graces and waits end when they would have", () => {
    const grid = new ActorGrid({ leaseMs: 15_000, graceMs: 1_000, homeMs: 3_000 });
    grid.join("w1");
    grid.join("w2");
    grid.submit("j1.1");
    grid.submit("j1.2", { labels: { room: ["9"] }, unschedulableMs: 900 });
    grid.create("j1.3");
    grid.at = 400;
    grid.started("j1.3", "w2");
    grid.tell({ type: "worker-away", workerId: worker("w2") });
    const twin = restored(grid);
    const seen: string[][] = [];
    for (const at of [900, 1_399, 1_400, 4_399, 4_400, 14_999, 15_000]) {
      grid.at = at;
      seen.push(bothTold(grid, twin, { type: "time-passed" }));
    }
    expect(seen).toEqual([
      [],
      [],
      [],
      [],
      ["start j1.3 on w1 epoch 2 restored"],
      [],
      ["cancel j1.1#1 on w1 force", "assign j1.1#2 to w1"],
    ]);
  });

  it("[PICTURE-4] what was sent ahead is taken back as it would have been", () => {
    const grid = new ActorGrid({ recallMs: 100 });
    grid.join("w1");
    grid.submit("j1.1");
    grid.done("w1", "j1.1#1", undefined, 1);
    const tasks = Array.from({ length: 9 }, (_, i) => aSubmission(`j1.${i + 2}`));
    grid.tell({ type: "tasks-submitted", by: client, spec: aSpec(), tasks });
    grid.join("w2");
    const twin = restored(grid);
    grid.at = 150;
    expect(bothTold(grid, twin, { type: "time-passed" })).toEqual(["recall j1.7#1 j1.8#1 j1.9#1 j1.10#1 from w1"]);
    const again = new Scheduler(grid.options);
    for (const chunk of twin.snapshot()) again.restore(chunk);
    expect(again.machine.ahead.size).toBe(grid.scheduler.machine.ahead.size);
  });

  it("[PICTURE-5] an actor goes on from its state, its log and its calls", () => {
    const grid = new ActorGrid();
    grid.alive("j1.1", { checkpoint: { type: "rhythm", everyCalls: 5 } });
    for (const id of ["j1.2", "j1.3", "j1.4"]) grid.call(id, "j1.1");
    grid.done("w1", "j1.2#1");
    grid.saved("j1.1", "w1", { included: ["j1.2#1"] });
    grid.done("w1", "j1.3#1");
    grid.release("j1.3:0");
    expect(grid.scheduler.records.tasks.has("j1.3" as TaskId)).toBe(false);
    grid.join("w2");
    const twin = restored(grid);
    expect(bothTold(grid, twin, { type: "worker-left", workerId: worker("w1"), how: "planned" })).toEqual([
      "start j1.1 on w2 epoch 2 restored",
    ]);
    const started = { type: "actor-started", workerId: worker("w2"), actorId: actor("j1.1"), epoch: 2 } as const;
    expect(bothTold(grid, twin, started)).toEqual([
      "call j1.3#2 of j1.1 on w2 epoch 2",
      "call j1.4#2 of j1.1 on w2 epoch 2",
    ]);
    const third = restored(grid);
    const item = { type: "done", attemptId: "j1.3#2" as AttemptId, values: [], ranMs: 1 } as const;
    expect(bothTold(grid, third, { type: "attempts-ended", workerId: "w2" as WorkerId, items: [item] })).toEqual([]);
    expect(third.machine.replays.size).toBe(0);
  });

  it("[PICTURE-6] names and messages as long as the door lets them in, and what is made from them, can be read", () => {
    const grid = new ActorGrid();
    grid.join("w1");
    const id = `j1.${"1".repeat(509)}`;
    grid.submit(id, { name: "n".repeat(256) });
    grid.submit("j1.2", {}, { inputs: [`${id}:0` as ObjectId] });
    grid.failed("w1", `${id}#1`, failure("TASK_ERROR", "m".repeat(65_536)));
    grid.submit("j1.3", {}, { inputs: ["j1.2:0" as ObjectId] });
    restored(grid);
  });
});
