/**
 * Actor handles: one member for each public method of the actor's class, through which it is called. Owns the shape that
 * users hold and the count of calls under way. Knows nothing about where the actor is.
 */
import { PendingCallsLimitExceededError } from "../protocol/errors.ts";
import { type ActorId, creationOf, returnId } from "../protocol/ids.ts";
import type { CallSpec } from "../protocol/nouns.ts";
import type { HeldObject, Waiter } from "./held-object.ts";
import { Ref } from "./object-ref.ts";
import { RefGenerator } from "./object-ref-generator.ts";
import { checkOptions } from "./options.ts";
import { type AnyCallOptions, callSpec } from "./specs.ts";
import { checkArguments, submitWith } from "./submission.ts";
import type { Submitter } from "./submitter.ts";
import { asToken, type MethodToken, type Token } from "./tokens.ts";
import type { ActorHandle, ObjectRef } from "./types.ts";

/** What a handle knows of its actor. */
export interface ActorFacts {
  readonly actorId: ActorId;
  readonly className: string;
  readonly methods: readonly MethodToken[];
  /** -1: no limit. */
  readonly maxTaskRetries: number;
  /** Of this handle; absent: no limit. */
  readonly maxPendingCalls?: number | undefined;
}

/** `creation`: return 0 of the task that makes it, when this Grid submitted that. */
export function newActorHandle<T extends object>(
  submitter: Submitter,
  facts: ActorFacts,
  creation?: HeldObject,
): ActorHandle<T> {
  const callee = new Callee(submitter, facts, creation);
  const handle = new Handle(callee);
  const proxy = new Proxy(handle, handleTraps);
  callees.set(handle, callee);
  callees.set(proxy, callee);
  // The members are those of T's methods, which the caller vouches for.
  return proxy as unknown as ActorHandle<T>;
}

/** Undefined for anything that is no handle. */
export function calleeOf(handle: unknown): Callee | undefined {
  return typeof handle === "object" && handle !== null ? callees.get(handle) : undefined;
}

/** Of each handle, as itself and as the proxy that users hold. */
const callees = new WeakMap<object, Callee>();

/** The actor as its handle sees it. */
export class Callee {
  readonly submitter: Submitter;
  readonly facts: ActorFacts;
  #actorId: ActorId;
  #ready: Ref<void> | undefined;
  #pendingCalls = 0;

  constructor(submitter: Submitter, facts: ActorFacts, creation: HeldObject | undefined) {
    this.submitter = submitter;
    this.facts = facts;
    this.#actorId = facts.actorId;
    if (creation !== undefined) this.#ready = new Ref<void>(submitter, creation);
  }

  get actorId(): ActorId {
    return this.#actorId;
  }

  /** The actor exists already, as this one. The id that was asked for is understood as well. */
  rename(actorId: ActorId): void {
    this.#actorId = actorId;
  }

  ready(): ObjectRef<void> {
    const { holdings } = this.submitter;
    this.#ready ??= new Ref<void>(this.submitter, holdings.share(returnId(creationOf(this.facts.actorId), 0)));
    // Each caller may dispose of the one it gets.
    return new Ref<void>(this.submitter, this.#ready.held);
  }

  call(spec: CallSpec, called: MethodToken, args: readonly unknown[]): HeldObject[] {
    const { submitter, facts } = this;
    checkArguments({ name: spec.name, requiredArguments: called.required }, args.length);
    const { maxPendingCalls } = facts;
    if (maxPendingCalls === undefined) return submitWith(submitter, args, [], (call) => submitter.submit(spec, call));
    if (this.#pendingCalls >= maxPendingCalls) {
      throw new PendingCallsLimitExceededError(
        `Cannot call "${spec.name}": ${this.#pendingCalls} calls of this handle are pending, its maxPendingCalls`,
        { actorId: this.actorId },
      );
    }
    const objects = submitWith(submitter, args, [], (call) => submitter.submit(spec, call));
    const [first] = objects;
    if (first !== undefined) this.#count(first);
    return objects;
  }

  /** A call is pending until its first return is ready. */
  #count(held: HeldObject): void {
    this.#pendingCalls++;
    const waiter: Waiter = {
      notice: () => {
        this.#pendingCalls--;
        return true;
      },
    };
    held.await(waiter);
    this.submitter.wants.ask([held]);
  }
}

/** What is behind the proxy: its own enumerable members are the methods. */
class Handle {
  constructor(callee: Callee) {
    for (const method of callee.facts.methods) {
      const member = method.generator ? new GeneratorMethod(callee, method, {}) : new Method(callee, method, {});
      Object.defineProperty(this, method.name, { value: member, enumerable: true });
    }
  }

  get $actorId(): ActorId {
    return own(this).actorId;
  }

  $ready(): ObjectRef<void> {
    return own(this).ready();
  }

  [asToken](): Token {
    const { facts, actorId } = own(this);
    const { className, methods, maxTaskRetries, maxPendingCalls } = facts;
    return {
      kind: "actor",
      actorId,
      className,
      methods,
      maxTaskRetries,
      ...(maxPendingCalls !== undefined && { maxPendingCalls }),
    };
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    const { facts, actorId } = own(this);
    return `ActorHandle(${facts.className}, ${actorId})`;
  }
}

function own(handle: Handle): Callee {
  const callee = callees.get(handle);
  if (callee === undefined) throw new TypeError("Expected an actor handle, as an actor class's remote() gives");
  return callee;
}

/** Asked by the language, by JSON, by test tools: the answer is no, not an error. `then` above all. */
const asked: ReadonlySet<string> = new Set([
  "then",
  "toJSON",
  "constructor",
  "asymmetricMatch",
  "nodeType",
  "tagName",
  "$$typeof",
  "inspect",
]);

const handleTraps: ProxyHandler<Handle> = {
  get(handle, key) {
    if (key === "constructor" && !Object.hasOwn(handle, key)) return undefined;
    if (key in handle) return Reflect.get(handle, key, handle) as unknown;
    if (typeof key === "symbol" || asked.has(key)) return undefined;
    const { className, methods } = own(handle).facts;
    throw new TypeError(
      `Cannot use "${key}" of actor ${className}: its methods are ${methods.map(({ name }) => name).join(", ") || "none"}`,
    );
  },
  set(handle, key) {
    throw new TypeError(
      `Cannot set "${String(key)}" of actor ${own(handle).facts.className}: its state is changed by its methods`,
    );
  },
};

class Method {
  readonly #callee: Callee;
  readonly #method: MethodToken;
  readonly #options: AnyCallOptions;
  #spec: CallSpec | undefined;

  constructor(callee: Callee, method: MethodToken, options: AnyCallOptions) {
    this.#callee = callee;
    this.#method = method;
    this.#options = options;
  }

  remote(...args: unknown[]): ObjectRef<unknown> | ObjectRef<unknown>[] {
    const { facts, submitter } = this.#callee;
    this.#spec ??= callSpec(facts, this.#method.name, false, this.#options);
    const refs = this.#callee.call(this.#spec, this.#method, args).map((held) => new Ref<unknown>(submitter, held));
    const [only] = refs;
    return this.#options.numReturns !== undefined || only === undefined ? refs : only;
  }

  options(options: AnyCallOptions): Method {
    checkOptions("call", options);
    return new Method(this.#callee, this.#method, { ...this.#options, ...options });
  }
}

class GeneratorMethod {
  readonly #callee: Callee;
  readonly #method: MethodToken;
  readonly #options: AnyCallOptions;
  #spec: CallSpec | undefined;

  constructor(callee: Callee, method: MethodToken, options: AnyCallOptions) {
    this.#callee = callee;
    this.#method = method;
    this.#options = options;
  }

  remote(...args: unknown[]): RefGenerator<unknown> {
    const { facts, submitter } = this.#callee;
    this.#spec ??= callSpec(facts, this.#method.name, true, this.#options);
    const [completion] = this.#callee.call(this.#spec, this.#method, args);
    if (completion === undefined) throw new RangeError("a generator has a completion");
    return new RefGenerator<unknown>(submitter, completion, this.#options.backpressure !== undefined);
  }

  options(options: AnyCallOptions): GeneratorMethod {
    checkOptions("generator call", options);
    return new GeneratorMethod(this.#callee, this.#method, { ...this.#options, ...options });
  }
}
