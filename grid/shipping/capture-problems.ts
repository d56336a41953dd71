/** Puts into words why a function cannot be shipped: everything found, in one error. Knows nothing about how it was found. */
import { CaptureError } from "../../protocol/errors.ts";
import { isIdentifier } from "./names.ts";
import type { RefusedForm } from "./syntax.ts";

/** Where a variable is used: in the shipped function itself, or in something that it captures. */
export interface Place {
  readonly source: string;
  readonly start: number;
  readonly owner: Owner | undefined;
}
export interface Owner {
  readonly name: string;
  /** `helper`, or `ops.add` inside a captured object. */
  readonly path: string;
}

export type Problem =
  | { readonly type: "missing"; readonly variable: string; readonly place: Place; readonly isBaseClass: boolean }
  | { readonly type: "imported"; readonly variable: string; readonly place: Place }
  | { readonly type: "absent-in-worker"; readonly variable: string; readonly place: Place; readonly advice: string }
  | { readonly type: "tool-helper"; readonly variable: string; readonly place: Place; readonly tool: string }
  | { readonly type: "form"; readonly form: RefusedForm["form"]; readonly text: string; readonly place: Place }
  | { readonly type: "two-meanings"; readonly variable: string; readonly place: Place }
  /** A captured function or value; `reason` completes "x, which it captures, …". */
  | { readonly type: "capture"; readonly path: string; readonly reason: string; readonly place: Place };

export interface Subject {
  readonly name: string;
  /** Says what it is when it has no name. */
  readonly what: string;
}

/** `variables` keeps the order of the problems, each name once. */
export function captureError(subject: Subject, problems: readonly Problem[]): CaptureError {
  const call = `grid.remote(${isIdentifier(subject.name) ? subject.name : "fn"}`;
  const missing = problems.filter((problem) => problem.type === "missing");
  const imported = problems.filter((problem) => problem.type === "imported");
  const sentences = [
    ...sentenceAbout(missing, call, ["which is defined outside it", "which are defined outside it"]),
    ...sentenceAbout(imported, call, [
      "which is an import of its module, and the module's binding does not travel",
      "which are imports of its module, and the module's bindings do not travel",
    ]),
    ...problems.flatMap((problem) => otherSentence(problem)),
  ];
  return new CaptureError(`Cannot ship ${titleOf(subject)}: ${sentences.join(". Also, ")}`, [
    ...new Set(problems.map(variableOf)),
  ]);
}

/** The function itself has no text to send. */
export function unreadableError(subject: Subject, reason: string): CaptureError {
  return new CaptureError(`Cannot ship ${titleOf(subject)}: ${explainUnreadable(subject.name, reason)}`, []);
}

export function explainUnreadable(name: string, reason: string): string {
  if (reason !== "native") return reason;
  const kind = name.startsWith("bound ") ? "it was made by bind()" : "it is built into the browser or the runtime";
  return `${kind} and has no source to send. Wrap it in a function of your own: (...args) => ${name.replace(/^bound /, "").replace(/[^\p{ID_Continue}$.]/gu, "") || "fn"}(...args)`;
}

type Listed = Extract<Problem, { type: "missing" | "imported" }>;

function sentenceAbout(problems: readonly Listed[], call: string, [one, many]: readonly [string, string]): string[] {
  const first = new Map<string, Listed>();
  for (const problem of problems) if (!first.has(problem.variable)) first.set(problem.variable, problem);
  if (first.size === 0) return [];
  const items = [...first.values()].map((problem) => {
    const asBase = problem.type === "missing" && problem.isBaseClass ? ", as its base class" : "";
    return `"${problem.variable}" (${describe(problem.place)}${asBase})`;
  });
  const isOne = first.size === 1;
  if (first.has("default"))
    return [
      `it uses ${listOf(items)}, ${isOne ? one : many}. Give a default import a const of its own and capture that`,
    ];
  const captures = [...first.keys()].join(", ");
  return [
    `it uses ${listOf(items)}, ${isOne ? one : many}. Pass ${isOne ? "it" : "them"} in: ${call}, { captures: { ${captures} } })`,
  ];
}

function otherSentence(problem: Problem): string[] {
  switch (problem.type) {
    case "missing":
    case "imported":
      return [];
    case "absent-in-worker":
      return [
        `it uses "${problem.variable}" (${describe(problem.place)}), which does not exist in a worker: ${problem.advice}`,
      ];
    case "tool-helper":
      return [
        `it uses "${problem.variable}" (${describe(problem.place)}), a helper that ${problem.tool} put outside it to imitate newer syntax. ` +
          "Compile for a newer target (es2022 or later), so that the syntax stays as you wrote it",
      ];
    case "form":
      return [`it uses ${problem.text} (${describe(problem.place)}), ${aboutForm[problem.form]}`];
    case "two-meanings":
      return [
        `"${problem.variable}" (${describe(problem.place)}) means two different things in what it captures: rename one of them`,
      ];
    case "capture":
      return [`"${problem.path}", which it captures, ${problem.reason}`];
  }
}

const aboutForm: Readonly<Record<RefusedForm["form"], string>> = {
  arguments: "the arguments of the function around it, which stays behind. Write (...args) =>",
  this: "the object it was written in, which stays behind. Read what you need into a const and capture that",
  super: "a base that stays behind. Ship the class, or a plain function",
  "new.target": "of the function around it, which stays behind",
  "import.meta":
    "of the module it was written in, which stays behind. Read what you need into a const and capture that",
  eval: "which may use any variable around it, so nobody can tell what to send. Write (0, eval)(…) for code that uses none",
  "#private": "a private member of a class that stays behind. Ship the class",
};

function variableOf(problem: Problem): string {
  switch (problem.type) {
    case "form":
      return problem.text;
    case "capture":
      return problem.path;
    default:
      return problem.variable;
  }
}

function titleOf({ name, what }: Subject): string {
  return name === "" ? what : `"${name}"`;
}

/** Lines and columns from 1, as editors count them. */
function describe({ source, start, owner }: Place): string {
  const before = source.slice(0, start).split(/\r\n|[\n\r\u2028\u2029]/);
  const position = `line ${before.length}, column ${(before.at(-1) ?? "").length + 1}`;
  if (owner === undefined) return `${position} of the function`;
  return owner.name === owner.path
    ? `${position} of "${owner.name}", which it captures`
    : `${position} of "${owner.name}", captured as "${owner.path}"`;
}

function listOf(items: readonly string[]): string {
  return items.length < 2 ? items.join("") : `${items.slice(0, -1).join(", ")} and ${items.at(-1)}`;
}
