/**
 * An attempt whose code runs, with what it runs on, and the ways its end takes: values are encoded, errors described, and
 * what it has put arrives first. Knows nothing about which code that is.
 *
 * THREAD-12: what cannot be sent fails with the path to it, what is too large with the limit.
 */
import { asFailure, failureOf } from "../../grid/failures.ts";
import type { Grid } from "../../grid/types.ts";
import { encodeResult } from "../../grid/values.ts";
import { GridError } from "../../protocol/errors.ts";
import { type Failure, failure } from "../../protocol/nouns.ts";
import type { Attempt } from "./attempt.ts";
import type { AttemptHost } from "./attempt-host.ts";
import type { Runtime } from "./runtime.ts";
import type { ThreadValue } from "./thread-work.ts";

export interface Run {
  readonly attempt: Attempt;
  readonly host: AttemptHost;
  readonly grid: Grid;
  readonly runtime: Runtime;
}

/**
 * What the attempt has put is on its way: the grid must know of it before it hears that the attempt is over. So must a
 * state that is being taken: it may have been looked at before the attempt was.
 */
export function whenSaid(run: Run, then: () => void): void {
  const { uploads } = run.host;
  if (uploads === undefined) whenTaken(run, then);
  else void uploads.then(() => whenTaken(run, then));
}

function whenTaken(run: Run, then: () => void): void {
  const { stateTaken } = run.host;
  if (stateTaken === undefined) then();
  else void stateTaken.then(() => whenTaken(run, then));
}

/** Ends it with `why`, behind what it has put. */
export function failWith(run: Run, why: Failure): void {
  whenSaid(run, () => run.attempt.fail(why));
}

/** Undefined when it could not be encoded: then the attempt has failed. */
export function encode(run: Run, value: unknown, root: string): ThreadValue | undefined {
  try {
    return encodeResult(run.grid, value, root);
  } catch (error) {
    // A getter of the user's may have thrown just as well.
    if (!(error instanceof GridError)) failBy(run, error);
    else failWith(run, { ...asFailure(error), taskName: run.attempt.work.name, workerId: run.runtime.workerId });
    return undefined;
  }
}

/** The user's code, or what was needed to call it, threw `error`. */
export function failBy(run: Run, error: unknown): void {
  const { attempt } = run;
  if (attempt.hasEnded) return;
  failWith(run, attempt.isCancelled ? attempt.cancellation() : describe(run, error));
}

/** Never throws, whatever was thrown. */
export function describe({ attempt, host, runtime }: Run, error: unknown): Failure {
  const { actorId } = host;
  const of = { taskName: attempt.work.name, workerId: runtime.workerId, ...(actorId !== undefined && { actorId }) };
  try {
    return failureOf(error, of);
  } catch {
    // It may be anything, down to an object that throws when it is looked at.
    return failure("TASK_ERROR", `Task "${of.taskName}" threw something that cannot be described`, of);
  }
}
