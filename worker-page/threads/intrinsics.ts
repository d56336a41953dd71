/**
 * Keeps user code from changing the built-ins that the runtime beside it relies on: with a patched Map.prototype.get
 * one task could reach the records of another and answer in its name. The members stay what they are, own properties of
 * instances and subclasses stay free, and what people do replace (Math.random, Date.now, JSON, Error, console) is left
 * alone because nothing here rests on it. Knows nothing about the runtime.
 *
 * THREAD-3: user code cannot replace the built-ins that the runtime relies on; it can replace the rest.
 */

type Scope = typeof globalThis;

/** Bindings, statics and prototypes of these. */
const constructors = [
  "Object",
  "Function",
  "Array",
  "Map",
  "Set",
  "WeakMap",
  "WeakSet",
  "WeakRef",
  "FinalizationRegistry",
  "Promise",
  "String",
  "Symbol",
  "ArrayBuffer",
  "DataView",
  "Uint8Array",
  "TextEncoder",
  "TextDecoder",
] as const satisfies readonly (keyof Scope)[];

/** Bindings and members of these. */
const namespaces = ["Reflect"] as const satisfies readonly (keyof Scope)[];

/** Bindings alone. */
const functions = ["queueMicrotask", "structuredClone", "globalThis", "self"] as const;

/**
 * A method that cannot be replaced on a prototype cannot be assigned on what inherits from it either. These are what
 * people assign there: `Child.prototype.constructor = Child`, `fn.toString = ...`, `point.valueOf = ...`.
 */
const assignedByHeirs: ReadonlySet<PropertyKey> = new Set(["constructor", "toString", "toLocaleString", "valueOf"]);

export function fixIntrinsics(scope: Scope): void {
  for (const name of constructors) {
    const constructor: { readonly prototype: object } = scope[name];
    fixMembers(constructor, new Set());
    // Every object inherits from Object.prototype: its few members have to stay assignable.
    if (name !== "Object") fixMembers(constructor.prototype, assignedByHeirs);
  }
  // `await` asks a promise for its constructor.
  fix(scope.Promise.prototype, "constructor");
  for (const name of namespaces) fixMembers(scope[name], new Set());
  for (const prototype of iteratorPrototypes()) fixMembers(prototype, assignedByHeirs);
  fixMembers(Object.getPrototypeOf(scope.Uint8Array.prototype), assignedByHeirs);
  for (const name of [...constructors, ...namespaces, ...functions]) fix(scope, name);

  // Where something is absent, a setter put here would be called with what is being stored there.
  Object.preventExtensions(scope.Object.prototype);
  Object.preventExtensions(scope.Array.prototype);
}

function fixMembers(owner: object, except: ReadonlySet<PropertyKey>): void {
  for (const key of Reflect.ownKeys(owner)) if (!except.has(key)) fix(owner, key);
}

function fix(owner: object, key: PropertyKey): void {
  const descriptor = Object.getOwnPropertyDescriptor(owner, key);
  if (descriptor === undefined || !descriptor.configurable) return;
  if ("value" in descriptor) Object.defineProperty(owner, key, { writable: false, configurable: false });
  else Object.defineProperty(owner, key, { configurable: false });
}

/** They have no names, and every `for ... of` uses them. */
function iteratorPrototypes(): readonly object[] {
  const iterators: readonly object[] = [[].values(), new Map().values(), new Set().values(), ""[Symbol.iterator]()];
  const own = iterators.map((iterator) => prototypeOf(iterator));
  const generator = prototypeOf(prototypeOf((function* () {})()));
  return [...own, prototypeOf(prototypeOf([].values())), generator];
}

function prototypeOf(of: object): object {
  const prototype: unknown = Object.getPrototypeOf(of);
  if (typeof prototype !== "object" || prototype === null) throw new TypeError("Cannot fix intrinsics: no prototype");
  return prototype;
}
