/**
 * Runs tasks one after another. One that awaits the grid lets the next begin; one that awaits anything else keeps its
 * place. Knows nothing about actors.
 *
 * THREAD-15: tasks begin in the order they came; the next begins when none runs that does not await the grid.
 * THREAD-16: when a task begins that came alone or has a `timeoutMs`, everything before it has been reported.
 */
import { decodeArguments } from "../../grid/values.ts";
import { Attempt } from "./attempt.ts";
import { AttemptHost, openGrid } from "./attempt-host.ts";
import type { Functions } from "./functions.ts";
import { inputsById } from "./inputs.ts";
import { carryOut } from "./carry-out.ts";
import type { Runtime } from "./runtime.ts";
import { Slices, type StepResult } from "./slices.ts";
import type { ThreadTask } from "./thread-work.ts";

interface Queued {
  readonly task: ThreadTask;
  readonly attempt: Attempt;
  readonly isAlone: boolean;
  next: Queued | undefined;
}

const call = Reflect.apply;

export class Runner {
  readonly #runtime: Runtime;
  readonly #functions: Functions;
  readonly #slices: Slices;
  #first: Queued | undefined = undefined;
  #last: Queued | undefined = undefined;
  /** Begun, not over and not waiting. */
  #active = 0;

  constructor(runtime: Runtime, functions: Functions) {
    this.#runtime = runtime;
    this.#functions = functions;
    this.#slices = new Slices(runtime.turns, runtime.reports, () => this.#step());
  }

  run(tasks: readonly ThreadTask[]): void {
    const { length } = tasks;
    for (let i = 0; i < length; i++) {
      const task = tasks[i];
      if (task === undefined) continue;
      const attempt = new Attempt(task.attemptId, task.work, this.#runtime, this);
      this.#runtime.attempts.add(attempt);
      this.#append({ task, attempt, isAlone: length === 1 || task.work.timeoutMs !== undefined, next: undefined });
    }
    this.#slices.wake();
  }

  waits(): void {
    this.#active--;
    this.#slices.wakeAfterThisCode();
  }
  goesOn(): void {
    this.#active++;
  }
  ended(_attempt: Attempt, heldPlace: boolean): void {
    if (heldPlace) this.#active--;
    this.#slices.wakeAfterThisCode();
  }

  #append(queued: Queued): void {
    if (this.#last === undefined) this.#first = queued;
    else this.#last.next = queued;
    this.#last = queued;
  }

  /** The next that was not cancelled meanwhile. */
  #take(): Queued | undefined {
    while (this.#first !== undefined) {
      const queued = this.#first;
      this.#first = queued.next;
      if (this.#first === undefined) this.#last = undefined;
      if (!queued.attempt.hasEnded) return queued;
    }
    return undefined;
  }

  #step(): StepResult {
    if (this.#active > 0) return "busy";
    const next = this.#take();
    if (next === undefined) return "idle";
    if (next.isAlone) this.#runtime.reports.flush();
    this.#begin(next);
    if (next.isAlone) this.#runtime.reports.flush();
    return "again";
  }

  #begin({ task, attempt }: Queued): void {
    this.#active++;
    const host = new AttemptHost(attempt, task.demand, this.#runtime);
    const { grid, link } = openGrid(host);
    this.#runtime.attempts.connect(attempt.id, link);
    carryOut({ attempt, host, grid, runtime: this.#runtime }, () => {
      const fn = this.#functions.bind(task.functionId, grid);
      return call(fn, undefined, decodeArguments(grid, task.args, inputsById(task.inputs)));
    });
  }
}
