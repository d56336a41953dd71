import { describe, expect, test } from "vitest";
import { limits } from "../../../protocol/limits.ts";
import {
  anAssign,
  attempt,
  aWorker,
  bytesOf,
  done,
  failures,
  inline,
  instructionsOf,
  objectIdOf,
  runs,
  sends,
} from "./builders.ts";

const large = limits.inlineValueBytes + 1;
const input = objectIdOf("ja.9:0");
const stored = [{ id: input, value: { type: "stored", sizeBytes: large, refs: [] } }] as const;

describe("inputs", () => {
  test("[WORKER-13] a task waits for its stored inputs, which are fetched once for all who need them", () => {
    const worker = aWorker(2);
    const asked = worker.told(anAssign([1, 2], { inputs: stored }));
    expect(asked).toEqual([{ type: "download-object", objectId: input }]);
    const after = worker.feed({ type: "object-downloaded", objectId: input, bytes: bytesOf(large) });
    expect(runs(after)).toHaveLength(2);
    expect(instructionsOf(after, "run")[0]?.tasks[0]?.inputs).toEqual([{ id: input, bytes: bytesOf(large) }]);
    worker.reported(1, done(attempt(1), 1));
    expect(instructionsOf(worker.told(anAssign([3], { inputs: stored })), "download-object")).toEqual([]);
  });

  test("[WORKER-13] a task that waits for an input lets others begin", () => {
    const worker = aWorker(1);
    expect(runs(worker.told(anAssign([1], { inputs: stored }), anAssign([2])))).toEqual([[1, [attempt(2)]]]);
  });

  test("[WORKER-13] an input given twice is filled twice", () => {
    const worker = aWorker(1);
    worker.told(anAssign([1], { inputs: [...stored, { id: objectIdOf("ja.8:0"), value: inline() }, ...stored] }));
    const after = worker.feed({ type: "object-downloaded", objectId: input, bytes: bytesOf(large) });
    expect(instructionsOf(after, "run")[0]?.tasks[0]?.inputs.map(({ id }) => id)).toEqual([input, "ja.8:0", input]);
  });

  test("[WORKER-13] a task whose input cannot be fetched fails", () => {
    const worker = aWorker(1);
    worker.told(anAssign([1], { inputs: stored }));
    expect(failures(worker.feed({ type: "object-missed", objectId: input, reason: "404" }))).toEqual([
      [attempt(1), "OBJECT_LOST", false],
    ]);
  });

  test("[WORKER-13] an input that comes after its task was recalled starts nothing", () => {
    const worker = aWorker(1);
    worker.told(anAssign([1], { inputs: stored }), { type: "recall", attemptIds: [attempt(1)] });
    expect(worker.feed({ type: "object-downloaded", objectId: input, bytes: bytesOf(large) })).toEqual([]);
  });
});

describe("results", () => {
  test("[WORKER-15] a large value is uploaded before it is told", () => {
    const worker = aWorker(1);
    worker.told(anAssign([1, 2]));
    const after = worker.reported(1, done(attempt(1), 1, large));
    expect(sends(after)).toEqual([]);
    expect(instructionsOf(after, "upload").map(({ objectId }) => objectId)).toEqual(["ja.1:1"]);
    expect(runs(after)).toEqual([[1, [attempt(2)]]]);
    expect(sends(worker.feed({ type: "uploaded", objectId: objectIdOf("ja.1:1") }))).toEqual([
      {
        type: "outcomes",
        items: [{ ...done(attempt(1)), values: [inline(), { type: "stored", sizeBytes: large, refs: [] }] }],
      },
    ]);
  });

  test("[WORKER-15] many values that are small alone and large together are uploaded beyond a sum", () => {
    const worker = aWorker(1);
    worker.told(anAssign([1]));
    const after = worker.reported(1, done(attempt(1), ...Array.from({ length: 6 }, () => limits.inlineValueBytes)));
    expect(instructionsOf(after, "upload")).toHaveLength(2);
  });

  test("[WORKER-15] the items of a generator and its end leave in order", () => {
    const worker = aWorker(1);
    worker.told(anAssign([1], { kind: "generator" }));
    const item = (index: number, length: number) =>
      ({ type: "produced", attemptId: attempt(1), index, value: { bytes: bytesOf(length), refs: [] } }) as const;
    expect(sends(worker.reported(1, item(0, 1)))).toHaveLength(1);
    expect(sends(worker.reported(1, item(1, large), item(2, 1), done(attempt(1))))).toEqual([]);
    const after = sends(worker.feed({ type: "uploaded", objectId: objectIdOf("ja.1:1") }));
    expect(after.map((message) => (message.type === "produced" ? message.index : message.type))).toEqual([
      1,
      2,
      "outcomes",
    ]);
  });

  test("[WORKER-15] a value that cannot be uploaded fails the attempt, which may be tried again", () => {
    const worker = aWorker(1);
    worker.told(anAssign([1]));
    worker.reported(1, done(attempt(1), large));
    const after = worker.feed({ type: "upload-failed", objectId: objectIdOf("ja.1:0"), reason: "503", isFinal: false });
    expect(failures(after)).toEqual([[attempt(1), "OBJECT_LOST", true]]);
    expect(worker.feed({ type: "uploaded", objectId: objectIdOf("ja.1:0") })).toEqual([]);
  });

  test("[WORKER-15] a generator whose item cannot be uploaded is stopped, and fails whatever it then says", () => {
    const worker = aWorker(1);
    worker.told(anAssign([1], { kind: "generator" }));
    worker.reported(1, {
      type: "produced",
      attemptId: attempt(1),
      index: 0,
      value: { bytes: bytesOf(large), refs: [] },
    });
    const stopped = worker.feed({
      type: "upload-failed",
      objectId: objectIdOf("ja.1:0"),
      reason: "503",
      isFinal: false,
    });
    expect(stopped).toEqual([{ type: "cancel", threadId: 1, attemptIds: [attempt(1)] }]);
    expect(failures(worker.reported(1, done(attempt(1))))).toEqual([[attempt(1), "OBJECT_LOST", true]]);
  });

  test("[WORKER-16] a value over the limit of objects fails the task, which is not tried again", () => {
    const worker = aWorker(1);
    worker.told(anAssign([1]));
    // No test should hold a GiB: the machine looks at the length alone.
    const huge = Object.defineProperty(bytesOf(1), "length", { value: limits.objectBytes + 1 });
    const report = { type: "done", attemptId: attempt(1), values: [{ bytes: huge, refs: [] }], ranMs: 1 } as const;
    expect(failures(worker.reported(1, report))).toEqual([[attempt(1), "OBJECT_TOO_LARGE", false]]);
  });

  test("[WORKER-8] cancelling an attempt whose values are on their way up drops them", () => {
    const worker = aWorker(1);
    worker.told(anAssign([1]));
    worker.reported(1, done(attempt(1), large));
    const after = worker.told({ type: "cancel-attempts", attemptIds: [attempt(1)], force: false });
    expect(failures(after)).toEqual([[attempt(1), "TASK_CANCELLED", false]]);
    expect(worker.feed({ type: "uploaded", objectId: objectIdOf("ja.1:0") })).toEqual([]);
  });
});
