/**
 * A payload's bytes to the value. Owns the distrust: the bytes may come from a stranger, so every length is checked
 * against the bytes that are left before anything is allocated, what is allocated is linear in the bytes, nesting is
 * bounded, no field can reach a prototype, and nothing is evaluated. The format is in payload-format.ts.
 */
import { ProtocolError } from "./errors.ts";
import { limits } from "./limits.ts";
import {
  ErrorPart,
  errorClasses,
  formatPlain,
  formatWithBuffers,
  headerBytes,
  longestRun,
  longestTokenRun,
  Tag,
  TagBase,
} from "./payload-format.ts";
import type { PayloadHooks, Token } from "./payload-hooks.ts";
import { Input, refused } from "./payload-input.ts";
import { type Name, nameAt } from "./payload-names.ts";
import { Slices } from "./payload-slices.ts";

export interface DecodeOptions {
  readonly hooks: PayloadHooks | undefined;
  readonly copyBuffers: boolean;
}

export function decode(payload: Uint8Array, options: DecodeOptions): unknown {
  // Not a Node Buffer, whose methods do other things; and not the methods of somebody's subclass.
  const isPlain = Object.getPrototypeOf(payload) === Uint8Array.prototype;
  const decoder = new Decoder(
    isPlain ? payload : new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength),
    options,
  );
  try {
    return decoder.decode();
  } catch (thrown) {
    if (decoder.hookFailure !== undefined) throw decoder.hookFailure.thrown;
    if (thrown instanceof ProtocolError) throw thrown;
    // The engine's own limits: its stack, its longest text, its largest BigInt, a pattern it cannot read.
    throw refused(thrown instanceof Error ? thrown.message : "the engine refused it");
  }
}

interface ShapeRead {
  readonly names: readonly string[];
  /** Because one of its names is. */
  readonly isGuarded: boolean;
}

/** Contents that come after the value, and the levels above them. */
interface Postponed {
  readonly fill: () => void;
  readonly base: number;
}

const tooDeep = `it is nested deeper than the limit valueDepth (${limits.valueDepth})`;

/** In the place of a token's object until its token has been read. */
const pending = Symbol("pending");

class Decoder {
  hookFailure: { readonly thrown: unknown } | undefined;
  readonly #in: Input;
  readonly #slices: Slices | undefined;
  readonly #hooks: PayloadHooks | undefined;
  /** Levels above this run, and levels down in it. */
  #base = 0;
  #level = 0;
  #tokens = 0;
  #later: Postponed[] | undefined;
  readonly #objects: unknown[] = [];
  readonly #names: Name[] = [];
  readonly #shapes: ShapeRead[] = [];

  constructor(payload: Uint8Array, { hooks, copyBuffers }: DecodeOptions) {
    this.#hooks = hooks;
    const [format] = payload;
    if (format === formatPlain) {
      this.#in = new Input(payload, 1);
    } else if (format === formatWithBuffers) {
      this.#slices = new Slices(payload, copyBuffers);
      this.#in = new Input(payload.subarray(0, this.#slices.tableAt), headerBytes);
    } else {
      throw refused(format === undefined ? "it is empty" : `unknown format ${format}`);
    }
  }

  decode(): unknown {
    const value = this.#read();
    if (this.#later !== undefined) this.#readLater(this.#later);
    if (this.#in.left !== 0) throw refused(`${this.#in.left} bytes are left over`);
    if (this.#slices !== undefined && this.#slices.left !== 0) throw refused("a slice is left over");
    return value;
  }

  #enter(): void {
    if (++this.#level + this.#base > limits.valueDepth) throw refused(tooDeep);
    if (this.#level > longestRun + longestTokenRun) throw refused("it goes too deep in one run");
  }

  #leave(): void {
    this.#level--;
  }

  /** Fills a container, now or when the value has been read. */
  #fill(isLater: boolean, fill: () => void): void {
    if (isLater) {
      this.#postpone(fill);
      return;
    }
    this.#enter();
    fill();
    this.#leave();
  }

  #postpone(fill: () => void): void {
    const base = this.#base + this.#level;
    if (base >= limits.valueDepth) throw refused(tooDeep);
    this.#later ??= [];
    this.#later.push({ fill, base });
  }

  #readLater(later: readonly Postponed[]): void {
    // What is read here may add to the list.
    for (const { fill, base } of later) {
      this.#base = base;
      this.#level = 1;
      fill();
    }
  }

  // Values

  #read(): unknown {
    const tag = this.#in.byte();
    if (tag < TagBase.text) return tag;
    if (tag < TagBase.array) return this.#in.latin1(tag & 0x1f);
    if (tag < TagBase.negative) return this.#array(this.#in.announce(tag & 0x0f), false);
    if (tag < TagBase.shape) return tag - TagBase.shape;
    if (tag < Tag.undefined) return this.#shaped(tag & 0x1f, false);
    switch (tag) {
      case Tag.undefined:
        return undefined;
      case Tag.null:
        return null;
      case Tag.true:
        return true;
      case Tag.false:
        return false;
      case Tag.int16:
        return this.#in.int16();
      case Tag.int32:
        return this.#in.uint32() | 0;
      case Tag.float64:
        return this.#in.float64();
      case Tag.newShape:
        return this.#shaped(this.#newShape(), false);
      case Tag.array:
        return this.#array(this.#in.announce(this.#in.count()), false);
      case Tag.numbers:
        return this.#number(this.#in.numbers());
      case Tag.latin1:
        return this.#in.latin1(this.#in.byte());
      case Tag.shortUtf16:
        return this.#in.utf16(this.#in.byte());
      case Tag.utf8:
        return this.#in.utf8(this.#in.uint32());
      case Tag.reference:
        return this.#reference();
      default:
        return this.#readRare(tag);
    }
  }

  #readRare(tag: number): unknown {
    switch (tag) {
      case Tag.utf16:
        return this.#in.utf16(this.#in.uint32());
      case Tag.bigint64:
        return this.#in.bigint64();
      case Tag.bigint:
        return this.#bigint();
      case Tag.date:
        return this.#number(new Date(this.#in.float64()));
      case Tag.regexp:
        return this.#regexp();
      case Tag.boxed:
        return this.#boxed();
      case Tag.buffer:
        return this.#number(this.#binary().buffer());
      case Tag.view:
        return this.#number(this.#binary().view(this.#in.byte()));
      case Tag.token:
        return this.#token();
      case Tag.later:
        // Whoever turns a token into a thing needs all of it.
        if (this.#tokens > 0) throw refused("part of a token is missing");
        return this.#container(this.#in.byte(), true);
      default:
        return this.#container(tag, false);
    }
  }

  #container(tag: number, isLater: boolean): object {
    if (tag >= TagBase.array && tag < TagBase.negative) return this.#array(this.#in.announce(tag & 0x0f), isLater);
    if (tag >= TagBase.shape && tag < Tag.undefined) return this.#shaped(tag & 0x1f, isLater);
    switch (tag) {
      case Tag.newShape:
        return this.#shaped(this.#newShape(), isLater);
      case Tag.shaped:
        return this.#shaped(this.#in.count(), isLater);
      case Tag.object: {
        const object: Record<string, unknown> = this.#number({});
        this.#fill(isLater, () => this.#fields(object));
        return object;
      }
      case Tag.array:
        return this.#array(this.#in.announce(this.#in.count()), isLater);
      case Tag.sparseArray: {
        const length = this.#in.count();
        const array: unknown[] = this.#number([]);
        this.#fill(isLater, () => this.#sparseElements(array, length));
        return array;
      }
      case Tag.match:
        return this.#match(isLater);
      case Tag.map: {
        const map = this.#number(new Map<unknown, unknown>());
        this.#fill(isLater, () => this.#entries(map));
        return map;
      }
      case Tag.set: {
        const set = this.#number(new Set<unknown>());
        this.#fill(isLater, () => this.#members(set));
        return set;
      }
      case Tag.error: {
        const make = errorConstructors[this.#in.byte()];
        if (make === undefined) throw refused("unknown error class");
        const error = this.#number(make());
        this.#fill(isLater, () => this.#errorParts(error));
        return error;
      }
      default:
        throw refused(`unknown tag ${tag}`);
    }
  }

  #bigint(): bigint {
    const isNegative = this.#in.byte() !== 0;
    const digits = this.#primitive();
    if (typeof digits !== "string" || !/^[0-9a-f]+$/.test(digits)) throw refused("a BigInt has no digits");
    const magnitude = BigInt(`0x${digits}`);
    return isNegative ? -magnitude : magnitude;
  }

  // Objects: each is numbered before what it holds is read.

  #number<T>(object: T): T {
    this.#objects.push(object);
    return object;
  }

  #reference(): unknown {
    const number = this.#in.count();
    const object = this.#objects[number];
    if (number >= this.#objects.length || object === pending)
      throw refused(`reference to object ${number}, which is not there`);
    return object;
  }

  #newShape(): number {
    const length = this.#in.announce(this.#in.count());
    const names: string[] = [];
    let isGuarded = false;
    for (let i = 0; i < length; i++) {
      const name = this.#key();
      names.push(name.text);
      if (name.isGuarded) isGuarded = true;
    }
    return this.#shapes.push({ names, isGuarded }) - 1;
  }

  #key(): Name {
    const head = this.#in.count();
    if (head % 2 === 1) {
      const known = this.#names[(head - 1) / 2];
      if (known === undefined) throw refused(`reference to key ${(head - 1) / 2}, which is not there`);
      return known;
    }
    const length = head / 2;
    const { bytes } = this.#in;
    const at = this.#in.skip(length);
    const name = nameAt(bytes, at, length);
    if (name === undefined) throw refused("a key is no text");
    this.#names.push(name);
    return name;
  }

  #shaped(index: number, isLater: boolean): object {
    const shape = this.#shapes[index];
    if (shape === undefined) throw refused(`shape ${index} is not there`);
    const object: Record<string, unknown> = this.#number({});
    if (isLater) {
      this.#postpone(() => this.#values(object, shape));
    } else {
      this.#enter();
      this.#values(object, shape);
      this.#leave();
    }
    return object;
  }

  #values(into: Record<string, unknown>, { names, isGuarded }: ShapeRead): void {
    if (isGuarded) for (const name of names) define(into, name, this.#read());
    else for (let i = 0; i < names.length; i++) into[names[i] ?? ""] = this.#read();
  }

  #fields(into: Record<string, unknown>): void {
    for (let left = this.#in.announce(this.#in.count()); left > 0; left--) {
      const name = this.#key();
      if (name.isGuarded) define(into, name.text, this.#read());
      else into[name.text] = this.#read();
    }
  }

  #array(length: number, isLater: boolean): unknown[] {
    const array: unknown[] = this.#number(new Array(length));
    if (isLater) {
      this.#postpone(() => this.#elements(array));
    } else {
      this.#enter();
      this.#elements(array);
      this.#leave();
    }
    return array;
  }

  #elements(array: unknown[]): void {
    for (let i = 0; i < array.length; i++) {
      if (!this.#in.takes(Tag.hole)) array[i] = this.#read();
    }
  }

  #sparseElements(array: unknown[], length: number): void {
    if (length > longestArray) throw refused(`an array of length ${length}`);
    while (!this.#in.takes(Tag.hole)) {
      if (array.length === length) throw refused("an array is longer than its length");
      array.push(this.#read());
    }
    const count = this.#in.announce(this.#in.count());
    // An engine allocates `length` elements unless the array is already longer than any it would allocate.
    if (length > 64 + array.length + count * 2) array.length = longestArray;
    array.length = length;
    for (let left = count; left > 0; left--) {
      const index = this.#in.count();
      if (index >= length) throw refused("an element is outside its array");
      array[index] = this.#read();
    }
  }

  #match(isLater: boolean): unknown[] {
    const tag = this.#in.byte();
    const isShort = tag >= TagBase.array && tag < TagBase.negative;
    if (!isShort && tag !== Tag.array && tag !== Tag.sparseArray) throw refused("a match is no array");
    const length = isShort ? tag & 0x0f : this.#in.count();
    const array: unknown[] = this.#number(tag === Tag.sparseArray ? [] : new Array(this.#in.announce(length)));
    this.#fill(isLater, () => {
      if (tag === Tag.sparseArray) this.#sparseElements(array, length);
      else this.#elements(array);
      this.#ownFields(array);
    });
    return array;
  }

  #entries(map: Map<unknown, unknown>): void {
    while (!this.#in.takes(Tag.hole)) {
      const key = this.#read();
      map.set(key, this.#read());
    }
  }

  #members(set: Set<unknown>): void {
    while (!this.#in.takes(Tag.hole)) set.add(this.#read());
  }

  /** What cannot hold anything, so that it needs no level of its own. */
  #primitive(): unknown {
    const tag = this.#in.bytes[this.#in.at] ?? Tag.hole;
    const isShort = tag < TagBase.array || (tag >= TagBase.negative && tag < TagBase.shape);
    if (!isShort && !primitiveTags.has(tag)) throw refused("an object stands where only a primitive may");
    return this.#read();
  }

  #regexp(): RegExp {
    const source = this.#primitive();
    const flags = this.#primitive();
    if (typeof source !== "string" || typeof flags !== "string") throw refused("a RegExp has no source");
    return this.#number(new RegExp(source, flags));
  }

  #boxed(): object {
    const primitive = this.#primitive();
    if (primitive === null || primitive === undefined) throw refused("a boxed primitive is missing");
    return this.#number(Object(primitive) as object);
  }

  #errorParts(error: Error): void {
    const parts = this.#in.byte();
    if (parts & ErrorPart.name) hide(error, "name", this.#read());
    if (parts & ErrorPart.message) hide(error, "message", this.#read());
    hide(error, "stack", this.#read());
    if (parts & ErrorPart.cause) hide(error, "cause", this.#read());
    if (parts & ErrorPart.errors) hide(error, "errors", this.#read());
    if (parts & ErrorPart.fields) this.#ownFields(error);
  }

  /** For what is no plain object: a field must not reach a setter, nor the length of an array. */
  #ownFields(into: object): void {
    for (let left = this.#in.announce(this.#in.count()); left > 0; left--) define(into, this.#key().text, this.#read());
  }

  #binary(): Slices {
    if (this.#slices === undefined) throw refused("a slice is missing");
    return this.#slices;
  }

  #token(): unknown {
    const number = this.#objects.push(pending) - 1;
    this.#tokens++;
    this.#enter();
    const token = this.#read();
    this.#leave();
    this.#tokens--;
    if (!isToken(token)) throw refused("a token has no kind");
    if (this.#hooks?.fromToken === undefined)
      throw refused(`it holds a token of kind ${JSON.stringify(token.kind)}, which nobody here understands`);
    let thing: unknown;
    try {
      thing = this.#hooks.fromToken(token);
    } catch (thrown) {
      this.hookFailure = { thrown };
      throw thrown;
    }
    this.#objects[number] = thing;
    return thing;
  }
}

const primitiveTags: ReadonlySet<number> = new Set([
  Tag.undefined,
  Tag.null,
  Tag.true,
  Tag.false,
  Tag.int16,
  Tag.int32,
  Tag.float64,
  Tag.bigint64,
  Tag.bigint,
  Tag.latin1,
  Tag.shortUtf16,
  Tag.utf8,
  Tag.utf16,
]);

const longestArray = 2 ** 32 - 1;

const errorConstructors = errorClasses.map((name) => (): Error => {
  if (name === "AggregateError") return new AggregateError([]);
  return new { Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError }[name]();
});

function isToken(value: unknown): value is Token {
  return (
    typeof value === "object" &&
    value !== null &&
    Object.hasOwn(value, "kind") &&
    typeof (value as Token).kind === "string"
  );
}

/** An own field, whatever the prototype thinks of its name. */
function define(object: object, name: string, value: unknown): void {
  Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
}

function hide(object: object, name: string, value: unknown): void {
  Object.defineProperty(object, name, { value, writable: true, enumerable: false, configurable: true });
}
