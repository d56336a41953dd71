import { expect, test } from "vitest";
import type { Grid } from "../../../grid/types.ts";
import { aThread, notes, nth } from "./a-thread.ts";

declare const grid: Grid;

test("[THREAD-6] the outcomes of quick tasks travel together", async () => {
  const thread = aThread();
  const quick = thread.tasksOf(() => 1);
  const tasks = Array.from({ length: 64 }, () => quick());
  thread.api.run(tasks.slice(0, 1));
  thread.batches.length = 0;
  thread.api.run(tasks.slice(1));
  await Promise.all(tasks.slice(1).map(({ attemptId }) => thread.outcomeOf(attemptId)));
  expect(thread.batches.length).toBeLessThan(20);
});

test("[THREAD-6] so do those of async functions that settle at once", async () => {
  const thread = aThread();
  const quick = thread.tasksOf(async (n: number) => n);
  const tasks = Array.from({ length: 64 }, (_, n) => quick(n));
  thread.api.run(tasks.slice(0, 1));
  await thread.outcomeOf(nth(tasks, 0).attemptId);
  thread.batches.length = 0;
  thread.api.run(tasks.slice(1));
  await Promise.all(tasks.slice(1).map(({ attemptId }) => thread.outcomeOf(attemptId)));
  expect(thread.batches.length).toBeLessThan(20);
});

test("[THREAD-6] a task is heard from while it computes", async () => {
  const thread = aThread();
  const kept = notes();
  Object.assign(globalThis, { progressSoFar: () => thread.of("progress").length });
  const long = thread.tasksOf(() => {
    const until = performance.now() + 8;
    while (performance.now() < until);
    grid.context().progress(0.5);
    globalThis.note(Reflect.get(globalThis, "progressSoFar"));
  });
  const task = long();
  thread.api.run([task]);
  await thread.outcomeOf(task.attemptId);
  expect(kept).toEqual([1]);
});

test("[THREAD-7] a batch of tasks can be cancelled while it runs", async () => {
  const thread = aThread();
  const busy = thread.tasksOf(() => {
    const until = performance.now() + 3;
    while (performance.now() < until);
  });
  const tasks = Array.from({ length: 20 }, () => busy());
  thread.api.run(tasks);
  await thread.until(() => thread.of("done")[0]);
  thread.api.cancel(tasks.map(({ attemptId }) => attemptId));
  await thread.outcomeOf(nth(tasks, 19).attemptId);
  expect(thread.of("failed").length).toBeGreaterThan(5);
  expect(thread.of("done").length + thread.of("failed").length).toBe(20);
});

test("[THREAD-7] also when every task is async and settles at once", async () => {
  const thread = aThread();
  const busy = thread.tasksOf(async () => {
    const until = performance.now() + 3;
    while (performance.now() < until);
  });
  const tasks = Array.from({ length: 20 }, () => busy());
  thread.api.run(tasks);
  await thread.until(() => thread.of("done")[0]);
  thread.api.cancel(tasks.map(({ attemptId }) => attemptId));
  await thread.outcomeOf(nth(tasks, 19).attemptId);
  expect(thread.of("failed").length).toBeGreaterThan(5);
});
