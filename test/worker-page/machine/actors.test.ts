import { describe, expect, test } from "vitest";
import {
  aCall,
  anActor,
  anAssign,
  aStartActor,
  attempt,
  aWorker,
  bytesOf,
  done,
  failures,
  inline,
  instructionsOf,
  jobB,
  objectIdOf,
  range,
  sends,
  started,
  types,
} from "./builders.ts";

const failed = { code: "TASK_ERROR", message: "no" } as const;

describe("actors", () => {
  test("[WORKER-10] an actor is started in a thread of its own kind, and its calls follow in order", () => {
    const worker = aWorker(1);
    expect(types(worker.told(aStartActor(1), aCall(1, [2, 3])))).toEqual(["define", "start-actor", "start-thread"]);
    const after = worker.reported(1, started(1));
    expect(sends(after)).toEqual([{ type: "actor-started", actorId: anActor(1), epoch: 1 }]);
    expect(instructionsOf(after, "call").map(({ calls }) => calls.map((call) => call.attemptId))).toEqual([
      [attempt(2), attempt(3)],
    ]);
    expect(sends(worker.reported(1, done(attempt(2), 1)))).toMatchObject([{ type: "outcomes" }]);
  });

  test("[WORKER-10] a call whose input is on its way holds up those behind it", () => {
    const worker = aWorker(1);
    worker.told(aStartActor(1));
    worker.reported(1, started(1));
    const input = objectIdOf("ja.9:0");
    const waits = aCall(1, [2]);
    if (waits.type !== "call") throw new Error("not a call");
    const inputs = [{ id: input, value: { type: "stored", sizeBytes: 9, refs: [] } }] as const;
    const task = { attemptId: attempt(2), args: bytesOf(1), inputs };
    expect(types(worker.told({ ...waits, tasks: [task] }, aCall(1, [3])))).toEqual(["download-object"]);
    const after = worker.feed({ type: "object-downloaded", objectId: input, bytes: bytesOf(9) });
    expect(instructionsOf(after, "call").flatMap(({ calls }) => calls.map((call) => call.attemptId))).toEqual([
      attempt(2),
      attempt(3),
    ]);
  });

  test("[WORKER-10] calls for another epoch, or for nobody here, are given back", () => {
    const worker = aWorker(1);
    worker.told(aStartActor(1, 2));
    expect(sends(worker.told(aCall(1, [2], 1), aCall(7, [3])))).toEqual([
      { type: "returned", attemptIds: [attempt(2)] },
      { type: "returned", attemptIds: [attempt(3)] },
    ]);
  });

  test("[WORKER-10] an actor says what it says between calls as its creation", () => {
    const worker = aWorker(1);
    worker.told(aStartActor(1));
    worker.reported(1, started(1));
    const message = { type: "free", ids: [] } as const;
    expect(sends(worker.reported(1, { type: "relay", attemptId: attempt(1), message }))).toEqual([
      { type: "relay", attemptId: attempt(1), message },
    ]);
  });

  test("[WORKER-10] actors of a job share as many threads as are lent, those of another job have their own", () => {
    const worker = aWorker(2);
    const threads = range(1, 4).map((n) => instructionsOf(worker.told(aStartActor(n)), "start-actor")[0]?.threadId);
    expect(new Set(threads).size).toBe(2);
    const other = instructionsOf(worker.told(aStartActor(1, 1, jobB)), "start-actor")[0]?.threadId;
    expect(threads).not.toContain(other);
  });

  test("[WORKER-10] tasks do not run in the threads of actors", () => {
    const worker = aWorker(1);
    worker.told(aStartActor(1));
    worker.reported(1, started(1));
    expect(instructionsOf(worker.told(anAssign([5])), "run").map(({ threadId }) => threadId)).toEqual([2]);
  });

  test("[WORKER-10] a newer epoch replaces the older without a word", () => {
    const worker = aWorker(1);
    worker.told(aStartActor(1, 1));
    worker.reported(1, started(1, 1));
    const after = worker.told(aStartActor(1, 2));
    expect(sends(after)).toEqual([]);
    expect(types(after)).toContain("start-actor");
    expect(worker.reported(1, started(1, 1))).toEqual([]);
  });

  test("[WORKER-11] a stopped actor ends when its thread says so, and an empty thread ends with it", () => {
    const worker = aWorker(1);
    worker.told(aStartActor(1));
    worker.reported(1, started(1));
    expect(worker.told({ type: "stop-actor", actorId: anActor(1), epoch: 1 })).toEqual([
      { type: "stop-actor", threadId: 1, actorId: anActor(1) },
    ]);
    const after = worker.reported(1, { type: "actor-ended", actorId: anActor(1), epoch: 1 });
    expect(sends(after)).toEqual([{ type: "actor-ended", actorId: anActor(1), epoch: 1, crashed: false }]);
    expect(instructionsOf(after, "end-thread")).toEqual([{ type: "end-thread", threadId: 1 }]);
  });

  test("[WORKER-11] one that does not obey in a second loses its thread", () => {
    const worker = aWorker(1);
    worker.told(aStartActor(1));
    worker.reported(1, started(1));
    worker.told({ type: "stop-actor", actorId: anActor(1), epoch: 1 });
    expect(instructionsOf(worker.wait(1_000), "end-thread")).toHaveLength(1);
    expect(worker.said.at(-1)).toMatchObject({ type: "actor-ended", crashed: true });
  });

  test("[WORKER-11] one that cannot be made ends with why", () => {
    const worker = aWorker(1);
    worker.told(aStartActor(1));
    const after = worker.reported(1, { type: "failed", attemptId: attempt(1), failure: failed, ranMs: 1 });
    expect(sends(after)).toMatchObject([{ type: "actor-ended", crashed: false, failure: failed }]);
  });

  test("[WORKER-12] a thread that dies ends every actor in it; calls it never saw are given back", () => {
    const worker = aWorker(1);
    worker.told(aStartActor(1), aStartActor(2));
    worker.reported(1, started(1));
    worker.told(aCall(1, [5]), aCall(2, [6]));
    const after = sends(worker.feed({ type: "thread-died", threadId: 1, reason: "gone" }));
    expect(after.map((message) => message.type)).toEqual(["actor-ended", "returned", "actor-ended"]);
    expect(worker.machine.snapshot()).toMatchObject({ actors: [], running: [], waiting: 0 });
  });

  test("[WORKER-6] a call that runs longer than its timeoutMs fails, and takes its thread along", () => {
    const worker = aWorker(1);
    worker.told(aStartActor(1));
    worker.reported(1, started(1));
    const call = aCall(1, [2]);
    if (call.type !== "call") throw new Error("not a call");
    worker.told({ ...call, work: { ...call.work, timeoutMs: 500 } });
    expect(worker.wait(1_000)).toEqual([]);
    worker.reported(1, { type: "began", attemptId: attempt(2) });
    const after = worker.wait(500);
    expect(failures(after)).toEqual([[attempt(2), "TASK_TIMEOUT", false]]);
    expect(sends(after).map(({ type }) => type)).toEqual(["outcomes", "actor-ended"]);
  });

  test("[WORKER-8] force on a call is as without", () => {
    const worker = aWorker(1);
    worker.told(aStartActor(1));
    worker.reported(1, started(1));
    worker.told(aCall(1, [2]));
    expect(worker.told({ type: "cancel-attempts", attemptIds: [attempt(2)], force: true })).toEqual([
      { type: "cancel", threadId: 1, attemptIds: [attempt(2)] },
    ]);
  });

  test("[WORKER-15] a value of a call is named for the call", () => {
    const worker = aWorker(1);
    worker.told(aStartActor(1));
    worker.reported(1, started(1));
    worker.told(aCall(1, [2]));
    expect(instructionsOf(worker.reported(1, done(attempt(2), 70_000)), "upload")[0]?.objectId).toBe("ja.2:0");
    expect(inline()).toBeDefined();
  });
});
