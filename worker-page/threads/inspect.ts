/**
 * A value as a line of log shows it: like a console, to a depth and a length, and without running anything of the
 * user's: getters are named, not called, and what throws when it is looked at says so. Knows nothing about consoles.
 */
import { limits } from "../../protocol/limits.ts";

const deepest = 3;
const mostMembers = 100;

/** Text is shown as it is, everything else as `inspect` shows it. */
export function inspectArgument(value: unknown): string {
  return typeof value === "string" ? value : inspect(value);
}

export function inspect(value: unknown): string {
  try {
    return new Picture().of(value, 0);
  } catch {
    return "[cannot be shown]";
  }
}

class Picture {
  readonly #around: object[] = [];
  #length = 0;

  of(value: unknown, depth: number): string {
    const text = this.#draw(value, depth);
    if (typeof value !== "object" || value === null) this.#length += text.length;
    return text;
  }

  #draw(value: unknown, depth: number): string {
    switch (typeof value) {
      case "string":
        return JSON.stringify(value);
      case "bigint":
        return `${value}n`;
      case "number":
        return Object.is(value, -0) ? "-0" : `${value}`;
      case "function":
        return `[${isClass(value) ? "class" : "function"} ${ownText(value, "name") ?? "(anonymous)"}]`;
      case "object":
        return value === null ? "null" : this.#object(value, depth);
      default:
        return String(value);
    }
  }

  #object(value: object, depth: number): string {
    if (this.#around.includes(value)) return "[circular]";
    if (this.#length > limits.logLineBytes) return "…";
    if (value instanceof Error) return this.#error(value, depth);
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? "Invalid Date" : value.toISOString();
    if (value instanceof RegExp) return String(value);
    if (value instanceof Promise) return "Promise {}";
    if (depth >= deepest) return Array.isArray(value) ? `[array of ${value.length}]` : `[${nameOf(value) ?? "object"}]`;

    this.#around.push(value);
    const text = this.#container(value, depth + 1);
    this.#around.pop();
    return text;
  }

  #container(value: object, depth: number): string {
    if (Array.isArray(value)) return list("[", value.length, (i) => this.of(value[i], depth), "]");
    if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
      const items = value as unknown as ArrayLike<unknown>;
      return list(`${nameOf(value)}(${items.length}) [`, items.length, (i) => this.of(items[i], depth), "]");
    }
    if (value instanceof ArrayBuffer) return `ArrayBuffer(${value.byteLength})`;
    if (value instanceof Map) {
      const entries = [...value].slice(0, mostMembers);
      const entry = (i: number): string => `${this.of(entries[i]?.[0], depth)} => ${this.of(entries[i]?.[1], depth)}`;
      return list(`Map(${value.size}) {`, value.size, entry, "}");
    }
    if (value instanceof Set) {
      const items = [...value].slice(0, mostMembers);
      return list(`Set(${value.size}) {`, value.size, (i) => this.of(items[i], depth), "}");
    }
    const keys = Object.keys(value);
    const name = nameOf(value);
    const opening = name === undefined || name === "Object" ? "{" : `${name} {`;
    return list(opening, keys.length, (i) => this.#member(value, keys[i] ?? "", depth), "}");
  }

  #member(of: object, key: string, depth: number): string {
    const shown = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key) ? key : JSON.stringify(key);
    const descriptor = Object.getOwnPropertyDescriptor(of, key);
    if (descriptor !== undefined && !("value" in descriptor)) return `${shown}: [getter]`;
    return `${shown}: ${this.of(descriptor?.value, depth)}`;
  }

  #error(error: Error, depth: number): string {
    const { stack } = error;
    const text = typeof stack === "string" && stack !== "" ? stack : `${error.name}: ${error.message}`;
    if (error.cause === undefined || depth >= deepest) return text;
    this.#around.push(error);
    const cause = this.of(error.cause, depth + 1);
    this.#around.pop();
    return `${text}\n[cause]: ${cause}`;
  }
}

function list(opening: string, length: number, at: (index: number) => string, closing: string): string {
  if (length === 0) return `${opening}${closing}`;
  const shown: string[] = [];
  for (let i = 0; i < Math.min(length, mostMembers); i++) shown.push(at(i));
  if (length > mostMembers) shown.push(`… ${length - mostMembers} more`);
  const space = opening === "[" || opening.endsWith(" [") ? "" : " ";
  return `${opening}${space}${shown.join(", ")}${space}${closing}`;
}

function nameOf(value: object): string | undefined {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (typeof prototype !== "object" || prototype === null) return undefined;
  const constructor: unknown = Object.getOwnPropertyDescriptor(prototype, "constructor")?.value;
  return typeof constructor === "function" ? ownText(constructor, "name") : undefined;
}

function ownText(of: object, key: string): string | undefined {
  const text: unknown = Object.getOwnPropertyDescriptor(of, key)?.value;
  return typeof text === "string" && text !== "" ? text : undefined;
}

function isClass(fn: Function): boolean {
  return Object.getOwnPropertyDescriptor(fn, "prototype")?.writable === false;
}
