import { describe, expect, it } from "vitest";
import { asFailure, errorOf, failureOf } from "../../grid/failures.ts";
import { decodeArguments, encodeResult } from "../../grid/values.ts";
import * as errors from "../../protocol/errors.ts";
import { failureSchema } from "../../protocol/nouns.ts";
import { limits } from "../../protocol/limits.ts";
import { Reader, Writer } from "../../protocol/schema.ts";
import type { WorkerId } from "../../protocol/ids.ts";
import { openGrid } from "./memory-host.ts";

const of = { taskName: "f", workerId: "w1" as WorkerId };

/** As it arrives at the other end. */
function travelled(failure: ReturnType<typeof failureOf>): ReturnType<typeof failureOf> {
  const out = new Writer(16);
  failureSchema.write(failure, out);
  return failureSchema.read(new Reader(out.bytes.subarray(0, out.at)));
}

const table: readonly [new (...args: never[]) => errors.GridError, errors.GridError][] = [
  [errors.TaskError, new errors.TaskError("m", { taskName: "t", workerId: "w" })],
  [errors.TaskCancelledError, new errors.TaskCancelledError("m")],
  [errors.TaskTimeoutError, new errors.TaskTimeoutError("m")],
  [errors.WorkerCrashedError, new errors.WorkerCrashedError("m")],
  [errors.UnschedulableError, new errors.UnschedulableError("m")],
  [errors.ActorDiedError, new errors.ActorDiedError("m", { actorId: "a" })],
  [errors.ActorUnavailableError, new errors.ActorUnavailableError("m", { actorId: "a" })],
  [errors.ActorExistsError, new errors.ActorExistsError("m", { actorId: "a" })],
  [errors.ActorNotFoundError, new errors.ActorNotFoundError("m")],
  [errors.PendingCallsLimitExceededError, new errors.PendingCallsLimitExceededError("m", { actorId: "a" })],
  [errors.ObjectLostError, new errors.ObjectLostError("m")],
  [errors.ObjectFreedError, new errors.ObjectFreedError("m")],
  [errors.ObjectTooLargeError, new errors.ObjectTooLargeError("m")],
  [errors.GetTimeoutError, new errors.GetTimeoutError("m")],
  [errors.CaptureError, new errors.CaptureError("m", ["a", "b"])],
  [errors.SerializationError, new errors.SerializationError("m", "result.x")],
  [errors.QueueFullError, new errors.QueueFullError("m")],
  [errors.QueueEmptyError, new errors.QueueEmptyError("m")],
  [errors.AuthenticationError, new errors.AuthenticationError("m")],
  [errors.DisconnectedError, new errors.DisconnectedError("m")],
  [errors.ProtocolError, new errors.ProtocolError("m")],
  [errors.StorageFullError, new errors.StorageFullError("m")],
];

describe("failures", () => {
  it("the table has every code", () => {
    expect(new Set(table.map(([, error]) => error.code))).toEqual(new Set(errors.errorCodes));
  });

  it.each(table.map(([type, error]) => [type.name, type, error] as const))(
    "[SDK-28] %s comes back in its class, with its fields",
    (_, type, error) => {
      const back = errorOf(travelled(asFailure(error)));
      expect(back).toBeInstanceOf(type);
      expect(back.constructor).toBe(type);
      expect(Object.entries(back)).toEqual(Object.entries(error));
      expect(back).toMatchObject({ message: "m", name: type.name });
    },
  );

  it.each(table.map(([type, error]) => [type.name, type, error] as const))(
    "[SDK-28] %s inside a value does too",
    (_, type, error) => {
      const { grid } = openGrid();
      const [{ inside }] = decodeArguments(
        grid,
        encodeResult(grid, [{ inside: error }], "result").bytes,
        new Map(),
      ) as [{ inside: Error }];
      expect(inside.constructor).toBe(type);
      expect(Object.entries(inside)).toEqual(Object.entries(error));
      expect(inside.stack).toBe(error.stack);
    },
  );

  it("[SDK-28] the user's error is rebuilt as the cause: name, message, stack, cause and own fields", () => {
    const thrown = Object.assign(new RangeError("too small", { cause: new TypeError("first") }), { least: 3 });
    const error = errorOf(travelled(failureOf(thrown, of)));
    expect(error).toBeInstanceOf(errors.TaskError);
    expect(error).toMatchObject({
      message: 'Task "f" failed: RangeError: too small',
      taskName: "f",
      workerId: "w1",
      code: "TASK_ERROR",
    });
    const cause = error.cause as RangeError & { least: number };
    expect(cause).toBeInstanceOf(RangeError);
    expect(cause).toMatchObject({ message: "too small", least: 3, stack: thrown.stack });
    expect(cause.cause).toBeInstanceOf(TypeError);
  });

  it("[SDK-28] retryExceptions sees the name of a custom error", () => {
    class FlakyError extends Error {
      override name = "FlakyError";
    }
    const failure = failureOf(new FlakyError("again"), of);
    expect(failure.errorName).toBe("FlakyError");
    expect((errorOf(travelled(failure)).cause as Error).name).toBe("FlakyError");
  });

  it("[SDK-28] an input's failure is the cause of the dependent's, down to the first error", () => {
    const first = failureOf(new Error("the first"), of);
    const error = errorOf(
      travelled({ code: "TASK_ERROR", message: "its input failed", taskName: "g", because: first }),
    );
    expect(error.cause).toBeInstanceOf(errors.TaskError);
    expect((error.cause as Error).cause).toMatchObject({ message: "the first" });
  });

  it("[SDK-28] an error that a task got from another and let through keeps its class and its causes", () => {
    const inner = errorOf(travelled(failureOf(new Error("the first"), of)));
    const wrapped = new Error("while adding", { cause: inner });
    const outer = errorOf(travelled(failureOf(wrapped, { taskName: "outer" })));
    expect((outer.cause as Error).cause).toBeInstanceOf(errors.TaskError);
    expect(((outer.cause as Error).cause as Error).cause).toMatchObject({ message: "the first" });
    expect(errorOf(travelled(failureOf(inner, of))).cause).toBeInstanceOf(errors.TaskError);
  });

  it.each([
    ["a string", "boom", "boom"],
    ["undefined", undefined, undefined],
    ["null", null, null],
    ["a number", 7, 7],
    ["an object", { a: [1] }, { a: [1] }],
  ])("[SDK-29] %s can be thrown", (_, thrown, cause) => {
    const error = errorOf(travelled(failureOf(thrown, of)));
    expect(error.message).toMatch(/^Task "f" failed: it threw /);
    expect(error.cause).toEqual(cause);
  });

  it("[SDK-29] what cannot be copied is described", () => {
    const thrown = Object.assign(new RangeError("with a callback", { cause: new Error("below") }), {
      callback: () => 1,
    });
    const { cause } = errorOf(travelled(failureOf(thrown, of)));
    expect(cause).toMatchObject({ name: "RangeError", message: "with a callback", stack: thrown.stack });
    expect((cause as Error).cause).toMatchObject({ message: "below" });
    const hostile = new Proxy(new Error("x"), {
      get() {
        throw new Error("no");
      },
    });
    expect(errorOf(travelled(failureOf(hostile, of)))).toBeInstanceOf(errors.TaskError);
    expect(errorOf(travelled(failureOf(Symbol("s"), of))).message).toContain("Symbol(s)");
    expect(errorOf(travelled(failureOf(Object.create(null), of)))).toBeInstanceOf(errors.TaskError);
  });

  it("[SDK-29] a huge error is cut", () => {
    const failure = failureOf(Object.assign(new Error("x".repeat(1_000_000)), { rows: new Uint8Array(1_000_000) }), of);
    expect(failure.message.length).toBeLessThan(20_000);
    expect(failure.error?.length).toBeLessThanOrEqual(limits.inlineValueBytes);
    expect(travelled(failure).message).toBe(failure.message);
  });
});
