/**
 * The only file that knows eslint-scope: a syntax tree in, the uses of variables that the tree itself does not declare
 * out. Knows nothing about which of them a worker has.
 */
import { analyze } from "eslint-scope";
import type { Program as EstreeProgram } from "estree";
import type { Program } from "./parse.ts";

export interface OuterReference {
  readonly name: string;
  /** Offset in the parsed text. */
  readonly start: number;
  readonly isWrite: boolean;
}

/** In order of appearance. `arguments` is left to syntax.ts: eslint-scope misses it in default parameters. */
export function outerReferences(program: Program, source: string): OuterReference[] {
  // acorn's tree is an ESTree; the two packages only name the types apart.
  const tree = program as EstreeProgram;
  const manager = analyze(tree, {
    ecmaVersion: 2024,
    sourceType: "script",
    ignoreEval: true,
    // eslint-scope overlooks the second argument of import(). Telling it makes everything slower, so only where needed.
    ...(/\bimport\s*\(/.test(source) ? { childVisitorKeys: { ImportExpression: ["source", "options"] } } : {}),
  });
  const references: OuterReference[] = [];
  for (const reference of manager.globalScope?.through ?? []) {
    const { name, range } = reference.identifier;
    if (name !== "arguments" && range !== undefined)
      references.push({ name, start: range[0], isWrite: reference.isWrite() });
  }
  return references.sort((a, b) => a.start - b.start);
}
