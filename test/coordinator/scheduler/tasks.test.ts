import { describe, expect, it } from "vitest";
import type { AttemptId, ObjectId, TaskId, WorkerId } from "../../../protocol/ids.ts";
import { failure } from "../../../protocol/nouns.ts";
import { InvalidTransition } from "../../../coordinator/scheduler/machine.ts";
import { transition } from "../../../coordinator/scheduler/task-life.ts";
import { aSpec, aSubmission, aValue } from "../../simulation/builders.ts";
import { client, job, lines, SmallGrid } from "./small-grid.ts";

describe("a task", () => {
  it("[TASK-1] goes to the least loaded worker with a free thread, else it is queued", () => {
    const grid = new SmallGrid();
    expect(lines(grid.submit("j1.1"))).toEqual([]);
    expect(grid.stateOf("j1.1")).toBe("queued");
    expect(lines(grid.join("w1"))).toEqual(["assign j1.1#1 to w1"]);
    expect(lines(grid.join("w2"))).toEqual([]);
    expect(lines(grid.submit("j1.2"))).toEqual(["assign j1.2#1 to w2"]);
    expect(lines(grid.submit("j1.3"))).toEqual([]);
    expect(lines(grid.done("w2", "j1.2#1"))).toEqual(["assign j1.3#1 to w2"]);
  });

  it("[TASK-2] waits until the last of its inputs has come", () => {
    const grid = new SmallGrid();
    grid.join("w1", 3);
    grid.submit("j1.1");
    grid.submit("j1.2");
    grid.submit("j1.3", {}, { inputs: ["j1.1:0", "j1.2:0"] as ObjectId[] });
    expect(grid.stateOf("j1.3")).toBe("waiting");
    expect(lines(grid.done("w1", "j1.1#1"))).toEqual([]);
    expect(lines(grid.done("w1", "j1.2#1"))).toEqual(["assign j1.3#1 to w1"]);
  });

  it("[TASK-3] does not run when an input fails, and carries that error as the reason of its own", () => {
    const grid = new SmallGrid();
    grid.join("w1");
    grid.submit("j1.1", { name: "first" });
    grid.submit("j1.2", { name: "second" }, { inputs: ["j1.1:0"] as ObjectId[] });
    grid.want("j1.2:0");
    const [delivered] = grid.failed("w1", "j1.1#1").filter((order) => order.type === "deliver");
    expect(delivered?.object).toMatchObject({
      type: "failed",
      failure: {
        code: "TASK_ERROR",
        taskName: "second",
        because: { code: "TASK_ERROR", message: "boom", taskName: "first" },
      },
    });
  });

  it("[TASK-3] a long chain of failures keeps its first error at the end and stays short", () => {
    const grid = new SmallGrid();
    grid.join("w1");
    grid.submit("j1.1");
    for (let i = 2; i <= 200; i++) grid.submit(`j1.${i}`, {}, { inputs: [`j1.${i - 1}:0`] as ObjectId[] });
    grid.failed("w1", "j1.1#1");
    const [order] = grid.want("j1.200:0");
    let length = 0;
    let problem = order?.type === "deliver" && order.object.type === "failed" ? order.object.failure : undefined;
    while (problem?.because !== undefined) {
      problem = problem.because;
      length++;
    }
    expect(problem?.message).toBe("boom");
    expect(length).toBeLessThan(30);
  });

  it("[TASK-4] submitted twice under one name is one task", () => {
    const grid = new SmallGrid();
    grid.join("w1");
    expect(lines(grid.submit("j1.1"))).toEqual(["assign j1.1#1 to w1"]);
    expect(lines(grid.submit("j1.1"))).toEqual([]);
    grid.done("w1", "j1.1#1");
    expect(lines(grid.submit("j1.1"))).toEqual([]);
  });

  it("[TASK-5] named after another parent than its submitter is refused", () => {
    const grid = new SmallGrid();
    expect(lines(grid.submit("j2.1"))).toEqual(["refuse j2.1 PROTOCOL"]);
    expect(lines(grid.submit("j1.1.1"))).toEqual(["refuse j1.1.1 PROTOCOL"]);
    expect(grid.scheduler.records.tasks.size).toBe(0);
  });

  it("[TASK-6] news of an attempt that is over, or of another worker's, changes nothing", () => {
    const grid = new SmallGrid();
    grid.join("w1");
    grid.submit("j1.1");
    grid.join("w2");
    expect(lines(grid.done("w2", "j1.1#1"))).toEqual([]);
    expect(grid.stateOf("j1.1")).toBe("running");
    grid.left("w1");
    expect(grid.stateOf("j1.1")).toBe("running");
    expect(lines(grid.done("w1", "j1.1#1"))).toEqual([]);
    grid.done("w2", "j1.1#2");
    expect(grid.stateOf("j1.1")).toBe("finished");
    expect(lines(grid.done("w2", "j1.1#2"))).toEqual([]);
  });

  it("[TASK-7] a crash of its thread spends a retry; beyond them it fails", () => {
    const grid = new SmallGrid();
    grid.join("w1");
    grid.submit("j1.1", { maxRetries: 1 });
    const crash = failure("WORKER_CRASHED", "the thread died");
    expect(lines(grid.failed("w1", "j1.1#1", crash, true))).toEqual(["assign j1.1#2 to w1"]);
    grid.failed("w1", "j1.1#2", crash, true);
    expect(lines(grid.want("j1.1:0"))).toEqual(["deliver j1.1:0 WORKER_CRASHED"]);
  });

  it("[TASK-8] the user's own error is retried only where that was asked for", () => {
    const grid = new SmallGrid();
    grid.join("w1");
    grid.submit("j1.1");
    grid.failed("w1", "j1.1#1");
    expect(grid.stateOf("j1.1")).toBe("failed");
    grid.submit("j1.2", { retryErrors: { type: "named", names: ["RangeError"] }, maxRetries: 1 });
    expect(lines(grid.failed("w1", "j1.2#1"))).toEqual(["assign j1.2#2 to w1"]);
    grid.failed("w1", "j1.2#2");
    expect(grid.stateOf("j1.2")).toBe("failed");
    grid.submit("j1.3", { retryErrors: { type: "named", names: ["TypeError"] } });
    grid.failed("w1", "j1.3#1");
    expect(grid.stateOf("j1.3")).toBe("failed");
  });

  it("[TASK-9] a worker that leaves costs its tasks nothing, however often", () => {
    const grid = new SmallGrid();
    grid.submit("j1.1", { maxRetries: 0 });
    for (let i = 1; i <= 10; i++) {
      expect(lines(grid.join(`w${i}`))).toEqual([`assign j1.1#${i} to w${i}`]);
      grid.left(`w${i}`);
    }
    expect(grid.stateOf("j1.1")).toBe("queued");
  });

  it("[TASK-10] after three workers lost under it a task runs alone, and after a fourth it fails", () => {
    const grid = new SmallGrid();
    grid.submit("j1.1");
    for (let i = 1; i <= 3; i++) {
      grid.join(`w${i}`);
      grid.left(`w${i}`, "lost");
    }
    grid.join("w4", 4);
    grid.submit("j1.2");
    grid.submit("j1.3");
    expect(grid.stateOf("j1.1")).toBe("running");
    // Nothing else runs where the suspect runs.
    expect([grid.stateOf("j1.2"), grid.stateOf("j1.3")]).toEqual(["queued", "queued"]);
    grid.left("w4", "lost");
    expect(lines(grid.want("j1.1:0"))).toEqual(["deliver j1.1:0 WORKER_CRASHED"]);
    expect(grid.stateOf("j1.2")).toBe("queued");
  });

  it("[TASK-11] cancelled before it runs it never runs; while it runs its signal fires and its value stands", () => {
    const grid = new SmallGrid();
    grid.join("w1");
    grid.submit("j1.1");
    grid.submit("j1.2");
    const cancel = (id: string, force = false) =>
      lines(grid.tell({ type: "cancel-asked", by: client, id: id as TaskId, force, recursive: true }));
    expect(cancel("j1.2")).toEqual([]);
    expect(grid.stateOf("j1.2")).toBe("cancelled");
    expect(cancel("j1.1")).toEqual(["cancel j1.1#1 on w1"]);
    grid.done("w1", "j1.1#1");
    expect(grid.stateOf("j1.1")).toBe("finished");
    expect(cancel("j1.1")).toEqual([]);
    grid.submit("j1.3", { retryErrors: { type: "all" } });
    expect(cancel("j1.3", true)).toEqual(["cancel j1.3#1 on w1 force"]);
    grid.failed("w1", "j1.3#1", failure("TASK_CANCELLED", "stopped"));
    expect(lines(grid.want("j1.3:0"))).toEqual(["deliver j1.3:0 TASK_CANCELLED"]);
  });

  it("[TASK-11] a task whose cancel was asked does not run again when its worker is lost", () => {
    const grid = new SmallGrid();
    grid.join("w1");
    grid.submit("j1.1");
    grid.tell({ type: "cancel-asked", by: client, id: "j1.1" as TaskId, force: false, recursive: true });
    grid.left("w1", "lost");
    expect(grid.stateOf("j1.1")).toBe("cancelled");
  });

  it("[TASK-12] a recursive cancel takes the children along", () => {
    const grid = new SmallGrid();
    grid.join("w1", 2);
    grid.submit("j1.1");
    const by = { type: "attempt", workerId: "w1" as WorkerId, attemptId: "j1.1#1" as AttemptId } as const;
    grid.tell({ type: "tasks-submitted", by, spec: aSpec(), tasks: [aSubmission("j1.1.1"), aSubmission("j1.1.2")] });
    expect(
      lines(grid.tell({ type: "cancel-asked", by: client, id: "j1.1" as TaskId, force: false, recursive: true })),
    ).toEqual(["cancel j1.1.1#1 on w1", "cancel j1.1#1 on w1"]);
    expect(grid.stateOf("j1.1.2")).toBe("cancelled");
  });

  it("[TASK-13] with the wrong number of values it fails and says both numbers", () => {
    const grid = new SmallGrid();
    grid.join("w1");
    grid.submit("j1.1", { returns: 2, name: "pair" });
    grid.done("w1", "j1.1#1", [aValue()]);
    const [order] = grid.want("j1.1:1");
    expect(order).toMatchObject({
      object: { failure: { message: 'Cannot take the result of "pair": it has 1 values and should have 2' } },
    });
  });

  it("[TASK-14] a move that is not in the table throws with the task's story", () => {
    const grid = new SmallGrid();
    grid.submit("j1.1");
    const task = grid.scheduler.records.tasks.get("j1.1" as TaskId);
    if (task === undefined) throw new Error("no task");
    const move = () => transition(grid.scheduler.machine as never, task, "finished", { values: [] });
    expect(move).toThrow(InvalidTransition);
    expect(move).toThrow(/from queued to finished[\s\S]*submitted/);
  });

  it("[TASK-15] waits for its child without a thread, so the child can run on the only one", () => {
    const grid = new SmallGrid();
    grid.join("w1");
    grid.submit("j1.1");
    const by = { type: "attempt", workerId: "w1" as WorkerId, attemptId: "j1.1#1" as AttemptId } as const;
    expect(lines(grid.tell({ type: "tasks-submitted", by, spec: aSpec(), tasks: [aSubmission("j1.1.1")] }))).toEqual(
      [],
    );
    expect(
      lines(grid.tell({ type: "attempt-blocked", workerId: "w1" as WorkerId, attemptId: "j1.1#1" as AttemptId })),
    ).toEqual(["assign j1.1.1#1 to w1 quick"]);
    grid.tell({ type: "objects-wanted", by, ids: ["j1.1.1:0"] as ObjectId[], values: true });
    expect(lines(grid.done("w1", "j1.1.1#1"))).toEqual(["deliver j1.1.1:0 value"]);
    grid.tell({ type: "attempt-unblocked", workerId: "w1" as WorkerId, attemptId: "j1.1#1" as AttemptId });
    grid.done("w1", "j1.1#1");
    expect(grid.stateOf("j1.1")).toBe("finished");
  });

  it("[TASK-16] a re-run that repeats its submissions finds them done", () => {
    const grid = new SmallGrid();
    grid.join("w1", 2);
    grid.submit("j1.1");
    const from = (worker: string, attempt: string) =>
      ({ type: "attempt", workerId: worker as WorkerId, attemptId: attempt as AttemptId }) as const;
    const child = { type: "tasks-submitted", spec: aSpec(), tasks: [aSubmission("j1.1.1")] } as const;
    grid.tell({ ...child, by: from("w1", "j1.1#1") });
    grid.done("w1", "j1.1.1#1");
    grid.left("w1");
    grid.join("w2", 2);
    expect(lines(grid.tell({ ...child, by: from("w2", "j1.1#2") }))).toEqual([]);
    const asked = grid.tell({
      type: "objects-wanted",
      by: from("w2", "j1.1#2"),
      ids: ["j1.1.1:0"] as ObjectId[],
      values: true,
    });
    expect(lines(asked)).toEqual(["deliver j1.1.1:0 value"]);
  });

  it("[TASK-17] over the limit of queued tasks a whole submission is refused", () => {
    const grid = new SmallGrid({ queuedTasksPerJob: 2 });
    grid.submit("j1.1");
    grid.submit("j1.2");
    expect(lines(grid.submit("j1.3"))).toEqual(["refuse j1.3 PROTOCOL"]);
  });
});

describe("a lease", () => {
  const holding = (grid: SmallGrid, ...attemptIds: string[]) =>
    grid.tell({
      type: "worker-holding",
      workerId: "w1" as WorkerId,
      attemptIds: attemptIds as AttemptId[],
      actors: [],
      suspendedMs: 0,
      complete: false,
    });

  it("[LEASE-1] an attempt that its worker does not name for a whole lease runs again", () => {
    const grid = new SmallGrid({ leaseMs: 1_000 });
    grid.join("w1");
    grid.submit("j1.1");
    expect(grid.scheduler.nextDeadline()).toBe(1_000);
    grid.at = 900;
    holding(grid);
    expect(lines(grid.pass(100))).toEqual(["cancel j1.1#1 on w1 force", "assign j1.1#2 to w1"]);
  });

  it("[LEASE-2] naming it extends the lease", () => {
    const grid = new SmallGrid({ leaseMs: 1_000 });
    grid.join("w1");
    grid.submit("j1.1");
    for (let i = 0; i < 5; i++) {
      grid.at += 900;
      expect(lines(holding(grid, "j1.1#1"))).toEqual([]);
    }
    expect(grid.stateOf("j1.1")).toBe("running");
  });

  it("[LEASE-3] what a worker names and nobody expects of it, it is told to drop", () => {
    const grid = new SmallGrid();
    grid.join("w1");
    expect(lines(holding(grid, "j1.9#1"))).toEqual(["cancel j1.9#1 on w1 force"]);
  });
});

describe("a worker", () => {
  const w1 = "w1" as WorkerId;

  it("[LINK-1] whose link drops keeps its tasks for the grace time, and loses them after it", () => {
    const grid = new SmallGrid({ graceMs: 1_000 });
    grid.join("w1");
    grid.submit("j1.1");
    grid.join("w2");
    grid.tell({ type: "worker-away", workerId: w1 });
    expect(lines(grid.pass(999))).toEqual([]);
    expect(lines(grid.pass(1))).toEqual(["assign j1.1#2 to w2"]);
  });

  it("[LINK-2] back in time it goes on", () => {
    const grid = new SmallGrid({ graceMs: 1_000 });
    grid.join("w1");
    grid.submit("j1.1");
    grid.tell({ type: "worker-away", workerId: w1 });
    grid.submit("j1.2");
    grid.at = 500;
    grid.tell({ type: "worker-back", workerId: w1 });
    expect(lines(grid.pass(1_000))).toEqual([]);
    expect(lines(grid.done("w1", "j1.1#1"))).toEqual(["assign j1.2#1 to w1"]);
  });

  it("[LINK-3] that pauses gets nothing new and gives back what has not begun", () => {
    const grid = new SmallGrid();
    grid.join("w1");
    grid.submit("j1.1");
    grid.tell({ type: "capacity-changed", workerId: w1, threads: 0 });
    expect(lines(grid.submit("j1.2"))).toEqual([]);
    expect(
      lines(grid.tell({ type: "attempts-returned", workerId: w1, attemptIds: ["j1.1#1"] as AttemptId[] })),
    ).toEqual([]);
    expect(lines(grid.join("w2", 2))).toEqual(["assign j1.1#2 to w2", "assign j1.2#1 to w2"]);
    expect(job).toBe("j1");
  });
});
