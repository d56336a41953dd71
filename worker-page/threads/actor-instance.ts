/**
 * The user's object behind an actor: made by its constructor or put together from a saved state, called, and looked at
 * for its state, by the hooks of its class or else by its own fields. Knows nothing about whose turn it is, or when and
 * where states are kept.
 *
 * THREAD-30: a restored actor has the fields or the #private members that were saved, and its constructors have not run.
 * THREAD-19: a call of a method that the actor does not have fails with the methods it has.
 */
import { newBlank } from "../../grid/shipping/blank-instances.ts";
import { stateProblemOf } from "../../grid/shipping/hidden-state.ts";
import { submitterOf } from "../../grid/submitter.ts";
import type { Grid } from "../../grid/types.ts";
import { decodeArguments, encodeResult } from "../../grid/values.ts";
import type { ActorSpec } from "../../protocol/nouns.ts";
import { isThenable } from "./carry-out.ts";
import type { Functions } from "./functions.ts";
import { inputsById } from "./inputs.ts";
import type { ThreadActor, ThreadCall, ThreadValue } from "./thread-work.ts";

const call = Reflect.apply;
const construct = Reflect.construct;

export class ActorInstance {
  readonly #spec: ActorSpec;
  readonly #functions: Functions;
  readonly #grid: Grid;
  /** Those of its class, as keys. */
  readonly #methods: Record<string, true | undefined> = Object.create(null);
  #cls: Function = Object;
  #object: object = {};

  constructor(spec: ActorSpec, functions: Functions, grid: Grid) {
    this.#spec = spec;
    this.#functions = functions;
    this.#grid = grid;
    for (let i = 0; i < spec.methods.length; i++) {
      const method = spec.methods[i];
      if (method !== undefined) this.#methods[method.name] = true;
    }
  }

  isMethod(name: string): boolean {
    return this.#methods[name] === true;
  }

  /** Throws what the constructor throws, or what came of reading the class and its arguments. */
  make({ args, inputs }: ThreadActor["creation"]): void {
    this.#cls = this.#functions.bind(this.#spec.functionId, this.#grid);
    this.#object = construct(this.#cls, decodeArguments(this.#grid, args, inputsById(inputs)));
  }

  /** As it was when `state` was saved. A promise when `restoreState` gives one: the instance is ready once it resolves. */
  remake(state: Uint8Array): unknown {
    this.#cls = this.#functions.bindWithBlanks(this.#spec.functionId, this.#grid);
    this.#object = newBlank(this.#cls);
    const value = submitterOf(this.#grid).decode(state);
    const restore: unknown = Reflect.get(this.#object, "restoreState");
    if (typeof restore === "function") return call(restore, this.#object, [value]);
    putFields(this.#object, typeof value === "object" && value !== null ? value : {});
    return undefined;
  }

  call(given: ThreadCall): unknown {
    const method = this.#method(given.method);
    return call(method, this.#object, decodeArguments(this.#grid, given.args, inputsById(given.inputs)));
  }

  #method(name: string): Function {
    const method: unknown = Reflect.get(this.#object, name);
    const isInherited = name === "constructor" || method === Reflect.get(Object.prototype, name);
    if (typeof method === "function" && !isInherited) return method;
    const { className, methods } = this.#spec;
    const names = methods.map((known) => known.name).join(", ");
    throw new TypeError(`Actor "${className}" has no method "${name}"; it has: ${names || "none"}`);
  }

  /**
   * A copy of its state, encoded, at once or when `saveState` has resolved.
   * @throws {SerializationError} with the path from `state` or from `this`
   * @throws what user code throws on the way
   */
  takeState(): ThreadValue | Promise<ThreadValue> {
    const save: unknown = Reflect.get(this.#object, "saveState");
    if (typeof save !== "function") return encodeResult(this.#grid, this.#fields(), "this");
    const state: unknown = call(save, this.#object, []);
    return isThenable(state) ? this.#encodeLater(state) : encodeResult(this.#grid, state, "state");
  }

  async #encodeLater(state: PromiseLike<unknown>): Promise<ThreadValue> {
    return encodeResult(this.#grid, await state, "state");
  }

  /** False when a state that is taken would not be all of it, which is asked at creation unless the checkpoint is "off". */
  hasWholeState(): boolean {
    if (this.#spec.checkpoint.type !== "off") return true;
    try {
      return stateProblemOf(this.#cls) === undefined;
    } catch {
      return false;
    }
  }

  /** Methods written as fields come with every instance; everything else counts. */
  #fields(): object {
    const fields: Record<string, unknown> = Object.create(null);
    const keys = Object.keys(this.#object);
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i] ?? "";
      const value: unknown = Reflect.get(this.#object, key);
      if (typeof value !== "function" || !this.isMethod(key)) fields[key] = value;
    }
    return fields;
  }
}

function putFields(object: object, fields: object): void {
  // 1. What a field is at first may have been gone by the time of saving.
  const first = Object.keys(object);
  for (let i = 0; i < first.length; i++) {
    const key = first[i] ?? "";
    if (typeof Reflect.get(object, key) !== "function") Reflect.deleteProperty(object, key);
  }
  // 2. Defined, not assigned: setters are user code, and have had their say.
  const keys = Object.keys(fields);
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] ?? "";
    const value: unknown = Reflect.get(fields, key);
    Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
  }
}
