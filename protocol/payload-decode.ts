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
  NumberElement,
  Tag,
  TagBase,
  viewClasses,
} from "./payload-format.ts";
import type { Token } from "./payload-encode.ts";
import { readLatin1, readUtf16, readUtf8, readWtf8 } from "./payload-text.ts";

export interface DecodeOptions {
  readonly fromToken: ((token: Token) => unknown) | undefined;
  readonly copyBuffers: boolean;
}

export function decode(payload: Uint8Array, options: DecodeOptions): unknown {
  const decoder = new Decoder(payload, options);
  try {
    return decoder.decode();
  } catch (thrown) {
    if (thrown instanceof ProtocolError) throw thrown;
    if (decoder.hookFailure !== undefined) throw decoder.hookFailure.thrown;
    // The engine's own limits: its stack, its longest text, its largest BigInt, a pattern it cannot read.
    throw refused(thrown instanceof Error ? thrown.message : "the engine refused it");
  }
}

interface ShapeRead {
  readonly names: readonly string[];
  /** A name is one that Object.prototype has, `__proto__` among them: set with care. */
  readonly isGuarded: boolean;
}

interface RegionRead {
  readonly start: number;
  readonly end: number;
  readonly isWhole: boolean;
  /** Its own copy, made when it is first met. */
  buffer: ArrayBuffer | undefined;
}

interface SliceRead {
  readonly region: RegionRead;
  readonly offset: number;
  readonly length: number;
}

/** Contents that come after the value, and the levels above them. */
interface Postponed {
  readonly fill: () => void;
  readonly base: number;
}

const tooDeep = `it is nested deeper than the limit valueDepth (${limits.valueDepth})`;

/** Views below this size are copied even when the caller asked for none: the whole input would stay alive for them. */
const smallViewBytes = 1024;
/** In the place of a token's object until its token has been read. */
const pending = Symbol("pending");

const float64 = new Float64Array(1);
const float64Bytes = new Uint8Array(float64.buffer);

class Decoder {
  hookFailure: { readonly thrown: unknown } | undefined;
  #bytes: Uint8Array;
  #at = 0;
  /** Levels above this run, and levels down in it. */
  #base = 0;
  #level = 0;
  #tokens = 0;
  #later: Postponed[] | undefined;
  /** Elements announced so far: each takes a byte at least, so all of them together cannot exceed the bytes. */
  #announced = 0;
  readonly #objects: unknown[] = [];
  readonly #names: string[] = [];
  readonly #shapes: ShapeRead[] = [];
  #slices: SliceRead[] | undefined;
  #nextSlice = 0;
  readonly #options: DecodeOptions;
  /** All of it; #bytes ends where the value does. */
  #payload: Uint8Array;

  constructor(payload: Uint8Array, options: DecodeOptions) {
    // Not a Node Buffer: its slice() does not copy.
    this.#bytes =
      Object.getPrototypeOf(payload) === Uint8Array.prototype
        ? payload
        : new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength);
    this.#payload = this.#bytes;
    this.#options = options;
  }

  decode(): unknown {
    const format = this.#byte();
    if (format === formatWithBuffers) this.#readTable();
    else if (format !== formatPlain) throw refused(`unknown format ${format}`);
    const value = this.#read();
    if (this.#later !== undefined) this.#readLater(this.#later);
    if (this.#at !== this.#bytes.length) throw refused(`${this.#bytes.length - this.#at} bytes are left over`);
    if (this.#slices !== undefined && this.#nextSlice !== this.#slices.length) throw refused("a slice is left over");
    return value;
  }

  // Bytes

  #byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw refused("it ends early");
    return byte;
  }

  /** Returns where `count` bytes begin, and moves past them. */
  #skip(count: number): number {
    const at = this.#at;
    if (count > this.#bytes.length - at) throw refused("it ends early");
    this.#at = at + count;
    return at;
  }

  #count(): number {
    let count = 0;
    for (let scale = 1; scale <= 2 ** 42; scale *= 128) {
      const byte = this.#byte();
      count += (byte & 0x7f) * scale;
      if (byte < 0x80) return count;
    }
    throw refused("a count is too long");
  }

  #uint32(): number {
    const bytes = this.#bytes;
    const at = this.#skip(4);
    return (
      ((bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24)) >>> 0
    );
  }

  #float64(): number {
    const bytes = this.#bytes;
    const at = this.#skip(8);
    for (let i = 0; i < 8; i++) float64Bytes[i] = bytes[at + i] ?? 0;
    return float64[0] ?? 0;
  }

  /** A DataView of the next `count` bytes. */
  #span(count: number): DataView {
    return new DataView(this.#bytes.buffer, this.#bytes.byteOffset + this.#skip(count), count);
  }

  #announce(count: number): number {
    this.#announced += count;
    if (this.#announced > this.#bytes.length) throw refused("it announces more than it holds");
    return count;
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
    const tag = this.#byte();
    if (tag < TagBase.text) return tag;
    if (tag < TagBase.array) return this.#latin1(tag & 0x1f);
    if (tag < TagBase.negative) return this.#array(this.#announce(tag & 0x0f), false);
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
      case Tag.int16: {
        const at = this.#skip(2);
        return (((this.#bytes[at] ?? 0) | ((this.#bytes[at + 1] ?? 0) << 8)) << 16) >> 16;
      }
      case Tag.int32:
        return this.#uint32() | 0;
      case Tag.float64:
        return this.#float64();
      case Tag.newShape:
        return this.#shaped(this.#newShape(), false);
      case Tag.array:
        return this.#array(this.#announce(this.#count()), false);
      case Tag.numbers:
        return this.#numbers();
      case Tag.latin1:
        return this.#latin1(this.#byte());
      case Tag.shortUtf16:
        return this.#utf16(this.#byte());
      case Tag.utf8:
        return this.#utf8(this.#uint32());
      case Tag.reference:
        return this.#reference();
      default:
        return this.#readRare(tag);
    }
  }

  #readRare(tag: number): unknown {
    switch (tag) {
      case Tag.utf16:
        return this.#utf16(this.#uint32());
      case Tag.bigint64:
        return this.#span(8).getBigInt64(0, true);
      case Tag.bigint:
        return this.#bigint();
      case Tag.date:
        return this.#number(new Date(this.#float64()));
      case Tag.regexp:
        return this.#regexp();
      case Tag.boxed:
        return this.#boxed();
      case Tag.buffer:
        return this.#buffer();
      case Tag.view:
        return this.#view();
      case Tag.token:
        return this.#token();
      case Tag.later:
        // Whoever turns a token into a thing needs all of it.
        if (this.#tokens > 0) throw refused("part of a token is missing");
        return this.#container(this.#byte(), true);
      default:
        return this.#container(tag, false);
    }
  }

  #container(tag: number, isLater: boolean): object {
    if (tag >= TagBase.array && tag < TagBase.negative) return this.#array(this.#announce(tag & 0x0f), isLater);
    if (tag >= TagBase.shape && tag < Tag.undefined) return this.#shaped(tag & 0x1f, isLater);
    switch (tag) {
      case Tag.newShape:
        return this.#shaped(this.#newShape(), isLater);
      case Tag.shaped:
        return this.#shaped(this.#count(), isLater);
      case Tag.object: {
        const object = this.#number({});
        this.#fill(isLater, () => this.#fields(object));
        return object;
      }
      case Tag.array:
        return this.#array(this.#announce(this.#count()), isLater);
      case Tag.sparseArray: {
        const length = this.#count();
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
        const make = errorConstructors[this.#byte()];
        if (make === undefined) throw refused("unknown error class");
        const error = this.#number(make());
        this.#fill(isLater, () => this.#errorParts(error));
        return error;
      }
      default:
        throw refused(`unknown tag ${tag}`);
    }
  }

  #latin1(length: number): string {
    return readLatin1(this.#bytes, this.#skip(length), length);
  }

  #utf8(length: number): string {
    const at = this.#skip(length);
    return readUtf8(this.#bytes, at, at + length);
  }

  #utf16(length: number): string {
    return readUtf16(this.#bytes, this.#skip(length * 2), length);
  }

  #bigint(): bigint {
    const isNegative = this.#byte() !== 0;
    const digits = this.#read();
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
    const number = this.#count();
    const object = this.#objects[number];
    if (number >= this.#objects.length || object === pending) throw refused(`reference to object ${number}, which is not there`);
    return object;
  }

  #newShape(): number {
    const length = this.#announce(this.#count());
    const names: string[] = [];
    let isGuarded = false;
    for (let i = 0; i < length; i++) {
      const name = this.#key();
      names.push(name);
      if (name in Object.prototype) isGuarded = true;
    }
    return this.#shapes.push({ names, isGuarded }) - 1;
  }

  #key(): string {
    const head = this.#count();
    if (head % 2 === 1) {
      const known = this.#names[(head - 1) / 2];
      if (known === undefined) throw refused(`reference to key ${(head - 1) / 2}, which is not there`);
      return known;
    }
    const length = head / 2;
    const at = this.#skip(length);
    const name = familiarName(this.#bytes, at, length) ?? readWtf8(this.#bytes, at, at + length);
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

  #fields(into: object): void {
    const fields = into as Record<string, unknown>;
    for (let left = this.#announce(this.#count()); left > 0; left--) {
      const name = this.#key();
      if (name in Object.prototype) define(into, name, this.#read());
      else fields[name] = this.#read();
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
      if (this.#bytes[this.#at] === Tag.hole) this.#at++;
      else array[i] = this.#read();
    }
  }

  #numbers(): number[] {
    const element = this.#byte();
    const length = this.#count();
    const { int8, int16, int32, float64 } = NumberElement;
    const size = element === int8 ? 1 : element === int16 ? 2 : element === int32 ? 4 : element === float64 ? 8 : 0;
    if (size === 0) throw refused(`unknown number element ${element}`);
    const span = this.#span(length * size);
    const numbers: number[] = this.#number(new Array(length));
    if (size === 8) for (let i = 0; i < length; i++) numbers[i] = span.getFloat64(i * 8, true);
    else if (size === 4) for (let i = 0; i < length; i++) numbers[i] = span.getInt32(i * 4, true);
    else if (size === 2) for (let i = 0; i < length; i++) numbers[i] = span.getInt16(i * 2, true);
    else for (let i = 0; i < length; i++) numbers[i] = span.getInt8(i);
    return numbers;
  }

  #sparseElements(array: unknown[], length: number): void {
    if (length > longestArray) throw refused(`an array of length ${length}`);
    while (this.#bytes[this.#at] !== Tag.hole) {
      if (array.length === length) throw refused("an array is longer than its length");
      array.push(this.#read());
    }
    this.#at++;
    const count = this.#announce(this.#count());
    // An engine allocates `length` elements unless the array is already longer than any it would allocate.
    if (length > 64 + array.length + count * 2) array.length = longestArray;
    array.length = length;
    for (let left = count; left > 0; left--) {
      const index = this.#count();
      if (index >= length) throw refused("an element is outside its array");
      array[index] = this.#read();
    }
  }

  #match(isLater: boolean): unknown[] {
    const tag = this.#byte();
    const isShort = tag >= TagBase.array && tag < TagBase.negative;
    if (!isShort && tag !== Tag.array && tag !== Tag.sparseArray) throw refused("a match is no array");
    const length = isShort ? tag & 0x0f : this.#count();
    const array: unknown[] = this.#number(tag === Tag.sparseArray ? [] : new Array(this.#announce(length)));
    this.#fill(isLater, () => {
      if (tag === Tag.sparseArray) this.#sparseElements(array, length);
      else this.#elements(array);
      this.#fields(array);
    });
    return array;
  }

  #entries(map: Map<unknown, unknown>): void {
    while (this.#bytes[this.#at] !== Tag.hole) {
      const key = this.#read();
      map.set(key, this.#read());
    }
    this.#at++;
  }

  #members(set: Set<unknown>): void {
    while (this.#bytes[this.#at] !== Tag.hole) set.add(this.#read());
    this.#at++;
  }

  #regexp(): RegExp {
    // Numbered as the object it becomes: source and flags are text, so nothing in them can refer to it.
    const source = this.#read();
    const flags = this.#read();
    if (typeof source !== "string" || typeof flags !== "string") throw refused("a RegExp has no source");
    return this.#number(new RegExp(source, flags));
  }

  #boxed(): object {
    const primitive = this.#read();
    if (primitive === null || primitive === undefined || typeof primitive === "object" || typeof primitive === "function") {
      throw refused("a boxed primitive is no primitive");
    }
    return this.#number(Object(primitive) as object);
  }

  #errorParts(error: Error): void {
    const parts = this.#byte();
    if (parts & ErrorPart.name) hide(error, "name", this.#read());
    if (parts & ErrorPart.message) hide(error, "message", this.#read());
    hide(error, "stack", this.#read());
    if (parts & ErrorPart.cause) hide(error, "cause", this.#read());
    if (parts & ErrorPart.errors) hide(error, "errors", this.#read());
    if (parts & ErrorPart.fields) {
      for (let left = this.#announce(this.#count()); left > 0; left--) define(error, this.#key(), this.#read());
    }
  }

  #token(): unknown {
    const number = this.#objects.push(pending) - 1;
    this.#tokens++;
    this.#enter();
    const token = this.#read();
    this.#leave();
    this.#tokens--;
    if (!isToken(token)) throw refused("a token has no kind");
    const { fromToken } = this.#options;
    if (fromToken === undefined) throw refused(`it holds a token of kind ${JSON.stringify(token.kind)}, which nobody here understands`);
    let thing: unknown;
    try {
      thing = fromToken(token);
    } catch (thrown) {
      this.hookFailure = { thrown };
      throw thrown;
    }
    this.#objects[number] = thing;
    return thing;
  }

  // Binary data

  #readTable(): void {
    const payload = this.#bytes;
    this.#skip(3);
    const tableAt = this.#uint32();
    if (tableAt < headerBytes) throw refused("its table is inside its header");
    this.#at = tableAt;
    const lengths: number[] = [];
    for (let left = this.#count(); left > 0; left--) lengths.push(this.#count());
    const uses: [region: number, offset: number, length: number][] = [];
    for (let left = this.#count(); left > 0; left--) uses.push([this.#count(), this.#count(), this.#count()]);
    const regions = lengths.map((head): RegionRead => {
      this.#skip(-this.#at & 7);
      const length = Math.floor(head / 2);
      const start = this.#skip(length);
      return { start, end: start + length, isWhole: head % 2 === 1, buffer: undefined };
    });
    if (this.#at !== payload.length) throw refused(`${payload.length - this.#at} bytes are left over`);
    this.#slices = uses.map(([index, offset, length]) => {
      const region = regions[index];
      if (region === undefined || offset + length > region.end - region.start) throw refused("a slice is outside its region");
      return { region, offset, length };
    });
    this.#at = headerBytes;
    this.#bytes = payload.subarray(0, tableAt);
  }

  #slice(): SliceRead {
    const slice = this.#slices?.[this.#nextSlice++];
    if (slice === undefined) throw refused("a slice is missing");
    return slice;
  }

  #bufferOf(region: RegionRead): ArrayBuffer {
    region.buffer ??= this.#payload.slice(region.start, region.end).buffer as ArrayBuffer;
    return region.buffer;
  }

  #buffer(): ArrayBuffer {
    const { region, offset, length } = this.#slice();
    if (!region.isWhole || offset !== 0 || length !== region.end - region.start) throw refused("a buffer is not whole");
    return this.#number(this.#bufferOf(region));
  }

  #view(): ArrayBufferView {
    const code = this.#byte();
    const { region, offset, length } = this.#slice();
    const name = viewClasses[code];
    if (name === undefined) throw refused(`unknown view ${code}`);
    const Class = viewConstructors[name];
    if (Class === undefined) throw refused(`it holds a ${name}, which this engine does not have`);
    const size = Class.BYTES_PER_ELEMENT ?? 1;
    if (offset % size !== 0 || length % size !== 0) throw refused(`a ${name} is out of step`);
    const place = this.#payload.byteOffset + region.start;
    const isBorrowed =
      !this.#options.copyBuffers && !region.isWhole && length >= smallViewBytes && (place + offset) % size === 0;
    return this.#number(
      isBorrowed
        ? new Class(this.#payload.buffer, place + offset, length / size)
        : new Class(this.#bufferOf(region), offset, length / size),
    );
  }
}

const longestArray = 2 ** 32 - 1;

interface ViewConstructor {
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): ArrayBufferView;
  readonly BYTES_PER_ELEMENT?: number;
}
/** Looked up by name once, for engines without Float16Array. */
const viewConstructors = globalThis as unknown as { readonly [name in (typeof viewClasses)[number]]?: ViewConstructor };

const errorConstructors = errorClasses.map((name) => (): Error => {
  if (name === "AggregateError") return new AggregateError([]);
  return new { Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError }[name]();
});

function refused(why: string): ProtocolError {
  return new ProtocolError(`Cannot decode value: ${why}`);
}

function isToken(value: unknown): value is Token {
  return typeof value === "object" && value !== null && Object.hasOwn(value, "kind") && typeof (value as Token).kind === "string";
}

/** An own field, whatever the prototype thinks of its name. */
function define(object: object, name: string, value: unknown): void {
  Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
}

function hide(object: object, name: string, value: unknown): void {
  Object.defineProperty(object, name, { value, writable: true, enumerable: false, configurable: true });
}

/**
 * Names met before, by hash of their bytes: a name from here is the engine's own interned one, which makes the object
 * that gets it several times faster to build than a fresh text does. Bounded: a newcomer takes its slot.
 */
const familiarNames: (string | undefined)[] = Array.from({ length: 1024 }, () => undefined);
const longestFamiliarName = 64;

function familiarName(bytes: Uint8Array, at: number, length: number): string | undefined {
  if (length > longestFamiliarName) return undefined;
  let hash = length;
  for (let i = at; i < at + length; i++) {
    const byte = bytes[i] ?? 0;
    if (byte > 0x7f) return undefined;
    hash = (Math.imul(hash, 31) + byte) | 0;
  }
  const slot = (hash ^ (hash >>> 10)) & 1023;
  const known = familiarNames[slot];
  if (known !== undefined && known.length === length) {
    let i = 0;
    while (i < length && known.charCodeAt(i) === bytes[at + i]) i++;
    if (i === length) return known;
  }
  const name = readLatin1(bytes, at, length);
  familiarNames[slot] = name;
  return name;
}
