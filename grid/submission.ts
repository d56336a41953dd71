/**
 * From a call's arguments to a submission: refs among them become inputs, large ones are put first, the rest is copied
 * at once. Owns the rules about arguments, the same for tasks, actors and their calls. Knows nothing about specs.
 */
import { SerializationError } from "../protocol/errors.ts";
import type { ObjectId } from "../protocol/ids.ts";
import { limits } from "../protocol/limits.ts";
import type { Submission } from "../protocol/nouns.ts";
import type { HeldObject } from "./held-object.ts";
import { Ref } from "./object-ref.ts";
import type { Submitter } from "./submitter.ts";
import { type EncodedValue, encodeFor, Input } from "./values.ts";

/** Who is called, for messages: its name, and how many arguments it takes at least. */
export interface Called {
  readonly name: string;
  readonly requiredArguments: number;
}

/** Throws TypeError. */
export function checkArguments(called: Called, got: number): void {
  const { name, requiredArguments: takes } = called;
  if (got < takes) {
    throw new TypeError(`Cannot submit "${name}": it takes ${takes} argument${takes === 1 ? "" : "s"} and got ${got}`);
  }
}

/**
 * A submission with the next id. `captured` are refs that the function holds. `submit` passes it on; what was put for it
 * lives as long as it needs it. Throws SerializationError with a path such as `argument 2.rows[3]`.
 */
export function submitWith<T>(
  submitter: Submitter,
  args: readonly unknown[],
  captured: readonly ObjectId[],
  submit: (submission: Submission) => T,
): T {
  const { values, inputs } = withInputs(args);
  const encoded = encodeArguments(submitter, values);
  if (encoded.bytes.length <= limits.inlineValueBytes) {
    return submit({
      id: submitter.host.nextChild(),
      args: encoded.bytes,
      inputs,
      holds: captured.length === 0 ? encoded.refs : [...new Set([...encoded.refs, ...captured])],
    });
  }
  const put = putLargest(submitter, values);
  const result = submitWith(submitter, put.values, captured, submit);
  // The submission holds them from here on.
  for (const held of put.objects) submitter.holdings.settle(held);
  return result;
}

const noInputs: readonly ObjectId[] = [];

function withInputs(args: readonly unknown[]): {
  readonly values: readonly unknown[];
  readonly inputs: readonly ObjectId[];
} {
  let values: unknown[] | undefined;
  const inputs: ObjectId[] = [];
  for (let index = 0; index < args.length; index++) {
    const arg = args[index];
    let id: ObjectId;
    if (arg instanceof Ref) id = arg.held.id;
    else if (arg instanceof Input) id = arg.id;
    else continue;
    values ??= [...args];
    values[index] = new Input(id);
    if (!inputs.includes(id)) inputs.push(id);
  }
  return values === undefined ? { values: args, inputs: noInputs } : { values, inputs };
}

function encodeArguments(submitter: Submitter, values: readonly unknown[]): EncodedValue {
  try {
    return encodeFor(submitter, values, "arguments");
  } catch (error) {
    if (!(error instanceof SerializationError)) throw error;
    // Once more, one by one: people count arguments from 1.
    for (const [index, value] of values.entries()) encodeFor(submitter, value, `argument ${index + 1}`);
    throw error;
  }
}

/** Puts arguments, the largest first, until the others fit into a message. */
function putLargest(
  submitter: Submitter,
  values: readonly unknown[],
): { readonly values: readonly unknown[]; readonly objects: readonly HeldObject[] } {
  const encoded = values.map((value, index) => ({ index, ...encodeFor(submitter, value, `argument ${index + 1}`) }));
  let left = encoded.reduce((sum, { bytes }) => sum + bytes.length, 0);
  const rest = [...values];
  const objects: HeldObject[] = [];
  for (const { index, bytes, refs } of encoded.toSorted((a, b) => b.bytes.length - a.bytes.length)) {
    // Each begins with a byte of its own, and the list takes a few more.
    if (left + 16 <= limits.inlineValueBytes || values[index] instanceof Input) break;
    const held = submitter.put(bytes, refs);
    objects.push(held);
    rest[index] = new Input(held.id);
    left -= bytes.length - 64;
  }
  return { values: rest, objects };
}
