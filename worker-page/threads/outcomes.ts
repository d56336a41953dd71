/**
 * What comes of an attempt's code, as values or a failure: one value or `returns` of them, a promise of them, or an
 * error. Knows nothing about where the code comes from.
 *
 * THREAD-11: a function with `numReturns: n` returns an array of n; anything else is a TaskError that says what came.
 * THREAD-12: what cannot be sent fails with the path to it, what is too large with the limit.
 */
import { asFailure, failureOf } from "../../grid/failures.ts";
import type { Grid } from "../../grid/types.ts";
import { encodeResult } from "../../grid/values.ts";
import type { ActorId } from "../../protocol/ids.ts";
import { type Failure, failure } from "../../protocol/nouns.ts";
import type { Attempt } from "./attempt.ts";
import { produce } from "./generators.ts";
import type { Runtime } from "./runtime.ts";
import type { ThreadValue } from "./thread-work.ts";

/** What is known of an attempt that runs: everything about its end goes through here. */
export interface Run {
  readonly attempt: Attempt;
  readonly grid: Grid;
  readonly runtime: Runtime;
  readonly actorId: ActorId | undefined;
}

/** Begins the attempt with `body`, which is or calls the user's code, and sees it to its end. */
export function carryOut(run: Run, body: () => unknown): void {
  const { attempt } = run;
  attempt.begin();
  let result: unknown;
  try {
    result = body();
    if (attempt.work.kind === "value" && !isThenable(result)) {
      finish(run, result);
      return;
    }
  } catch (error) {
    failBy(run, error);
    return;
  }
  void seeToItsEnd(run, result);
}

async function seeToItsEnd(run: Run, result: unknown): Promise<void> {
  try {
    const value: unknown = await result;
    if (run.attempt.work.kind === "value") finish(run, value);
    else await produce(run, value);
  } catch (error) {
    failBy(run, error);
  }
}

function finish({ attempt, grid, runtime }: Run, result: unknown): void {
  if (attempt.hasEnded) return;
  const { returns, name } = attempt.work;
  if (returns !== 1 && returns !== 0 && (!Array.isArray(result) || result.length !== returns)) {
    const message = `Task "${name}" returned ${inWords(result)} where numReturns is ${returns}`;
    attempt.fail(failure("TASK_ERROR", message, { taskName: name, workerId: runtime.workerId }));
    return;
  }
  const values: ThreadValue[] = [];
  const results: readonly unknown[] = returns === 1 ? [result] : returns === 0 ? [] : (result as readonly unknown[]);
  for (let i = 0; i < results.length; i++) {
    const value = encode({ attempt, grid, runtime }, results[i], returns === 1 ? "result" : `result[${i}]`);
    if (value === undefined) return;
    values[i] = value;
  }
  attempt.done(values);
}

/** Undefined when it could not be encoded: then the attempt has failed. */
export function encode(of: Pick<Run, "attempt" | "grid" | "runtime">, value: unknown, root: string): ThreadValue | undefined {
  try {
    return encodeResult(of.grid, value, root);
  } catch (error) {
    // A getter of the user's may have thrown just as well: asFailure tells them apart by their codes.
    const { name: taskName } = of.attempt.work;
    of.attempt.fail({ ...asFailure(error), taskName, workerId: of.runtime.workerId });
    return undefined;
  }
}

/** The user's code, or what was needed to call it, threw `error`. */
export function failBy({ attempt, runtime, actorId }: Run, error: unknown): void {
  if (attempt.hasEnded) return;
  if (attempt.isCancelled) {
    attempt.fail(attempt.cancellation());
    return;
  }
  const { name: taskName } = attempt.work;
  const of = { taskName, workerId: runtime.workerId, ...(actorId !== undefined && { actorId }) };
  attempt.fail(describe(error, of));
}

function describe(error: unknown, of: Parameters<typeof failureOf>[1]): Failure {
  try {
    return failureOf(error, of);
  } catch {
    // It may be anything, down to an object that throws when it is looked at.
    return failure("TASK_ERROR", `Task "${of.taskName}" threw something that cannot be described`, of);
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

function inWords(value: unknown): string {
  if (Array.isArray(value)) return value.length === 1 ? "an array of 1 value" : `an array of ${value.length} values`;
  if (value === null || value === undefined) return String(value);
  return typeof value === "object" ? "an object that is no array" : `a ${typeof value}`;
}
