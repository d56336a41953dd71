/**
 * What one function's own text says about it: its kind, the arguments it needs, the outer variables it uses, and the
 * expression that makes it again elsewhere. Read once per function and once per text, then kept. Knows nothing about
 * captures: the same text means the same everywhere.
 */
import { requiredParameters } from "./parameters.ts";
import { parseFunction } from "./parse.ts";
import type { Class, FunctionNode, Parsed } from "./parse.ts";
import { outerReferences } from "./scopes.ts";
import { readSyntax } from "./syntax.ts";
import type { RefusedForm, Use } from "./syntax.ts";

export type Kind = "function" | "generator" | "class";
export type Analysis = ReadableFunction | UnreadableFunction;

export interface ReadableFunction {
  readonly type: "readable";
  readonly source: string;
  readonly kind: Kind;
  /** A method is not in scope under its own name, an arrow held by a const is. */
  readonly isMethod: boolean;
  /** An arrow, `function () {}` or `class {}`: named by what it is assigned to. */
  readonly isAnonymous: boolean;
  /** Of a class, by its own constructor; undefined when it has none. */
  readonly requiredArguments: number | undefined;
  /** In order of first use. */
  readonly outer: readonly OuterVariable[];
  readonly refused: readonly RefusedForm[];
  /** Of a class. */
  readonly members: readonly CallableMember[];
  /** Of a class: the instance fields that its text declares under a name, `#count` among them. */
  readonly fields: readonly string[];
  /** A method's text without its key, which may be computed from variables that stay behind. */
  readonly method: { readonly prefix: "" | "async " | "*" | "async *"; readonly afterKey: string } | undefined;
}

export interface CallableMember {
  readonly name: string;
  readonly kind: "method" | "generator";
  readonly isField: boolean;
  readonly requiredArguments: number;
}

export interface UnreadableFunction {
  readonly type: "unreadable";
  /** "native", or a clause that completes `it cannot travel: …`. */
  readonly reason: string;
}

export interface OuterVariable {
  readonly name: string;
  /** Offset of the first use in the source. */
  readonly start: number;
  readonly isWritten: boolean;
  readonly uses: readonly Use[];
}

const byFunction = new WeakMap<Function, Analysis>();
/** Closures made in a loop are new functions with an old text. Least recently used first. */
const bySource = new Map<string, Analysis>();
const keptSources = 256;

export function analyse(fn: Function): Analysis {
  const known = byFunction.get(fn);
  if (known !== undefined) return known;
  const analysis = analyseSource(Function.prototype.toString.call(fn));
  byFunction.set(fn, analysis);
  return analysis;
}

/** The expression that makes the function again, with its name, where it is assigned to `binding`. */
export function expressionOf(analysis: ReadableFunction, name: string, binding: string | undefined): string {
  const key = JSON.stringify(name);
  if (analysis.method !== undefined) return `({${analysis.method.prefix}${key}${analysis.method.afterKey}})[${key}]`;
  if (analysis.isAnonymous && name !== "" && name !== binding) return `({[${key}]:(${analysis.source})})[${key}]`;
  return `(${analysis.source})`;
}

function analyseSource(source: string): Analysis {
  const known = bySource.get(source);
  const analysis = known ?? readSource(source);
  bySource.delete(source);
  bySource.set(source, analysis);
  if (bySource.size > keptSources) {
    const oldest = bySource.keys().next();
    if (oldest.done !== true) bySource.delete(oldest.value);
  }
  return analysis;
}

function readSource(source: string): Analysis {
  const parsed = parseFunction(source);
  if (parsed.type === "refused") return { type: "unreadable", reason: parsed.reason };
  try {
    return readTree(source, parsed);
  } catch (error) {
    if (error instanceof RangeError) return { type: "unreadable", reason: "its source is nested too deeply to read" };
    throw error;
  }
}

function readTree(source: string, parsed: Exclude<Parsed, { type: "refused" }>): ReadableFunction {
  const { root, offset } = parsed;
  const references = outerReferences(parsed.program, source).filter(
    (reference) => reference.start >= root.start && reference.start < root.end,
  );
  const syntax = readSyntax(root, new Set(references.map((reference) => reference.start)));
  const outer = new Map<string, OuterVariable>();
  for (const { name, start, isWrite } of references) {
    const before = outer.get(name);
    const use = syntax.uses.get(start);
    outer.set(name, {
      name,
      start: before?.start ?? start - offset,
      isWritten: before?.isWritten === true || isWrite,
      uses: use === undefined ? (before?.uses ?? []) : [...(before?.uses ?? []), use],
    });
  }
  return {
    type: "readable",
    source,
    kind: isClass(root) ? "class" : root.generator ? "generator" : "function",
    isMethod: parsed.type === "method",
    isAnonymous: parsed.type === "expression" && !root.id,
    requiredArguments: isClass(root) ? constructorArguments(root) : requiredParameters(root),
    outer: [...outer.values()],
    refused: syntax.refused.map((form) => ({ ...form, start: form.start - offset })),
    members: isClass(root) ? callableMembersOf(root) : [],
    fields: isClass(root) ? fieldsOf(root) : [],
    method:
      parsed.type === "method"
        ? { prefix: methodPrefix(parsed.root), afterKey: source.slice(parsed.root.start - offset) }
        : undefined,
  };
}

function methodPrefix(root: FunctionNode): "" | "async " | "*" | "async *" {
  if (root.async) return root.generator ? "async *" : "async ";
  return root.generator ? "*" : "";
}

function isClass(node: FunctionNode | Class): node is Class {
  return node.type === "ClassExpression";
}

function constructorArguments(node: Class): number | undefined {
  for (const member of node.body.body) {
    if (member.type === "MethodDefinition" && member.kind === "constructor") return requiredParameters(member.value);
  }
  return node.superClass ? undefined : 0;
}

/** Those of the class's own text whose names it shows: methods, and fields that hold a function literal. */
function callableMembersOf(node: Class): CallableMember[] {
  return node.body.body.flatMap((member) => {
    if (member.type === "StaticBlock" || member.static || member.computed || !member.value) return [];
    const { key, value } = member;
    if (member.type === "MethodDefinition" && member.kind !== "method") return [];
    if (value.type !== "ArrowFunctionExpression" && value.type !== "FunctionExpression") return [];
    const name = key.type === "Identifier" ? key.name : key.type === "Literal" ? String(key.value) : undefined;
    if (name === undefined) return [];
    return [
      {
        name,
        kind: value.generator ? "generator" : "method",
        isField: member.type === "PropertyDefinition",
        requiredArguments: requiredParameters(value),
      },
    ];
  });
}

function fieldsOf(node: Class): string[] {
  return node.body.body.flatMap((member) => {
    if (member.type !== "PropertyDefinition" || member.static || member.computed) return [];
    const { key } = member;
    if (key.type === "PrivateIdentifier") return [`#${key.name}`];
    return key.type === "Identifier" ? [key.name] : key.type === "Literal" ? [String(key.value)] : [];
  });
}
