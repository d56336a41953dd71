/**
 * What can be called on an instance of a class, and what its constructor needs: its own and inherited public methods.
 * Read from the class itself, so that bases are counted wherever they came from. Knows nothing about captures.
 */
import { analyse } from "./analysis.ts";

export interface ClassMethod {
  readonly name: string;
  readonly kind: "method" | "generator";
  /** Of a built-in method 0: their lengths do not say. */
  readonly requiredArguments: number;
}

/** The nearest override comes first and counts. Symbols, #private names and accessors are left out. */
export function methodsOf(cls: Function): ClassMethod[] {
  const seen = new Set(["constructor"]);
  const methods: ClassMethod[] = [];
  for (const link of inheritanceOf(cls)) {
    const analysis = analyse(link);
    const members = analysis.type === "readable" ? analysis.members : [];
    const byName = new Map(members.map((member) => [member.name, member]));
    for (const { name, kind, isField, requiredArguments } of members)
      if (isField) add({ name, kind, requiredArguments });
    const prototype: unknown = link.prototype;
    if (typeof prototype !== "object" || prototype === null) continue;
    for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
      const method: unknown = descriptor.value;
      if (typeof method !== "function") {
        seen.add(name);
        continue;
      }
      const unseen = analysis.type === "unreadable" ? 0 : method.length;
      add({
        name,
        kind: isGenerator(method) ? "generator" : "method",
        requiredArguments: byName.get(name)?.requiredArguments ?? unseen,
      });
    }
  }
  return methods;

  function add(method: ClassMethod): void {
    if (seen.has(method.name)) return;
    seen.add(method.name);
    methods.push(method);
  }
}

/** Of the nearest class with a constructor of its own; 0 when that is built in. */
export function constructorArgumentsOf(cls: Function): number {
  for (const link of inheritanceOf(cls)) {
    const analysis = analyse(link);
    if (analysis.type === "unreadable") return 0;
    if (analysis.requiredArguments !== undefined) return analysis.requiredArguments;
  }
  return 0;
}

/** The class and its bases, the nearest first. */
export function inheritanceOf(cls: Function): Function[] {
  const links: Function[] = [];
  for (
    let link: unknown = cls;
    typeof link === "function" && link !== Function.prototype;
    link = Object.getPrototypeOf(link)
  )
    links.push(link);
  return links;
}

function isGenerator(method: Function): boolean {
  return /Generator/.test(Object.prototype.toString.call(method));
}
