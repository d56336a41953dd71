import { describe, expect, test } from "vitest";
import type { FunctionId } from "../../../protocol/ids.ts";
import {
  anAssign,
  attempt,
  aWorker,
  bytesOf,
  done,
  failures,
  instructionsOf,
  jobA,
  jobB,
  range,
  runs,
  sends,
  threadOf,
} from "./builders.ts";

describe("beginning", () => {
  test("[WORKER-1] tasks begin in order of arrival, as many at once as threads are lent", () => {
    const worker = aWorker(2);
    expect(runs(worker.told(anAssign([1, 2, 3])))).toEqual([
      [1, [attempt(1)]],
      [2, [attempt(2)]],
    ]);
    expect(runs(worker.reported(2, done(attempt(2), 1)))).toEqual([[2, [attempt(3)]]]);
  });

  test("[WORKER-1] tasks that are not quick are told as started, in one message", () => {
    const worker = aWorker(2);
    worker.told(anAssign([1, 2, 3]));
    expect(worker.said).toEqual([{ type: "started", attemptIds: [attempt(1), attempt(2)] }]);
  });

  test("[WORKER-1] an attempt that is here already is not taken twice", () => {
    const worker = aWorker(2);
    worker.told(anAssign([1]));
    expect(runs(worker.told(anAssign([1])))).toEqual([]);
  });

  test("[WORKER-2] another job gets a thread that served nobody", () => {
    const worker = aWorker(1);
    worker.told(anAssign([1]), anAssign([1], { job: jobB }));
    const after = worker.reported(1, done(attempt(1), 1));
    const [[thread, begun] = []] = runs(after);
    expect(begun).toEqual([attempt(1, jobB)]);
    expect(thread).not.toBe(1);
  });

  test("[WORKER-2] with every thread serving other jobs, the idlest is ended and a fresh one started", () => {
    const worker = aWorker(1);
    for (const job of ["ja", "jb"] as const) {
      const id = job === "ja" ? jobA : jobB;
      const thread = threadOf(worker.told(anAssign([1], { job: id })));
      worker.reported(thread, done(attempt(1, id), 1));
    }
    const third = "jc" as typeof jobA;
    const instructions = worker.told(anAssign([1], { job: third }));
    expect(instructionsOf(instructions, "end-thread")).toEqual([{ type: "end-thread", threadId: 1 }]);
    expect(runs(instructions)).toEqual([[3, [attempt(1, third)]]]);
  });

  test("[WORKER-2] the functions of a task are given to a thread once", () => {
    const worker = aWorker(1);
    expect(instructionsOf(worker.told(anAssign([1, 2])), "define")).toHaveLength(1);
    expect(instructionsOf(worker.reported(1, done(attempt(1), 1)), "define")).toHaveLength(0);
  });

  test("[WORKER-14] a function that was not sent is fetched once, and its tasks wait for it", () => {
    const worker = aWorker(2);
    const other = "f2" as FunctionId;
    expect(worker.told(anAssign([1, 2], { functionId: other }))).toEqual([
      { type: "download-function", functionId: other },
    ]);
    const after = worker.feed({ type: "function-downloaded", functionId: other, bytes: bytesOf(5) });
    expect(runs(after)).toHaveLength(2);
  });

  test("[WORKER-14] tasks whose function cannot be fetched fail", () => {
    const worker = aWorker(1);
    const other = "f2" as FunctionId;
    worker.told(anAssign([1], { functionId: other }));
    const after = worker.feed({ type: "function-missed", functionId: other, reason: "gone" });
    expect(failures(after)).toEqual([[attempt(1), "OBJECT_LOST", false]]);
  });
});

describe("trips", () => {
  test("[WORKER-3] quick tasks are shared among the threads, a second trip rides behind, the rest waits", () => {
    const worker = aWorker(2);
    const begun = runs(worker.told(anAssign(range(1, 2_000), { quick: true })));
    expect(begun.map(([thread, tasks]) => [thread, tasks.length])).toEqual([
      [1, 256],
      [2, 256],
      [1, 256],
      [2, 256],
    ]);
    const half = worker.reported(1, ...range(1, 255).map((n) => done(attempt(n), 1)));
    expect(runs(half)).toEqual([]);
    expect(runs(worker.reported(1, done(attempt(256), 1)))[0]?.[1]).toHaveLength(256);
  });

  test("[WORKER-3] ten quick tasks on two threads are five each", () => {
    expect(runs(aWorker(2).told(anAssign(range(1, 10), { quick: true }))).map(([, tasks]) => tasks.length)).toEqual([
      5, 5,
    ]);
  });

  test("[WORKER-3] tasks with a timeout, generators and other demands do not share a trip", () => {
    for (const fields of [{ timeoutMs: 50 }, { kind: "generator" as const }]) {
      expect(runs(aWorker(1).told(anAssign([1, 2], { quick: true, ...fields })))).toEqual([[1, [attempt(1)]]]);
    }
    const mixed = aWorker(1).told(anAssign([1], { quick: true }), anAssign([2], { quick: true, cpus: 0.5 }));
    expect(runs(mixed).map(([, tasks]) => tasks.length)).toEqual([1, 1]);
  });

  test("[WORKER-3] nothing rides behind while an older job waits", () => {
    const worker = aWorker(1);
    worker.told(anAssign([1], { quick: true }));
    worker.told(anAssign([1], { job: jobB }));
    expect(runs(worker.told(anAssign([2], { quick: true })))).toEqual([]);
  });

  test("[WORKER-22] the outcomes of one event are one message", () => {
    const worker = aWorker(1);
    worker.told(anAssign([1, 2, 3], { quick: true }));
    const after = sends(worker.reported(1, done(attempt(1), 1), done(attempt(2), 1), done(attempt(3), 1)));
    expect(after.map((message) => (message.type === "outcomes" ? message.items.length : message.type))).toEqual([3]);
  });

  test("[WORKER-22] outcomes that would not fit in a message are several", () => {
    const worker = aWorker(1);
    worker.told(anAssign(range(1, 100), { quick: true }));
    const after = sends(worker.reported(1, ...range(1, 100).map((n) => done(attempt(n), 60_000))));
    expect(after.length).toBeGreaterThan(4);
  });
});

describe("slots", () => {
  test("[WORKER-4] a blocked attempt frees its slot, and its thread may begin others of its job", () => {
    const worker = aWorker(1);
    worker.told(anAssign([1, 2]));
    const after = worker.reported(1, { type: "blocked", attemptId: attempt(1) });
    expect(sends(after)).toEqual([{ type: "blocked", attemptId: attempt(1) }]);
    expect(runs(after)).toEqual([[1, [attempt(2)]]]);
  });

  test("[WORKER-4] an unblocked attempt takes its slot back, also when that makes one too many", () => {
    const worker = aWorker(1);
    worker.told(anAssign([1]), anAssign([1, 2], { job: jobB }));
    const extra = threadOf(worker.reported(1, { type: "blocked", attemptId: attempt(1) }));
    worker.reported(1, { type: "unblocked", attemptId: attempt(1) });
    expect(runs(worker.reported(extra, done(attempt(1, jobB), 1)))).toEqual([]);
    expect(runs(worker.reported(1, done(attempt(1), 1)))).toEqual([[extra, [attempt(2, jobB)]]]);
  });

  test("[WORKER-4] jobs that all block get threads beyond those lent, to a bound", () => {
    const worker = aWorker(1);
    const begun: number[] = [];
    for (const n of range(1, 12)) {
      const job = `j${n}` as typeof jobA;
      const [run] = runs(worker.told(anAssign([1], { job })));
      if (run === undefined) continue;
      begun.push(n);
      worker.reported(run[0], { type: "blocked", attemptId: attempt(1, job) });
    }
    expect(begun).toEqual(range(1, 9));
  });

  test("[WORKER-5] a task of two cpus takes two slots, halves fit together", () => {
    const two = aWorker(3);
    expect(runs(two.told(anAssign([1, 2], { cpus: 2 })))).toHaveLength(1);
    const halves = aWorker(1);
    halves.told(anAssign([1], { cpus: 0.5 }));
    expect(runs(halves.told(anAssign([2, 3], { cpus: 0.5 })))).toHaveLength(1);
  });

  test("[WORKER-5] what needs more than there is begins alone, and is not overtaken for ever", () => {
    const worker = aWorker(2);
    worker.told(anAssign([1]));
    expect(runs(worker.told(anAssign([2], { cpus: 4 }), anAssign([3])))).toEqual([]);
    expect(runs(worker.reported(1, done(attempt(1), 1)))).toEqual([[1, [attempt(2)]]]);
  });
});
