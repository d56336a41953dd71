import { describe, expect, it } from "vitest";
import type { ObjectId, TaskId } from "../../../protocol/ids.ts";
import { actor, ActorGrid, aState, worker } from "./actor-grid.ts";
import { client, lines } from "./small-grid.ts";

const options = { leaseMs: 15_000, graceMs: 1_000, restartGraceMs: 10_000, homeMs: 3_000 };

/** A worker with two tasks under way, and another that is idle. */
class RestartedGrid extends ActorGrid {
  constructor() {
    super(options);
    this.join("w1", 2);
  }
  /** The coordinator was gone for so long. */
  downFor(ms: number): string[] {
    this.at += ms;
    return lines(this.restarted());
  }
}

describe("after a restart of the coordinator", () => {
  it("[REJOIN-1] leases and graces begin anew: that nobody was there to be heard by costs nobody anything", () => {
    const grid = new RestartedGrid();
    grid.submit("j1.1");
    grid.join("w2");
    grid.tell({ type: "worker-away", workerId: worker("w2") });
    expect(grid.downFor(3_600_000)).toEqual([]);
    expect(grid.stateOf("j1.1")).toBe("running");
    expect(lines(grid.pass(9_999))).toEqual([]);
    grid.back("w1");
    expect(lines(grid.holding("w1", ["j1.1#1"]))).toEqual([]);
    grid.pass(1);
    expect([...grid.scheduler.records.workers.keys()]).toEqual(["w1"]);
    grid.done("w1", "j1.1#1");
    expect(grid.stateOf("j1.1")).toBe("finished");
  });

  it("[REJOIN-2] nothing is sent to a worker before it has said what it has", () => {
    const grid = new RestartedGrid();
    grid.create("j1.1");
    grid.started("j1.1", "w1");
    grid.downFor(100);
    expect(lines(grid.submit("j1.2"))).toEqual([]);
    expect(lines(grid.call("j1.3", "j1.1"))).toEqual([]);
    expect(lines(grid.back("w1"))).toEqual([]);
    expect(lines(grid.holding("w1", [], { "j1.1": 1 }, false))).toEqual([]);
    expect(lines(grid.holding("w1", [], { "j1.1": 1 }))).toEqual([
      "call j1.3#1 of j1.1 on w1 epoch 1",
      "assign j1.2#1 to w1",
    ]);
  });

  it("[REJOIN-2] nor what of a log is to run again, though its actor has started meanwhile", () => {
    const grid = new RestartedGrid();
    grid.create("j1.1", { checkpoint: { type: "rhythm", everyCalls: 10 } });
    grid.started("j1.1", "w1");
    grid.call("j1.2", "j1.1");
    grid.done("w1", "j1.2#1");
    grid.ended("j1.1", "w1");
    grid.downFor(100);
    grid.back("w1");
    expect(lines(grid.started("j1.1", "w1", 2))).toEqual([]);
    expect(lines(grid.holding("w1", [], { "j1.1": 2 }))).toEqual(["call j1.2#2 of j1.1 on w1 epoch 2"]);
  });

  it("[REJOIN-3] a task that its worker does not name never arrived: it is queued, and nobody is to blame", () => {
    const grid = new RestartedGrid();
    grid.submit("j1.1", { maxRetries: 0 });
    grid.submit("j1.2");
    grid.downFor(100);
    grid.back("w1");
    expect(lines(grid.holding("w1", ["j1.2#1"]))).toEqual(["assign j1.1#2 to w1"]);
    const task = grid.scheduler.records.tasks.get("j1.1" as TaskId);
    expect([task?.retries, task?.workersLost]).toEqual([0, 0]);
  });

  it("[REJOIN-4] calls that it does not name are sent again in their order, and before later ones", () => {
    const grid = new RestartedGrid();
    grid.create("j1.1");
    grid.started("j1.1", "w1");
    for (const id of ["j1.2", "j1.3", "j1.4"]) grid.call(id, "j1.1");
    grid.downFor(100);
    grid.call("j1.5", "j1.1");
    grid.back("w1");
    expect(lines(grid.holding("w1", ["j1.2#1"], { "j1.1": 1 }))).toEqual([
      "call j1.3#2 of j1.1 on w1 epoch 1",
      "call j1.4#2 of j1.1 on w1 epoch 1",
      "call j1.5#1 of j1.1 on w1 epoch 1",
    ]);
  });

  it("[REJOIN-4] so are those of a log that run again", () => {
    const grid = new RestartedGrid();
    grid.create("j1.1", { checkpoint: { type: "rhythm", everyCalls: 10 } });
    grid.started("j1.1", "w1");
    for (const id of ["j1.2", "j1.3", "j1.4"]) grid.call(id, "j1.1");
    for (const id of ["j1.2#1", "j1.3#1"]) grid.done("w1", id);
    grid.ended("j1.1", "w1");
    grid.started("j1.1", "w1", 2);
    grid.downFor(100);
    grid.back("w1");
    expect(lines(grid.holding("w1", ["j1.2#2"], { "j1.1": 2 }))).toEqual([
      "call j1.3#2 of j1.1 on w1 epoch 2",
      "call j1.4#3 of j1.1 on w1 epoch 2",
    ]);
  });

  it("[REJOIN-5] an actor whose start never arrived is started again, even one that may not be restarted", () => {
    const grid = new RestartedGrid();
    grid.create("j1.1", { maxRestarts: 0 });
    grid.downFor(100);
    grid.back("w1");
    expect(lines(grid.holding("w1", []))).toEqual(["start j1.1 on w1 epoch 1000001"]);
  });

  it("[REJOIN-5] so is one of which its worker has an earlier life, and one that it has lost", () => {
    const grid = new RestartedGrid();
    grid.create("j1.1");
    grid.started("j1.1", "w1");
    grid.create("j1.2");
    grid.started("j1.2", "w1");
    grid.tell({ type: "kill-asked", by: client, actorId: actor("j1.1"), restart: true });
    grid.downFor(100);
    grid.back("w1");
    expect(lines(grid.holding("w1", [], { "j1.1": 1 }))).toEqual([
      "stop j1.1 on w1",
      "start j1.2 on w1 epoch 1000001 restored",
      "start j1.1 on w1 epoch 1000001 restored",
    ]);
  });

  it("[REJOIN-6] what was to be cancelled and what was consumed is told again", () => {
    const grid = new RestartedGrid();
    grid.submit("j1.1");
    grid.submit("j1.2", { kind: "generator", backpressure: 4 });
    grid.create("j1.3");
    grid.started("j1.3", "w1");
    grid.call("j1.4", "j1.3");
    grid.call("j1.5", "j1.3");
    const cancel = (id: string, force: boolean) =>
      grid.tell({ type: "cancel-asked", by: client, id: id as TaskId, force, recursive: false });
    cancel("j1.1", true);
    cancel("j1.4", false);
    cancel("j1.5", false);
    grid.tell({ type: "items-consumed", by: client, id: "j1.2" as TaskId, taken: 3 });
    grid.downFor(100);
    grid.back("w1");
    expect(lines(grid.holding("w1", ["j1.1#1", "j1.2#1", "j1.4#1"], { "j1.3": 1 }))).toEqual([
      "cancel j1.4#1 on w1",
      "cancel j1.1#1 on w1 force",
      "consumed j1.2#1 3",
    ]);
    expect(grid.stateOf("j1.5")).toBe("cancelled");
  });

  it("[REJOIN-7] whoever waits asks again, and is answered once", () => {
    const grid = new RestartedGrid();
    grid.submit("j1.1");
    grid.want("j1.1:0");
    grid.downFor(100);
    grid.back("w1");
    grid.holding("w1", ["j1.1#1"]);
    grid.want("j1.1:0");
    expect(lines(grid.done("w1", "j1.1#1"))).toEqual(["deliver j1.1:0 value"]);
  });

  it("[REJOIN-8] no epoch is given twice, not even one that a restart has forgotten", () => {
    const grid = new RestartedGrid();
    grid.create("j1.1");
    grid.started("j1.1", "w1");
    grid.downFor(100);
    grid.join("w2");
    expect(lines(grid.tell({ type: "worker-left", workerId: worker("w1"), how: "planned" }))).toEqual([
      "start j1.1 on w2 epoch 1000001 restored",
    ]);
    grid.restarted();
    grid.join("w3");
    expect(lines(grid.left("w2"))).toEqual(["start j1.1 on w3 epoch 2000001 restored"]);
  });

  it("[REJOIN-9] what a worker has that just joined says nothing about what was sent to it since", () => {
    const grid = new RestartedGrid();
    grid.create("j1.1", { maxRestarts: 0 });
    grid.submit("j1.2");
    expect(lines(grid.holding("w1", []))).toEqual([]);
    expect(grid.stateOf("j1.2")).toBe("running");
    expect(grid.record("j1.1").state.name).toBe("starting");
    grid.downFor(100);
    grid.left("w1", "goodbye");
    expect(lines(grid.join("w1"))).toEqual(["assign j1.2#2 to w1"]);
    expect(lines(grid.holding("w1", []))).toEqual([]);
  });

  it("[REJOIN-10] an attempt that was given out and not kept is dropped, and its number is spent", () => {
    const grid = new RestartedGrid();
    grid.tell({ type: "worker-away", workerId: worker("w1") });
    grid.submit("j1.1");
    grid.downFor(100);
    grid.back("w1");
    expect(lines(grid.holding("w1", ["j1.1#1"]))).toEqual(["cancel j1.1#1 on w1 force", "assign j1.1#2 to w1"]);
    grid.failed("w1", "j1.1#1", { code: "TASK_CANCELLED", message: "dropped" });
    expect(grid.stateOf("j1.1")).toBe("running");
  });

  it("[REJOIN-11] what nobody can run has its whole time again", () => {
    const grid = new RestartedGrid();
    grid.join("w2", 1, { room: "1" });
    grid.submit("j1.1", { labels: { room: ["1"] }, unschedulableMs: 500 });
    grid.submit("j1.2", { labels: { room: ["1"] }, unschedulableMs: 500 });
    expect(grid.downFor(60_000)).toEqual([]);
    grid.pass(9_999);
    expect(grid.stateOf("j1.2")).toBe("queued");
    grid.pass(500);
    expect(grid.stateOf("j1.2")).toBe("failed");
  });

  it("[REJOIN-12] an actor that waits for its home waits on, for half a grace at least", () => {
    const grid = new RestartedGrid();
    grid.create("j1.1");
    grid.started("j1.1", "w1");
    grid.saved("j1.1", "w1", { state: aState(3) });
    grid.left("w1", "goodbye");
    grid.join("w2");
    expect(grid.downFor(60_000)).toEqual([]);
    grid.pass(4_999);
    expect(lines(grid.join("w1"))).toEqual(["start j1.1 on w1 epoch 1000001 restored"]);
    expect(grid.scheduler.records.objects.has("j1.1:0" as ObjectId)).toBe(true);
  });
});

describe("restarts that follow one another", () => {
  it("[REJOIN-13] do not keep waiting for a worker that is gone", () => {
    const grid = new RestartedGrid();
    grid.submit("j1.1");
    grid.join("w2");
    grid.downFor(100);
    grid.back("w2");
    grid.holding("w2", []);
    for (let restarts = 0; restarts < 2; restarts++) {
      grid.pass(4_000);
      grid.downFor(100);
      grid.back("w2");
      grid.holding("w2", []);
    }
    // Its own grace, and half of one for the restart that came last.
    expect(lines(grid.pass(5_000))).toEqual(["assign j1.1#2 to w2"]);
  });
});

describe("a worker that does not come back after a restart", () => {
  it("[REJOIN-14] is not held against what it ran: nobody saw it go", () => {
    const grid = new RestartedGrid();
    grid.submit("j1.1");
    for (let restarts = 0; restarts < 5; restarts++) {
      grid.downFor(100);
      grid.pass(10_000);
      grid.join(`w${restarts + 2}`);
      expect(grid.stateOf("j1.1")).toBe("running");
    }
    expect(grid.scheduler.records.tasks.get("j1.1" as TaskId)).toMatchObject({ attempts: 6, workersLost: 0 });
  });
});

describe("a worker that is away", () => {
  it("[LINK-13] is given up a whole grace after it went, however often it went before", () => {
    const grid = new RestartedGrid();
    const away = () => grid.tell({ type: "worker-away", workerId: worker("w1") });
    away();
    grid.at = 900;
    grid.back("w1");
    away();
    grid.pass(100);
    expect(grid.scheduler.records.workers.size).toBe(1);
    grid.restarted();
    grid.pass(900);
    expect(grid.scheduler.records.workers.size).toBe(1);
    grid.pass(9_100);
    expect(grid.scheduler.records.workers.size).toBe(0);
  });
});
