/**
 * Where the writer is in the value. Owns the level and the step taken on each level, for the path in an error; the
 * limits of nesting; and the list of contents to be written later, so that the stack of a thread is never what limits
 * nesting. Noting a step costs a store, and words are made of steps only when something has failed.
 */
import { limits } from "./limits.ts";
import { longestRun, longestTokenRun } from "./payload-format.ts";
import { Refusal, type Step, type StepKind, tooDeep } from "./payload-refusal.ts";

/** Contents to be written after everything else. */
interface Postponed {
  readonly write: () => void;
  readonly kind: StepKind;
  /** Levels above. */
  readonly base: number;
  /** From its parent. */
  readonly step: Step;
  readonly parent: Way;
}

interface Way {
  readonly steps: readonly Step[];
  readonly above: Postponed | undefined;
}

export class Place {
  /** Levels down in this run, and levels above it. */
  level = 0;
  #base = 0;
  /** The step taken on each level: a key, an index. */
  readonly steps: unknown[] = Array.from({ length: longestRun + longestTokenRun + 2 }, () => undefined);
  readonly kinds: StepKind[] = Array.from({ length: longestRun + longestTokenRun + 2 }, () => "unseen");
  #deepest = 0;
  #tokens = 0;
  #later: Postponed[] | undefined;
  #run: Postponed | undefined;
  /** To the container on the last level of this run that was entered last. */
  #wayToParent: Way | undefined;

  /** One level down. True when the contents of this level must be written later. */
  enter(kind: StepKind): boolean {
    if (this.#base + this.level >= limits.valueDepth) throw tooDeep();
    const level = ++this.level;
    if (level > this.#deepest) this.#deepest = level;
    this.kinds[level] = kind;
    this.steps[level] = undefined;
    if (level < longestRun) return false;
    this.#wayToParent = undefined;
    if (level === longestRun) return false;
    if (this.#tokens === 0) return true;
    if (level > longestRun + longestTokenRun) throw new Refusal("it is nested too deeply inside a token");
    return false;
  }

  leave(): void {
    this.level--;
  }

  /** Inside a token nothing is written later. */
  enterToken(): void {
    this.#tokens++;
    this.enter("unseen");
  }

  leaveToken(): void {
    this.leave();
    this.#tokens--;
  }

  /** Instead of writing contents: leaves this level, and notes how to write them and where they are. */
  postpone(write: () => void): void {
    const kind = this.kinds[this.level] ?? "unseen";
    this.leave();
    // Siblings, of which there may be many, share the way to their parent.
    this.#wayToParent ??= { steps: this.#stepsTo(longestRun - 1), above: this.#run };
    this.#later ??= [];
    this.#later.push({
      write,
      kind,
      base: this.#base + this.level,
      step: this.#stepAt(longestRun),
      parent: this.#wayToParent,
    });
  }

  writeLater(): void {
    // What is written here may add to the list.
    for (const postponed of this.#later ?? []) {
      this.#run = postponed;
      this.#wayToParent = undefined;
      this.#base = postponed.base;
      this.level = 1;
      this.kinds[1] = postponed.kind;
      postponed.write();
      this.level = 0;
    }
  }

  /** From the value down. */
  path(): Step[] {
    const parts = [this.#stepsTo(this.level)];
    for (let run = this.#run; run !== undefined; run = run.parent.above) parts.push([...run.parent.steps, run.step]);
    return parts.reverse().flat();
  }

  /** Ready for another value; keeps nothing of this one alive. */
  reset(): void {
    for (let i = this.#deepest; i > 0; i--) this.steps[i] = undefined;
    this.level = this.#base = this.#deepest = this.#tokens = 0;
    this.#later = this.#run = this.#wayToParent = undefined;
  }

  #stepsTo(level: number): Step[] {
    return Array.from({ length: level }, (_, i) => this.#stepAt(i + 1));
  }

  #stepAt(level: number): Step {
    return { kind: this.kinds[level] ?? "unseen", key: this.steps[level] };
  }
}
