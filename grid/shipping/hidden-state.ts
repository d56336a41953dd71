/**
 * Whether what an instance of a class keeps can be read off its public fields and put back there, or is the class's own
 * affair: then it needs both hooks, saveState() and restoreState(). Knows nothing about who saves, or when.
 */
import { analyse } from "./analysis.ts";
import { inheritanceOf } from "./class-members.ts";
import { nameOf } from "./names.ts";

/** Why a class cannot be saved as it is. */
export interface StateProblem {
  /** `this.#count`. */
  readonly path: string;
  /** Completes `Cannot save actors of "Counter": …`. */
  readonly reason: string;
}

/** Their state is where fields do not show it, but for arrays: those have it in fields of their own. */
const builtInsWithoutHiddenState: ReadonlySet<Function> = new Set([Object, Array]);

/** Undefined when it has both hooks, or neither and all its state is in fields that anyone can read. */
export function stateProblemOf(cls: Function): StateProblem | undefined {
  const links = inheritanceOf(cls);
  const saves = links.some((link) => declares(link, "saveState"));
  const restores = links.some((link) => declares(link, "restoreState"));
  if (saves && restores) return undefined;
  if (saves) return { path: "this.restoreState", reason: "they have saveState() and no restoreState()" };
  if (restores) return { path: "this.saveState", reason: "they have restoreState() and no saveState()" };
  for (const link of links) {
    const analysis = analyse(link);
    const ofBase = link === cls ? "" : ` of the base class "${nameOf(link)}"`;
    if (analysis.type === "readable") {
      const field = analysis.fields.find((name) => name.startsWith("#"));
      if (field !== undefined)
        return {
          path: `this.${field}`,
          reason: `the field ${field}${ofBase} is private, so only the class can read it`,
        };
    } else if (analysis.reason === "native" && !builtInsWithoutHiddenState.has(link)) {
      return {
        path: "this",
        reason: `what the built-in base class "${nameOf(link)}" keeps is in none of their fields`,
      };
    }
  }
  return undefined;
}

function declares(link: Function, hook: string): boolean {
  const prototype: unknown = link.prototype;
  if (typeof prototype === "object" && prototype !== null && Object.hasOwn(prototype, hook)) return true;
  const analysis = analyse(link);
  return analysis.type === "readable" && analysis.fields.includes(hook);
}
