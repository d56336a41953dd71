import { describe, expect, test } from "vitest";
import { checkpointId, type ObjectId } from "../../../protocol/ids.ts";
import { limits } from "../../../protocol/limits.ts";
import { workerMessageSchema, type WorkerMessage } from "../../../protocol/messages.ts";
import { Writer } from "../../../protocol/schema.ts";
import type { Instruction } from "../../../worker-page/machine/instructions.ts";
import {
  aCall,
  anActor,
  aStartActor,
  attempt,
  aWorker,
  bytesOf,
  copied,
  done,
  failures,
  instructionsOf,
  range,
  saved,
  sends,
  started,
  type TestWorker,
  types,
} from "./builders.ts";

const actorId = anActor(1);
const large = limits.inlineValueBytes + 1;
const stateId = (number: number): ObjectId => checkpointId(actorId, 1, number);
const stop = { type: "stop-actor", actorId, epoch: 1 } as const;
const failed = (ordinal: number) =>
  ({
    type: "failed",
    attemptId: attempt(ordinal),
    failure: { code: "TASK_ERROR", message: "no" },
    ranMs: 1,
  }) as const;
const uploaded = (objectId: string) => ({ type: "uploaded", objectId: objectId as ObjectId }) as const;
const notUploaded = (objectId: string, isFinal: boolean) =>
  ({ type: "upload-failed", objectId: objectId as ObjectId, reason: "503", isFinal }) as const;

/** With an actor in thread 1 that was given calls 2 to 9. */
function anActorAtWork(policy: "call" | "rhythm" | "manual" | "off" = "call"): TestWorker {
  const worker = aWorker(1);
  worker.told(aStartActor(1, 1, undefined, { policy }));
  worker.reported(1, started(1));
  worker.told(aCall(1, range(2, 9)));
  worker.said.length = 0;
  return worker;
}

/** What is sent, in short: the calls whose outcome it has, and which it says are included. */
function short(instructions: readonly Instruction[]): readonly unknown[] {
  return sends(instructions).map((message: WorkerMessage) => {
    switch (message.type) {
      case "outcomes":
        return ["outcomes", message.items.map(({ attemptId }) => attemptId)];
      case "checkpointed":
        return [message.number, message.outcomes.map(({ attemptId }) => attemptId), message.included];
      default:
        return message.type;
    }
  });
}

describe("saving after each call", () => {
  test("[WORKER-29] outcomes wait for the state that has them, and travel with it", () => {
    const worker = anActorAtWork();
    expect(worker.reported(1, done(attempt(2), 1), failed(3))).toEqual([]);
    expect(worker.reported(1, saved(1, 1, 5))).toEqual([
      { type: "save-checkpoint", actorId, epoch: 1, number: 1, bytes: bytesOf(5) },
    ]);
    const after = worker.feed(copied(1, 1));
    expect(after).toMatchObject([
      {
        type: "send",
        message: {
          type: "checkpointed",
          actorId,
          epoch: 1,
          number: 1,
          state: { type: "inline", bytes: bytesOf(5), refs: [] },
          outcomes: [
            { type: "done", attemptId: attempt(2) },
            { type: "failed", attemptId: attempt(3), crashed: false, failure: { code: "TASK_ERROR" } },
          ],
          included: [],
        },
      },
      { type: "committed", threadId: 1, actorId, epoch: 1, number: 1 },
    ]);
    expect(worker.machine.snapshot()).toMatchObject({
      done: 1,
      failed: 1,
      actors: [{ savedAt: 0, notKept: undefined }],
    });
  });

  test("[WORKER-29] until then they are held here, and the coordinator hears so", () => {
    const worker = anActorAtWork();
    worker.reported(1, done(attempt(2), 1));
    expect(sends(worker.wait(5_000))[0]).toMatchObject({
      type: "holding",
      attemptIds: range(2, 9).map((n) => attempt(n)),
    });
  });

  test("[WORKER-29] what was reported after the state waits for the next", () => {
    const worker = anActorAtWork();
    worker.reported(1, done(attempt(2), 1), saved(1, 1), done(attempt(3), 1));
    expect(short(worker.feed(copied(1, 1)))).toEqual([[1, [attempt(2)], []]]);
    worker.reported(1, saved(1, 2));
    expect(short(worker.feed(copied(1, 2)))).toEqual([[2, [attempt(3)], []]]);
  });

  test("[WORKER-30] a large state is uploaded and copied at once, and told when both are done, in either order", () => {
    for (const order of [
      [uploaded(stateId(1)), copied(1, 1)],
      [copied(1, 1), uploaded(stateId(1))],
    ] as const) {
      const worker = anActorAtWork();
      const begun = worker.reported(1, done(attempt(2), 1), saved(1, 1, large));
      expect(types(begun)).toEqual(["upload", "save-checkpoint"]);
      expect(instructionsOf(begun, "upload")[0]?.objectId).toBe("ja.1:c1.1");
      expect(worker.feed(order[0])).toEqual([]);
      expect(sends(worker.feed(order[1]))).toMatchObject([{ state: { type: "stored", sizeBytes: large, refs: [] } }]);
    }
  });

  test("[WORKER-30] a large value is uploaded while the state is saved, and both are waited for", () => {
    const worker = anActorAtWork();
    const reported = worker.reported(1, done(attempt(2), large), done(attempt(3), 1), saved(1, 1));
    expect(types(reported)).toEqual(["upload", "save-checkpoint"]);
    expect(worker.feed(copied(1, 1))).toEqual([]);
    expect(short(worker.feed(uploaded("ja.2:0")))).toEqual([[1, [attempt(2), attempt(3)], []]]);
  });

  test("[WORKER-30] a browser that keeps no copy only says so", () => {
    const worker = anActorAtWork();
    worker.reported(1, done(attempt(2), 1), saved(1, 1));
    const after = worker.feed({ ...copied(1, 1), type: "checkpoint-not-saved", reason: "the disk is full" });
    expect(short(after)).toEqual([[1, [attempt(2)], []]]);
    expect(worker.machine.snapshot().actors).toMatchObject([{ notKept: "the disk is full" }]);
    worker.reported(1, saved(1, 2));
    worker.feed(copied(1, 2));
    expect(worker.machine.snapshot().actors).toMatchObject([{ notKept: undefined }]);
  });

  test("[WORKER-31] one commit at a time; those that queue up are one, with the newest state and all outcomes", () => {
    const worker = anActorAtWork();
    worker.reported(1, done(attempt(2), 1), saved(1, 1));
    const queued = worker.reported(1, done(attempt(3), 1), saved(1, 2), done(attempt(4), 1), saved(1, 3, 7));
    expect(queued).toEqual([]);
    const after = worker.feed(copied(1, 1));
    expect(short(after)).toEqual([[1, [attempt(2)], []]]);
    expect(types(after)).toEqual(["send", "committed", "save-checkpoint"]);
    expect(instructionsOf(after, "save-checkpoint")[0]).toMatchObject({ number: 3, bytes: bytesOf(7) });
    expect(worker.feed(copied(1, 2))).toEqual([]);
    expect(short(worker.feed(copied(1, 3)))).toEqual([[3, [attempt(3), attempt(4)], []]]);
  });

  test("[WORKER-31] a state with an old number, of another epoch or of an actor that is not here changes nothing", () => {
    const worker = anActorAtWork();
    worker.reported(1, done(attempt(2), 1), saved(1, 2));
    expect(worker.reported(1, saved(1, 2), saved(1, 1), saved(1, 3, 1, 2))).toEqual([]);
    expect(worker.machine.snapshot().forgeries).toBe(0);
    worker.reported(1, saved(8, 1));
    expect(worker.machine.snapshot().forgeries).toBe(1);
    expect(short(worker.feed(copied(1, 2)))).toEqual([[2, [attempt(2)], []]]);
  });

  test("[WORKER-31] an answer about a state nobody waits for is nothing", () => {
    const worker = anActorAtWork();
    worker.reported(1, done(attempt(2), 1), saved(1, 1));
    expect(worker.feed(copied(1, 9))).toEqual([]);
    expect(worker.feed(copied(1, 1, 2))).toEqual([]);
    expect(worker.feed(copied(5, 1))).toEqual([]);
  });

  test("[WORKER-32] a call that is cancelled while its outcome is held stands; one in the line is told at once", () => {
    const worker = aWorker(1);
    worker.told(aStartActor(1, 1, undefined, { policy: "call" }), aCall(1, [2, 3]));
    const cancel = { type: "cancel-attempts", force: false } as const;
    expect(failures(worker.told({ ...cancel, attemptIds: [attempt(3)] }))).toEqual([
      [attempt(3), "TASK_CANCELLED", false],
    ]);
    worker.reported(1, started(1), done(attempt(2), 1), saved(1, 1));
    expect(worker.told({ ...cancel, attemptIds: [attempt(2)] })).toEqual([]);
    expect(short(worker.feed(copied(1, 1)))).toEqual([[1, [attempt(2)], []]]);
  });

  test("[WORKER-33] a value or state that cannot be uploaded is tried again, while the coordinator is away", () => {
    const worker = anActorAtWork();
    worker.reported(1, done(attempt(2), large), saved(1, 1, large));
    worker.feed(copied(1, 1));
    for (const objectId of ["ja.2:0", stateId(1)]) {
      expect(worker.feed(notUploaded(objectId, false))).toEqual([]);
      expect(instructionsOf(worker.wait(5_000), "upload")).toMatchObject([{ objectId, bytes: bytesOf(large) }]);
    }
    worker.feed(uploaded("ja.2:0"));
    expect(short(worker.feed(uploaded(stateId(1))))).toEqual([[1, [attempt(2)], []]]);
  });

  test("[WORKER-33] a value that is refused fails its call for good, since what the call did is in the state", () => {
    const worker = anActorAtWork();
    worker.reported(1, done(attempt(2), large, large), done(attempt(3), 1), saved(1, 1));
    worker.feed(copied(1, 1));
    const [message] = sends(worker.feed(notUploaded("ja.2:0", true)));
    expect(message).toMatchObject({
      type: "checkpointed",
      outcomes: [{ type: "failed", crashed: false, failure: { code: "OBJECT_LOST" } }, { type: "done" }],
    });
    expect(worker.feed(uploaded("ja.2:1"))).toEqual([]);
  });

  test("[WORKER-33] an item that is refused stops its generator, whose failure waits for the state too", () => {
    const worker = anActorAtWork();
    const item = {
      type: "produced",
      attemptId: attempt(2),
      index: 0,
      value: { bytes: bytesOf(large), refs: [] },
    } as const;
    worker.reported(1, item);
    expect(types(worker.feed(notUploaded("ja.2:0", true)))).toEqual(["cancel"]);
    expect(worker.reported(1, done(attempt(2)))).toEqual([]);
    worker.reported(1, saved(1, 1));
    expect(sends(worker.feed(copied(1, 1)))).toMatchObject([
      { type: "checkpointed", outcomes: [{ type: "failed", crashed: false, failure: { code: "OBJECT_LOST" } }] },
    ]);
  });

  test("[WORKER-33] a state that is refused, or not taken for minutes, ends the actor here, which goes on from the one before", () => {
    for (const ends of [
      (worker: TestWorker) => worker.feed(notUploaded(stateId(1), true)),
      (worker: TestWorker) => {
        for (let tries = 1; tries < 30; tries++) {
          worker.feed(notUploaded(stateId(1), false));
          expect(instructionsOf(worker.wait(5_000), "upload")).toHaveLength(1);
        }
        return worker.feed(notUploaded(stateId(1), false));
      },
    ]) {
      const worker = anActorAtWork();
      worker.reported(1, done(attempt(2), 1), saved(1, 1, large));
      const after = ends(worker);
      expect(sends(after)).toMatchObject([{ type: "actor-ended", crashed: true, failure: { code: "OBJECT_LOST" } }]);
      expect(instructionsOf(after, "end-thread")).toHaveLength(1);
    }
  });

  test("[WORKER-33] a state over the limit ends the actor for good, and says the limit", () => {
    const worker = anActorAtWork();
    const huge = Object.defineProperty(bytesOf(1), "length", { value: limits.objectBytes + 1 });
    const after = worker.reported(1, done(attempt(2), 1), { ...saved(1, 1), state: { bytes: huge, refs: [] } });
    expect(short(after)).toEqual([["outcomes", [attempt(2)]], "actor-ended"]);
    expect(sends(after).at(-1)).toMatchObject({ crashed: false, failure: { code: "OBJECT_TOO_LARGE" } });
  });

  test("[WORKER-34] whatever the outcomes of one commit are, they fit in one message", () => {
    const worker = aWorker(1);
    worker.told(aStartActor(1, 1, undefined, { policy: "call" }));
    worker.reported(1, started(1));
    worker.told(aCall(1, range(2, 400)));
    const error = bytesOf(1_000_000);
    const failure = { code: "TASK_ERROR", message: "x".repeat(60_000), error } as const;
    for (const n of range(2, 100)) worker.reported(1, done(attempt(n), limits.inlineValueBytes));
    for (const n of range(101, 400)) worker.reported(1, { type: "failed", attemptId: attempt(n), failure, ranMs: 1 });
    worker.reported(1, saved(1, 1, limits.inlineValueBytes));
    const uploads = instructionsOf(worker.feed(copied(1, 1)), "upload");
    expect(uploads).toEqual([]);
    for (const n of range(2, 100)) worker.feed(uploaded(`ja.${n}:0`));
    const [message] = worker.said.filter(({ type }) => type === "checkpointed");
    if (message?.type !== "checkpointed") throw new Error("nothing was told");
    expect(message.outcomes).toHaveLength(399);
    const out = new Writer(1_024);
    workerMessageSchema.write(message, out);
    expect(out.at).toBeLessThan(limits.messageBytes);
  });
});

describe("saving in a rhythm, or when asked", () => {
  test("[WORKER-35] outcomes go out at once, and the next state names those it has", () => {
    const worker = anActorAtWork("rhythm");
    expect(short(worker.reported(1, done(attempt(2), 1), done(attempt(3), 1)))).toEqual([
      ["outcomes", [attempt(2), attempt(3)]],
    ]);
    worker.reported(1, saved(1, 1));
    expect(short(worker.feed(copied(1, 1)))).toEqual([[1, [], [attempt(2), attempt(3)]]]);
    worker.reported(1, saved(1, 2));
    expect(short(worker.feed(copied(1, 2)))).toEqual([[2, [], []]]);
  });

  test("[WORKER-35] the state goes out behind the outcomes it names", () => {
    const worker = anActorAtWork("rhythm");
    worker.reported(1, done(attempt(2), large), saved(1, 1));
    expect(worker.feed(copied(1, 1))).toEqual([]);
    expect(short(worker.feed(uploaded("ja.2:0")))).toEqual([
      ["outcomes", [attempt(2)]],
      [1, [], [attempt(2)]],
    ]);
  });

  test("[WORKER-35] a call whose value is refused has still had its effect", () => {
    const worker = anActorAtWork("rhythm");
    worker.reported(1, done(attempt(2), large), saved(1, 1));
    worker.feed(copied(1, 1));
    const after = worker.feed(notUploaded("ja.2:0", true));
    expect(failures(after)).toEqual([[attempt(2), "OBJECT_LOST", false]]);
    expect(short(after)).toEqual([
      ["outcomes", [attempt(2)]],
      [1, [], [attempt(2)]],
    ]);
  });

  test.each(["manual", "off"] as const)("[WORKER-35] a state saved under %s names none", (policy) => {
    const worker = anActorAtWork(policy);
    expect(short(worker.reported(1, done(attempt(2), 1), saved(1, 1)))).toEqual([["outcomes", [attempt(2)]]]);
    expect(short(worker.feed(copied(1, 1)))).toEqual([[1, [], []]]);
  });
});

describe("the end of an actor that holds outcomes", () => {
  const holding = (): TestWorker => {
    const worker = anActorAtWork();
    worker.reported(1, done(attempt(2), 1), saved(1, 1, large), done(attempt(3), 1), saved(1, 2), done(attempt(4), 1));
    return worker;
  };

  test("[WORKER-36] told to stop, it says nothing of them", () => {
    const worker = holding();
    worker.told(stop);
    const after = worker.reported(1, { type: "actor-ended", actorId, epoch: 1 });
    expect(short(after)).toEqual(["actor-ended"]);
    expect(instructionsOf(after, "forget-checkpoints")).toEqual([{ type: "forget-checkpoints", actorIds: [actorId] }]);
    expect(worker.feed(uploaded(stateId(1)))).toEqual([]);
    expect(worker.feed(copied(1, 1))).toEqual([]);
  });

  test("[WORKER-36] when its thread dies nothing is said of them, and this browser's copy stays", () => {
    const worker = holding();
    const after = worker.feed({ type: "thread-died", threadId: 1, reason: "gone" });
    expect(short(after)).toEqual(["actor-ended"]);
    expect(types(after)).not.toContain("forget-checkpoints");
    expect(worker.machine.snapshot()).toMatchObject({ running: [], done: 0 });
  });

  test("[WORKER-36] a newer epoch drops them", () => {
    const worker = holding();
    expect(sends(worker.told(aStartActor(1, 2)))).toEqual([]);
    expect(worker.machine.snapshot()).toMatchObject({ running: [], done: 0 });
  });

  test("[WORKER-37] when it has ended itself they go out before that is told, in order", () => {
    const worker = holding();
    const after = worker.reported(1, failed(5), { type: "actor-ended", actorId, epoch: 1 });
    expect(short(after)).toEqual([["outcomes", [2, 3, 4, 5].map((n) => attempt(n))], "actor-ended"]);
    expect(instructionsOf(after, "forget-checkpoints")).toHaveLength(1);
    expect(worker.feed(uploaded(stateId(1)))).toEqual([]);
    expect(worker.feed(copied(1, 1))).toEqual([]);
  });

  test("[WORKER-37] those whose values are being uploaded follow", () => {
    const worker = anActorAtWork();
    worker.reported(1, done(attempt(2), large), done(attempt(3), 1));
    const after = worker.reported(1, { type: "actor-ended", actorId, epoch: 1 });
    expect(short(after)).toEqual([["outcomes", [attempt(3)]], "actor-ended"]);
    expect(short(worker.feed(uploaded("ja.2:0")))).toEqual([["outcomes", [attempt(2)]]]);
  });
});

describe("going on from a state", () => {
  const inlineState = { type: "inline", bytes: bytesOf(9), refs: [] } as const;
  const stored = { type: "stored", sizeBytes: large, refs: [] } as const;
  const start = (value: typeof inlineState | typeof stored, epoch = 4) =>
    aStartActor(1, epoch, undefined, { policy: "call", checkpoint: { epoch: 3, number: 7, value } });
  const loadedAs = (bytes: Uint8Array | undefined) =>
    ({ type: "checkpoint-loaded", actorId, epoch: 3, number: 7, bytes }) as const;
  const name = checkpointId(actorId, 3, 7);
  const startedWith = (instructions: readonly Instruction[]) =>
    instructionsOf(instructions, "start-actor").map(({ actor }) => actor.state?.length);

  test("[WORKER-38] a small one comes along", () => {
    expect(startedWith(aWorker(1).told(start(inlineState)))).toEqual([9]);
  });

  test("[WORKER-38] a large one is here, if this browser has exactly that", () => {
    const worker = aWorker(1);
    expect(worker.told(start(stored))).toEqual([{ type: "load-checkpoint", actorId, epoch: 3, number: 7 }]);
    const after = worker.feed(loadedAs(bytesOf(large)));
    expect(startedWith(after)).toEqual([large]);
    expect(types(after)).not.toContain("download-object");
  });

  test("[WORKER-38] or is downloaded", () => {
    const worker = aWorker(1);
    worker.told(start(stored));
    expect(worker.feed(loadedAs(undefined))).toEqual([{ type: "download-object", objectId: name }]);
    expect(startedWith(worker.feed({ type: "object-downloaded", objectId: name, bytes: bytesOf(large) }))).toEqual([
      large,
    ]);
  });

  test("[WORKER-38] where there is none the actor cannot begin here, and may elsewhere", () => {
    const worker = aWorker(1);
    worker.told(start(stored));
    worker.feed(loadedAs(undefined));
    expect(sends(worker.feed({ type: "object-missed", objectId: name, reason: "404" }))).toMatchObject([
      { type: "actor-ended", epoch: 4, crashed: true, failure: { code: "OBJECT_LOST" } },
    ]);
  });

  test("[WORKER-38] a newer epoch that waits for the same state gets it, an older does not", () => {
    const worker = aWorker(1);
    worker.told(start(stored), start(stored, 5));
    const after = worker.feed(loadedAs(bytesOf(large)));
    expect(instructionsOf(after, "start-actor")).toMatchObject([{ actor: { epoch: 5 } }]);
    worker.told(start(stored, 6));
    expect(types(worker.feed(loadedAs(bytesOf(large))))).toContain("start-actor");
  });

  test("[WORKER-38] a state nobody waits for any more is not downloaded", () => {
    const worker = aWorker(1);
    worker.told(start(stored), { type: "stop-actor", actorId, epoch: 4 });
    expect(worker.feed(loadedAs(undefined))).toEqual([]);
    expect(types(worker.told(start(stored, 5)))).toEqual(["load-checkpoint"]);
  });

  test("[WORKER-39] copies of actors that live elsewhere go with their job", () => {
    const worker = aWorker(1);
    worker.told(start(inlineState));
    const thread = worker.machine.holds(1, attempt(1)) ? 1 : 2;
    worker.feed({ type: "thread-died", threadId: thread, reason: "gone" });
    expect(worker.told({ type: "forget-job", jobId: "ja" as never })).toEqual([
      { type: "forget-checkpoints", actorIds: [actorId] },
    ]);
  });
});
