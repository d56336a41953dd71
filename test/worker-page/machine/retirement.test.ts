import { describe, expect, test } from "vitest";
import type { AttemptId } from "../../../protocol/ids.ts";
import {
  aCall,
  anActor,
  anAssign,
  aStartActor,
  attempt,
  aWorker,
  copied,
  done,
  instructionsOf,
  range,
  saved,
  sends,
  started,
  type TestWorker,
  types,
} from "./builders.ts";

const actorId = anActor(1);
const retired = (ordinal: number, returned: readonly AttemptId[] = [], epoch = 1) =>
  ({ type: "retired", actorId: anActor(ordinal), epoch, returned }) as const;
const released = { type: "actor-released", actorId, epoch: 1 } as const;

/** With an actor in thread 1 that was given calls 2 to 4. */
function anActorAtWork(policy: "call" | "off" = "call"): TestWorker {
  const worker = aWorker(1);
  worker.told(aStartActor(1, 1, undefined, { policy }));
  worker.reported(1, started(1));
  worker.told(aCall(1, range(2, 4)));
  return worker;
}

describe("leaving with actors", () => {
  test("[WORKER-40] an actor finishes what it has begun, saves, and is released behind its last state", () => {
    const worker = anActorAtWork();
    worker.reported(1, done(attempt(2), 1));
    const asked = worker.feed({ type: "leave-asked" });
    expect(sends(asked)).toEqual([{ type: "capacity", threads: 0 }]);
    expect(instructionsOf(asked, "retire-actor")).toEqual([{ type: "retire-actor", threadId: 1, actorId }]);
    expect(worker.reported(1, done(attempt(3), 1), saved(1, 1), retired(1, [attempt(4)]))).toEqual([
      expect.objectContaining({ type: "save-checkpoint", number: 1 }),
    ]);
    const after = worker.feed(copied(1, 1));
    expect(sends(after)).toMatchObject([
      { type: "checkpointed", outcomes: [{ attemptId: attempt(2) }, { attemptId: attempt(3) }] },
      { type: "returned", attemptIds: [attempt(4)] },
      released,
      { type: "leave" },
    ]);
    expect(types(after)).toContain("forget-checkpoints");
    expect(types(after).at(-1)).toBe("disconnect");
  });

  test("[WORKER-40] tasks finish meanwhile, and the last of all that is here makes it go", () => {
    const worker = anActorAtWork();
    worker.told(anAssign([10]));
    worker.feed({ type: "leave-asked" });
    const after = worker.reported(
      1,
      retired(
        1,
        range(2, 4).map((n) => attempt(n)),
      ),
    );
    expect(sends(after).map(({ type }) => type)).toEqual(["returned", "actor-released"]);
    expect(types(worker.reported(2, done(attempt(10), 1))).at(-1)).toBe("disconnect");
  });

  test("[WORKER-40] calls that come meanwhile are given back behind those that came before, and begin nothing", () => {
    const worker = anActorAtWork();
    worker.feed({ type: "leave-asked" });
    expect(worker.told(aCall(1, [5]))).toEqual([]);
    expect(
      sends(
        worker.reported(
          1,
          retired(
            1,
            [2, 3, 4].map((n) => attempt(n)),
          ),
        ),
      ),
    ).toMatchObject([
      { type: "returned", attemptIds: [2, 3, 4, 5].map((n) => attempt(n)) },
      released,
      { type: "leave" },
    ]);
  });

  test("[WORKER-40] only its own calls can be given back", () => {
    const worker = anActorAtWork();
    worker.told(aStartActor(9), aCall(9, [20]));
    worker.reported(1, started(9));
    worker.feed({ type: "leave-asked" });
    const after = worker.reported(1, retired(1, [attempt(4), attempt(20), attempt(9), attempt(99)]));
    expect(sends(after)).toMatchObject([{ type: "returned", attemptIds: [attempt(4)] }, released]);
  });

  test("[WORKER-40] outcomes that no state has are not told: those calls run again elsewhere", () => {
    const worker = anActorAtWork();
    worker.feed({ type: "leave-asked" });
    const after = sends(worker.reported(1, done(attempt(2), 1), retired(1, [attempt(3), attempt(4)])));
    expect(after.map(({ type }) => type)).toEqual(["returned", "actor-released", "leave"]);
  });

  test("[WORKER-40] an actor without states is released when its last value is told", () => {
    const worker = anActorAtWork("off");
    worker.feed({ type: "leave-asked" });
    expect(sends(worker.reported(1, done(attempt(2), 70_000), retired(1, [attempt(3), attempt(4)])))).toEqual([]);
    const after = sends(worker.feed({ type: "uploaded", objectId: "ja.2:0" as never }));
    expect(after.map(({ type }) => type)).toEqual(["outcomes", "returned", "actor-released", "leave"]);
  });

  test("[WORKER-41] one that is not done after ten seconds is given up: the coordinator's copy goes on", () => {
    const worker = anActorAtWork();
    worker.feed({ type: "leave-asked" });
    worker.told(aCall(1, [5]));
    expect(types(worker.wait(9_000))).not.toContain("disconnect");
    const after = worker.wait(1_000);
    expect(sends(after).filter(({ type }) => type !== "holding")).toEqual([
      { type: "returned", attemptIds: [attempt(5)] },
      released,
      { type: "leave" },
    ]);
  });

  test("[WORKER-41] one that has not begun to live here is released at once, and one that comes now too", () => {
    const worker = aWorker(1);
    worker.told(anAssign([10]), aStartActor(1), aCall(1, [2]));
    const asked = sends(worker.feed({ type: "leave-asked" }));
    expect(asked.slice(-2)).toEqual([{ type: "returned", attemptIds: [attempt(2)] }, released]);
    expect(sends(worker.told(aStartActor(7, 3)))).toEqual([{ type: "actor-released", actorId: anActor(7), epoch: 3 }]);
    expect(sends(worker.told(aCall(7, [8], 3)))).toEqual([{ type: "returned", attemptIds: [attempt(8)] }]);
  });

  test("[WORKER-41] many that go one after another are no forgeries", () => {
    const worker = aWorker(1);
    for (const n of range(1, 150)) worker.told(aStartActor(n));
    for (const n of range(1, 150)) worker.reported(1, started(n));
    worker.feed({ type: "leave-asked" });
    for (const n of range(1, 149)) {
      worker.reported(1, retired(n));
      worker.reported(1, { type: "actor-ended", actorId: anActor(n), epoch: 1 });
    }
    expect(worker.said.filter(({ type }) => type === "actor-released")).toHaveLength(149);
    expect(worker.said.filter(({ type }) => type === "actor-ended")).toEqual([]);
    expect(types(worker.reported(1, retired(150))).at(-1)).toBe("disconnect");
  });

  test("[WORKER-41] leaving asked twice is at once, and leaves no copy behind", () => {
    const worker = anActorAtWork();
    worker.reported(1, done(attempt(2), 1), saved(1, 1));
    worker.feed({ type: "leave-asked" });
    const after = worker.feed({ type: "leave-asked" });
    expect(sends(after).map(({ type }) => type)).toEqual(["leave"]);
    expect(types(after).slice(-2)).toEqual(["forget-checkpoints", "disconnect"]);
  });

  test("[WORKER-41] one that crashes or is stopped while it retires ends as ever", () => {
    for (const ends of [
      (worker: TestWorker) => worker.feed({ type: "thread-died", threadId: 1, reason: "gone" }),
      (worker: TestWorker) => {
        worker.told({ type: "stop-actor", actorId, epoch: 1 });
        return worker.reported(1, { type: "actor-ended", actorId, epoch: 1 });
      },
    ]) {
      const worker = anActorAtWork();
      worker.feed({ type: "leave-asked" });
      expect(sends(ends(worker)).map(({ type }) => type)).toEqual(["actor-ended", "leave"]);
    }
  });

  test("[WORKER-41] pausing moves nobody", () => {
    const worker = anActorAtWork();
    expect(types(worker.feed({ type: "paused" }))).not.toContain("retire-actor");
    expect(instructionsOf(worker.told(aCall(1, [5])), "call")).toHaveLength(1);
  });
});
