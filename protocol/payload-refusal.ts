/**
 * Why a value cannot be copied, and where in it. The writer pays nothing for paths while all goes well: a refusal
 * is thrown with no path, and each level it passes on its way out adds its own step.
 */
import { SerializationError } from "./errors.ts";
import { limits } from "./limits.ts";

export class Refusal extends Error {
  readonly reason: string;
  readonly advice: string;
  /** Innermost first. */
  readonly steps: string[] = [];
  constructor(reason: string, advice = "", cause?: unknown) {
    super(reason, { cause });
    this.reason = reason;
    this.advice = advice;
  }
}

/** `thrown` as a refusal one level further out. What is no refusal was thrown by the user's getter or trap. */
export function passOut(thrown: unknown, step: string): Refusal {
  const refusal = thrown instanceof Refusal ? thrown : refusalBy(thrown);
  refusal.steps.push(step);
  return refusal;
}

export function memberStep(key: string): string {
  if (/^[A-Za-z_$][\w$]*$/.test(key) && key.length <= longestKey) return `.${key}`;
  return `[${quoted(key)}]`;
}

export function entryStep(key: unknown): string {
  if (typeof key === "object" || typeof key === "function") return ".get(…)";
  return typeof key === "string" ? `.get(${quoted(key)})` : `.get(${String(key)})`;
}

/** The error that the user meets: `thrown` on its way out of the value called `root`. */
export function serializationError(thrown: unknown, root: string): SerializationError {
  const refusal = thrown instanceof Refusal ? thrown : refusalBy(thrown);
  const path = root + refusal.steps.reverse().join("");
  const shown = path.length <= longestPath ? path : `${path.slice(0, 120)} … ${path.slice(-60)}`;
  const sentence = `Cannot copy ${shown}: ${refusal.reason}`;
  const error = new SerializationError(refusal.advice === "" ? sentence : `${sentence}. ${refusal.advice}`, path);
  if (refusal.cause !== undefined) {
    Object.defineProperty(error, "cause", { value: refusal.cause, configurable: true, writable: true });
  }
  return error;
}

export function tooDeep(): Refusal {
  return new Refusal(`it is nested deeper than the limit valueDepth (${limits.valueDepth})`);
}

const longestKey = 40;
const longestPath = 200;

function quoted(text: string): string {
  return JSON.stringify(text.length <= longestKey ? text : `${text.slice(0, longestKey)}…`);
}

function refusalBy(thrown: unknown): Refusal {
  const message = thrown instanceof Error ? thrown.message : "";
  // A thread whose stack was nearly full before we started, or a getter that never returns.
  if (/call stack|recursion/i.test(message)) {
    return new Refusal("it is nested too deeply for what is left of this thread's stack", "", thrown);
  }
  return new Refusal(`reading it threw${message === "" ? "" : `: ${message}`}`, "", thrown);
}
