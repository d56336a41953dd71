import { expect, test } from "vitest";
import type { Grid } from "../../../grid/types.ts";
import type { ThreadTask } from "../../../worker-page/threads/thread-api.ts";
import { aThread, notes, nth, sleep } from "./a-thread.ts";

declare const grid: Grid;

test("[THREAD-9] cancelled before it began, a task never begins", async () => {
  const kept = notes();
  const thread = aThread();
  const slow = thread.tasksOf(async () => new Promise((resolve) => setTimeout(resolve, 10)));
  const never = thread.tasksOf(() => globalThis.note("began"));
  const task = never();
  thread.api.run([slow(), task]);
  thread.api.cancel([task.attemptId]);
  expect(await thread.failureOf(task)).toMatchObject({ code: "TASK_CANCELLED", workerId: "wtest" });
  await sleep(20);
  expect(kept).toEqual([]);
});

test("[THREAD-9] cancelled while it runs, its signal fires; if it throws it was cancelled", async () => {
  const thread = aThread();
  const waits = thread.tasksOf(
    async () =>
      new Promise((_, reject) => {
        const { signal } = grid.context();
        signal.addEventListener("abort", () => reject(signal.reason));
      }),
  );
  const task = waits();
  thread.api.run([task]);
  thread.api.cancel([task.attemptId]);
  expect(await thread.failureOf(task)).toMatchObject({ code: "TASK_CANCELLED" });
});

test("[THREAD-9] cancelled while it runs, if it returns its value stands", async () => {
  const thread = aThread();
  const waits = thread.tasksOf(
    async () =>
      new Promise((resolve) => {
        grid.context().signal.addEventListener("abort", () => resolve("in time"));
      }),
  );
  const task = waits();
  thread.api.run([task]);
  thread.api.cancel([task.attemptId]);
  expect(await thread.valueOf(task)).toBe("in time");
});

test("[THREAD-9] a signal asked for after the cancel has fired already", async () => {
  const thread = aThread();
  const looks = thread.tasksOf(async () => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    return grid.context().signal.aborted;
  });
  const task = looks();
  thread.api.run([task]);
  thread.api.cancel([task.attemptId]);
  expect(await thread.valueOf(task)).toBe(true);
});

test("[THREAD-8] what is submitted just before the end is said before it", async () => {
  const thread = aThread();
  const parent = thread.tasksOf(() => {
    grid.remote((n: number) => n).remote(1);
    return "done";
  });
  const task = parent();
  thread.api.run([task]);
  expect(await thread.valueOf(task)).toBe("done");
  const types = thread.all().map((report) => (report.type === "relay" ? report.message.type : report.type));
  expect(types).toEqual(["define", "submit", "done"]);
});

test("[THREAD-8] what is still being uploaded arrives before the end", async () => {
  const thread = aThread();
  thread.shell.upload = async (_attemptId, id, bytes) => {
    await sleep(10);
    thread.shell.uploads.set(id, bytes);
  };
  const puts = thread.tasksOf(() => [grid.put(new Uint8Array(200_000))]);
  const task = puts();
  thread.api.run([task]);
  const outcome = await thread.outcomeOf(task.attemptId);
  expect(thread.shell.uploads.size).toBe(1);
  const types = thread.all().map((report) => (report.type === "relay" ? report.message.type : report.type));
  expect(types).toEqual(["put", "done"]);
  expect(outcome.type === "done" && outcome.values[0]?.refs).toEqual([...thread.shell.uploads.keys()]);
});

test("[THREAD-8] a task that goes on after its end is not heard", async () => {
  const thread = aThread();
  const leaves = thread.tasksOf(() => {
    setTimeout(() => {
      grid.put(1);
      grid.context().progress(0.5);
    }, 1);
  });
  const task = leaves();
  thread.api.run([task]);
  await thread.outcomeOf(task.attemptId);
  await sleep(15);
  expect(thread.all().map(({ type }) => type)).toEqual(["done"]);
});

test("[THREAD-10] context() is exact when calls interleave", async () => {
  const thread = aThread();
  const who = thread.tasksOf(
    async () => {
      const before = grid.context().taskId;
      await grid.wait([grid.put(0)], { timeoutMs: 5 });
      return [before, grid.context().taskId];
    },
    { name: "who" },
  );
  const tasks = [who(), who()];
  thread.api.run(tasks);
  for (const task of tasks) {
    const id = task.attemptId.split("#")[0];
    expect(await thread.valueOf(task)).toEqual([id, id]);
  }
});

test("[THREAD-10] context() tells everything about a task", async () => {
  const thread = aThread();
  const tells = thread.tasksOf(
    () => {
      const { jobId, workerId, taskId, taskName, attempt, namespace, wasRestored, assignedResources } = grid.context();
      return { jobId, workerId, taskId, taskName, attempt, namespace, wasRestored, assignedResources };
    },
    { name: "tells", numCpus: 2 },
  );
  const task: ThreadTask = tells();
  thread.api.run([task]);
  expect(await thread.valueOf(task)).toEqual({
    jobId: "jtest",
    workerId: "wtest",
    taskId: task.attemptId.split("#")[0],
    taskName: "tells",
    attempt: 1,
    namespace: "default",
    wasRestored: false,
    assignedResources: { numCpus: 2, numGpus: 0, memoryBytes: 0, resources: {} },
  });
});

test("[THREAD-10] checkpoint() and exit() throw outside an actor", async () => {
  const thread = aThread();
  const checkpoints = thread.tasksOf(() => grid.context().checkpoint());
  const exits = thread.tasksOf(() => grid.context().exit());
  const tasks = [checkpoints(), exits()];
  thread.api.run(tasks);
  expect((await thread.failureOf(nth(tasks, 0))).message).toContain("is a task, not an actor");
  expect((await thread.failureOf(nth(tasks, 1))).message).toContain("is a task, not an actor");
});

test("progress: the first at once, then ten a second, and the last always", async () => {
  const thread = aThread();
  const task = thread.tasksOf(() => {
    for (let i = 0; i <= 10; i++) grid.context().progress(i / 10, `${i} of 10`);
  })();
  thread.api.run([task]);
  await thread.outcomeOf(task.attemptId);
  expect(thread.of("progress").map(({ fraction, note }) => [fraction, note])).toEqual([
    [0, "0 of 10"],
    [1, "10 of 10"],
  ]);
});

test("progress that is no number is refused", async () => {
  const thread = aThread();
  const task = thread.tasksOf(() => grid.context().progress(NaN))();
  thread.api.run([task]);
  expect((await thread.failureOf(task)).message).toContain("the fraction is NaN");
});

test("ranMs leaves out the time a task waits for the grid", async () => {
  const thread = aThread();
  const task = thread.tasksOf(async () => {
    await grid.wait([grid.put(0)], { timeoutMs: 40 });
  })();
  thread.api.run([task]);
  const { ranMs } = await thread.outcomeOf(task.attemptId);
  expect(ranMs).toBeLessThan(25);
});

test("[THREAD-8] a task that fails is heard of after what it had put", async () => {
  const thread = aThread();
  thread.shell.upload = () => sleep(10);
  const task = thread.tasksOf(() => {
    grid.put(new Uint8Array(200_000));
    throw new Error("no");
  })();
  thread.api.run([task]);
  await thread.failureOf(task);
  const types = thread.all().map((report) => (report.type === "relay" ? report.message.type : report.type));
  expect(types).toEqual(["put", "failed"]);
});
