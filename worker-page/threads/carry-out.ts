/**
 * Sees an attempt's code through, from its call to its end: one value or `returns` of them, a promise of them, a
 * generator, or an error. Knows nothing about where the code comes from.
 *
 * THREAD-11: a function with `numReturns: n` returns an array of n; anything else is a TaskError that says what came.
 */
import { failure } from "../../protocol/nouns.ts";
import { produce } from "./generators.ts";
import { encode, failBy, failWith, type Run, whenSaid } from "./run.ts";
import type { ThreadValue } from "./thread-work.ts";

/** Begins the attempt with `body`, which is or calls the user's code, and sees it to its end. */
export function carryOut(run: Run, body: () => unknown): void {
  const { attempt } = run;
  attempt.begin();
  let result: unknown;
  try {
    result = body();
    if (attempt.work.kind !== "generator" && !isThenable(result)) {
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
    if (run.attempt.work.kind !== "generator") finish(run, value);
    else await produce(run, value);
  } catch (error) {
    failBy(run, error);
  }
}

function finish(run: Run, result: unknown): void {
  const { attempt, runtime } = run;
  if (attempt.hasEnded) return;
  const { returns, name, kind } = attempt.work;
  const isTuple = kind === "tuple";
  if (isTuple && returns !== 0 && (!Array.isArray(result) || result.length !== returns)) {
    const message = `Task "${name}" returned ${inWords(result)} where numReturns is ${returns}`;
    failWith(run, failure("TASK_ERROR", message, { taskName: name, workerId: runtime.workerId }));
    return;
  }
  const values: ThreadValue[] = [];
  const results: readonly unknown[] = !isTuple ? [result] : returns === 0 ? [] : (result as readonly unknown[]);
  for (let i = 0; i < results.length; i++) {
    const value = encode(run, results[i], isTuple ? `result[${i}]` : "result");
    if (value === undefined) return;
    values[i] = value;
  }
  whenSaid(run, () => attempt.done(values));
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

function inWords(value: unknown): string {
  if (Array.isArray(value)) return value.length === 1 ? "an array of 1 value" : `an array of ${value.length} values`;
  if (value === null || value === undefined) return String(value);
  return typeof value === "object" ? "an object that is no array" : `a ${typeof value}`;
}
