/**
 * Makes a travelled function live: one evaluation per thread, one cheap call per task. Knows nothing about how the
 * description travelled; whoever calls it has decided that this code may run here.
 */
import { ProtocolError } from "../../protocol/errors.ts";
import { inherit } from "./inherited-scope.ts";
import { isIdentifier } from "./names.ts";
import type { Portable } from "./portable.ts";

export { scopeOf } from "./inherited-scope.ts";

/** Gives a new function or class, with new definitions around it, that sees this `grid`; the values are shared by all. */
export type Factory = (grid: unknown) => Function;

type BoundFactory = (
  grid: unknown,
  values: Readonly<Record<string, unknown>>,
  inherit: (read: () => Record<string, unknown>, functions: unknown[]) => void,
) => Function;

/** Called by another name it is indirect: the code sees globals and its own parameters, nothing of this module. */
const evaluate = globalThis.eval;

/**
 * Line n of the function is line n of `tabgrid/<name>.js` in stacks and debuggers; what it captures comes after it.
 * Module code is strict, and that is where functions come from, so strict it is, unless only sloppy mode can read it.
 * @throws {SyntaxError} if the sources do not evaluate.
 */
export function compile(
  portable: Pick<Portable, "name" | "source" | "definitions">,
  values: Readonly<Record<string, unknown>>,
): Factory {
  const names = [...Object.keys(values), ...portable.definitions.map((definition) => definition.name)];
  for (const name of names) {
    if (!isIdentifier(name))
      throw new ProtocolError(`Cannot compile "${portable.name}": ${JSON.stringify(name)} is no name of a variable`);
  }
  const bound = evaluateFactory(portable, Object.keys(values), names);
  return (grid) => bound(grid, values, inherit);
}

function evaluateFactory(
  portable: Pick<Portable, "name" | "source" | "definitions">,
  valueNames: readonly string[],
  names: readonly string[],
): BoundFactory {
  const text = factoryText(portable, valueNames, names);
  try {
    return evaluate(`(function(${text.parameters}){"use strict";${text.body}`);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return evaluate(`(function(${text.parameters}){${text.body}`);
  }
}

function factoryText(
  { name, source, definitions }: Pick<Portable, "name" | "source" | "definitions">,
  valueNames: readonly string[],
  names: readonly string[],
) {
  const taken = new Set(names);
  const [grid, values, inheritName, make, made] = ["grid", "$values", "$inherit", "$make", "$made"].map((wanted) =>
    free(wanted, taken),
  );
  const self = definitions.find((definition) => definition.name === source);
  const lines = [
    // 1. The function comes first in the text, for its line numbers, and is made last or where others need it.
    `${valueNames.length > 0 ? `let{${valueNames.join(",")}}=${values};` : ""}let ${make}=()=>${self?.source ?? source};`,
    // 2. Nothing here is const: code that assigns to a capture changes this copy.
    ...definitions.map(
      (definition) => `let ${definition.name}=${definition === self ? `${make}()` : definition.source};`,
    ),
    names.length === 0
      ? `return ${make}()`
      : `let ${made}=${self === undefined ? `${make}()` : source};${inheritName}(()=>({${names.join(",")}}),[${[made, ...definitions.map((definition) => definition.name)].join(",")}]);return ${made}`,
    `})\n//# sourceURL=tabgrid/${fileName(name)}.js`,
  ];
  return { parameters: [grid, values, inheritName].join(","), body: lines.join("\n") };
}

function free(wanted: string, taken: ReadonlySet<string>): string {
  let name = wanted;
  while (taken.has(name)) name = `$${name}`;
  return name;
}

function fileName(name: string): string {
  return name.replace(/[^\p{ID_Continue}$.-]+/gu, "_").slice(0, 100) || "anonymous";
}
