/**
 * How many arguments a call must bring. Knows only the function's own tree: TypeScript's `b?: number` leaves no trace in
 * it, so a last parameter that the body itself asks about (`b ?? 1`, `b === undefined`, `if (b)`, `b?.x`) is optional.
 * Refusing a call that would have worked is worse than letting one through that will fail where it runs.
 */
import { childrenOf } from "./parse.ts";
import type { AnyNode } from "./parse.ts";

export function requiredParameters({
  params,
  body,
}: {
  readonly params: readonly AnyNode[];
  readonly body: AnyNode;
}): number {
  const firstOptional = params.findIndex(
    (parameter) => parameter.type === "AssignmentPattern" || parameter.type === "RestElement",
  );
  let count = firstOptional === -1 ? params.length : firstOptional;
  const asked = new Set<string>();
  collectAsked(body, asked);
  for (let last = params[count - 1]; last?.type === "Identifier" && asked.has(last.name); last = params[count - 1])
    count--;
  return count;
}

function collectAsked(node: AnyNode, asked: Set<string>): void {
  const about = askedAbout(node);
  if (about?.type === "Identifier") asked.add(about.name);
  for (const child of childrenOf(node)) collectAsked(child, asked);
}

/** What the node tests for being there at all. */
function askedAbout(node: AnyNode): AnyNode | undefined {
  switch (node.type) {
    case "LogicalExpression":
      return node.left;
    case "AssignmentExpression":
      return ["??=", "||=", "&&="].includes(node.operator) ? node.left : undefined;
    case "BinaryExpression":
      if (!["===", "!==", "==", "!="].includes(node.operator)) return undefined;
      return isNothing(node.right) ? node.left : isNothing(node.left) ? node.right : undefined;
    case "UnaryExpression":
      return node.operator === "typeof" || node.operator === "!" ? node.argument : undefined;
    case "MemberExpression":
      return node.optional ? node.object : undefined;
    case "CallExpression":
      return node.optional ? node.callee : undefined;
    case "IfStatement":
    case "ConditionalExpression":
      return node.test;
    default:
      return undefined;
  }
}

/** `undefined`, `void 0`, `null`. */
function isNothing(node: AnyNode): boolean {
  if (node.type === "Identifier") return node.name === "undefined";
  if (node.type === "UnaryExpression") return node.operator === "void";
  return node.type === "Literal" && node.value === null && node.raw === "null";
}
