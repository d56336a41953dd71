/**
 * A function or class that has been made ready to travel: its id, its bytes, and what its callers must know of it. Owns
 * the way from a live function to that. Knows nothing about submitting.
 */
import { CaptureError, ObjectTooLargeError, SerializationError } from "../protocol/errors.ts";
import type { FunctionId, ObjectId } from "../protocol/ids.ts";
import { limits } from "../protocol/limits.ts";
import { functionIdOf } from "./hash.ts";
import { scopeOf } from "./shipping/compile.ts";
import { type StateProblem, stateProblemOf } from "./shipping/hidden-state.ts";
import { type Portable, toPortable } from "./shipping/portable.ts";
import type { Submitter } from "./submitter.ts";
import { type MethodToken, travels } from "./tokens.ts";
import type { Grid } from "./types.ts";
import { type EncodedValue, encodeFor, encodeFunctionDefinition } from "./values.ts";

export interface Definition {
  readonly functionId: FunctionId;
  readonly kind: "function" | "generator" | "class";
  readonly name: string;
  readonly requiredArguments: number;
  /** Of a class: what its handles offer. */
  readonly methods: readonly MethodToken[];
  /** Of a class whose actors cannot be saved as it is. */
  readonly stateProblem: StateProblem | undefined;
  /** Absent when it came from elsewhere: whoever sent it has made it known. */
  readonly bytes: Uint8Array | undefined;
  /** Refs among the captures, which every use of it keeps alive. */
  readonly holds: readonly ObjectId[];
  /** The live captures: while this is used, their handles are not collected. */
  readonly captured: unknown;
}

/** Throws CaptureError when it cannot travel, ObjectTooLargeError over `functionBytes`. */
export function defineFunction(
  submitter: Submitter,
  grid: Grid,
  fn: Function,
  captures: Readonly<Record<string, unknown>> | undefined,
): Definition {
  const scope = scopeOf(fn) ?? submitter.scope;
  const portable = toPortable(fn, {
    ...(captures && { captures }),
    ...(scope && { scope }),
    what: "the function given to grid.remote",
    isOpaque: travels,
  });
  const { bytes, refs } = encodedDefinition(submitter, grid, portable);
  if (bytes.length > limits.functionBytes) {
    throw new ObjectTooLargeError(
      `Cannot ship "${portable.name}": with its captures it takes ${bytes.length} bytes, over the limit functionBytes ` +
        `(${limits.functionBytes}). Put large values with grid.put and pass the refs`,
    );
  }
  const methods = (portable.methods ?? []).filter(({ name }) => !name.startsWith("$") && name !== "then");
  return {
    functionId: functionIdOf(bytes),
    kind: portable.kind,
    name: portable.name,
    requiredArguments: portable.requiredArguments,
    methods: methods.map(({ name, kind, requiredArguments }) => ({
      name,
      generator: kind === "generator",
      required: requiredArguments,
    })),
    stateProblem: portable.kind === "class" ? stateProblemOf(fn) : undefined,
    bytes,
    holds: refs,
    captured: portable.values,
  };
}

function encodedDefinition(submitter: Submitter, grid: Grid, portable: Portable): EncodedValue {
  try {
    return encodeFunctionDefinition(grid, portable);
  } catch (error) {
    if (!(error instanceof SerializationError)) throw error;
    throw captureProblem(submitter, portable) ?? error;
  }
}

/** Which of the captures cannot be copied, and why. */
function captureProblem(submitter: Submitter, { name, values }: Portable): CaptureError | undefined {
  for (const [variable, value] of Object.entries(values)) {
    try {
      encodeFor(submitter, value, variable);
    } catch (error) {
      if (error instanceof SerializationError)
        return new CaptureError(`Cannot ship "${name}": ${error.message}`, [variable]);
      throw error;
    }
  }
  return undefined;
}
