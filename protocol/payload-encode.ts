/**
 * A value to its payload's bytes. Owns the walk: each object is visited once and numbered, each getter is read once,
 * and what cannot be copied is refused with its path. Small payloads are slices of one slab (a fresh array for each
 * costs more than the walk); typed arrays' bytes are not copied at all. The format is in payload-format.ts.
 */
import { ObjectTooLargeError } from "./errors.ts";
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
} from "./payload-format.ts";
import { functionRefusal, type Kind, kindOf, refusalOf, symbolRefusal } from "./payload-kinds.ts";
import { Refusal, type Step, type StepKind, serializationError, tooDeep } from "./payload-refusal.ts";
import { type Region, RegionPlan, type Slice } from "./payload-regions.ts";
import { recentShape, type Shape, shapeOf } from "./payload-shapes.ts";
import { encodeWtf8, isWellFormed, longestByHand, writeUtf8 } from "./payload-text.ts";

/** What travels in place of a thing that is no data: plain, and small. */
export interface Token {
  readonly kind: string;
  readonly [field: string]: unknown;
}

export interface EncodeOptions {
  /** Asked about functions and objects of the user's classes only: plain data never pays for it. */
  readonly tokenOf: ((value: object) => Token | undefined) | undefined;
  readonly root: string;
  readonly maxBytes: number;
}

/**
 * `segments` one after another are the payload. They are borrowed: slices of a shared slab, and the very memory of the
 * typed arrays in the value. Send or copy them before that value changes, and transfer none of them.
 */
export interface Encoded {
  readonly segments: readonly Uint8Array[];
  readonly byteLength: number;
}

export function encode(value: unknown, options: EncodeOptions): Encoded {
  // A getter may encode another value while this one is half written: then the inner call finds no idle encoder.
  const encoder = idle ?? new Encoder();
  idle = undefined;
  try {
    return encoder.encode(value, options);
  } catch (thrown) {
    throw thrown instanceof ObjectTooLargeError ? thrown : serializationError(thrown, options.root, encoder.steps());
  } finally {
    encoder.reset();
    idle = encoder;
  }
}

let idle: Encoder | undefined;
/** One number per encoding: shapes and keys remember in which they were last written. */
let lastEpoch = 0;

/** Payloads are written to a slab, and to the scratch array when they outgrow what is left of it. */
const slabBytes = 32 * 1024;
/** With less than this left, a slab is replaced. */
const slabRestBytes = 2 * 1024;
/** A longer payload is copied out of the slab. */
const longestInSlab = 8 * 1024;
/** A larger scratch array is let go after use. */
const keptScratchBytes = 1024 * 1024;
/** A payload up to this size has an array of its own: the engine keeps such arrays on its heap, so they are cheap. */
const ownArrayBytes = 64;
/** Always free before a value is written: enough for any number or short text, without another check. */
const slackBytes = 160;
/** Smaller pieces of binary data are copied next to one another; larger ones are segments of their own. */
const smallPieceBytes = 1024;
/** Objects compared one by one before a Map takes over: for few of them that is faster than hashing. */
const fewObjects = 12;
const fewestPackedNumbers = 8;
const longestWithSingleHoles = 64;
const keptNumbers = 8 * 1024;

class Encoder {
  #slab = new Uint8Array(slabBytes);
  #slabView = new DataView(this.#slab.buffer);
  /** The first byte of the slab that no segment uses. */
  #slabFree = 0;
  #scratch = new Uint8Array(0);

  #bytes = this.#slab;
  #view = this.#slabView;
  #start = 0;
  #at = 0;
  /** The last place at which `slackBytes` are free. */
  #safe = 0;

  /** Levels above this run, and levels down in it. */
  #base = 0;
  #level = 0;
  readonly #kinds: StepKind[] = Array.from({ length: longestRun + longestTokenRun + 2 }, () => "unseen");
  readonly #steps: unknown[] = Array.from({ length: longestRun + longestTokenRun + 2 }, () => undefined);
  /** How far down this payload has gone: no step is kept alive after it. */
  #deepest = 0;
  #tokens = 0;
  #later: Postponed[] | undefined;
  #run: Postponed | undefined;
  /** To the container on the last level of the run that was entered last. */
  #wayToParent: Way | undefined;

  #epoch = 0;
  #shapes = 0;
  #keys = 0;
  /** Keys of dictionaries; shapes hold theirs. */
  #dictionaryKeys: Map<string, number> | undefined;
  #objects = 0;
  readonly #few: (object | undefined)[] = Array.from({ length: fewObjects }, () => undefined);
  #many: Map<object, number> | undefined;
  #plan: RegionPlan | undefined;
  #numbers = new Float64Array(64);
  #options: EncodeOptions = { tokenOf: undefined, root: "", maxBytes: 0 };

  encode(value: unknown, options: EncodeOptions): Encoded {
    this.#options = options;
    this.#epoch = ++lastEpoch;
    this.#open();
    this.#write(value);
    if (this.#later !== undefined) this.#writeLater(this.#later);
    return this.#plan === undefined ? this.#finish() : this.#finishWithBuffers(this.#plan);
  }

  /** Where it is, from the value down. */
  steps(): Step[] {
    const parts = [this.#stepsTo(this.#level)];
    for (let run = this.#run; run !== undefined; run = run.parent.above) parts.push([...run.parent.steps, run.step]);
    return parts.reverse().flat();
  }

  #stepsTo(level: number): Step[] {
    return Array.from({ length: level }, (_, i) => this.#stepAt(i + 1));
  }

  #stepAt(level: number): Step {
    return { kind: this.#kinds[level] ?? "unseen", key: this.#steps[level] };
  }

  reset(): void {
    this.#steps.fill(undefined, 0, this.#deepest + 1);
    this.#base = this.#level = this.#deepest = this.#tokens = this.#shapes = this.#keys = 0;
    this.#later = this.#run = this.#wayToParent = undefined;
    for (let i = Math.min(this.#objects, fewObjects) - 1; i >= 0; i--) this.#few[i] = undefined;
    this.#objects = 0;
    this.#many = this.#dictionaryKeys = this.#plan = undefined;
    if (this.#scratch.length > keptScratchBytes) this.#scratch = new Uint8Array(0);
    if (this.#numbers.length > keptNumbers) this.#numbers = new Float64Array(64);
  }

  #open(): void {
    // A slab of no length was transferred away by somebody, in spite of the warning at `Encoded`.
    if (this.#slab.length - this.#slabFree < slabRestBytes) {
      this.#slab = new Uint8Array(slabBytes);
      this.#slabView = new DataView(this.#slab.buffer);
      this.#slabFree = 0;
    }
    this.#bytes = this.#slab;
    this.#view = this.#slabView;
    this.#safe = this.#slab.length - slackBytes;
    this.#start = this.#slabFree;
    this.#at = this.#start + headerBytes;
  }

  #finish(): Encoded {
    const first = this.#start + headerBytes - 1;
    this.#bytes[first] = formatPlain;
    this.#checkSize(this.#at - first);
    const segment = this.#isKeptInSlab() ? this.#bytes.subarray(first, this.#at) : this.#bytes.slice(first, this.#at);
    return { segments: [segment], byteLength: segment.length };
  }

  #finishWithBuffers(plan: RegionPlan): Encoded {
    const { regions, slices } = plan.settle();
    this.#writeTable(regions, slices);
    const cuts = this.#writeRegions(regions);
    const isKept = this.#isKeptInSlab();
    const segments: Uint8Array[] = [];
    let from = this.#start;
    const cut = (to: number): void => {
      if (to > from) segments.push(isKept ? this.#bytes.subarray(from, to) : this.#bytes.slice(from, to));
      from = to;
    };
    for (const { after, piece } of cuts) {
      cut(this.#start + after);
      segments.push(piece);
    }
    cut(this.#at);
    return { segments, byteLength: segments.reduce((sum, segment) => sum + segment.length, 0) };
  }

  #writeTable(regions: readonly Region[], slices: readonly Slice[]): void {
    const tableAt = this.#at - this.#start;
    this.#bytes.fill(0, this.#start, this.#start + 4);
    this.#bytes[this.#start] = formatWithBuffers;
    this.#view.setUint32(this.#start + 4, tableAt, true);
    this.#count(regions.length);
    for (const region of regions) {
      this.#reserve(0);
      this.#count((region.end - region.start) * 2 + (region.isWhole ? 1 : 0));
    }
    this.#reserve(0);
    this.#count(slices.length);
    for (const slice of slices) {
      this.#reserve(0);
      this.#count(slice.region);
      this.#count(slice.offset);
      this.#count(slice.length);
    }
  }

  /** Returns the pieces that stay where they are, each after how many bytes of ours. */
  #writeRegions(regions: readonly Region[]): readonly { readonly after: number; readonly piece: Uint8Array }[] {
    const cuts: { after: number; piece: Uint8Array }[] = [];
    let outside = 0;
    for (const { buffer, start, end, pieces } of regions) {
      this.#zeros(-(this.#at - this.#start + outside) & 7);
      let place = start;
      for (const piece of pieces) {
        this.#zeros(piece.start - place);
        place = piece.end;
        const bytes = new Uint8Array(buffer, piece.start, piece.end - piece.start);
        if (bytes.length < smallPieceBytes) {
          this.#reserve(bytes.length);
          this.#bytes.set(bytes, this.#at);
          this.#at += bytes.length;
        } else {
          // Shared memory may change while it is on its way, and sockets refuse it.
          cuts.push({ after: this.#at - this.#start, piece: buffer instanceof ArrayBuffer ? bytes : bytes.slice() });
          outside += bytes.length;
        }
      }
      this.#zeros(end - place);
      this.#checkSize(this.#at - this.#start + outside);
    }
    return cuts;
  }

  #zeros(count: number): void {
    this.#reserve(count);
    this.#bytes.fill(0, this.#at, this.#at + count);
    this.#at += count;
  }

  /** Decides whether segments stay in the slab, and if so keeps their bytes from the next payload. */
  #isKeptInSlab(): boolean {
    const length = this.#at - this.#start;
    if (this.#bytes !== this.#slab || length <= ownArrayBytes || length > longestInSlab) return false;
    // Each payload begins at a multiple of 8, so that its buffers do too.
    this.#slabFree = (this.#at + 7) & ~7;
    return true;
  }

  /** Makes room for `count` bytes and the slack behind them. */
  #reserve(count: number): void {
    if (this.#at + count <= this.#safe) return;
    const written = this.#at - this.#start;
    this.#checkSize(written + count);
    const needed = written + count + slackBytes;
    const from = this.#bytes.subarray(this.#start, this.#at);
    if (this.#scratch.length < needed || this.#bytes === this.#scratch) {
      this.#scratch = new Uint8Array(Math.max(slabBytes, needed * 2));
    }
    this.#scratch.set(from);
    this.#bytes = this.#scratch;
    this.#view = new DataView(this.#scratch.buffer);
    this.#safe = this.#scratch.length - slackBytes;
    this.#start = 0;
    this.#at = written;
  }

  #checkSize(byteLength: number): void {
    const { maxBytes, root } = this.#options;
    if (byteLength <= maxBytes) return;
    const limit = maxBytes === limits.objectBytes ? "objectBytes" : "maxBytes";
    throw new ObjectTooLargeError(
      `Cannot copy ${root}: it takes ${byteLength} bytes or more, over the limit ${limit} (${maxBytes})`,
    );
  }

  #write(value: unknown): void {
    if (this.#at > this.#safe) this.#reserve(0);
    switch (typeof value) {
      case "number":
        this.#number(value);
        return;
      case "string":
        this.#text(value);
        return;
      case "object":
        if (value === null) this.#bytes[this.#at++] = Tag.null;
        else this.#object(value);
        return;
      case "boolean":
        this.#bytes[this.#at++] = value ? Tag.true : Tag.false;
        return;
      case "undefined":
        this.#bytes[this.#at++] = Tag.undefined;
        return;
      case "bigint":
        this.#bigint(value);
        return;
      case "function":
        this.#function(value);
        return;
      default:
        throw new Refusal(symbolRefusal.reason, symbolRefusal.advice);
    }
  }

  // Leaves

  #count(count: number): void {
    let rest = count;
    while (rest > 0x7f) {
      this.#bytes[this.#at++] = (rest & 0x7f) | 0x80;
      rest = Math.floor(rest / 128);
    }
    this.#bytes[this.#at++] = rest;
  }

  #number(value: number): void {
    const bytes = this.#bytes;
    // A comparison cannot tell -0 from 0; its reciprocal can.
    if (value === (value | 0) && (value !== 0 || 1 / value > 0)) {
      if (value >= 0 && value < 0x80) {
        bytes[this.#at++] = value;
      } else if (value < 0 && value >= -16) {
        bytes[this.#at++] = TagBase.shape + value;
      } else if (value >= -0x8000 && value < 0x8000) {
        bytes[this.#at] = Tag.int16;
        bytes[this.#at + 1] = value;
        bytes[this.#at + 2] = value >> 8;
        this.#at += 3;
      } else {
        bytes[this.#at] = Tag.int32;
        this.#view.setInt32(this.#at + 1, value, true);
        this.#at += 5;
      }
      return;
    }
    bytes[this.#at] = Tag.float64;
    this.#view.setFloat64(this.#at + 1, value, true);
    this.#at += 9;
  }

  #text(text: string): void {
    const length = text.length;
    if (length > longestByHand) {
      this.#longText(text);
      return;
    }
    const bytes = this.#bytes;
    let at = this.#at + (length < 32 ? 1 : 2);
    for (let i = 0; i < length; i++) {
      const unit = text.charCodeAt(i);
      if (unit > 0xff) {
        this.#shortUtf16(text);
        return;
      }
      bytes[at++] = unit;
    }
    if (length < 32) {
      bytes[this.#at] = TagBase.text | length;
    } else {
      bytes[this.#at] = Tag.latin1;
      bytes[this.#at + 1] = length;
    }
    this.#at = at;
  }

  #shortUtf16(text: string): void {
    const bytes = this.#bytes;
    let at = this.#at;
    bytes[at++] = Tag.shortUtf16;
    bytes[at++] = text.length;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      bytes[at++] = unit;
      bytes[at++] = unit >> 8;
    }
    this.#at = at;
  }

  #longText(text: string): void {
    if (!isWellFormed(text)) {
      this.#reserve(text.length * 2);
      this.#bytes[this.#at] = Tag.utf16;
      this.#view.setUint32(this.#at + 1, text.length, true);
      this.#at += 5;
      for (let i = 0; i < text.length; i++, this.#at += 2) this.#view.setUint16(this.#at, text.charCodeAt(i), true);
      return;
    }
    // Most text is ASCII, so room for that is made first; what does not fit then needs three bytes a unit at most.
    this.#reserve(text.length);
    const headAt = this.#at - this.#start;
    this.#at += 5;
    const { read, written } = writeUtf8(text, this.#bytes, this.#at);
    this.#at += written;
    if (read < text.length) {
      this.#reserve((text.length - read) * 3);
      this.#at += writeUtf8(text.slice(read), this.#bytes, this.#at).written;
    }
    const head = this.#start + headAt;
    this.#bytes[head] = Tag.utf8;
    this.#view.setUint32(head + 1, this.#at - head - 5, true);
    this.#reserve(0);
  }

  #bigint(value: bigint): void {
    if (BigInt.asIntN(64, value) === value) {
      this.#bytes[this.#at] = Tag.bigint64;
      this.#view.setBigInt64(this.#at + 1, value, true);
      this.#at += 9;
      return;
    }
    this.#bytes[this.#at++] = Tag.bigint;
    this.#bytes[this.#at++] = value < 0n ? 1 : 0;
    // Hexadecimal is the one radix in which engines read and write any size in linear time.
    this.#text((value < 0n ? -value : value).toString(16));
  }

  // Objects

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

  /** Writes a reference when `value` has been met before, else numbers it. */
  #refersBack(value: object): boolean {
    let earlier: number | undefined;
    if (this.#objects <= fewObjects) {
      for (let i = 0; i < this.#objects; i++) if (this.#few[i] === value) earlier = i;
      if (earlier === undefined) {
        if (this.#objects < fewObjects) {
          this.#few[this.#objects++] = value;
          return false;
        }
        this.#many = new Map();
        for (const [i, object] of this.#few.entries()) if (object !== undefined) this.#many.set(object, i);
      }
    }
    earlier ??= this.#many?.get(value);
    if (earlier === undefined) {
      this.#many?.set(value, this.#objects++);
      return false;
    }
    this.#bytes[this.#at++] = Tag.reference;
    this.#count(earlier);
    return true;
  }

  /** One level down. True when this level is to be written later: then its head follows `Tag.later`. */
  #enter(kind: StepKind): boolean {
    if (this.#base + this.#level >= limits.valueDepth) throw tooDeep();
    const level = ++this.#level;
    if (level > this.#deepest) this.#deepest = level;
    if (level === longestRun) this.#wayToParent = undefined;
    this.#kinds[level] = kind;
    this.#steps[level] = undefined;
    if (level <= longestRun) return false;
    if (this.#tokens === 0) {
      this.#bytes[this.#at++] = Tag.later;
      return true;
    }
    if (level > longestRun + longestTokenRun) throw new Refusal("it is nested too deeply inside a token");
    return false;
  }

  #leave(): void {
    this.#level--;
  }

  /** Instead of writing contents: leaves this level, and notes how to write them and where they are. */
  #postpone(write: () => void): void {
    const kind = this.#kinds[this.#level] ?? "unseen";
    this.#leave();
    // Siblings, of which there may be many, share the way to their parent.
    this.#wayToParent ??= { steps: this.#stepsTo(longestRun - 1), above: this.#run };
    this.#later ??= [];
    this.#later.push({ write, kind, base: this.#base + this.#level, step: this.#stepAt(longestRun), parent: this.#wayToParent });
  }

  #writeLater(later: readonly Postponed[]): void {
    // What is written here may add to the list.
    for (const postponed of later) {
      this.#run = postponed;
      this.#base = postponed.base;
      this.#level = 1;
      this.#kinds[1] = postponed.kind;
      this.#reserve(0);
      postponed.write();
      this.#level = 0;
    }
  }

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
    if (isLater) {
      const { names } = shape;
      this.#postpone(() => this.#values(value, names));
      return;
    }
    this.#values(value, shape.names);
    this.#leave();
  }

  #values(value: object, names: readonly string[]): void {
    const fields = value as Readonly<Record<string, unknown>>;
    const steps = this.#steps;
    const level = this.#level;
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
    if (shape.epoch === this.#epoch) {
      if (shape.index < 32) {
        this.#bytes[this.#at++] = TagBase.shape | shape.index;
      } else {
        this.#bytes[this.#at++] = Tag.shaped;
        this.#count(shape.index);
      }
      return;
    }
    shape.epoch = this.#epoch;
    shape.index = this.#shapes++;
    this.#bytes[this.#at++] = Tag.newShape;
    this.#count(shape.keys.length);
    for (const key of shape.keys) {
      const text = key.bytes;
      this.#reserve(text.length);
      if (key.epoch === this.#epoch) {
        this.#count(key.index * 2 + 1);
        continue;
      }
      key.epoch = this.#epoch;
      key.index = this.#keys++;
      this.#count(text.length * 2);
      const bytes = this.#bytes;
      const at = this.#at;
      for (let i = 0; i < text.length; i++) bytes[at + i] = text[i] ?? 0;
      this.#at += text.length;
    }
    this.#reserve(0);
  }

  #dictionary(value: object, names: readonly string[]): void {
    const isLater = this.#enter("member");
    this.#bytes[this.#at++] = Tag.object;
    if (isLater) {
      this.#postpone(() => this.#fields(value, names));
      return;
    }
    this.#fields(value, names);
    this.#leave();
  }

  #fields(value: object, names: readonly string[]): void {
    this.#reserve(0);
    this.#count(names.length);
    const fields = value as Readonly<Record<string, unknown>>;
    for (const name of names) {
      this.#steps[this.#level] = name;
      this.#key(name);
      this.#write(fields[name]);
    }
  }

  #key(name: string): void {
    this.#dictionaryKeys ??= new Map();
    const known = this.#dictionaryKeys.get(name);
    if (known !== undefined) {
      this.#reserve(0);
      this.#count(known * 2 + 1);
      return;
    }
    this.#dictionaryKeys.set(name, this.#keys++);
    this.#reserve(name.length * 3);
    const before = this.#at;
    this.#count(name.length * 2);
    for (let i = 0; i < name.length; i++) {
      const unit = name.charCodeAt(i);
      if (unit > 0x7f) {
        const wtf8 = encodeWtf8(name);
        this.#at = before;
        this.#count(wtf8.length * 2);
        this.#bytes.set(wtf8, this.#at);
        this.#at += wtf8.length;
        return;
      }
      this.#bytes[this.#at++] = unit;
    }
  }

  // Arrays

  #array(array: readonly unknown[]): void {
    const isLater = this.#enter("member");
    const { length } = array;
    // The one array that the language itself gives named fields: what text.match(pattern) returns.
    const isMatch = (array as { readonly index?: unknown }).index !== undefined;
    let first = 0;
    let element: unknown;
    if (!isLater && !isMatch && length >= fewestPackedNumbers) {
      this.#steps[this.#level] = 0;
      element = array[0];
      if (typeof element === "number") {
        const taken = this.#takeNumbers(array, element, length);
        if (taken === undefined) {
          this.#leave();
          return;
        }
        first = taken.count;
        element = taken.next;
      }
    } else if (length > 0) {
      element = unread;
    }
    if (isMatch) this.#bytes[this.#at++] = Tag.match;
    const headAt = this.#at - this.#start;
    if (length < 16) {
      this.#bytes[this.#at++] = TagBase.array | length;
    } else {
      this.#bytes[this.#at++] = Tag.array;
      this.#count(length);
    }
    if (isLater) {
      this.#postpone(() => this.#elements(array, length, headAt, isMatch));
      return;
    }
    for (let i = 0; i < first; i++) this.#write(this.#numbers[i]);
    this.#elements(array, length, headAt, isMatch, first, element);
    this.#leave();
  }

  /** From `first` on, whose element has been read unless it is `unread`. */
  #elements(array: readonly unknown[], length: number, headAt: number, isMatch: boolean, first = 0, read: unknown = unread): void {
    const steps = this.#steps;
    const level = this.#level;
    for (let i = first; i < length; i++) {
      steps[level] = i;
      const element = i === first && read !== unread ? read : array[i];
      if (element !== undefined || Object.hasOwn(array, i)) {
        this.#write(element);
      } else if (length <= longestWithSingleHoles) {
        this.#end();
      } else {
        this.#bytes[this.#start + headAt] = Tag.sparseArray;
        this.#sparseElements(array, i, length);
        break;
      }
    }
    if (isMatch) this.#fields(array, Object.keys(array).filter((name) => !isIndex(name)));
  }

  #sparseElements(array: readonly unknown[], after: number, length: number): void {
    const places = Object.keys(array).filter(isIndex).map(Number).filter((place) => place > after && place < length);
    this.#end();
    this.#reserve(0);
    this.#count(places.length);
    for (const place of places) {
      this.#steps[this.#level] = place;
      this.#reserve(0);
      this.#count(place);
      this.#write(array[place]);
    }
  }

  /**
   * Writes the array packed if it holds numbers only, else returns how many it begins with (they are in #numbers: an
   * element may be a getter, and getters are read once) and the element after them.
   */
  #takeNumbers(
    array: readonly unknown[],
    first: number,
    length: number,
  ): { readonly count: number; readonly next: unknown } | undefined {
    if (this.#numbers.length < length) this.#numbers = new Float64Array(length);
    const numbers = this.#numbers;
    let isInt = true;
    let least = 0;
    let most = 0;
    let next: unknown = first;
    for (let i = 0; ; ) {
      if (typeof next !== "number") return { count: i, next };
      numbers[i] = next;
      if (isInt) {
        if (next !== (next | 0) || (next === 0 && 1 / next < 0)) isInt = false;
        else if (next < least) least = next;
        else if (next > most) most = next;
      }
      if (++i === length) break;
      this.#steps[this.#level] = i;
      next = array[i];
    }
    this.#reserve(length * 8);
    this.#bytes[this.#at++] = Tag.numbers;
    const elementAt = this.#at++;
    this.#count(length);
    const { int8, int16, int32, float64 } = NumberElement;
    const view = this.#view;
    let at = this.#at;
    if (!isInt) {
      this.#bytes[elementAt] = float64;
      for (let i = 0; i < length; i++, at += 8) view.setFloat64(at, numbers[i] ?? 0, true);
    } else if (least >= -0x80 && most < 0x80) {
      this.#bytes[elementAt] = int8;
      for (let i = 0; i < length; i++, at++) view.setInt8(at, numbers[i] ?? 0);
    } else if (least >= -0x8000 && most < 0x8000) {
      this.#bytes[elementAt] = int16;
      for (let i = 0; i < length; i++, at += 2) view.setInt16(at, numbers[i] ?? 0, true);
    } else {
      this.#bytes[elementAt] = int32;
      for (let i = 0; i < length; i++, at += 4) view.setInt32(at, numbers[i] ?? 0, true);
    }
    this.#at = at;
    return undefined;
  }

  // Everything else

  #special(value: object, kind: Kind): void {
    if (!kind.builtIn && this.#asToken(value)) return;
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
        this.#bytes[this.#at] = Tag.date;
        this.#view.setFloat64(this.#at + 1, Date.prototype.getTime.call(value), true);
        this.#at += 9;
        return;
      case "regexp":
        this.#bytes[this.#at++] = Tag.regexp;
        this.#write((value as RegExp).source);
        this.#write((value as RegExp).flags);
        return;
      case "error":
        this.#error(value as Error);
        return;
      case "boxed":
        this.#bytes[this.#at++] = Tag.boxed;
        this.#write(value.valueOf());
        return;
      case "buffer":
        this.#buffer(value as ArrayBufferLike);
        return;
      case "view":
        this.#viewOf(value as ArrayBufferView, kind.code);
        return;
      case "refused": {
        const { reason, advice } = refusalOf(kind.name);
        throw new Refusal(reason, advice);
      }
    }
  }

  #asToken(value: object): boolean {
    const token = this.#options.tokenOf?.(value);
    if (token === undefined) return false;
    this.#bytes[this.#at++] = Tag.token;
    this.#tokens++;
    this.#enter("unseen");
    this.#write(token);
    this.#leave();
    this.#tokens--;
    return true;
  }

  #map(map: ReadonlyMap<unknown, unknown>): void {
    const isLater = this.#enter("map-value");
    this.#bytes[this.#at++] = Tag.map;
    if (isLater) {
      this.#postpone(() => this.#entries(map));
      return;
    }
    this.#entries(map);
    this.#leave();
  }

  #entries(map: ReadonlyMap<unknown, unknown>): void {
    const level = this.#level;
    // Entries that a getter adds on the way are not part of the copy, and cannot keep us here for ever.
    let left = map.size;
    for (const [key, value] of Map.prototype.entries.call(map)) {
      if (left-- <= 0) break;
      this.#kinds[level] = "map-key";
      this.#write(key);
      this.#kinds[level] = "map-value";
      this.#steps[level] = key;
      this.#write(value);
    }
    this.#end();
  }

  #set(set: ReadonlySet<unknown>): void {
    const isLater = this.#enter("set-member");
    this.#bytes[this.#at++] = Tag.set;
    if (isLater) {
      this.#postpone(() => this.#members(set));
      return;
    }
    this.#members(set);
    this.#leave();
  }

  #members(set: ReadonlySet<unknown>): void {
    const { size } = set;
    let i = 0;
    for (const member of Set.prototype.values.call(set)) {
      if (i === size) break;
      this.#steps[this.#level] = i++;
      this.#write(member);
    }
    this.#end();
  }

  #error(error: Error): void {
    const isLater = this.#enter("member");
    this.#steps[this.#level] = "name";
    const { name } = error as { readonly name: unknown };
    const code = errorClasses.findIndex((known) => known === name);
    this.#bytes[this.#at++] = Tag.error;
    this.#bytes[this.#at++] = Math.max(code, 0);
    const ownName = code === -1 && typeof name === "string" ? name : undefined;
    if (isLater) {
      this.#postpone(() => this.#errorParts(error, ownName));
      return;
    }
    this.#errorParts(error, ownName);
    this.#leave();
  }

  #errorParts(error: Error, name: string | undefined): void {
    const level = this.#level;
    const fields = Object.keys(error).filter((field) => !errorFields.has(field));
    this.#steps[level] = "message";
    const { message } = error;
    const hasErrors = Object.hasOwn(error, "errors") && !fields.includes("errors");
    const parts =
      (name !== undefined ? ErrorPart.name : 0) |
      (message !== "" || Object.hasOwn(error, "message") ? ErrorPart.message : 0) |
      (Object.hasOwn(error, "cause") ? ErrorPart.cause : 0) |
      (hasErrors ? ErrorPart.errors : 0) |
      (fields.length > 0 ? ErrorPart.fields : 0);
    this.#reserve(0);
    this.#bytes[this.#at++] = parts;
    if (parts & ErrorPart.name) this.#write(name);
    if (parts & ErrorPart.message) this.#write(message);
    this.#steps[level] = "stack";
    const { stack } = error;
    this.#write(typeof stack === "string" ? stack : undefined);
    this.#steps[level] = "cause";
    if (parts & ErrorPart.cause) this.#write(error.cause);
    this.#steps[level] = "errors";
    if (parts & ErrorPart.errors) this.#write((error as AggregateError).errors);
    if (parts & ErrorPart.fields) this.#fields(error, fields);
  }

  #buffer(buffer: ArrayBufferLike): void {
    refuseDetached(buffer);
    this.#bytes[this.#at++] = Tag.buffer;
    this.#plan ??= new RegionPlan();
    this.#plan.addBuffer(buffer);
  }

  #viewOf(view: ArrayBufferView, code: number): void {
    const { buffer, byteOffset, byteLength } = view;
    refuseDetached(buffer);
    this.#bytes[this.#at++] = Tag.view;
    this.#bytes[this.#at++] = code;
    this.#plan ??= new RegionPlan();
    this.#plan.addView(buffer, byteOffset, byteLength);
  }

  /** Closes a list of unknown length; many may close one after another, so this one looks for room itself. */
  #end(): void {
    this.#reserve(0);
    this.#bytes[this.#at++] = Tag.hole;
  }
}

/** Contents to be written after everything else. */
interface Postponed {
  readonly write: () => void;
  readonly kind: StepKind;
  /** Levels above. */
  readonly base: number;
  /** From its parent. */
  readonly step: Step;
  readonly parent: Way;
}

interface Way {
  readonly steps: readonly Step[];
  readonly above: Postponed | undefined;
}

/** In the place of an element that has not been read. */
const unread = Symbol("unread");

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
    new Uint8Array(buffer);
  } catch {
    throw new Refusal("its memory was transferred away", "Copy it before you transfer it.");
  }
}
