/**
 * Why a value cannot be copied, and where in it. The writer notes the step it is at on each level, which costs a
 * store; all words are made here, once something has failed.
 */
import { SerializationError } from "./errors.ts";
import { limits } from "./limits.ts";

export class Refusal extends Error {
  readonly reason: string;
  readonly advice: string;
  constructor(reason: string, advice = "", cause?: unknown) {
    super(reason, { cause });
    this.reason = reason;
    this.advice = advice;
  }
}

/** What a step on the way means: a field or an element, part of a map, a set or an error, or nothing to be seen. */
export type StepKind = "member" | "map-key" | "map-value" | "set-member" | "unseen";

export interface Step {
  readonly kind: StepKind;
  readonly key: unknown;
}

export function tooDeep(): Refusal {
  return new Refusal(`it is nested deeper than the limit valueDepth (${limits.valueDepth})`);
}

/** The error that the user meets: `thrown` while the writer was at `steps` in the value called `root`. */
export function serializationError(thrown: unknown, root: string, steps: readonly Step[]): SerializationError {
  const { reason, advice, cause } = thrown instanceof Refusal ? thrown : refusalBy(thrown);
  const path = root + steps.map(stepInWords).join("");
  const shown = path.length <= longestPath ? path : `${path.slice(0, 120)} … ${path.slice(-60)}`;
  const sentence = `Cannot copy ${shown}: ${reason}`;
  const error = new SerializationError(advice === "" ? sentence : `${sentence}. ${advice}`, path);
  if (cause !== undefined) Object.defineProperty(error, "cause", { value: cause, configurable: true, writable: true });
  return error;
}

const longestKey = 40;
const longestPath = 200;

/** What is no refusal was thrown by a getter or a trap of the user's, or by the engine. */
function refusalBy(thrown: unknown): Refusal {
  const message = thrown instanceof Error ? thrown.message : "";
  if (/call stack|recursion/i.test(message))
    return new Refusal("too little is left of this thread's stack", "", thrown);
  return new Refusal(`reading it threw${message === "" ? "" : `: ${message}`}`, "", thrown);
}

function stepInWords({ kind, key }: Step): string {
  switch (kind) {
    case "member":
      return typeof key === "number" ? `[${key}]` : memberInWords(String(key));
    case "map-key":
      return ".keys()";
    case "map-value":
      if (typeof key === "string") return `.get(${quoted(key)})`;
      return (typeof key === "object" && key !== null) || typeof key === "function"
        ? ".get(…)"
        : `.get(${String(key)})`;
    case "set-member":
      return `.values()[${String(key)}]`;
    case "unseen":
      return "";
  }
}

function memberInWords(key: string): string {
  return key.length <= longestKey && /^[A-Za-z_$][\w$]*$/.test(key) ? `.${key}` : `[${quoted(key)}]`;
}

function quoted(text: string): string {
  return JSON.stringify(text.length <= longestKey ? text : `${text.slice(0, longestKey)}…`);
}
