import { describe, expect, test } from "vitest";
import type { LogLine } from "../../../protocol/nouns.ts";
import { anAssign, attempt, aWorker, done, failures, instructionsOf, jobB, range, runs, sends } from "./builders.ts";

describe("timeouts", () => {
  test("[WORKER-6] a task that runs longer than its timeoutMs fails, and its thread is ended", () => {
    const worker = aWorker(1);
    worker.told(anAssign([1, 2], { timeoutMs: 2_500 }));
    expect(worker.machine.nextDeadline()).toBe(2_500);
    expect(worker.wait(2_000).length).toBe(0);
    const after = worker.wait(500);
    expect(failures(after)).toEqual([[attempt(1), "TASK_TIMEOUT", false]]);
    expect(JSON.stringify(sends(after))).toContain('Task \\"work\\" ran longer than its timeoutMs of 2500');
    expect(instructionsOf(after, "end-thread")).toEqual([{ type: "end-thread", threadId: 1 }]);
    worker.wait(1);
    expect(worker.machine.snapshot().running).toHaveLength(1);
  });

  test("[WORKER-6] what else was in its thread begins again and spends nothing", () => {
    const worker = aWorker(1);
    worker.told(anAssign([1]));
    worker.reported(1, { type: "blocked", attemptId: attempt(1) });
    worker.told(anAssign([2], { timeoutMs: 1_000 }));
    const after = worker.wait(1_000);
    expect(failures(after)).toEqual([[attempt(2), "TASK_TIMEOUT", false]]);
    expect(sends(after)).toContainEqual({ type: "unblocked", attemptId: attempt(1) });
    expect(worker.machine.holds(2, attempt(1)) || worker.machine.snapshot().waiting === 1).toBe(true);
  });

  test("[WORKER-6] a task that ended in time is not touched by its deadline", () => {
    const worker = aWorker(1);
    worker.told(anAssign([1], { timeoutMs: 500 }));
    worker.reported(1, done(attempt(1), 1));
    expect(instructionsOf(worker.wait(1_000), "end-thread")).toEqual([]);
  });
});

describe("a thread that dies", () => {
  const died = { type: "thread-died", threadId: 1, reason: "out of memory" } as const;

  test("[WORKER-7] fails what ran alone in it", () => {
    const worker = aWorker(1);
    worker.told(anAssign([1]));
    expect(failures(worker.feed(died))).toEqual([[attempt(1), "WORKER_CRASHED", true]]);
  });

  test("[WORKER-7] with a batch in it: what was reported stands, the rest begins again one by one", () => {
    const worker = aWorker(1);
    worker.told(anAssign(range(1, 5), { quick: true }));
    worker.reported(1, done(attempt(1), 1));
    const after = worker.feed(died);
    expect(failures(after)).toEqual([]);
    const begun: string[] = [];
    for (const n of range(2, 5)) {
      begun.push(attempt(n));
      expect(worker.machine.holds(2, attempt(n))).toBe(true);
      expect(worker.machine.holds(2, attempt(n + 1))).toBe(false);
      worker.reported(2, done(attempt(n), 1));
    }
    expect(worker.machine.snapshot().done).toBe(5);
  });

  test("[WORKER-7] the culprit of a batch is found", () => {
    const worker = aWorker(1);
    worker.told(anAssign(range(1, 3), { quick: true }));
    worker.feed(died);
    worker.reported(2, done(attempt(1), 1));
    expect(failures(worker.feed({ ...died, threadId: 2 }))).toEqual([[attempt(2), "WORKER_CRASHED", true]]);
    worker.reported(3, done(attempt(3), 1));
    expect(worker.machine.snapshot()).toMatchObject({ done: 2, failed: 1, waiting: 0 });
  });

  test("[WORKER-7] blocked attempts begin again, ahead of what waits", () => {
    const worker = aWorker(1);
    worker.told(anAssign([1]));
    worker.reported(1, { type: "blocked", attemptId: attempt(1) });
    worker.told(anAssign([2, 3]));
    const after = worker.feed(died);
    expect(failures(after)).toEqual([[attempt(2), "WORKER_CRASHED", true]]);
    expect(worker.machine.holds(2, attempt(1))).toBe(true);
  });

  test("[WORKER-7] attempts whose threads die again and again fail after three fresh beginnings", () => {
    const worker = aWorker(1);
    worker.told(anAssign([1]));
    worker.reported(1, { type: "blocked", attemptId: attempt(1) });
    worker.told(anAssign([2]));
    worker.reported(1, { type: "blocked", attemptId: attempt(2) });
    const failed: unknown[] = [];
    for (const threadId of range(1, 4)) {
      failed.push(...failures(worker.feed({ ...died, threadId })));
      for (const n of [1, 2]) worker.reported(threadId + 1, { type: "blocked", attemptId: attempt(n) });
    }
    expect(failed).toEqual([
      [attempt(1), "WORKER_CRASHED", true],
      [attempt(2), "WORKER_CRASHED", true],
    ]);
  });

  test("[WORKER-7] by its own close() is one that died", () => {
    const worker = aWorker(1);
    worker.told(anAssign([1]));
    expect(failures(worker.reported(1, { type: "closed" }))).toEqual([[attempt(1), "WORKER_CRASHED", true]]);
  });

  test("[WORKER-7] what is begun again hears how much of it was taken before", () => {
    const worker = aWorker(1);
    worker.told(anAssign([1], { kind: "generator" }), anAssign([2]));
    worker.told({ type: "consumed", attemptId: attempt(1), taken: 4 });
    worker.reported(1, { type: "blocked", attemptId: attempt(1) });
    worker.warms = false;
    worker.feed(died);
    const begun = worker.feed({ type: "thread-warmed", threadId: 2 });
    expect(instructionsOf(begun, "consumed")).toEqual([
      { type: "consumed", threadId: 2, attemptId: attempt(1), taken: 4 },
    ]);
  });

  test("[WORKER-24] threads that die before they answer are started again later and later", () => {
    const worker = aWorker(1);
    worker.warms = false;
    worker.feed(died);
    const delays: number[] = [];
    for (const threadId of range(2, 5)) {
      const { at } = worker;
      expect(
        instructionsOf(worker.feed({ type: "thread-died", threadId, reason: "no script" }), "start-thread"),
      ).toEqual([]);
      while (instructionsOf(worker.wait(250), "start-thread").length === 0);
      delays.push(worker.at - at);
    }
    expect(delays).toEqual([250, 500, 1_000, 2_000]);
  });
});

describe("taking back", () => {
  test("[WORKER-8] a cancelled task that has not started never runs", () => {
    const worker = aWorker(1);
    worker.told(anAssign([1, 2, 3]));
    const after = worker.told({ type: "cancel-attempts", attemptIds: [attempt(2)], force: false });
    expect(failures(after)).toEqual([[attempt(2), "TASK_CANCELLED", false]]);
    expect(runs(worker.reported(1, done(attempt(1), 1)))).toEqual([[1, [attempt(3)]]]);
  });

  test("[WORKER-8] a cancelled task that runs is told, and what it then reports stands", () => {
    const worker = aWorker(1);
    worker.told(anAssign([1]));
    expect(worker.told({ type: "cancel-attempts", attemptIds: [attempt(1)], force: false })).toEqual([
      { type: "cancel", threadId: 1, attemptIds: [attempt(1)] },
    ]);
    expect(failures(worker.reported(1, done(attempt(1), 1)))).toEqual([]);
  });

  test("[WORKER-8] force ends the thread; the others in it begin again", () => {
    const worker = aWorker(1);
    worker.told(anAssign([1, 2, 3], { quick: true }));
    const after = worker.told({ type: "cancel-attempts", attemptIds: [attempt(1)], force: true });
    expect(failures(after)).toEqual([[attempt(1), "TASK_CANCELLED", false]]);
    expect(instructionsOf(after, "end-thread")).toHaveLength(1);
    expect(worker.machine.holds(2, attempt(2)) && worker.machine.holds(2, attempt(3))).toBe(true);
  });

  test("[WORKER-9] a recall gives back what has not started, and only that", () => {
    const worker = aWorker(1);
    worker.told(anAssign([1, 2, 3]));
    expect(worker.told({ type: "recall", attemptIds: [1, 2, 3].map((n) => attempt(n)) })).toEqual([
      { type: "send", message: { type: "returned", attemptIds: [attempt(2), attempt(3)] } },
    ]);
  });

  test("[WORKER-23] a forgotten job leaves nothing behind, and nothing is said", () => {
    const worker = aWorker(1);
    worker.told(anAssign([1, 2]), anAssign([1], { job: jobB }));
    const after = worker.told({ type: "forget-job", jobId: "ja" as never });
    expect(sends(after)).toEqual([]);
    expect(instructionsOf(after, "end-thread")).toEqual([{ type: "end-thread", threadId: 1 }]);
    expect(worker.machine.snapshot()).toMatchObject({ waiting: 0, running: [{ jobId: jobB, count: 1 }] });
  });
});

describe("what threads say", () => {
  test("[WORKER-17] reports about attempts the thread was not given change nothing and are counted", () => {
    const worker = aWorker(2);
    worker.told(anAssign([1, 2]));
    expect(
      worker.reported(2, done(attempt(1), 1), {
        type: "relay",
        attemptId: attempt(1),
        message: { type: "free", ids: [] },
      }),
    ).toEqual([]);
    expect(worker.machine.snapshot()).toMatchObject({ done: 0, forgeries: 2 });
    expect(worker.machine.holds(1, attempt(1))).toBe(true);
  });

  test("[WORKER-17] a thread that forges a hundred times is ended", () => {
    const worker = aWorker(1);
    worker.told(anAssign([1]));
    const after = worker.reported(1, ...range(1, 100).map(() => done(attempt(99), 1)));
    expect(failures(after)).toEqual([[attempt(1), "WORKER_CRASHED", true]]);
  });

  test("[WORKER-21] lines over twice the limit of a second are counted, and the count is said", () => {
    const worker = aWorker(1);
    worker.told(anAssign([1]));
    const lines: LogLine[] = range(1, 2_500).map((n) => ({ attemptId: attempt(1), level: "info", text: `${n}` }));
    worker.reported(1, { type: "log", lines });
    worker.reported(1, done(attempt(1), 1));
    const said = worker.said.flatMap((message) => (message.type === "log" ? message.lines : []));
    expect(said).toHaveLength(2_001);
    expect(said.at(-1)?.text).toBe("500 lines dropped: over 2000 lines a second");
  });

  test("[WORKER-21] a long line is cut to its limit in bytes", () => {
    const worker = aWorker(1);
    worker.told(anAssign([1]));
    worker.reported(1, { type: "log", lines: [{ attemptId: attempt(1), level: "info", text: "ä".repeat(10_000) }] });
    const [line] = worker.said.flatMap((message) => (message.type === "log" ? message.lines : []));
    expect(line?.text.length).toBe(4_096);
  });

  test("[WORKER-4] answers go to the thread that asked, and nowhere once it has ended", () => {
    const worker = aWorker(1);
    worker.told(anAssign([1]));
    const answer = { type: "relay", attemptId: attempt(1), message: { type: "ready", objects: [] } } as const;
    expect(worker.told(answer)).toEqual([
      { type: "receive", threadId: 1, attemptId: attempt(1), message: answer.message },
    ]);
    worker.reported(1, done(attempt(1), 1));
    expect(worker.told(answer)).toEqual([]);
  });
});
