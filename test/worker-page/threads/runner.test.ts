import { expect, test } from "vitest";
import type { Grid } from "../../../grid/types.ts";
import type { ObjectId } from "../../../protocol/ids.ts";
import { aThread, notes } from "./a-thread.ts";

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
  const quick = thread.tasksOf(() => globalThis.note("quick"));
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
  const quick = thread.tasksOf(() => globalThis.note("quick"));
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
  expect(thread.of("done").map(({ attemptId }) => attemptId)).toEqual(
    tasks.map(({ attemptId }) => attemptId).reverse(),
  );
  for (const task of tasks) {
    const id = task.attemptId.split("#")[0];
    expect(await thread.valueOf(task)).toBe(id);
    const puts = thread
      .of("relay")
      .filter(({ attemptId, message }) => attemptId === task.attemptId && message.type === "put");
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
