/**
 * Writes a captured array, Map, Set or plain object that holds functions as the source of a literal. One that holds
 * none stays a value and is none of its business. Knows nothing about how a function or a leaf is written: it asks.
 */
import { isIdentifier } from "./names.ts";

export type ContainerSource =
  | { readonly type: "value" }
  | { readonly type: "source"; readonly source: string }
  | { readonly type: "refused"; readonly path: string; readonly reason: string };

export interface LiteralParts {
  functionAt(fn: Function, path: string, key: string | undefined): string;
  valueAt(value: unknown): string;
}

/** Beyond it something is wrong with the capture rather than with the limit. */
const deepest = 50;

export function writeContainer(
  value: unknown,
  path: string,
  isOpaque: (value: unknown) => boolean,
  parts: LiteralParts,
): ContainerSource {
  if (!holdsFunction(value, isOpaque)) return { type: "value" };
  let refusal: { readonly path: string; readonly reason: string } | undefined;
  const source = write(value, path, undefined, []);
  return refusal === undefined ? { type: "source", source } : { type: "refused", ...refusal };

  function write(item: unknown, at: string, key: string | undefined, around: readonly unknown[]): string {
    if (isOpaque(item)) return parts.valueAt(item);
    if (typeof item === "function") return parts.functionAt(item, at, key);
    if (!isContainer(item)) return isSimple(item) ? simpleSource(item) : parts.valueAt(item);
    if (!holdsFunction(item, isOpaque) && !isEmpty(item)) return parts.valueAt(item);
    if (around.includes(item))
      return refuse(at, "holds functions and refers to itself, which cannot be sent. Build it inside the function");
    if (around.length >= deepest)
      return refuse(at, "holds functions too deep inside. Capture them by names of their own");
    const inside = [...around, item];
    if (Array.isArray(item))
      return `[${item.map((one, index) => write(one, `${at}[${index}]`, undefined, inside)).join(", ")}]`;
    if (item instanceof Map) {
      const entries = [...item].map(([name, one], index) => {
        const entryPath = `${at}.get(${typeof name === "string" ? JSON.stringify(name) : String(index)})`;
        return `[${write(name, `${entryPath} key`, undefined, inside)}, ${write(one, entryPath, undefined, inside)}]`;
      });
      return `new Map([${entries.join(", ")}])`;
    }
    if (item instanceof Set)
      return `new Set([${[...item].map((one, index) => write(one, `${at}[${index}]`, undefined, inside)).join(", ")}])`;
    return writeObject(item, at, inside);
  }

  function writeObject(item: object, at: string, inside: readonly unknown[]): string {
    const members = Object.entries(Object.getOwnPropertyDescriptors(item)).flatMap(([key, descriptor]) => {
      if (descriptor.enumerable !== true) return [];
      const memberPath = isIdentifier(key) ? `${at}.${key}` : `${at}[${JSON.stringify(key)}]`;
      if (!("value" in descriptor))
        return [refuse(memberPath, "is a getter or setter beside functions. Make it a method or a plain value")];
      return [`[${JSON.stringify(key)}]: ${write(descriptor.value, memberPath, key, inside)}`];
    });
    const prototype = Object.getPrototypeOf(item) === null ? ["__proto__: null"] : [];
    return `({ ${[...prototype, ...members].join(", ")} })`;
  }

  function refuse(at: string, reason: string): string {
    refusal ??= { path: at, reason };
    return "undefined";
  }
}

function holdsFunction(value: unknown, isOpaque: (value: unknown) => boolean): boolean {
  const seen = new Set<unknown>();
  const pending: unknown[] = [value];
  while (pending.length > 0) {
    const item = pending.pop();
    if (typeof item !== "object" && typeof item !== "function") continue;
    if (item === null || isOpaque(item)) continue;
    if (typeof item === "function") return true;
    if (!isContainer(item) || seen.has(item)) continue;
    seen.add(item);
    for (const inside of itemsOf(item))
      if (typeof inside === "object" || typeof inside === "function") pending.push(inside);
  }
  return false;
}

function itemsOf(item: object): Iterable<unknown> {
  if (Array.isArray(item)) return item;
  if (item instanceof Map) return [...item.keys(), ...item.values()];
  if (item instanceof Set) return item;
  // A getter is not called to find out: it may be slow, or throw.
  return Object.keys(item).map((key): unknown => Object.getOwnPropertyDescriptor(item, key)?.value);
}

function isContainer(item: unknown): item is object {
  if (typeof item !== "object" || item === null) return false;
  const prototype: unknown = Object.getPrototypeOf(item);
  if (prototype === null || prototype === Object.prototype) return true;
  return prototype === Array.prototype || prototype === Map.prototype || prototype === Set.prototype;
}

function isEmpty(item: object): boolean {
  return Array.isArray(item)
    ? item.length === 0
    : !(item instanceof Map || item instanceof Set) && Object.keys(item).length === 0;
}

function isSimple(item: unknown): item is string | number | boolean | bigint | null | undefined {
  return item === null || ["string", "number", "boolean", "bigint", "undefined"].includes(typeof item);
}

function simpleSource(item: string | number | boolean | bigint | null | undefined): string {
  if (typeof item === "string") return JSON.stringify(item);
  if (typeof item === "bigint") return `${item}n`;
  if (item === undefined) return "void 0";
  return Object.is(item, -0) ? "-0" : String(item);
}
