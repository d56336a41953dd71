/** Sends a function there and back: described, its plain part through JSON, its values as they are, compiled, bound. */
import { compile } from "../../../grid/shipping/compile.ts";
import { toPortable } from "../../../grid/shipping/portable.ts";
import type { Portable, PortableOptions } from "../../../grid/shipping/portable.ts";
import { CaptureError } from "../../../protocol/errors.ts";

/** What came alive has no static type: a test says what it expects of it. */
// oxlint-disable-next-line typescript/no-explicit-any -- `unknown` would ask for a cast at each use, and casts hide more
export type Live = any;

export type Options = Partial<PortableOptions>;

export function describeFunction(fn: Function, options: Options = {}): Portable {
  return toPortable(fn, { what: "the function", ...options });
}

export function factoryOf(fn: Function, options: Options = {}) {
  const { values, ...plain } = describeFunction(fn, options);
  return compile(JSON.parse(JSON.stringify(plain)), values);
}

export function travel(fn: Function, options: Options = {}, grid?: unknown): Live {
  return factoryOf(fn, options)(grid);
}

export function refusal(fn: Function, options: Options = {}): CaptureError {
  try {
    describeFunction(fn, options);
  } catch (error) {
    if (error instanceof CaptureError) return error;
    throw error;
  }
  throw new Error("It was not refused");
}

/** A function from text that no tool has touched, as a page or a notebook evaluates it. */
export function written(text: string, outside: Record<string, unknown> = {}): Live {
  return new Function(...Object.keys(outside), `"use strict"; return ${text}`)(...Object.values(outside));
}
