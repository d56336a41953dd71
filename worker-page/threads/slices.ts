/**
 * Runs short steps one after another, in slices of 2 ms between which the loop turns, so that orders are seen and what
 * was done is reported while there is more to do. Knows nothing about what the steps are.
 *
 * THREAD-7: between slices of 2 ms the thread sees its orders, also when each task is over in no time.
 */
import { type Reports, sliceMs } from "./reports.ts";
import type { Turns } from "./turns.ts";

/** `again`: there may be another. `busy`: something begun has not ended; it wakes this. `idle`: nothing is left. */
export type StepResult = "again" | "busy" | "idle";

export class Slices {
  readonly #turns: Turns;
  readonly #reports: Reports;
  readonly #step: () => StepResult;
  /** Of the slice that is under way; undefined when the next step begins one. */
  #beganAt: number | undefined = undefined;
  #isStepping = false;
  #isTurnComing = false;
  #isWakeComing = false;
  #isMoreDue = false;

  constructor(turns: Turns, reports: Reports, step: () => StepResult) {
    this.#turns = turns;
    this.#reports = reports;
    this.#step = step;
  }

  /** There may be something to do. */
  wake(): void {
    if (this.#isStepping) return;
    if (this.#beganAt === undefined) {
      this.#beganAt = this.#turns.now();
      this.#reports.hold();
    } else if (this.#isOver(this.#beganAt)) {
      this.#turnThen("more");
      return;
    }
    this.#runSlice(this.#beganAt);
  }

  /** As `wake`, once the code that runs now has let go: it may be a user's. */
  wakeAfterThisCode(): void {
    // A step that is under way is followed by another look.
    if (this.#isWakeComing || this.#isStepping) return;
    this.#isWakeComing = true;
    void Promise.resolve().then(() => {
      this.#isWakeComing = false;
      this.wake();
    });
  }

  #runSlice(beganAt: number): void {
    const result = this.#steps(beganAt);
    switch (result) {
      case "again":
        this.#turnThen("more");
        break;
      case "busy":
        // What ends within this turn is reported together with what went before.
        this.#turnThen("nothing");
        break;
      case "idle":
        this.#beganAt = undefined;
        this.#reports.release();
        break;
    }
  }

  #steps(beganAt: number): StepResult {
    this.#isStepping = true;
    try {
      let result: StepResult;
      do result = this.#step();
      while (result === "again" && !this.#isOver(beganAt));
      return result;
    } finally {
      this.#isStepping = false;
    }
  }

  #isOver(beganAt: number): boolean {
    return this.#turns.now() - beganAt >= sliceMs;
  }

  #turnThen(then: "more" | "nothing"): void {
    if (then === "more") {
      this.#isMoreDue = true;
      this.#reports.flush();
    }
    if (this.#isTurnComing) return;
    this.#isTurnComing = true;
    this.#turns.next(() => {
      this.#isTurnComing = false;
      this.#beganAt = undefined;
      this.#reports.release();
      if (!this.#isMoreDue) return;
      this.#isMoreDue = false;
      this.wake();
    });
  }
}
