import { describe, expect, it } from "vitest";
import type { FunctionId, JobId, WorkerId } from "../../../protocol/ids.ts";
import { aSpec, aSubmission, plainDemand } from "../../simulation/builders.ts";
import { client, lines, SmallGrid } from "./small-grid.ts";

describe("placement", () => {
  it("[PLACE-1] labels must all match; any of the listed values will do", () => {
    const grid = new SmallGrid();
    grid.join("w1", 4, { browser: "firefox", room: "1" });
    grid.submit("j1.1", { labels: { browser: ["chromium", "safari"] } });
    expect(grid.stateOf("j1.1")).toBe("queued");
    expect(lines(grid.join("w2", 1, { browser: "chromium" }))).toEqual(["assign j1.1#1 to w2"]);
  });

  it("[PLACE-2] custom resources are counted down and given back", () => {
    const grid = new SmallGrid();
    grid.join("w1", 4, {}, { scanner: 1 });
    const demand = { ...plainDemand, custom: { scanner: 1 } };
    expect(lines(grid.submit("j1.1", { demand }))).toEqual(["assign j1.1#1 to w1"]);
    expect(lines(grid.submit("j1.2", { demand }))).toEqual([]);
    expect(lines(grid.submit("j1.3"))).toEqual(["assign j1.3#1 to w1"]);
    expect(lines(grid.done("w1", "j1.1#1"))).toEqual(["assign j1.2#1 to w1"]);
  });

  it("[PLACE-2] a task for two threads waits until both are free and does not stop smaller ones elsewhere", () => {
    const grid = new SmallGrid();
    grid.join("w1", 2);
    grid.submit("j1.1");
    expect(lines(grid.submit("j1.2", { demand: { ...plainDemand, cpus: 2 } }))).toEqual([]);
    expect(lines(grid.done("w1", "j1.1#1"))).toEqual(["assign j1.2#1 to w1"]);
  });

  it("[PLACE-3] a higher priority goes first", () => {
    const grid = new SmallGrid();
    grid.submit("j1.1");
    grid.submit("j1.2", { priority: 5 });
    expect(lines(grid.join("w1"))).toEqual(["assign j1.2#1 to w1"]);
  });

  it("[PLACE-4] functions measured to be quick are sent ahead of a free thread, up to a bound", () => {
    const grid = new SmallGrid({ aheadMs: 1, aheadTasks: 100 });
    grid.join("w1");
    grid.submit("j1.1");
    grid.done("w1", "j1.1#1", undefined, 0.05);
    const many = Array.from({ length: 30 }, (_, i) => aSubmission(`j1.${i + 2}`));
    const orders = lines(grid.tell({ type: "tasks-submitted", by: client, spec: aSpec(), tasks: many }));
    // A trip counts 0.05 ms beside the 0.05 ms measured: ten of them fill a millisecond.
    expect(orders).toHaveLength(10);
    expect(orders[0]).toBe("assign j1.2#1 to w1 quick");
  });

  it("[PLACE-4] functions that take a while are not", () => {
    const grid = new SmallGrid();
    grid.join("w1");
    grid.submit("j1.1");
    grid.done("w1", "j1.1#1", undefined, 500);
    grid.submit("j1.2");
    expect(lines(grid.submit("j1.3"))).toEqual([]);
  });

  it("[PLACE-5] what waits behind somebody's thread is taken back when somebody else idles", () => {
    const grid = new SmallGrid({ recallMs: 100 });
    grid.join("w1");
    grid.submit("j1.1");
    grid.done("w1", "j1.1#1", undefined, 0.05);
    grid.tell({
      type: "tasks-submitted",
      by: client,
      spec: aSpec(),
      tasks: [2, 3, 4, 5].map((i) => aSubmission(`j1.${i}`)),
    });
    grid.join("w2");
    expect(lines(grid.pass(50))).toEqual([]);
    expect(lines(grid.pass(50))).toEqual(["recall j1.4#1 j1.5#1 from w1"]);
    const back = grid.tell({
      type: "attempts-returned",
      workerId: "w1" as WorkerId,
      attemptIds: ["j1.4#1", "j1.5#1"] as never,
    });
    expect(lines(back)).toEqual(["assign j1.4#2 to w2 quick", "assign j1.5#2 to w2 quick"]);
  });

  it("[PLACE-6] jobs take turns by the thread time they have had", () => {
    const grid = new SmallGrid({ turnMs: 100 });
    const other = "j2" as JobId;
    grid.tell({ type: "job-opened", jobId: other, name: "other", namespace: "default" });
    const submit = (jobId: string, count: number) =>
      grid.tell({
        type: "tasks-submitted",
        by: { type: "client", jobId: jobId as JobId },
        spec: aSpec({ functionId: `f${jobId}` as FunctionId }),
        tasks: Array.from({ length: count }, (_, i) => aSubmission(`${jobId}.${i + 1}`)),
      });
    submit("j1", 20);
    submit("j2", 20);
    const ran: string[] = [];
    let [next] = grid.join("w1");
    for (let i = 0; i < 20 && next?.type === "assign"; i++) {
      ran.push(next.jobId);
      grid.at += 50;
      [next] = grid.done("w1", next.attemptId, undefined, 50);
    }
    const first = ran.filter((id) => id === "j1").length;
    expect(first).toBeGreaterThanOrEqual(8);
    expect(first).toBeLessThanOrEqual(12);
    // In turns of about 100 ms, not one by one: a thread that changes jobs is replaced.
    expect(ran.filter((id, i) => i > 0 && id !== ran[i - 1]).length).toBeLessThan(10);
  });

  it("[PLACE-7] what no worker could ever run fails after its unschedulableTimeoutMs, and says what it asked for", () => {
    const grid = new SmallGrid();
    grid.join("w1");
    grid.submit("j1.1", { labels: { room: ["9"] }, unschedulableMs: 200, name: "scan" });
    grid.submit("j1.2", { labels: { room: ["9"] } });
    grid.pass(199);
    expect(grid.stateOf("j1.1")).toBe("queued");
    grid.pass(1);
    const [order] = grid.want("j1.1:0");
    expect(order).toMatchObject({
      object: { failure: { code: "UNSCHEDULABLE", message: expect.stringContaining('"room"') } },
    });
    expect(grid.stateOf("j1.2")).toBe("queued");
  });

  it("[PLACE-8] a named worker: hard waits for it, soft goes elsewhere once it is gone", () => {
    const grid = new SmallGrid();
    grid.join("w1");
    grid.join("w2");
    const to = (soft: boolean) => ({ placement: { type: "worker", workerId: "w2" as WorkerId, soft } as const });
    expect(lines(grid.submit("j1.1", to(false)))).toEqual(["assign j1.1#1 to w2"]);
    grid.submit("j1.2", to(false));
    grid.submit("j1.3", to(true));
    expect(lines(grid.left("w2"))).toEqual(["assign j1.3#1 to w1"]);
    expect(grid.stateOf("j1.2")).toBe("queued");
  });
});
