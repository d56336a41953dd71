/**
 * A generator on its way: each item is sent as it is yielded, not faster than its consumer takes them, and between items
 * the thread sees its orders. Knows nothing about where the generator comes from.
 *
 * THREAD-13: items are numbered from 1; with `backpressure: k` the code that makes item n + k does not run before item n
 * is taken, and meanwhile the next task may begin.
 * THREAD-14: cancelled or stopped between two items, a generator is told to return, so that its `finally` blocks run.
 */
import { failure } from "../../protocol/nouns.ts";
import type { Attempt } from "./attempt.ts";
import { encode, failWith, type Run, whenSaid } from "./run.ts";
import { sliceMs } from "./reports.ts";

type Steps = Iterator<unknown> | AsyncIterator<unknown>;

/** Throws what the generator throws. */
export async function produce(run: Run, generator: unknown): Promise<void> {
  const { attempt, host, runtime } = run;
  const { turns } = runtime;
  const steps = stepsOf(generator);
  if (steps === undefined) {
    const { name } = attempt.work;
    const message = `Task "${name}" is a generator and returned nothing to iterate over`;
    failWith(run, failure("TASK_ERROR", message, { taskName: name, workerId: runtime.workerId }));
    return;
  }

  let produced = 0;
  let turnedAt = turns.now();
  for (;;) {
    await taking(attempt, produced);
    if (turns.now() - turnedAt >= sliceMs) {
      await new Promise<void>((resolve) => turns.next(resolve));
      turnedAt = turns.now();
    }
    if (attempt.isCancelled || attempt.hasEnded) return giveUp(run, steps);

    runtime.attempts.enter(attempt);
    host.follow(attempt);
    const step = await steps.next();
    if (attempt.hasEnded) return giveUp(run, steps);
    if (step.done === true) break;

    const value = encode(run, await step.value, `item ${produced + 1}`);
    if (value === undefined) return giveUp(run, steps);
    produced++;
    attempt.report({ type: "produced", attemptId: attempt.id, index: produced, value });
  }
  const nothing = encode(run, undefined, "result");
  if (nothing !== undefined) whenSaid(run, () => attempt.done([nothing]));
}

/** Resolves when the consumer is near enough, or the attempt is over. */
async function taking(attempt: Attempt, produced: number): Promise<void> {
  const { backpressure } = attempt.work;
  if (backpressure === undefined) return;
  const most = Math.max(1, backpressure);
  if (produced - attempt.taken < most) return;
  attempt.waiting(true);
  while (produced - attempt.taken >= most && !attempt.isCancelled && !attempt.hasEnded) {
    await new Promise<void>((resolve) => attempt.whenNudged(resolve));
  }
  attempt.waiting(false);
}

async function giveUp(run: Run, steps: Steps): Promise<void> {
  const { attempt } = run;
  try {
    await steps.return?.();
  } catch (error) {
    // It was told to stop, and that is what became of it.
    if (!attempt.isCancelled && !attempt.hasEnded) throw error;
  }
  // Only then: while it cleans up it is not over.
  if (!attempt.hasEnded) failWith(run, attempt.cancellation());
}

function stepsOf(generator: unknown): Steps | undefined {
  if (typeof generator !== "object" || generator === null) return undefined;
  const iterable = generator as Partial<Iterable<unknown> & AsyncIterable<unknown>>;
  return iterable[Symbol.asyncIterator]?.() ?? iterable[Symbol.iterator]?.();
}
