/**
 * One attempt of a task, an actor's creation or a call on this thread: when it began, what it waits for, whether it was
 * cancelled, and that it ends exactly once. Knows nothing about the function it runs.
 *
 * THREAD-8: an attempt ends once, with its values or one failure; what its code does afterwards is not heard.
 * THREAD-9: cancelled before it began, it never begins; cancelled later, its signal fires: if it throws, it was cancelled,
 * if it returns, its value stands.
 */
import { TaskCancelledError } from "../../protocol/errors.ts";
import { type AttemptId, childId, type TaskId, taskOfAttempt } from "../../protocol/ids.ts";
import type { Work } from "../../protocol/messages.ts";
import { type Failure, failure } from "../../protocol/nouns.ts";
import { clip } from "../machine/clip.ts";
import type { Runtime } from "./runtime.ts";
import type { ThreadReport, ThreadValue } from "./thread-work.ts";

/** Who runs it: told when it gives its place up, takes it back or ends. */
export interface AttemptOwner {
  waits(attempt: Attempt): void;
  goesOn(attempt: Attempt): void;
  /** `heldPlace`: it had begun and did not wait. */
  ended(attempt: Attempt, heldPlace: boolean): void;
}

/** Progress goes out at most this often; the last there was always does. */
const progressMs = 100;
const noteBytes = 1_024;

export class Attempt {
  readonly id: AttemptId;
  readonly work: Work;
  /** What it fails with whatever its code does: its actor is ending. */
  doom: Failure | undefined = undefined;
  /** Without what it waited for; 0 until it ends. */
  ranMs = 0;
  readonly #runtime: Runtime;
  readonly #owner: AttemptOwner;
  #phase: "waiting" | "running" | "ended" = "waiting";
  #startedAt = 0;
  #waits = 0;
  #waitingSince = 0;
  #waitedMs = 0;
  #lastOrdinal = -1;
  #isCancelled = false;
  #controller: AbortController | undefined = undefined;
  #taken = 0;
  #nudge: (() => void) | undefined = undefined;
  #progress: Extract<ThreadReport, { type: "progress" }> | undefined = undefined;
  #progressAt = -Infinity;

  constructor(id: AttemptId, work: Work, runtime: Runtime, owner: AttemptOwner) {
    this.id = id;
    this.work = work;
    this.#runtime = runtime;
    this.#owner = owner;
  }

  /** And has not ended. */
  get isRunning(): boolean {
    return this.#phase === "running";
  }
  get hasEnded(): boolean {
    return this.#phase === "ended";
  }
  get isCancelled(): boolean {
    return this.#isCancelled;
  }

  begin(): void {
    this.#phase = "running";
    this.#startedAt = this.#runtime.turns.now();
    this.#runtime.attempts.enter(this);
  }

  // ------------------------------------------------------------------------------------------ while it runs

  /** The id of the next thing it submits. */
  nextChild(): TaskId {
    return childId(taskOfAttempt(this.id), ++this.#lastOrdinal);
  }

  /** Made when first asked for: most tasks never look. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#isCancelled) this.#abort(this.#controller);
    return this.#controller.signal;
  }

  report(report: ThreadReport): void {
    if (this.#phase === "running") this.#runtime.reports.add(report);
  }

  /** A wait on the grid begins or ends; they nest, and the outermost counts. */
  waiting(begins: boolean): void {
    if (this.#phase !== "running") return;
    if (begins) {
      if (this.#waits++ > 0) return;
      this.#waitingSince = this.#runtime.turns.now();
      this.#runtime.reports.add({ type: "blocked", attemptId: this.id });
      this.#owner.waits(this);
      return;
    }
    if (this.#waits === 0 || --this.#waits > 0) return;
    this.#waitedMs += this.#runtime.turns.now() - this.#waitingSince;
    this.#runtime.reports.add({ type: "unblocked", attemptId: this.id });
    this.#runtime.attempts.enter(this);
    this.#owner.goesOn(this);
  }

  /** @throws {TypeError} if `fraction` is no finite number. */
  progress(fraction: number, note: string | undefined): void {
    if (!Number.isFinite(fraction)) throw new TypeError(`Cannot report progress: the fraction is ${String(fraction)}`);
    if (this.#phase !== "running") return;
    this.#progress = {
      type: "progress",
      attemptId: this.id,
      fraction: Math.min(1, Math.max(0, fraction)),
      note: clip(note ?? "", noteBytes),
    };
    if (this.#runtime.turns.now() - this.#progressAt >= progressMs) this.#sayProgress();
  }

  #sayProgress(): void {
    if (this.#progress === undefined) return;
    this.#progressAt = this.#runtime.turns.now();
    this.#runtime.reports.add(this.#progress);
    this.#progress = undefined;
  }

  /** Items of this generator that its consumer has taken. */
  get taken(): number {
    return this.#taken;
  }

  consumed(taken: number): void {
    this.#taken = Math.max(this.#taken, taken);
    this.#nudge?.();
  }

  /** Called when items are taken, when it is cancelled and when it ends. One at a time. */
  whenNudged(then: () => void): void {
    this.#nudge = then;
  }

  // ------------------------------------------------------------------------------------------ cancelling

  cancel(): void {
    if (this.#phase === "ended" || this.#isCancelled) return;
    this.#isCancelled = true;
    if (this.#phase === "waiting") {
      this.fail(this.cancellation());
      return;
    }
    this.#runtime.attempts.enter(this);
    if (this.#controller !== undefined) this.#abort(this.#controller);
    this.#nudge?.();
  }

  cancellation(): Failure {
    const { name } = this.work;
    return failure("TASK_CANCELLED", `Task "${name}" was cancelled`, {
      taskName: name,
      workerId: this.#runtime.workerId,
    });
  }

  #abort(controller: AbortController): void {
    if (!controller.signal.aborted) controller.abort(new TaskCancelledError(this.cancellation().message));
  }

  // ------------------------------------------------------------------------------------------ its end

  done(values: readonly ThreadValue[]): void {
    if (this.doom !== undefined) this.fail(this.doom);
    else this.#end((ranMs) => ({ type: "done", attemptId: this.id, values, ranMs }));
  }

  fail(why: Failure): void {
    const failure = this.doom ?? why;
    this.#end((ranMs) => ({ type: "failed", attemptId: this.id, failure, ranMs }));
  }

  /** Nobody is told: whoever asked for this knows. */
  drop(): void {
    this.#end(undefined);
  }

  #end(outcome: ((ranMs: number) => ThreadReport) | undefined): void {
    if (this.#phase === "ended") return;
    const ranMs = this.#ranMs();
    this.ranMs = ranMs;
    // 1. What it was still to say goes before the outcome.
    this.#runtime.attempts.linkOf(this.id)?.flush();
    this.#sayProgress();
    this.#runtime.console.ended(this);
    if (outcome !== undefined) this.#runtime.reports.add(outcome(ranMs));
    // 2. From here on it is not heard.
    const heldPlace = this.#phase === "running" && this.#waits === 0;
    this.#phase = "ended";
    this.#runtime.attempts.remove(this.id);
    this.#nudge?.();
    // 3. Its place is free only now.
    this.#owner.ended(this, heldPlace);
  }

  #ranMs(): number {
    if (this.#phase === "waiting") return 0;
    const now = this.#runtime.turns.now();
    const waited = this.#waitedMs + (this.#waits > 0 ? now - this.#waitingSince : 0);
    return Math.max(0, now - this.#startedAt - waited);
  }
}
