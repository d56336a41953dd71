/**
 * The only file that knows acorn: the text of one function, method or class in, its syntax tree out. Knows nothing
 * about variables, captures or what may travel.
 */
import { parse } from "acorn";
import type { AnyNode, Class, Function as FunctionNode, Identifier, Program } from "acorn";

export type { AnyNode, Class, FunctionNode, Identifier, Program };

export type Parsed =
  | {
      readonly type: "expression";
      readonly program: Program;
      readonly root: FunctionNode | Class;
      /** Subtract it from a position in the tree to get one in the source. */
      readonly offset: number;
    }
  | {
      /** `add(a, b) {}`: valid only inside an object or a class. The root begins at its parameters. */
      readonly type: "method";
      readonly program: Program;
      readonly root: FunctionNode;
      readonly offset: number;
    }
  | { readonly type: "refused"; readonly reason: string };

/** Wrapped in a function so that acorn accepts `new.target` in an arrow, and whoever reads the tree can say so better. */
const expressionPrefix = "(function(){(";
const methodPrefix = "(function(){({";

/** Reads what `Function.prototype.toString` gave. A source that cannot travel alone is refused with a reason, as data. */
export function parseFunction(source: string): Parsed {
  if (/\{\s*\[native code\]\s*\}\s*$/.test(source)) return { type: "refused", reason: "native" };
  try {
    const program = parseScript(`${expressionPrefix}${source})})`);
    const root = wrappedExpression(program);
    if (
      root?.type === "ArrowFunctionExpression" ||
      root?.type === "FunctionExpression" ||
      root?.type === "ClassExpression"
    ) {
      return { type: "expression", program, root, offset: expressionPrefix.length };
    }
  } catch (error) {
    return parseMethod(source, error);
  }
  return { type: "refused", reason: "its source is not that of a function or a class" };
}

/** The expression that a definition is; subtract `offset` from a position in the tree to get one in the source. */
export function parseExpression(source: string): { readonly program: Program; readonly offset: number } {
  return { program: parseScript(`(${source})`), offset: 1 };
}

/** A node's parts, whatever its type, in the order they were written save for a few. */
export function childrenOf(node: AnyNode): AnyNode[] {
  const children: AnyNode[] = [];
  for (const value of Object.values(node)) {
    if (isNode(value)) children.push(value);
    else if (Array.isArray(value)) for (const item of value) if (isNode(item)) children.push(item);
  }
  return children;
}

export function isNode(value: unknown): value is AnyNode {
  return (
    typeof value === "object" && value !== null && "type" in value && typeof value.type === "string" && "start" in value
  );
}

function parseMethod(source: string, expressionError: unknown): Parsed {
  if (!(expressionError instanceof SyntaxError)) return refusal(expressionError);
  try {
    const program = parseScript(`${methodPrefix}${source}})})`);
    const object = wrappedExpression(program);
    const property = object?.type === "ObjectExpression" ? object.properties[0] : undefined;
    if (property?.type === "Property" && property.value.type === "FunctionExpression") {
      if (property.kind !== "init")
        return { type: "refused", reason: `it is a ${property.kind}ter, which only works on its object` };
      if (property.method) return { type: "method", program, root: property.value, offset: methodPrefix.length };
    }
    return refusal(expressionError);
  } catch {
    if (/^(async\b)?[\s*]*#/.test(source))
      return { type: "refused", reason: "it is a #private method, which only works in its class" };
    return refusal(expressionError);
  }
}

function refusal(error: unknown): Parsed {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof RangeError || message.startsWith("Not enough stack"))
    return { type: "refused", reason: "its source is nested too deeply to read" };
  return { type: "refused", reason: `its source cannot be read (${message})` };
}

function wrappedExpression(program: Program): AnyNode | undefined {
  const statement = program.body[0];
  if (statement?.type !== "ExpressionStatement" || statement.expression.type !== "FunctionExpression") return undefined;
  const inner = statement.expression.body.body[0];
  return inner?.type === "ExpressionStatement" ? inner.expression : undefined;
}

/** More is accepted than may travel (free `super`, `import.meta`, undeclared #names): syntax.ts refuses those in plain words. */
function parseScript(text: string): Program {
  return parse(text, {
    ecmaVersion: "latest",
    sourceType: "script",
    ranges: true,
    allowSuperOutsideMethod: true,
    allowImportExportEverywhere: true,
    checkPrivateFields: false,
  });
}
