/**
 * Finds everything a function needs to come alive elsewhere: follows its outer variables through the captures, and
 * those of what it captures, until every name is a definition, a value, something every thread has, or a problem.
 * Knows nothing about wording or about how the result is written down.
 */
import { analyse, expressionOf } from "./analysis.ts";
import type { OuterVariable, ReadableFunction } from "./analysis.ts";
import { explainUnreadable } from "./capture-problems.ts";
import type { Owner, Place, Problem } from "./capture-problems.ts";
import { writeContainer } from "./container-source.ts";
import type { OrderedDefinition } from "./definition-order.ts";
import { scopeOf } from "./inherited-scope.ts";
import type { Scope } from "./inherited-scope.ts";
import { isIdentifier, nameOf } from "./names.ts";
import { isImportBinding, isImportMeta, stubOf, toolOf } from "./tool-helpers.ts";
import { adviceForAbsent, isWorkerGlobal } from "./worker-globals.ts";

export interface Definition extends OrderedDefinition {
  readonly source: string;
}

export interface Closure {
  /** In order of first use, which need not evaluate. */
  readonly definitions: readonly Definition[];
  readonly values: Record<string, unknown>;
  readonly written: readonly string[];
  readonly problems: readonly Problem[];
  /** The name by which the function, or something it captures, refers to the function itself. */
  readonly selfName: string | undefined;
}

export interface Surroundings {
  readonly captures: Scope;
  readonly scope: Scope;
  readonly isOpaque: (value: unknown) => boolean;
}

interface Member {
  readonly fn: Function;
  readonly name: string;
  readonly analysis: ReadableFunction;
  readonly owner: Owner | undefined;
}

export function closureOf(
  main: Function,
  analysis: ReadableFunction,
  { captures, scope, isOpaque }: Surroundings,
): Closure {
  const meanings = new Map<string, unknown>();
  const definitions = new Map<string, Definition>();
  const values: Record<string, unknown> = {};
  const written = new Set<string>();
  const problems: Problem[] = [];
  const definedAs = new Map<Function, string>();
  const importedMembers = new Map<string, Set<string>>();

  const self: Member = { fn: main, name: nameOf(main), analysis, owner: undefined };
  // Members are followed in the order they were found, so that the same function gives the same description.
  const members: Member[] = [self];
  for (const member of members) {
    const earlier = problems.length;
    for (const { form, text, start } of member.analysis.refused)
      problems.push({ type: "form", form, text, place: placeOf(member, start) });
    const refusedHelpers = new Set(
      member.analysis.outer.filter((variable) => isRefusedHelper(variable, member)).map(({ name }) => name),
    );
    for (const variable of member.analysis.outer) {
      // What a refused helper is called with was declared by its tool as well: naming it would only confuse.
      if (variable.uses.every((use) => use.argumentOf !== undefined && refusedHelpers.has(use.argumentOf))) continue;
      resolve(variable, member);
    }
    problems.push(...problems.splice(earlier).sort((a, b) => a.place.start - b.place.start));
  }
  return {
    definitions: [...definitions.values()],
    values,
    written: [...written],
    problems,
    selfName: definedAs.get(main),
  };

  function resolve(variable: OuterVariable, user: Member): void {
    const { name } = variable;
    const found = lookUp(name, user);
    if (found !== undefined) {
      if (name === "grid" && isOpaque(found.value)) return;
      if (variable.isWritten) written.add(name);
      return bind(name, found.value, placeOf(user, variable.start));
    }
    if (name === "grid") return;
    const stub = stubOf(variable);
    if (stub !== undefined) return define({ name, source: stub, isInert: true, usesNow: [], usesMaybe: [], uses: [] });
    if (isImportBinding(name)) return resolveImport(variable, user);
    if (isWorkerGlobal(name) || variable.uses.every((use) => use.isTypeof)) return;
    problems.push(...problemWith(variable, placeOf(user, variable.start)));
  }

  /** Explicit captures first; then what the name means where the function was written, as far as that is known. */
  function lookUp(name: string, user: Member): { readonly value: unknown } | undefined {
    const origin = user === self ? undefined : scopeOf(user.fn);
    if (origin !== undefined && Object.hasOwn(origin, name)) return { value: origin[name] };
    if (Object.hasOwn(captures, name)) return { value: captures[name] };
    if (isSelfReference(name, user)) return { value: user.fn };
    if (Object.hasOwn(scope, name) && !isImportBinding(name)) return { value: scope[name] };
    if (isSelfReference(name, self)) return { value: main };
    return undefined;
  }

  function isRefusedHelper(variable: OuterVariable, user: Member): boolean {
    return toolOf(variable.name) !== undefined && lookUp(variable.name, user) === undefined;
  }

  /** A module's binding becomes an object with the members used, when each of them is captured by its own name. */
  function resolveImport(variable: OuterVariable, user: Member): void {
    const place = placeOf(user, variable.start);
    const members = importedMembers.get(variable.name) ?? new Set();
    importedMembers.set(variable.name, members);
    for (const { member } of variable.uses) {
      const found = member === undefined || !isIdentifier(member) ? undefined : lookUp(member, user);
      if (member === undefined || found === undefined || member === "default") {
        problems.push({ type: "imported", variable: member ?? variable.name, place });
      } else if (!members.has(member)) {
        bind(member, found.value, place);
        members.add(member);
      }
    }
    const names = [...members];
    const source = `({ ${names.map((name) => `get ${name}() { return ${name}; }`).join(", ")} })`;
    define({ name: variable.name, source, isInert: true, usesNow: names, usesMaybe: [], uses: names });
  }

  function bind(name: string, value: unknown, place: Place): void {
    if (meanings.has(name)) {
      if (!Object.is(meanings.get(name), value)) problems.push({ type: "two-meanings", variable: name, place });
      return;
    }
    meanings.set(name, value);
    if (isOpaque(value)) {
      values[name] = value;
    } else if (typeof value === "function") {
      bindFunction(name, value, place);
    } else {
      bindValue(name, value, place);
    }
  }

  function bindFunction(name: string, fn: Function, place: Place): void {
    const existing = definedAs.get(fn);
    if (existing !== undefined)
      return define({ name, source: existing, isInert: false, usesNow: [existing], usesMaybe: [], uses: [existing] });
    definedAs.set(fn, name);
    const member = fn === main ? self : join(fn, name, place);
    if (member === undefined) return;
    // compile makes the function itself inside a thunk, where the binding does not name it.
    const binding = fn === main ? undefined : name;
    define({ name, source: expressionOf(member.analysis, member.name, binding), ...usesOf([member.analysis]) });
  }

  function bindValue(name: string, value: unknown, place: Place): void {
    const inside: ReadableFunction[] = [];
    const aliases: string[] = [];
    let leaves = 0;
    const container = writeContainer(value, name, isOpaque, {
      functionAt(fn, path, key) {
        const existing = definedAs.get(fn);
        if (existing !== undefined) {
          aliases.push(existing);
          return existing;
        }
        const member = join(fn, path, place);
        if (member === undefined) return "undefined";
        inside.push(member.analysis);
        return expressionOf(member.analysis, member.name, key);
      },
      valueAt(leaf) {
        const leafName = `${name}$${leaves++}`;
        bind(leafName, leaf, place);
        return leafName;
      },
    });
    switch (container.type) {
      case "value":
        values[name] = value;
        return;
      case "refused":
        problems.push({ type: "capture", path: container.path, reason: container.reason, place });
        return;
      case "source": {
        const { usesNow, usesMaybe, uses } = usesOf(inside);
        define({
          name,
          source: container.source,
          isInert: false,
          usesNow: [...aliases, ...usesNow],
          usesMaybe,
          uses: [...aliases, ...uses],
        });
      }
    }
  }

  /** The function's own outer variables will be followed in turn. */
  function join(fn: Function, path: string, place: Place): Member | undefined {
    const name = nameOf(fn);
    const read = analyse(fn);
    if (read.type === "unreadable") {
      problems.push({ type: "capture", path, reason: `cannot travel: ${explainUnreadable(name, read.reason)}`, place });
      return undefined;
    }
    const member: Member = { fn, name, analysis: read, owner: { name: name === "" ? path : name, path } };
    members.push(member);
    return member;
  }

  function define(definition: Definition): void {
    definitions.set(definition.name, definition);
  }
}

/**
 * `const fib = (n) => … fib(n - 1) …` means itself by `fib`: an arrow has no name of its own, but was given that of its
 * const. A method has its name without being in scope under it, and a name every thread has means what it means there.
 */
function isSelfReference(name: string, user: Member): boolean {
  return name === user.name && !user.analysis.isMethod && !isWorkerGlobal(name);
}

function problemWith(variable: OuterVariable, place: Place): Problem[] {
  const { name } = variable;
  if (isImportMeta(name)) return [{ type: "form", form: "import.meta", text: "import.meta", place }];
  const tool = toolOf(name);
  if (tool !== undefined) return [{ type: "tool-helper", variable: name, place, tool }];
  const advice = adviceForAbsent(name);
  if (advice === undefined)
    return [{ type: "missing", variable: name, place, isBaseClass: variable.uses[0]?.isBaseClass === true }];
  // `typeof process !== "undefined" && process.version`: the author knows that it may be absent.
  if (variable.uses.some((use) => use.isTypeof)) return [];
  return [{ type: "absent-in-worker", variable: name, place, advice }];
}

function placeOf(user: Member, start: number): Place {
  return { source: user.analysis.source, start, owner: user.owner };
}

function usesOf(analyses: readonly ReadableFunction[]): Pick<Definition, "isInert" | "usesNow" | "usesMaybe" | "uses"> {
  const outer = analyses.flatMap((analysis) => analysis.outer);
  const during = (evaluation: "now" | "maybe") =>
    outer
      .filter((variable) => variable.uses.some((use) => use.evaluation === evaluation))
      .map((variable) => variable.name);
  return {
    isInert: analyses.every((analysis) => analysis.kind !== "class"),
    usesNow: during("now"),
    usesMaybe: during("maybe"),
    uses: outer.map((variable) => variable.name),
  };
}
