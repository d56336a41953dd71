/**
 * ObjectRef: a handle on a value that exists or will exist somewhere. Owns its place among the handles on the same
 * object, and nothing of the value. Deliberately not a thenable.
 */
import { ObjectFreedError } from "../protocol/errors.ts";
import type { ObjectId } from "../protocol/ids.ts";
import type { HeldObject } from "./held-object.ts";
import { checkOptions } from "./options.ts";
import type { Submitter } from "./submitter.ts";
import { asToken, type Encoding, type Token } from "./tokens.ts";
import type { GetOptions, ObjectRef } from "./types.ts";

// Older browsers lack it; `using` compiled for them looks for this very symbol.
if (Symbol.dispose === undefined) Object.defineProperty(Symbol, "dispose", { value: Symbol.for("Symbol.dispose") });
if (Symbol.asyncDispose === undefined) {
  Object.defineProperty(Symbol, "asyncDispose", { value: Symbol.for("Symbol.asyncDispose") });
}

export class Ref<T> implements ObjectRef<T> {
  readonly #submitter: Submitter;
  readonly #held: HeldObject;
  #isDisposed = false;

  constructor(submitter: Submitter, held: HeldObject) {
    this.#submitter = submitter;
    this.#held = held;
    submitter.holdings.add(held, this);
  }

  get id(): ObjectId {
    return this.#held.id;
  }

  /** Throws ObjectFreedError once the handle has been disposed of. */
  get held(): HeldObject {
    if (this.#isDisposed) {
      throw new ObjectFreedError(`Cannot use object "${this.#held.id}": this handle on it was disposed of`);
    }
    return this.#held;
  }

  async get(options?: GetOptions): Promise<T> {
    checkOptions("get", options);
    const [value] = await this.#submitter.valuesOf([this.held], options);
    // The type is that of whoever made the object.
    return value as T;
  }

  [Symbol.dispose](): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    this.#submitter.holdings.dispose(this.#held);
  }

  [asToken](encoding: Encoding): Token {
    const { id } = this.held;
    encoding.refs.push(id);
    return { kind: "ref", id };
  }

  toJSON(): { readonly objectRef: string } {
    return { objectRef: this.#held.id };
  }

  get [Symbol.toStringTag](): string {
    return "ObjectRef";
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return `ObjectRef(${this.#held.id})`;
  }
}
