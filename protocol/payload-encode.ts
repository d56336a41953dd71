/**
 * A value to its payload's bytes. Owns the walk: each object is visited once and numbered, each getter is read once,
 * and what cannot be copied is refused with its path. The format is in payload-format.ts.
 */
import { ObjectTooLargeError } from "./errors.ts";
import { ErrorPart, errorClasses, Tag, TagBase } from "./payload-format.ts";
import type { PayloadHooks } from "./payload-hooks.ts";
import { functionRefusal, type Kind, kindOf, refusalOf, symbolRefusal } from "./payload-kinds.ts";
import { Numbering } from "./payload-numbering.ts";
import { type Encoded, Output } from "./payload-output.ts";
import { Place } from "./payload-place.ts";
import { Refusal, serializationError } from "./payload-refusal.ts";
import { RegionPlan } from "./payload-regions.ts";
import { recentShape, type Shape, shapeOf } from "./payload-shapes.ts";
import { encodeWtf8 } from "./payload-text.ts";

export interface EncodeOptions {
  readonly hooks: PayloadHooks | undefined;
  readonly root: string;
  readonly maxBytes: number;
}

export function encode(value: unknown, options: EncodeOptions): Encoded {
  // A getter may encode another value while this one is half written: then the inner call finds no idle encoder.
  const encoder = idle ?? new Encoder();
  idle = undefined;
  try {
    return encoder.encode(value, options);
  } catch (thrown) {
    throw thrown instanceof ObjectTooLargeError
      ? thrown
      : serializationError(thrown, options.root, encoder.place.path());
  } finally {
    encoder.reset();
    idle = encoder;
  }
}

let idle: Encoder | undefined;
/** One number per encoding: shapes and keys remember in which they were last written. */
let lastEpoch = 0;

const fewestPackedNumbers = 8;
const longestWithSingleHoles = 64;
const keptNumbers = 8 * 1024;

/** In the place of an element that has not been read. */
const unread = Symbol("unread");

class Encoder {
  readonly place = new Place();
  readonly #out = new Output();
  readonly #numbering = new Numbering();
  #hooks: PayloadHooks | undefined;
  #plan: RegionPlan | undefined;
  #epoch = 0;
  #shapes = 0;
  #keys = 0;
  /** Keys of dictionaries and their indexes; shapes hold theirs. No key comes twice in one, so the first needs no Map. */
  #firstKeys: [name: string, index: number][] = [];
  #dictionaryKeys: Map<string, number> | undefined;
  #numbers = new Float64Array(64);

  encode(value: unknown, { hooks, root, maxBytes }: EncodeOptions): Encoded {
    this.#hooks = hooks;
    this.#epoch = ++lastEpoch;
    this.#out.open(root, maxBytes);
    this.#write(value);
    this.place.writeLater();
    return this.#out.close(this.#plan);
  }

  reset(): void {
    this.place.reset();
    this.#numbering.reset();
    this.#hooks = this.#plan = this.#dictionaryKeys = undefined;
    this.#shapes = this.#keys = 0;
    if (this.#firstKeys.length > 0) this.#firstKeys = [];
    if (this.#numbers.length > keptNumbers) this.#numbers = new Float64Array(64);
  }

  #write(value: unknown): void {
    const out = this.#out;
    out.reserve(0);
    switch (typeof value) {
      case "number":
        out.number(value);
        return;
      case "string":
        out.text(value);
        return;
      case "object":
        if (value === null) out.put(Tag.null);
        else this.#object(value);
        return;
      case "boolean":
        out.put(value ? Tag.true : Tag.false);
        return;
      case "undefined":
        out.put(Tag.undefined);
        return;
      case "bigint":
        out.bigint(value);
        return;
      case "function":
        this.#function(value);
        return;
      default:
        throw new Refusal(symbolRefusal.reason, symbolRefusal.advice);
    }
  }

  #function(value: object): void {
    if (this.#refersBack(value)) return;
    if (!this.#asToken(value)) throw new Refusal(functionRefusal.reason, functionRefusal.advice);
  }

  #object(value: object): void {
    if (this.#refersBack(value)) return;
    const prototype: object | null = Object.getPrototypeOf(value);
    if (prototype === Object.prototype || prototype === null) this.#plain(value);
    else if (Array.isArray(value)) this.#array(value);
    else this.#special(value, kindOf(prototype));
  }

  #special(value: object, kind: Kind): void {
    if (!kind.builtIn && this.#asToken(value)) return;
    const out = this.#out;
    switch (kind.is) {
      case "plain":
      case "instance":
        this.#plain(value);
        return;
      case "map":
        this.#map(value as ReadonlyMap<unknown, unknown>);
        return;
      case "set":
        this.#set(value as ReadonlySet<unknown>);
        return;
      case "date":
        out.float64(Tag.date, Date.prototype.getTime.call(value));
        return;
      case "regexp":
        out.put(Tag.regexp);
        this.#write((value as RegExp).source);
        this.#write((value as RegExp).flags);
        return;
      case "error":
        this.#error(value as Error);
        return;
      case "boxed":
        out.put(Tag.boxed);
        this.#write(value.valueOf());
        return;
      case "buffer":
        this.#buffer(value as ArrayBufferLike);
        return;
      case "view":
        this.#view(value as ArrayBufferView, kind.code);
        return;
      case "refused": {
        const { reason, advice } = refusalOf(kind.name);
        throw new Refusal(reason, advice);
      }
    }
  }

  /** Writes a reference if `value` has been met before. */
  #refersBack(value: object): boolean {
    const number = this.#numbering.meet(value);
    if (number === undefined) return false;
    this.#out.put(Tag.reference);
    this.#out.count(number);
    return true;
  }

  #asToken(value: object): boolean {
    const token = this.#hooks?.tokenOf?.(value);
    if (token === undefined) return false;
    this.#out.put(Tag.token);
    this.place.enterToken();
    this.#write(token);
    this.place.leaveToken();
    return true;
  }

  /** One level down. True when the contents must wait: then the head that follows is marked so. */
  #enter(kind: "member" | "map-value" | "set-member"): boolean {
    const isLater = this.place.enter(kind);
    if (isLater) this.#out.put(Tag.later);
    return isLater;
  }

  // Objects with fields

  #plain(value: object): void {
    let shape = familiarShape(value);
    if (shape === undefined) {
      const names = Object.keys(value);
      shape = shapeOf(names);
      if (shape === undefined) {
        this.#dictionary(value, names);
        return;
      }
    }
    const isLater = this.#enter("member");
    this.#shape(shape);
    const { names } = shape;
    if (isLater) {
      this.place.postpone(() => this.#values(value, names));
    } else {
      this.#values(value, names);
      this.place.leave();
    }
  }

  #values(value: object, names: readonly string[]): void {
    const fields = value as Readonly<Record<string, unknown>>;
    const { steps, level } = this.place;
    let i = 0;
    // Reading while enumerating is several times faster than reading by name. A getter may change the object under
    // our feet: then the rest is read by name, as structuredClone does. What a prototype adds comes last.
    for (const name in value) {
      if (name !== names[i]) break;
      steps[level] = name;
      this.#write(fields[name]);
      i++;
    }
    for (; i < names.length; i++) {
      const name = names[i] ?? "";
      steps[level] = name;
      this.#write(fields[name]);
    }
  }

  #shape(shape: Shape): void {
    const out = this.#out;
    if (shape.epoch === this.#epoch) {
      if (shape.index < 32) {
        out.put(TagBase.shape | shape.index);
      } else {
        out.put(Tag.shaped);
        out.count(shape.index);
      }
      return;
    }
    shape.epoch = this.#epoch;
    shape.index = this.#shapes++;
    out.put(Tag.newShape);
    out.count(shape.keys.length);
    for (const key of shape.keys) {
      out.reserve(key.bytes.length);
      if (key.epoch === this.#epoch) {
        out.count(key.index * 2 + 1);
        continue;
      }
      key.epoch = this.#epoch;
      key.index = this.#keys++;
      out.count(key.bytes.length * 2);
      for (let i = 0; i < key.bytes.length; i++) out.put(key.bytes[i] ?? 0);
    }
  }

  #dictionary(value: object, names: readonly string[]): void {
    const isLater = this.#enter("member");
    this.#out.put(Tag.object);
    if (isLater) {
      this.place.postpone(() => this.#fields(value, names));
    } else {
      this.#fields(value, names);
      this.place.leave();
    }
  }

  #fields(value: object, names: readonly string[]): void {
    if (this.#firstKeys.length > 0) {
      this.#dictionaryKeys = new Map(this.#firstKeys);
      this.#firstKeys = [];
    }
    this.#out.reserve(0);
    this.#out.count(names.length);
    const fields = value as Readonly<Record<string, unknown>>;
    const { steps, level } = this.place;
    for (const name of names) {
      steps[level] = name;
      this.#key(name);
      this.#write(fields[name]);
    }
  }

  #key(name: string): void {
    const out = this.#out;
    const index = this.#keys;
    if (this.#dictionaryKeys === undefined) {
      this.#firstKeys.push([name, index]);
    } else {
      const known = this.#dictionaryKeys.get(name);
      if (known !== undefined) {
        out.reserve(0);
        out.count(known * 2 + 1);
        return;
      }
      this.#dictionaryKeys.set(name, index);
    }
    this.#keys++;
    out.reserve(name.length);
    const mark = out.mark();
    out.count(name.length * 2);
    for (let i = 0; i < name.length; i++) {
      const unit = name.charCodeAt(i);
      if (unit > 0x7f) {
        // Not ASCII, so the length was wrong.
        out.at -= out.mark() - mark;
        const bytes = encodeWtf8(name);
        out.count(bytes.length * 2);
        out.copy(bytes);
        return;
      }
      out.put(unit);
    }
  }

  // Arrays

  #array(array: readonly unknown[]): void {
    const isLater = this.#enter("member");
    const { length } = array;
    // The arrays that the language itself gives named fields: what text.match(pattern) returns, and its `indices`.
    const { index, groups } = array as { readonly index?: unknown; readonly groups?: unknown };
    const isMatch = index !== undefined || groups !== undefined;
    let numbers = 0;
    let next: unknown = unread;
    if (length >= fewestPackedNumbers && !isLater && !isMatch) {
      const taken = this.#takeNumbers(array, length);
      if (taken === undefined) {
        this.place.leave();
        return;
      }
      numbers = taken.count;
      next = taken.next;
    }
    const out = this.#out;
    if (isMatch) out.put(Tag.match);
    const head = out.mark();
    if (length < 16) {
      out.put(TagBase.array | length);
    } else {
      out.put(Tag.array);
      out.count(length);
    }
    if (isLater) {
      this.place.postpone(() => this.#elements(array, length, { head, isMatch, first: 0, next: unread }));
      return;
    }
    for (let i = 0; i < numbers; i++) this.#write(this.#numbers[i]);
    this.#elements(array, length, { head, isMatch, first: numbers, next });
    this.place.leave();
  }

  /** From `first` on; `next` is that element, if it has been read. */
  #elements(
    array: readonly unknown[],
    length: number,
    {
      head,
      isMatch,
      first,
      next,
    }: { readonly head: number; readonly isMatch: boolean; readonly first: number; readonly next: unknown },
  ): void {
    const { steps, level } = this.place;
    for (let i = first; i < length; i++) {
      steps[level] = i;
      const element = i === first && next !== unread ? next : array[i];
      if (element !== undefined || Object.hasOwn(array, i)) {
        this.#write(element);
      } else if (length <= longestWithSingleHoles) {
        this.#end();
      } else {
        this.#out.putAt(head, Tag.sparseArray);
        this.#sparseElements(array, i, length);
        break;
      }
    }
    if (isMatch)
      this.#fields(
        array,
        Object.keys(array).filter((name) => !isIndex(name)),
      );
  }

  #sparseElements(array: readonly unknown[], after: number, length: number): void {
    const places = Object.keys(array)
      .filter(isIndex)
      .map(Number)
      .filter((place) => place > after && place < length);
    this.#end();
    this.#out.count(places.length);
    for (const place of places) {
      this.place.steps[this.place.level] = place;
      this.#out.reserve(0);
      this.#out.count(place);
      this.#write(array[place]);
    }
  }

  /**
   * Writes the array packed if it holds numbers only. Else returns how many it begins with, which are then in #numbers,
   * and the element after them: an element may be a getter, and getters are read once.
   */
  #takeNumbers(
    array: readonly unknown[],
    length: number,
  ): { readonly count: number; readonly next: unknown } | undefined {
    const { steps, level } = this.place;
    steps[level] = 0;
    let next = array[0];
    if (typeof next !== "number") return { count: 0, next };
    if (this.#numbers.length < length) this.#numbers = new Float64Array(length);
    const numbers = this.#numbers;
    let areInts = true;
    let least = 0;
    let most = 0;
    for (let i = 0; ;) {
      if (typeof next !== "number") return { count: i, next };
      numbers[i] = next;
      if (areInts) {
        if (next !== (next | 0) || (next === 0 && 1 / next < 0)) areInts = false;
        else if (next < least) least = next;
        else if (next > most) most = next;
      }
      if (++i === length) break;
      steps[level] = i;
      next = array[i];
    }
    this.#out.numbers(numbers, length, areInts ? { least, most } : undefined);
    return undefined;
  }

  // Other containers

  #map(map: ReadonlyMap<unknown, unknown>): void {
    const { size } = map;
    const isLater = this.#enter("map-value");
    this.#out.put(Tag.map);
    if (isLater) {
      this.place.postpone(() => this.#entries(map, size));
    } else {
      this.#entries(map, size);
      this.place.leave();
    }
  }

  #entries(map: ReadonlyMap<unknown, unknown>, size: number): void {
    const { steps, kinds, level } = this.place;
    // Entries that a getter adds on the way are not part of the copy, and cannot keep us here for ever.
    let left = size;
    for (const [key, value] of Map.prototype.entries.call(map)) {
      if (left-- <= 0) break;
      kinds[level] = "map-key";
      this.#write(key);
      kinds[level] = "map-value";
      steps[level] = key;
      this.#write(value);
    }
    this.#end();
  }

  #set(set: ReadonlySet<unknown>): void {
    const { size } = set;
    const isLater = this.#enter("set-member");
    this.#out.put(Tag.set);
    if (isLater) {
      this.place.postpone(() => this.#members(set, size));
    } else {
      this.#members(set, size);
      this.place.leave();
    }
  }

  #members(set: ReadonlySet<unknown>, size: number): void {
    const { steps, level } = this.place;
    let i = 0;
    for (const member of Set.prototype.values.call(set)) {
      if (i === size) break;
      steps[level] = i++;
      this.#write(member);
    }
    this.#end();
  }

  #error(error: Error): void {
    const isLater = this.#enter("member");
    this.place.steps[this.place.level] = "name";
    const { name } = error as { readonly name: unknown };
    const code = errorClasses.findIndex((known) => known === name);
    this.#out.put(Tag.error);
    this.#out.put(Math.max(code, 0));
    const ownName = code === -1 && typeof name === "string" ? name : undefined;
    if (isLater) {
      this.place.postpone(() => this.#errorParts(error, ownName));
    } else {
      this.#errorParts(error, ownName);
      this.place.leave();
    }
  }

  #errorParts(error: Error, name: string | undefined): void {
    const { steps, level } = this.place;
    const fields = Object.keys(error).filter((field) => !errorFields.has(field));
    steps[level] = "message";
    const { message } = error;
    const hasErrors = Object.hasOwn(error, "errors") && !fields.includes("errors");
    const parts =
      (name !== undefined ? ErrorPart.name : 0) |
      (message !== "" || Object.hasOwn(error, "message") ? ErrorPart.message : 0) |
      (Object.hasOwn(error, "cause") ? ErrorPart.cause : 0) |
      (hasErrors ? ErrorPart.errors : 0) |
      (fields.length > 0 ? ErrorPart.fields : 0);
    this.#out.reserve(0);
    this.#out.put(parts);
    if (parts & ErrorPart.name) this.#write(name);
    if (parts & ErrorPart.message) this.#write(message);
    steps[level] = "stack";
    const { stack } = error;
    this.#write(typeof stack === "string" ? stack : undefined);
    steps[level] = "cause";
    if (parts & ErrorPart.cause) this.#write(error.cause);
    steps[level] = "errors";
    if (parts & ErrorPart.errors) this.#write((error as AggregateError).errors);
    if (parts & ErrorPart.fields) this.#fields(error, fields);
  }

  /** Ends a list of unknown length. Many may end one after another, so this looks for room itself. */
  #end(): void {
    this.#out.reserve(0);
    this.#out.put(Tag.hole);
  }

  // Binary data

  #buffer(buffer: ArrayBufferLike): void {
    refuseDetached(buffer);
    this.#out.put(Tag.buffer);
    this.#plan ??= new RegionPlan();
    this.#plan.addBuffer(buffer);
  }

  #view({ buffer, byteOffset, byteLength }: ArrayBufferView, code: number): void {
    refuseDetached(buffer);
    this.#out.put(Tag.view);
    this.#out.put(code);
    this.#plan ??= new RegionPlan();
    this.#plan.addView(buffer, byteOffset, byteLength);
  }
}

const errorFields: ReadonlySet<string> = new Set(["name", "message", "stack", "cause"]);

/** The shape of a plain object if it is the one expected, found without a list of its keys. */
function familiarShape(value: object): Shape | undefined {
  let shape: Shape | undefined;
  let i = 0;
  for (const name in value) {
    if (i === 0) shape = recentShape(name);
    if (shape === undefined || shape.names[i] !== name) return undefined;
    i++;
  }
  return shape !== undefined && i === shape.names.length ? shape : undefined;
}

function isIndex(name: string): boolean {
  return /^(0|[1-9]\d*)$/.test(name);
}

/** A transferred buffer reads as empty: to send it as such would lose the data without a word. */
function refuseDetached(buffer: ArrayBufferLike): void {
  if (buffer.byteLength > 0) return;
  try {
    buffer.slice(0, 0);
  } catch {
    throw new Refusal("its memory was transferred away", "Copy it before you transfer it.");
  }
}
