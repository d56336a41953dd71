/**
 * Walks one function's tree: how each outer variable is used, and the forms that cannot leave the place they were
 * written in. Knows nothing about values, nor about which variables a worker has.
 */
import { childrenOf, isNode } from "./parse.ts";
import type { AnyNode, Class, FunctionNode, Identifier } from "./parse.ts";

/** When a class runs the code a variable is used in: `now`, while the class is made; `maybe`, in a function made then; `later`. */
export type Evaluation = "now" | "maybe" | "later";

export interface Use {
  readonly evaluation: Evaluation;
  /** `typeof x`, which is safe when there is no x. */
  readonly isTypeof: boolean;
  /** `x.member` or `x["member"]`. */
  readonly member: string | undefined;
  /** `x().s`, `x().f`, `x().b`: how istanbul counts. */
  readonly isCoverageCounter: boolean;
  /** `callee(…, x, …)`. */
  readonly argumentOf: string | undefined;
  readonly isBaseClass: boolean;
}

export interface RefusedForm {
  readonly form: "arguments" | "this" | "super" | "new.target" | "import.meta" | "eval" | "#private";
  /** As written: `#count`, `super`. */
  readonly text: string;
  readonly start: number;
}

export interface Syntax {
  /** By offset of the identifier. */
  readonly uses: ReadonlyMap<number, Use>;
  /** The first of each form. */
  readonly refused: readonly RefusedForm[];
}

interface Surroundings {
  readonly hasThis: boolean;
  readonly hasArguments: boolean;
  readonly hasSuper: boolean;
  readonly hasNewTarget: boolean;
  readonly evaluation: Evaluation;
  readonly privateNames: ReadonlySet<string>;
}

const outside: Surroundings = {
  hasThis: false,
  hasArguments: false,
  hasSuper: false,
  hasNewTarget: false,
  evaluation: "later",
  privateNames: new Set(),
};

/** `wanted`: the offsets whose use the caller asks for. */
export function readSyntax(root: FunctionNode | Class, wanted: ReadonlySet<number>): Syntax {
  const uses = new Map<number, Use>();
  const refused = new Map<string, RefusedForm>();
  if (isNode(root))
    visit(root, undefined, undefined, { ...outside, evaluation: root.type === "ClassExpression" ? "now" : "later" });
  return { uses, refused: [...refused.values()].sort((a, b) => a.start - b.start) };

  function visit(
    node: AnyNode,
    parent: AnyNode | undefined,
    grandparent: AnyNode | undefined,
    around: Surroundings,
  ): void {
    switch (node.type) {
      case "Identifier":
        if (wanted.has(node.start)) uses.set(node.start, useOf(node, parent, grandparent, around));
        if (node.name === "arguments" && !around.hasArguments && isReference(node, parent))
          refuse("arguments", "arguments", node);
        return;
      case "ThisExpression":
        if (!around.hasThis) refuse("this", "this", node);
        return;
      case "Super":
        if (!around.hasSuper) refuse("super", "super", node);
        return;
      case "PrivateIdentifier":
        if (!around.privateNames.has(node.name)) refuse("#private", `#${node.name}`, node);
        return;
      case "MetaProperty":
        if (node.meta.name === "import") refuse("import.meta", "import.meta", node);
        else if (!around.hasNewTarget) refuse("new.target", "new.target", node);
        return;
      case "CallExpression":
        if (node.callee.type === "Identifier" && node.callee.name === "eval") refuse("eval", "eval", node);
        return visitChildren(node, parent, around);
      case "FunctionExpression":
      case "FunctionDeclaration":
        return visitChildren(node, parent, insideFunction(around, isMethodValue(node, parent)));
      case "ArrowFunctionExpression":
        return visitChildren(node, parent, { ...around, evaluation: evaluationInFunction(around) });
      case "ClassExpression":
      case "ClassDeclaration":
        return visitChildren(node, parent, { ...around, privateNames: privateNamesIn(node, around) });
      case "MethodDefinition":
      case "PropertyDefinition":
        if (node.computed) visit(node.key, node, parent, around);
        if (node.value) visit(node.value, node, parent, insideMember(node, around));
        return;
      case "StaticBlock":
        return visitChildren(node, parent, { ...insideMethod(around), evaluation: around.evaluation });
      default:
        return visitChildren(node, parent, around);
    }
  }

  function visitChildren(node: AnyNode, parent: AnyNode | undefined, around: Surroundings): void {
    for (const child of childrenOf(node)) visit(child, node, parent, around);
  }

  function refuse(form: RefusedForm["form"], text: string, node: AnyNode): void {
    if (!refused.has(text)) refused.set(text, { form, text, start: node.start });
  }
}

function insideFunction(around: Surroundings, isMethod: boolean): Surroundings {
  return { ...insideMethod(around), hasSuper: isMethod, evaluation: evaluationInFunction(around) };
}

function insideMethod(around: Surroundings): Surroundings {
  return { ...around, hasThis: true, hasArguments: true, hasSuper: true, hasNewTarget: true };
}

/** Methods and instance fields run once someone uses the class; static fields while it is made. */
function insideMember(
  node: { readonly type: "MethodDefinition" | "PropertyDefinition"; readonly static: boolean },
  around: Surroundings,
): Surroundings {
  const runsNow = node.type === "PropertyDefinition" && node.static;
  return { ...insideMethod(around), evaluation: runsNow ? around.evaluation : "later" };
}

function evaluationInFunction(around: Surroundings): Evaluation {
  return around.evaluation === "now" ? "maybe" : around.evaluation;
}

/** The shipped function itself has no parent here, so `super` in a shipped method is refused: its object stays behind. */
function isMethodValue(node: AnyNode, parent: AnyNode | undefined): boolean {
  if (parent?.type === "MethodDefinition") return true;
  return parent?.type === "Property" && parent.value === node && (parent.method || parent.kind !== "init");
}

function privateNamesIn(node: Class, around: Surroundings): ReadonlySet<string> {
  const names = new Set(around.privateNames);
  for (const member of node.body.body) {
    if (member.type !== "StaticBlock" && member.key.type === "PrivateIdentifier") names.add(member.key.name);
  }
  return names;
}

function isReference(node: Identifier, parent: AnyNode | undefined): boolean {
  if (parent?.type === "MemberExpression") return parent.computed || parent.object === node;
  if (parent?.type === "Property") return parent.computed || parent.value === node;
  return true;
}

function useOf(
  node: Identifier,
  parent: AnyNode | undefined,
  grandparent: AnyNode | undefined,
  around: Surroundings,
): Use {
  return {
    evaluation: around.evaluation,
    isTypeof: parent?.type === "UnaryExpression" && parent.operator === "typeof",
    member: parent?.type === "MemberExpression" && parent.object === node ? memberName(parent) : undefined,
    isCoverageCounter:
      parent?.type === "CallExpression" &&
      parent.callee === node &&
      parent.arguments.length === 0 &&
      grandparent?.type === "MemberExpression" &&
      ["s", "f", "b", "bT"].includes(memberName(grandparent) ?? ""),
    argumentOf:
      parent?.type === "CallExpression" && parent.callee !== node && parent.callee.type === "Identifier"
        ? parent.callee.name
        : undefined,
    isBaseClass:
      (parent?.type === "ClassExpression" || parent?.type === "ClassDeclaration") && parent.superClass === node,
  };
}

function memberName(node: { readonly property: AnyNode; readonly computed: boolean }): string | undefined {
  if (!node.computed) return node.property.type === "Identifier" ? node.property.name : undefined;
  return node.property.type === "Literal" && typeof node.property.value === "string" ? node.property.value : undefined;
}
