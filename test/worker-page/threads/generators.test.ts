import { expect, test } from "vitest";
import type { Grid } from "../../../grid/types.ts";
import { aThread, notes, sleep } from "./a-thread.ts";

declare const grid: Grid;

const items = (thread: ReturnType<typeof aThread>): unknown[] =>
  thread.of("produced").map(({ index, value }) => [index, thread.decoded(value.bytes)]);

test.each([
  [
    "a generator",
    function* (n: number) {
      for (let i = 0; i < n; i++) yield i * 10;
    },
  ],
  [
    "an async generator",
    async function* (n: number) {
      for (let i = 0; i < n; i++) yield await Promise.resolve(i * 10);
    },
  ],
])("[THREAD-13] %s: each item is sent as it is yielded, numbered from 1, and at the end undefined", async (_, fn) => {
  const thread = aThread();
  const task = thread.tasksOf(fn)(3);
  thread.api.run([task]);
  expect(await thread.valueOf(task)).toBeUndefined();
  expect(items(thread)).toEqual([
    [1, 0],
    [2, 10],
    [3, 20],
  ]);
  expect(thread.all().map(({ type }) => type)).toEqual(["produced", "produced", "produced", "done"]);
});

test("[THREAD-13] with backpressure the code is never further ahead than that", async () => {
  const kept = notes();
  const thread = aThread();
  const task = thread.tasksOf(
    function* () {
      for (let i = 1; i <= 5; i++) {
        globalThis.note(i);
        yield i;
      }
    },
    { backpressure: 2 },
  )();
  thread.api.run([task]);
  await thread.until(() => thread.of("blocked")[0]);
  expect(kept).toEqual([1, 2]);
  thread.api.consumed(task.attemptId, 1);
  await thread.until(() => thread.of("blocked")[1]);
  expect(kept).toEqual([1, 2, 3]);
  thread.api.consumed(task.attemptId, 5);
  await thread.outcomeOf(task.attemptId);
  expect(items(thread)).toHaveLength(5);
});

test("[THREAD-13] while it waits for its consumer the next task may begin", async () => {
  const thread = aThread();
  const producer = thread.tasksOf(
    function* () {
      yield 1;
      yield 2;
    },
    { backpressure: 1 },
  )();
  const next = thread.tasksOf(() => "consumer")();
  thread.api.run([producer, next]);
  expect(await thread.valueOf(next)).toBe("consumer");
  expect(thread.of("blocked").map(({ attemptId }) => attemptId)).toEqual([producer.attemptId]);
  thread.api.consumed(producer.attemptId, 2);
  await thread.outcomeOf(producer.attemptId);
  expect(thread.of("unblocked")).toHaveLength(1);
});

test("[THREAD-7] a generator without end lets the thread see a cancel", async () => {
  const thread = aThread();
  const task = thread.tasksOf(function* () {
    for (let i = 0; ; i++) yield i;
  })();
  thread.api.run([task]);
  await thread.until(() => thread.of("produced")[1]);
  thread.api.cancel([task.attemptId]);
  expect(await thread.failureOf(task)).toMatchObject({ code: "TASK_CANCELLED" });
});

test.each([
  [
    "between two items",
    function* () {
      try {
        yield 1;
        yield 2;
      } finally {
        globalThis.note("cleaned up");
      }
    },
  ],
  [
    "of an async generator",
    async function* () {
      try {
        yield 1;
        yield 2;
      } finally {
        await Promise.resolve();
        globalThis.note("cleaned up");
      }
    },
  ],
])("[THREAD-14] cancelled %s its finally blocks run first", async (_, fn) => {
  const kept = notes();
  const thread = aThread();
  const task = thread.tasksOf(fn, { backpressure: 1 })();
  thread.api.run([task]);
  await thread.until(() => thread.of("blocked")[0]);
  thread.api.cancel([task.attemptId]);
  expect(await thread.failureOf(task)).toMatchObject({ code: "TASK_CANCELLED" });
  expect(kept).toEqual(["cleaned up"]);
});

test("[THREAD-14] a generator that returns on its signal has ended well", async () => {
  const thread = aThread();
  const task = thread.tasksOf(async function* () {
    const { signal } = grid.context();
    yield 1;
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
  })();
  thread.api.run([task]);
  await thread.until(() => thread.of("produced")[0]);
  await sleep(5);
  thread.api.cancel([task.attemptId]);
  expect(await thread.valueOf(task)).toBeUndefined();
});

test("an error in a generator fails it after the items there were", async () => {
  const thread = aThread();
  const task = thread.tasksOf(function* () {
    yield 1;
    throw new RangeError("no more");
  })();
  thread.api.run([task]);
  expect(await thread.failureOf(task)).toMatchObject({ code: "TASK_ERROR", errorName: "RangeError" });
  expect(items(thread)).toEqual([[1, 1]]);
});

test("[THREAD-12] an item that cannot be sent fails with the path to it, and the generator is told to return", async () => {
  const kept = notes();
  const thread = aThread();
  const task = thread.tasksOf(function* () {
    try {
      yield { ok: 1 };
      yield { f: () => 1 };
    } finally {
      globalThis.note("cleaned up");
    }
  })();
  thread.api.run([task]);
  expect(await thread.failureOf(task)).toMatchObject({ code: "SERIALIZATION", path: "item 2.f" });
  await sleep(5);
  expect(kept).toEqual(["cleaned up"]);
});
