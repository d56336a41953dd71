/**
 * A function or class as something that travels by content: sources of it and of what it captures, and the captured
 * values that are no functions, left as they are for whoever encodes them. Knows nothing of the network, of encoding
 * or of the grid's own things: those are `isOpaque`. The way back is compile.ts.
 */
import { analyse, expressionOf } from "./analysis.ts";
import { captureError, unreadableError } from "./capture-problems.ts";
import { constructorArgumentsOf, methodsOf } from "./class-members.ts";
import type { ClassMethod } from "./class-members.ts";
import { closureOf } from "./closure.ts";
import { orderDefinitions } from "./definition-order.ts";
import { scopeOf } from "./inherited-scope.ts";
import { nameOf } from "./names.ts";

/** Plain data except `values`. The same function with the same captures gives the same bytes. */
export interface Portable {
  /** An async function is a "function", an async generator a "generator". */
  readonly kind: "function" | "generator" | "class";
  /** "anonymous" when it has none. */
  readonly name: string;
  /** An expression that evaluates to it, where the definitions and values are in scope. The name of a definition when something refers to the function by it. */
  readonly source: string;
  /**
   * Parameters before the first default, rest or one that the body itself treats as optional (parameters.ts); of a
   * class, its constructor's, 0 when a built-in base has it.
   */
  readonly requiredArguments: number;
  /** What is captured and has source: functions, classes, objects that hold them, and stand-ins for tools' helpers; in an order that evaluates. */
  readonly definitions: readonly { readonly name: string; readonly source: string }[];
  /** The other captures, only those used. */
  readonly values: Readonly<Record<string, unknown>>;
  /** Captures that the code assigns to: it changes a copy, so a caller may want to warn. */
  readonly written: readonly string[];
  /** Of a class: what can be called on its instances, inherited included. */
  readonly methods?: readonly ClassMethod[];
}

export interface PortableOptions {
  readonly captures?: Readonly<Record<string, unknown>>;
  /** Captures of the shipped function that this one was written in: `scopeOf` gives them. */
  readonly scope?: Readonly<Record<string, unknown>>;
  /** Names a nameless function in messages: "the function given to grid.remote". */
  readonly what: string;
  /** True for what travels as a value though it is or holds a function: refs, handles, remote functions, a Grid. */
  readonly isOpaque?: (value: unknown) => boolean;
}

/** Throws CaptureError, with every problem in one message, when it cannot come alive elsewhere. */
export function toPortable(fn: Function, options: PortableOptions): Portable {
  const name = nameOf(fn);
  const subject = { name, what: options.what };
  const analysis = analyse(fn);
  if (analysis.type === "unreadable") throw unreadableError(subject, analysis.reason);

  const { definitions, values, written, problems, selfName } = closureOf(fn, analysis, {
    captures: options.captures ?? {},
    scope: options.scope ?? scopeOf(fn) ?? {},
    isOpaque: options.isOpaque ?? (() => false),
  });
  if (problems.length > 0) throw captureError(subject, problems);

  return {
    kind: analysis.kind,
    name: name === "" ? "anonymous" : name,
    source: selfName ?? expressionOf(analysis, name, undefined),
    requiredArguments: analysis.kind === "class" ? constructorArgumentsOf(fn) : (analysis.requiredArguments ?? 0),
    definitions: orderDefinitions(definitions).map((definition) => ({
      name: definition.name,
      source: definition.source,
    })),
    values,
    written,
    ...(analysis.kind === "class" ? { methods: methodsOf(fn) } : {}),
  };
}
