import { expect, test } from "vitest";
import type { ThreadTask } from "../../../worker-page/threads/thread-api.ts";
import { errorOf } from "../../../grid/failures.ts";
import type { FunctionId, ObjectId } from "../../../protocol/ids.ts";
import type { Grid } from "../../../grid/types.ts";
import { aThread, notes, sleep } from "./a-thread.ts";

declare const grid: Grid;

test("[THREAD-15] tasks run one after another and their values come back", async () => {
  const thread = aThread();
  const square = thread.tasksOf((n: number) => n * n);
  const tasks = [square(1), square(2), square(3)];
  thread.api.run(tasks);
  expect(await Promise.all(tasks.map((task) => thread.valueOf(task)))).toEqual([1, 4, 9]);
  expect(thread.of("done").map(({ attemptId }) => attemptId)).toEqual(tasks.map(({ attemptId }) => attemptId));
});

test("[THREAD-15] a task that awaits a timer keeps its place", async () => {
  const kept = notes();
  const thread = aThread();
  const slow = thread.tasksOf(async () => {
    globalThis.note("slow begins");
    await new Promise((resolve) => setTimeout(resolve, 20));
    globalThis.note("slow ends");
  });
  const quick = thread.tasksOf(() => void globalThis.note("quick"));
  const last = quick();
  thread.api.run([slow(), last]);
  await thread.outcomeOf(last.attemptId);
  expect(kept).toEqual(["slow begins", "slow ends", "quick"]);
});

test("[THREAD-15] a task that awaits the grid lets the next begin, and goes on when the answer comes", async () => {
  const kept = notes();
  const thread = aThread();
  const asks = thread.tasksOf(async () => {
    globalThis.note("asks");
    const value = await grid.get(grid.put(7));
    globalThis.note("has it");
    return value;
  });
  const quick = thread.tasksOf(() => void globalThis.note("quick"));
  const asking = asks();
  const next = quick();
  thread.api.run([asking, next]);
  await thread.outcomeOf(next.attemptId);
  expect(kept).toEqual(["asks", "quick"]);
  expect(thread.of("blocked").map(({ attemptId }) => attemptId)).toEqual([asking.attemptId]);

  const want = await thread.until(() => thread.of("relay").find(({ message }) => message.type === "want"));
  const put = thread.of("relay").find(({ message }) => message.type === "put");
  if (want.message.type !== "want" || put?.message.type !== "put") throw new Error("not asked");
  const [id] = want.message.ids;
  thread.api.receive(asking.attemptId, {
    type: "ready",
    objects: [{ type: "value", id: id as ObjectId, value: put.message.value }],
  });
  expect(await thread.valueOf(asking)).toBe(7);
  expect(kept).toEqual(["asks", "quick", "has it"]);
  const types = thread.all().filter((report) => "attemptId" in report && report.attemptId === asking.attemptId);
  const order = types.map((report) => (report.type === "relay" ? report.message.type : report.type));
  expect(order).toEqual(["put", "blocked", "want", "unblocked", "done"]);
});

test("[THREAD-15] two tasks that await the grid go on in the order of their answers, each under its own name", async () => {
  const thread = aThread();
  const asks = thread.tasksOf(async (name: string) => {
    await grid.wait([grid.put(name)]);
    const { taskId } = grid.context();
    grid.put(`${name} again`);
    return taskId;
  });
  const tasks = [asks("a"), asks("b")];
  thread.api.run(tasks);
  const wants = await thread.until(() => {
    const found = thread.of("relay").filter(({ message }) => message.type === "want");
    return found.length === 2 ? found : undefined;
  });
  for (const { attemptId, message } of wants.reverse()) {
    if (message.type !== "want") continue;
    thread.api.receive(attemptId, { type: "ready", objects: message.ids.map((id) => ({ type: "exists", id })) });
    await thread.outcomeOf(attemptId);
  }
  expect(thread.of("done").map(({ attemptId }) => attemptId)).toEqual(tasks.map(({ attemptId }) => attemptId).reverse());
  for (const task of tasks) {
    const id = task.attemptId.split("#")[0];
    expect(await thread.valueOf(task)).toBe(id);
    const puts = thread.of("relay").filter(({ attemptId, message }) => attemptId === task.attemptId && message.type === "put");
    expect(puts.map(({ message }) => message.type === "put" && message.id)).toEqual([`${id}.0:0`, `${id}.1:0`]);
  }
});

test("[THREAD-16] when a task begins that came alone, everything before it has been reported", async () => {
  const thread = aThread();
  const kept = notes();
  Object.assign(globalThis, { doneSoFar: () => thread.of("done").length });
  const quick = thread.tasksOf(() => 1);
  const alone = thread.tasksOf(() => globalThis.note(Reflect.get(globalThis, "doneSoFar")));
  thread.api.run([quick(), quick()]);
  const one = alone();
  thread.api.run([one]);
  await thread.outcomeOf(one.attemptId);
  expect(kept).toEqual([2]);
});

test("[THREAD-16] and likewise before one with a timeoutMs within a batch", async () => {
  const thread = aThread();
  const kept = notes();
  Object.assign(globalThis, { doneSoFar: () => thread.of("done").length });
  const quick = thread.tasksOf(() => 1);
  const timed = thread.tasksOf(() => globalThis.note(Reflect.get(globalThis, "doneSoFar")), { timeoutMs: 1_000 });
  const one = timed();
  thread.api.run([quick(), quick(), one]);
  await thread.outcomeOf(one.attemptId);
  expect(kept).toEqual([2]);
});

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
  await thread.outcomeOf(tasks[0]!.attemptId);
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
  await sleep(10);
  thread.api.cancel(tasks.map(({ attemptId }) => attemptId));
  await thread.outcomeOf(tasks[19]!.attemptId);
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
  await sleep(10);
  thread.api.cancel(tasks.map(({ attemptId }) => attemptId));
  await thread.outcomeOf(tasks[19]!.attemptId);
  expect(thread.of("failed").length).toBeGreaterThan(5);
});

test("[THREAD-9] cancelled before it began, a task never begins", async () => {
  const kept = notes();
  const thread = aThread();
  const slow = thread.tasksOf(async () => new Promise((resolve) => setTimeout(resolve, 10)));
  const never = thread.tasksOf(() => void globalThis.note("began"));
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
  const who = thread.tasksOf(async () => {
    const before = grid.context().taskId;
    await grid.wait([grid.put(0)], { timeoutMs: 5 });
    return [before, grid.context().taskId];
  }, { name: "who" });
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
  expect((await thread.failureOf(tasks[0]!)).message).toContain("is a task, not an actor");
  expect((await thread.failureOf(tasks[1]!)).message).toContain("is a task, not an actor");
});

test("[THREAD-11] numReturns gives each value a place of its own", async () => {
  const thread = aThread();
  const split = thread.tasksOf(() => ["a", "b"], { numReturns: 2 });
  const task = split();
  thread.api.run([task]);
  const outcome = await thread.outcomeOf(task.attemptId);
  expect(outcome.type === "done" && outcome.values.map(({ bytes }) => thread.decoded(bytes))).toEqual(["a", "b"]);
});

test.each([
  ["too few", () => ["a"], "an array of 1 value where numReturns is 2"],
  ["no array", () => "ab", "a string where numReturns is 2"],
])("[THREAD-11] %s is a TaskError that says what came", async (_, fn, message) => {
  const thread = aThread();
  const task = thread.tasksOf(fn, { numReturns: 2 })();
  thread.api.run([task]);
  const failure = await thread.failureOf(task);
  expect(failure.code).toBe("TASK_ERROR");
  expect(failure.message).toContain(message);
});

test("[THREAD-12] what cannot be sent fails with the path to it", async () => {
  const thread = aThread();
  const task = thread.tasksOf(() => ({ x: { y: () => 1 } }))();
  thread.api.run([task]);
  expect(await thread.failureOf(task)).toMatchObject({ code: "SERIALIZATION", path: "result.x.y" });
});

test("[THREAD-12] an error keeps its class, message, cause and name", async () => {
  const thread = aThread();
  const task = thread.tasksOf(() => {
    throw new RangeError("too far", { cause: new Error("first") });
  }, { name: "far" })();
  thread.api.run([task]);
  const failure = await thread.failureOf(task);
  expect(failure).toMatchObject({ code: "TASK_ERROR", errorName: "RangeError", taskName: "far", workerId: "wtest" });
  const error = errorOf(failure);
  expect(error.cause).toBeInstanceOf(RangeError);
  expect((error.cause as Error).cause).toMatchObject({ message: "first" });
});

test.each([
  ["an object that throws when looked at", () => { throw new Proxy({}, { get() { throw new Error("no"); }, getPrototypeOf() { throw new Error("no"); } }); }],
  ["an error whose name throws", () => { throw Object.defineProperty(new Error("x"), "name", { get() { throw new Error("no"); } }); }],
  ["undefined", () => { throw undefined; }],
])("[THREAD-12] %s can be thrown", async (_, fn) => {
  const thread = aThread();
  const task = thread.tasksOf(fn)();
  thread.api.run([task]);
  expect((await thread.failureOf(task)).code).toBe("TASK_ERROR");
});

test("a function that was never given is a failure that names it", async () => {
  const thread = aThread();
  const task = { ...thread.tasksOf(() => 1)(), functionId: "fmissing" as FunctionId };
  thread.api.run([task]);
  expect((await thread.failureOf(task)).message).toContain('Cannot run function "fmissing"');
});

test("a definition that cannot be read is a failure that names it", async () => {
  const thread = aThread();
  const task = { ...thread.tasksOf(() => 1)(), functionId: "fbroken" as FunctionId };
  thread.api.define(task.functionId, new Uint8Array([255, 1, 2, 3]));
  thread.api.run([task]);
  expect((await thread.failureOf(task)).message).toContain('Cannot read function "fbroken"');
});

test("arguments that cannot be read are a failure", async () => {
  const thread = aThread();
  const task = { ...thread.tasksOf(() => 1)(), args: new Uint8Array([255, 1, 2]) };
  thread.api.run([task]);
  expect((await thread.failureOf(task)).code).toBe("TASK_ERROR");
});

test("progress: the first at once, then ten a second, and the last always", async () => {
  const thread = aThread();
  const task = thread.tasksOf(() => {
    for (let i = 0; i <= 10; i++) grid.context().progress(i / 10, `${i} of 10`);
  })();
  thread.api.run([task]);
  await thread.outcomeOf(task.attemptId);
  expect(thread.of("progress").map(({ fraction, note }) => [fraction, note])).toEqual([[0, "0 of 10"], [1, "10 of 10"]]);
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
