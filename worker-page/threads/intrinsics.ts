/**
 * Keeps user code from changing those built-ins that the way to the shell rests on. They are few on purpose: what is
 * made read-only here stays as fast as it was, while doing the same to Array, Map or typed arrays makes loops over them
 * 4 to 15 times slower for everyone (measured in V8 11, Node 20). So the modules on that way (sealed-port, shell-orders,
 * shell-calls, reports, turns, attempts, runner) use neither array methods nor iteration, Map or Set.
 *
 * This protects the attempts of one job from each other, as far as code in one realm can be: a task that patches
 * Array.prototype still spoils what the next one computes. Between jobs it is the thread that protects: it serves one.
 *
 * THREAD-3: user code cannot replace the built-ins on the way to the shell; it can replace the rest.
 */

type Scope = typeof globalThis;

/** Bindings, and static members. */
const constructors = ["Object", "Promise", "Reflect"] as const satisfies readonly (keyof Scope)[];

/** Bindings alone. */
const bindings = ["Array", "Function", "Uint8Array", "ArrayBuffer", "TypeError", "globalThis", "self"] as const;

/**
 * A member that cannot be replaced on a prototype cannot be assigned on what inherits from it either, and people do
 * write `fn.toString = ...`.
 */
const functionMembers = ["apply", "bind", "call"] as const;

export function fixIntrinsics(scope: Scope): void {
  for (const name of constructors) {
    for (const key of Reflect.ownKeys(scope[name])) fix(scope[name], key);
    fix(scope, name);
  }
  for (const name of bindings) fix(scope, name);
  for (const name of functionMembers) fix(scope.Function.prototype, name);
  // With `constructor`: `await` asks a promise for it.
  for (const key of Reflect.ownKeys(scope.Promise.prototype)) fix(scope.Promise.prototype, key);
  // A setter put where nothing is would be called with what is being stored there.
  Object.preventExtensions(scope.Object.prototype);
  Object.preventExtensions(scope.Array.prototype);
}

function fix(owner: object, key: PropertyKey): void {
  const descriptor = Object.getOwnPropertyDescriptor(owner, key);
  if (descriptor === undefined || !descriptor.configurable) return;
  if ("value" in descriptor) Object.defineProperty(owner, key, { writable: false, configurable: false });
  else Object.defineProperty(owner, key, { configurable: false });
}
