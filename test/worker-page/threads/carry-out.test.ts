import { expect, test } from "vitest";
import { errorOf } from "../../../grid/failures.ts";
import type { FunctionId } from "../../../protocol/ids.ts";
import { aThread } from "./a-thread.ts";

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
  const task = thread.tasksOf(
    () => {
      throw new RangeError("too far", { cause: new Error("first") });
    },
    { name: "far" },
  )();
  thread.api.run([task]);
  const failure = await thread.failureOf(task);
  expect(failure).toMatchObject({ code: "TASK_ERROR", errorName: "RangeError", taskName: "far", workerId: "wtest" });
  const error = errorOf(failure);
  expect(error.cause).toBeInstanceOf(RangeError);
  expect((error.cause as Error).cause).toMatchObject({ message: "first" });
});

test.each([
  [
    "an object that throws when looked at",
    () => {
      throw new Proxy(
        {},
        {
          get() {
            throw new Error("no");
          },
          getPrototypeOf() {
            throw new Error("no");
          },
        },
      );
    },
  ],
  [
    "an error whose name throws",
    () => {
      throw Object.defineProperty(new Error("x"), "name", {
        get() {
          throw new Error("no");
        },
      });
    },
  ],
  [
    "undefined",
    () => {
      throw undefined;
    },
  ],
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

test("[THREAD-11] numReturns: 1 is an array of one", async () => {
  const thread = aThread();
  const task = thread.tasksOf(() => ["only"], { numReturns: 1 })();
  thread.api.run([task]);
  const outcome = await thread.outcomeOf(task.attemptId);
  expect(outcome.type === "done" && outcome.values.map(({ bytes }) => thread.decoded(bytes))).toEqual(["only"]);
});
