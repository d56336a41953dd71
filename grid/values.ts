/**
 * Values to bytes and back as one Grid sees them: refs, handles, remote functions and the grid travel as tokens, and the
 * refs met on the way are listed, for those who must keep them alive and cannot look inside. Owns the encoded forms of
 * arguments, results and functions. Knows nothing about messages.
 */
import { GridError, SerializationError } from "../protocol/errors.ts";
import type { ObjectId } from "../protocol/ids.ts";
import { limits } from "../protocol/limits.ts";
import {
  decodeValue,
  encodeValue,
  joinSegments,
  type PayloadHooks,
  type Token as WireToken,
} from "../protocol/payload.ts";
import { errorToken } from "./failures.ts";
import { withBlanks } from "./shipping/blank-instances.ts";
import { compile as compileSource, type Factory, scopeOf } from "./shipping/compile.ts";
import type { Portable } from "./shipping/portable.ts";
import { type Submitter, submitterOf } from "./submitter.ts";
import { asToken, type Encoding, type Token, travels } from "./tokens.ts";
import type { Grid } from "./types.ts";

/** A value and the refs inside it. */
export interface EncodedValue {
  readonly bytes: Uint8Array;
  readonly refs: readonly ObjectId[];
}

/** The place of an argument that is a ref, until its value is there. */
export class Input {
  readonly id: ObjectId;
  constructor(id: ObjectId) {
    this.id = id;
  }
  [asToken](): Token {
    return { kind: "input", id: this.id };
  }
}

const noRefs: readonly ObjectId[] = [];

/** Throws SerializationError with the path from `root`, or ObjectTooLargeError. */
export function encodeFor(
  submitter: Submitter,
  value: unknown,
  root: string,
  maxBytes: number = limits.objectBytes,
): EncodedValue {
  const refs: ObjectId[] = [];
  const bytes = joinSegments(encodeValue(value, { hooks: encodingHooks({ submitter, refs }), root, maxBytes }));
  return { bytes, refs: refs.length === 0 ? noRefs : [...new Set(refs)] };
}

/** What a task returned or a generator yielded. `root` begins the path in a SerializationError: "result". */
export function encodeResult(grid: Grid, value: unknown, root: string): EncodedValue {
  return encodeFor(submitterOf(grid), value, root);
}

/** The arguments of a task as its function takes them. `inputs` has the bytes of each ref that is an argument itself. */
export function decodeArguments(grid: Grid, args: Uint8Array, inputs: ReadonlyMap<ObjectId, Uint8Array>): unknown[] {
  const submitter = submitterOf(grid);
  const decoded = submitter.decode(args);
  if (!Array.isArray(decoded)) throw new SerializationError("Cannot read arguments: they are no array", "arguments");
  const values: unknown[] = decoded;
  return values.map((value, index) => {
    if (!(value instanceof Input)) return value;
    const bytes = inputs.get(value.id);
    if (bytes === undefined)
      throw new SerializationError(
        `Cannot read argument ${index + 1}: its value "${value.id}" did not come`,
        `argument ${index + 1}`,
      );
    return submitter.decode(bytes);
  });
}

/** A function as it travels: `bytes` name it by their hash. The same function with the same captures gives the same. */
export function encodeFunctionDefinition(grid: Grid, portable: Portable): EncodedValue {
  const { kind, name, source, requiredArguments, definitions, values, methods = [] } = portable;
  return encodeFor(submitterOf(grid), { kind, name, source, requiredArguments, definitions, values, methods }, name);
}

export interface FunctionDefinition {
  readonly portable: Omit<Portable, "values">;
  /**
   * The function or class, live: its source is evaluated once for all calls. `grid` in it is this one, and so are its
   * captured grid, refs, handles and remote functions. Other captured values are shared by all that it has made.
   */
  compile(grid: Grid): Function;
  /** The class, as `newBlank` takes it. */
  compileWithBlanks(grid: Grid): Function;
}

/** The bytes are read again for each grid when tokens are among the captures: they must not change. */
export function decodeFunctionDefinition(bytes: Uint8Array): FunctionDefinition {
  // 1. Without a grid to bind to, tokens stay tokens: they say whether each grid needs values of its own.
  let hasTokens = false;
  const unbound = decodeValue(bytes, {
    hooks: {
      fromToken: (token) => {
        hasTokens = true;
        return token;
      },
    },
  });
  // Whoever runs it has decided to: what it says of itself harms nobody else.
  const portable = unbound as Portable;
  // 2. The factory reads its values anew each time it is called, which it does at once.
  let current = portable.values;
  const values: Record<string, unknown> = {};
  for (const name of Object.keys(current)) {
    Object.defineProperty(values, name, { enumerable: true, get: () => current[name] });
  }
  let factory: Factory | undefined;
  let factoryWithBlanks: Factory | undefined;
  const make = (grid: Grid, newFactory: () => Factory): Function => {
    const submitter = submitterOf(grid);
    if (hasTokens) current = (submitter.decode(bytes) as Portable).values;
    const made = newFactory()(grid);
    // Functions written inside it see the same captures.
    submitter.scope = scopeOf(made);
    return made;
  };
  return {
    portable,
    compile: (grid) => make(grid, () => (factory ??= compileSource(portable, values))),
    compileWithBlanks: (grid) => make(grid, () => (factoryWithBlanks ??= compileSource(withBlanks(portable), values))),
  };
}

function encodingHooks(encoding: Encoding): PayloadHooks {
  return {
    tokenOf(value): WireToken | undefined {
      if (travels(value)) return { ...value[asToken](encoding) };
      return value instanceof GridError ? errorToken(value) : undefined;
    },
  };
}
