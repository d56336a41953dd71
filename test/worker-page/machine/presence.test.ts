import { describe, expect, test } from "vitest";
import type { WorkerId } from "../../../protocol/ids.ts";
import {
  anActor,
  anAssign,
  aStartActor,
  attempt,
  aWorker,
  done,
  failures,
  instructionsOf,
  jobB,
  runs,
  sends,
  TestWorker,
  threadOf,
  types,
} from "./builders.ts";

const connected = (workerId: string, link: "resumed" | "restored" | "new") =>
  ({ type: "connected", workerId: workerId as WorkerId, link }) as const;

describe("heartbeats", () => {
  test("[WORKER-18] every five seconds it says what it holds", () => {
    const worker = aWorker(1);
    worker.told(anAssign([1, 2]), aStartActor(3));
    const beats = sends(worker.wait(10_000)).filter(({ type }) => type === "holding");
    expect(beats).toHaveLength(2);
    expect(beats[0]).toEqual({
      type: "holding",
      attemptIds: [attempt(1), attempt(2), attempt(3)],
      actors: [{ actorId: anActor(3), epoch: 1 }],
      suspendedMs: 0,
      complete: false,
    });
  });

  test("[WORKER-18] the creation of an actor that lives is told by the actor alone", () => {
    const worker = aWorker(1);
    worker.told(aStartActor(3));
    worker.reported(1, { type: "actor-started", actorId: anActor(3), epoch: 1 });
    expect(sends(worker.wait(5_000))).toMatchObject([{ attemptIds: [], actors: [{ actorId: anActor(3) }] }]);
  });

  test("[WORKER-18] a tab that stood still says how long, and no deadline passes because of it", () => {
    const worker = aWorker(1);
    worker.told(anAssign([1], { timeoutMs: 4_000 }));
    worker.wait(2_000);
    worker.at += 60_000;
    const after = worker.feed({ type: "ticked" });
    expect(sends(after)).toMatchObject([{ type: "holding", suspendedMs: 60_000 }]);
    expect(failures(worker.wait(1_000))).toEqual([]);
    expect(failures(worker.wait(1_000))).toHaveLength(1);
  });
});

describe("sessions", () => {
  test("[WORKER-19] a session that resumes is first told what is held, and all of it goes on", () => {
    const worker = aWorker(1);
    worker.told(anAssign([1]));
    const after = worker.feed(connected("w1", "resumed"));
    expect(sends(after).map((message) => message.type)).toEqual(["holding", "capacity"]);
    expect(sends(after)[0]).toMatchObject({ complete: false, attemptIds: [attempt(1)] });
    expect(instructionsOf(after, "end-thread")).toEqual([]);
  });

  test("[WORKER-19] a coordinator that takes it for somebody new knows nothing of what it holds: all goes", () => {
    const worker = aWorker(1);
    worker.told(anAssign([1]), aStartActor(2));
    const after = worker.feed(connected("w2", "new"));
    expect(sends(after)[0]).toMatchObject({ type: "holding", complete: true, attemptIds: [], actors: [] });
    expect(instructionsOf(after, "end-thread").length).toBeGreaterThanOrEqual(2);
    expect(worker.machine.snapshot()).toMatchObject({ running: [], actors: [] });
  });

  test("[WORKER-27] after a restart of the coordinator everything goes on, and whoever asked for something asks again", () => {
    const worker = aWorker(2);
    worker.told(anAssign([1, 2]));
    worker.told(aStartActor(3));
    worker.reported(1, { type: "relay", attemptId: attempt(1), message: { type: "want", ids: [], values: true } });
    const after = worker.feed(connected("w1", "restored"));
    expect(instructionsOf(after, "ask-again").map(({ threadId }) => threadId)).toEqual([1, 3]);
    expect(sends(after)).toMatchObject([
      {
        type: "holding",
        complete: true,
        attemptIds: [attempt(1), attempt(2), attempt(3)],
        actors: [{ actorId: anActor(3), epoch: 1 }],
      },
      { type: "capacity", threads: 2 },
    ]);
    expect(types(after)).not.toContain("end-thread");
    expect([worker.machine.holds(1, attempt(1)), worker.machine.holds(2, attempt(2))]).toEqual([true, true]);
  });

  test("[WORKER-19] in a new session under the old name everything is dropped too: what was said may be lost", () => {
    const worker = aWorker(1);
    worker.told(anAssign([1]), aStartActor(2, 1, undefined, { policy: "call" }));
    const after = worker.feed(connected("w1", "new"));
    expect(sends(after)).toMatchObject([{ type: "holding", complete: true, attemptIds: [], actors: [] }, {}]);
    expect(worker.machine.snapshot()).toMatchObject({ running: [], actors: [] });
  });

  test("[WORKER-28] who was replaced by another page drops everything, and begins nothing until it is somebody new", () => {
    const worker = aWorker(1);
    worker.told(anAssign([1]), aStartActor(2));
    const after = worker.feed({ type: "replaced" });
    expect(sends(after)).toEqual([]);
    expect(types(after)).not.toContain("start-thread");
    expect(worker.machine.snapshot()).toMatchObject({ running: [], actors: [] });
    expect(sends(worker.wait(10_000))).toEqual([]);
    expect(types(worker.feed(connected("w2", "new")))).toContain("start-thread");
  });

  test("[WORKER-19] no thread is started before the first welcome", () => {
    const worker = new TestWorker();
    expect(worker.feed({ type: "threads-lent", threads: 2 })).toEqual([]);
    expect(types(worker.feed(connected("w1", "new"))).filter((type) => type === "start-thread")).toHaveLength(2);
  });
});

describe("the volunteer", () => {
  test("[WORKER-20] pausing gives back what waits and lets what runs finish", () => {
    const worker = aWorker(1);
    worker.told(anAssign([1, 2]));
    expect(sends(worker.feed({ type: "paused" }))).toEqual([
      { type: "capacity", threads: 0 },
      { type: "returned", attemptIds: [attempt(2)] },
    ]);
    expect(sends(worker.told(anAssign([3])))).toEqual([{ type: "returned", attemptIds: [attempt(3)] }]);
    expect(sends(worker.reported(1, done(attempt(1), 1)))).toMatchObject([{ type: "outcomes" }]);
    expect(sends(worker.feed({ type: "continued" }))).toEqual([{ type: "capacity", threads: 1 }]);
    expect(runs(worker.told(anAssign([4])))).toHaveLength(1);
  });

  test("[WORKER-20] threads lent while running take effect for what begins next", () => {
    const worker = aWorker(1);
    worker.told(anAssign([1, 2, 3]));
    const more = worker.feed({ type: "threads-lent", threads: 2 });
    expect(sends(more)).toEqual([{ type: "capacity", threads: 2 }]);
    expect(worker.machine.snapshot().waiting).toBeLessThan(3);
    worker.feed({ type: "threads-lent", threads: 1 });
    expect(runs(worker.reported(1, done(attempt(1), 1)))).toEqual([]);
  });

  test("[WORKER-20] leaving waits for what runs", () => {
    const worker = aWorker(1);
    worker.told(anAssign([1, 2]));
    expect(types(worker.feed({ type: "leave-asked" }))).not.toContain("disconnect");
    const after = worker.reported(1, done(attempt(1), 1));
    expect(sends(after).map((message) => message.type)).toEqual(["outcomes", "leave"]);
    expect(types(after).at(-1)).toBe("disconnect");
    expect(worker.told(anAssign([5]))).toEqual([]);
  });

  test("[WORKER-20] leaving asked twice is at once", () => {
    const worker = aWorker(1);
    worker.told(anAssign([1]));
    worker.feed({ type: "leave-asked" });
    const after = worker.feed({ type: "leave-asked" });
    expect(types(after)).toEqual(["send", "end-thread", "disconnect"]);
  });

  test("[WORKER-2] threads that several jobs needed are ended when idle for long", () => {
    const worker = aWorker(1);
    worker.told(anAssign([1]));
    worker.reported(1, { type: "blocked", attemptId: attempt(1) });
    const extra = threadOf(worker.told(anAssign([1], { job: jobB })));
    worker.reported(extra, done(attempt(1, jobB), 1));
    worker.reported(1, done(attempt(1), 1));
    worker.told({ type: "forget-job", jobId: jobB });
    expect(worker.machine.snapshot().threads.busy).toBe(0);
  });
});
