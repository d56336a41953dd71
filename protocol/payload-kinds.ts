/**
 * What kind of object a value is, asked of its prototype once and remembered. Owns the list of what cannot be
 * copied, and the words to say so. Works across realms (a value from an iframe has another realm's Map), so it
 * looks for the nearest built-in constructor in the prototype chain and goes by its name. Knows nothing about bytes.
 */
import { viewClasses } from "./payload-format.ts";

export type Kind =
  | {
      readonly is: "plain" | "instance" | "date" | "regexp" | "map" | "set" | "error" | "boxed" | "buffer";
      readonly builtIn: boolean;
    }
  | { readonly is: "view"; readonly code: number; readonly builtIn: boolean }
  | { readonly is: "refused"; readonly name: string; readonly builtIn: false };

/** `builtIn` is false for prototypes of the user's classes: their objects may be tokens. */
export function kindOf(prototype: object): Kind {
  let kind = known.get(prototype);
  if (kind === undefined) {
    kind = findKind(prototype);
    known.set(prototype, kind);
  }
  return kind;
}

export function refusalOf(name: string): { readonly reason: string; readonly advice: string } {
  const article = /^[AEIO]/.test(name) ? "an" : "a";
  return { reason: `it is ${article} ${name}`, advice: advice.get(name) ?? otherAdvice };
}

export const functionRefusal = {
  reason: "it is a function",
  advice: "Make it a remote function or list it in captures.",
};

export const symbolRefusal = {
  reason: "it is a symbol",
  advice: "Symbols mean nothing in another thread: send a string.",
};

const known = new WeakMap<object, Kind>();

const copied = new Map<string, Kind>([
  ["Object", { is: "plain", builtIn: true }],
  ["Date", { is: "date", builtIn: true }],
  ["RegExp", { is: "regexp", builtIn: true }],
  ["Map", { is: "map", builtIn: true }],
  ["Set", { is: "set", builtIn: true }],
  ["Error", { is: "error", builtIn: true }],
  ["DOMException", { is: "error", builtIn: true }],
  ["Number", { is: "boxed", builtIn: true }],
  ["String", { is: "boxed", builtIn: true }],
  ["Boolean", { is: "boxed", builtIn: true }],
  ["BigInt", { is: "boxed", builtIn: true }],
  ["ArrayBuffer", { is: "buffer", builtIn: true }],
  ["SharedArrayBuffer", { is: "buffer", builtIn: true }],
  ...viewClasses.map((name, code): [string, Kind] => [name, { is: "view", code, builtIn: true }]),
]);

const otherAdvice = "Send plain data taken from it.";
const advice = new Map<string, string>([
  ["Promise", "Await it first."],
  ["WeakMap", "Send a Map."],
  ["WeakSet", "Send a Set."],
  ["WeakRef", "Send what it refers to."],
  ["Symbol", "Symbols mean nothing in another thread: send a string."],
  ["Generator", "Send an array: [...it]."],
  ["Array Iterator", "Send an array: [...it]."],
  ["Map Iterator", "Send an array: [...it]."],
  ["Set Iterator", "Send an array: [...it]."],
  ["URL", "Send its href."],
  ["URLSearchParams", "Send its text: String(it)."],
  ["Headers", "Send an object: Object.fromEntries(it)."],
  ["FormData", "Send an object: Object.fromEntries(it)."],
  ["Blob", "Send its bytes: await it.arrayBuffer()."],
  ["File", "Send its bytes: await it.arrayBuffer()."],
  ["Response", "Send its bytes: await it.arrayBuffer()."],
  ["ImageData", "Send its data, width and height."],
  ["ImageBitmap", "Send the pixels: an ImageData's data, width and height."],
]);

function findKind(prototype: object): Kind {
  for (let link: object | null = prototype; link !== null; link = Object.getPrototypeOf(link)) {
    const label = builtInName(link);
    if (label === undefined) continue;
    const kind = copied.get(label);
    if (kind === undefined) return { is: "refused", name: label, builtIn: false };
    if (link === prototype) return kind;
    return kind.is === "plain" ? { is: "instance", builtIn: false } : { ...kind, builtIn: false };
  }
  return { is: "instance", builtIn: false };
}

/**
 * The name of the built-in or platform class that `prototype` belongs to. Its constructor is native code, or (URL and
 * Blob in Node) an unenumerable global; and it is one of those we copy, or it carries its own Symbol.toStringTag,
 * as everything else that a platform defines does. A user's class fails one of the two.
 */
function builtInName(prototype: object): string | undefined {
  const tag: unknown = ownValue(prototype, Symbol.toStringTag);
  const constructor = ownValue(prototype, "constructor");
  // Iterators and generators: a prototype with a tag and no constructor of its own.
  if (typeof constructor !== "function")
    return typeof tag === "string" && /Iterator|Generator/.test(tag) ? tag : undefined;
  const name: unknown = ownValue(constructor, "name");
  if (typeof name !== "string") return undefined;
  if (!isNative(constructor) && !isPlatformGlobal(name, constructor)) return undefined;
  return copied.has(name) ? name : typeof tag === "string" ? tag : undefined;
}

function ownValue(of: object, key: PropertyKey): unknown {
  return Object.getOwnPropertyDescriptor(of, key)?.value;
}

function isNative(constructor: object): boolean {
  return /\{\s*\[native code\]\s*\}$/.test(Function.prototype.toString.call(constructor));
}

function isPlatformGlobal(name: string, constructor: object): boolean {
  const descriptor = Object.getOwnPropertyDescriptor(globalThis, name);
  if (descriptor === undefined || descriptor.enumerable === true) return false;
  return (descriptor.get === undefined ? descriptor.value : descriptor.get.call(globalThis)) === constructor;
}
