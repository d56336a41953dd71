/**
 * Instances on which no constructor has done its work, for a state to be put into. Only constructors can give an object
 * its #private members and its fields, so they are called, and leave it at that when they are asked for a blank: a line
 * is written into each of them, in the text of the class. For everyone else the class is what it was, statics, `new` in
 * its own methods and line numbers included.
 */
import type { Portable } from "./portable.ts";
import { childrenOf, parseExpression } from "./parse.ts";
import type { AnyNode, FunctionNode } from "./parse.ts";

type Sources = Pick<Portable, "name" | "source" | "definitions">;

/** A static member of what a blank is asked for with, and of nothing else. */
const mark = "tabgrid$blank";
const begin = `if(new.target.${mark})`;

/** The same with classes whose instances `newBlank` can make, bases among them. */
export function withBlanks(portable: Sources): Sources {
  return {
    name: portable.name,
    source: rewritten(portable.source),
    definitions: portable.definitions.map(({ name, source }) => ({ name, source: rewritten(source) })),
  };
}

/** Fields have their first values; of the constructors of `cls` and its bases nothing else has run. */
export function newBlank(cls: Function): object {
  const blank = function (): void {};
  blank.prototype = cls.prototype as object;
  Reflect.set(blank, mark, true);
  return Reflect.construct(cls, [], blank) as object;
}

interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

function rewritten(source: string): string {
  const { program, offset } = parseExpression(source);
  const edits: Edit[] = [];
  visit(program);
  let text = source;
  // From the end, so that the positions before it stay true.
  for (const { start, end, text: replacement } of edits.sort((a, b) => b.start - a.start))
    text = text.slice(0, start) + replacement + text.slice(end);
  return text;

  function visit(node: AnyNode): void {
    if (node.type !== "ClassExpression" && node.type !== "ClassDeclaration") {
      for (const child of childrenOf(node)) visit(child);
      return;
    }
    const leave = `${begin}${node.superClass ? "{super();return}" : "return;"}`;
    if (node.superClass) visit(node.superClass);
    for (const member of node.body.body) {
      if (member.type !== "MethodDefinition" || member.kind !== "constructor") {
        visit(member);
        continue;
      }
      const edit = constructorEdit(member.value, leave);
      if (edit !== undefined) edits.push(edit);
      visit(member.value.body);
    }
  }

  function constructorEdit({ start, params, body }: FunctionNode, leave: string): Edit | undefined {
    const [from, to] = [start - offset, body.start + 1 - offset];
    if (source.startsWith(begin, to)) return undefined;
    if (params.every((parameter) => parameter.type === "Identifier")) return { start: to, end: to, text: leave };
    // Patterns and defaults are worked out before the body: they have to wait until it is clear that there is anything
    // to work out.
    const given = freeName("$given", source);
    const last = (params.at(-1)?.end ?? start + 1) - offset;
    const lineBreaks = source.slice(last, to).replace(/[^\n]/g, "");
    const text = `(...${given}){${leave}var[${source.slice(from + 1, last)}${lineBreaks}]=${given};`;
    return { start: from, end: to, text };
  }
}

function freeName(wanted: string, source: string): string {
  let name = wanted;
  while (source.includes(name)) name = `$${name}`;
  return name;
}
