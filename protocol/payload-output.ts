/**
 * Where a payload's bytes go. Owns room, and the leaves of values: numbers, text, big integers. Small payloads are slices
 * of one slab, because a fresh array for each costs more than writing it; large pieces of the user's typed arrays stay
 * where they are and become segments. Knows nothing about objects; the format is in payload-format.ts.
 */
import { ObjectTooLargeError } from "./errors.ts";
import { limits } from "./limits.ts";
import { formatPlain, formatWithBuffers, headerBytes, NumberElement, Tag, TagBase } from "./payload-format.ts";
import type { Region, RegionPlan, Slice } from "./payload-regions.ts";
import { isWellFormed, longestByHand, writeUtf8 } from "./payload-text.ts";

/**
 * `segments` one after another are the payload. They are borrowed: slices of a shared slab, and the very memory of the
 * typed arrays in the value. Send or copy them before that value changes, and transfer none of them.
 */
export interface Encoded {
  readonly segments: readonly Uint8Array[];
  readonly byteLength: number;
  /** The only segment, when it is a fresh array that nobody else has. */
  readonly own?: Uint8Array<ArrayBuffer>;
}

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
/** Always free before a value is written: enough for any number or short text, and a few counts, without another check. */
const slackBytes = 160;
/** Smaller pieces of binary data are copied next to one another; larger ones are segments of their own. */
const smallPieceBytes = 1024;

export class Output {
  bytes = new Uint8Array(slabBytes);
  view = new DataView(this.bytes.buffer);
  at = 0;
  #start = 0;
  /** The last place at which `slackBytes` are free. */
  #safe = 0;
  #slab = this.bytes;
  #slabView = this.view;
  /** The first byte of the slab that no segment uses. */
  #slabFree = 0;
  #scratch = new Uint8Array(0);
  #root = "";
  #maxBytes = 0;

  /** Begins a payload of at most `maxBytes`. `root` names the value in an error. */
  open(root: string, maxBytes: number): void {
    this.#root = root;
    this.#maxBytes = maxBytes;
    // A slab of no length was transferred away by somebody, in spite of the warning at `Encoded`.
    if (this.#slab.length - this.#slabFree < slabRestBytes) {
      this.#slab = new Uint8Array(slabBytes);
      this.#slabView = new DataView(this.#slab.buffer);
      this.#slabFree = 0;
    }
    this.bytes = this.#slab;
    this.view = this.#slabView;
    this.#safe = this.#slab.length - slackBytes;
    this.#start = this.#slabFree;
    this.at = this.#start + headerBytes;
  }

  close(plan: RegionPlan | undefined): Encoded {
    const encoded = plan === undefined ? this.#closePlain() : this.#closeWithBuffers(plan);
    if (this.#scratch.length > keptScratchBytes) this.#scratch = new Uint8Array(0);
    return encoded;
  }

  /** Makes room for `count` bytes and the slack behind them; `atLeast` of them will be written. */
  reserve(count: number, atLeast: number = count): void {
    if (this.at + count > this.#safe) this.#grow(count, atLeast);
  }

  /** A place to come back to: `at` itself moves with the bytes. */
  mark(): number {
    return this.at - this.#start;
  }

  put(byte: number): void {
    this.bytes[this.at++] = byte;
  }

  putAt(mark: number, byte: number): void {
    this.bytes[this.#start + mark] = byte;
  }

  copy(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.at);
    this.at += bytes.length;
  }

  /** LEB128, in at most seven bytes. */
  count(count: number): void {
    let rest = count;
    while (rest > 0x7f) {
      this.bytes[this.at++] = (rest & 0x7f) | 0x80;
      rest = Math.floor(rest / 128);
    }
    this.bytes[this.at++] = rest;
  }

  number(value: number): void {
    const { bytes } = this;
    // A comparison cannot tell -0 from 0; its reciprocal can.
    if (value === (value | 0) && (value !== 0 || 1 / value > 0)) {
      if (value >= 0 && value < TagBase.text) {
        bytes[this.at++] = value;
      } else if (value < 0 && value >= -16) {
        bytes[this.at++] = TagBase.shape + value;
      } else if (value >= -0x8000 && value < 0x8000) {
        bytes[this.at] = Tag.int16;
        bytes[this.at + 1] = value;
        bytes[this.at + 2] = value >> 8;
        this.at += 3;
      } else {
        bytes[this.at] = Tag.int32;
        this.view.setInt32(this.at + 1, value, true);
        this.at += 5;
      }
      return;
    }
    this.float64(Tag.float64, value);
  }

  float64(tag: number, value: number): void {
    this.bytes[this.at] = tag;
    this.view.setFloat64(this.at + 1, value, true);
    this.at += 9;
  }

  /** The first `length` of `numbers`, packed as narrowly as `least` and `most` allow, which are undefined for fractions. */
  numbers(
    numbers: Float64Array,
    length: number,
    range: { readonly least: number; readonly most: number } | undefined,
  ): void {
    this.reserve(length * 8, length);
    const { view } = this;
    this.put(Tag.numbers);
    const elementAt = this.at++;
    this.count(length);
    let { at } = this;
    let element: number;
    if (range === undefined) {
      element = NumberElement.float64;
      for (let i = 0; i < length; i++, at += 8) view.setFloat64(at, numbers[i] ?? 0, true);
    } else if (range.least >= -0x80 && range.most < 0x80) {
      element = NumberElement.int8;
      for (let i = 0; i < length; i++, at++) view.setInt8(at, numbers[i] ?? 0);
    } else if (range.least >= -0x8000 && range.most < 0x8000) {
      element = NumberElement.int16;
      for (let i = 0; i < length; i++, at += 2) view.setInt16(at, numbers[i] ?? 0, true);
    } else {
      element = NumberElement.int32;
      for (let i = 0; i < length; i++, at += 4) view.setInt32(at, numbers[i] ?? 0, true);
    }
    this.bytes[elementAt] = element;
    this.at = at;
  }

  bigint(value: bigint): void {
    if (BigInt.asIntN(64, value) === value) {
      this.bytes[this.at] = Tag.bigint64;
      this.view.setBigInt64(this.at + 1, value, true);
      this.at += 9;
      return;
    }
    this.put(Tag.bigint);
    this.put(value < 0n ? 1 : 0);
    // Hexadecimal is a radix in which engines read and write any size in linear time.
    this.text((value < 0n ? -value : value).toString(16));
  }

  text(text: string): void {
    const { length } = text;
    if (length > longestByHand) {
      this.#longText(text);
      return;
    }
    const { bytes } = this;
    let at = this.at + (length < 32 ? 1 : 2);
    for (let i = 0; i < length; i++) {
      const unit = text.charCodeAt(i);
      if (unit > 0xff) {
        this.#shortUtf16(text);
        return;
      }
      bytes[at++] = unit;
    }
    if (length < 32) {
      bytes[this.at] = TagBase.text | length;
    } else {
      bytes[this.at] = Tag.latin1;
      bytes[this.at + 1] = length;
    }
    this.at = at;
  }

  #shortUtf16(text: string): void {
    const { bytes } = this;
    let { at } = this;
    bytes[at++] = Tag.shortUtf16;
    bytes[at++] = text.length;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      bytes[at++] = unit;
      bytes[at++] = unit >> 8;
    }
    this.at = at;
  }

  #longText(text: string): void {
    if (!isWellFormed(text)) {
      this.reserve(text.length * 2);
      this.put(Tag.utf16);
      this.view.setUint32(this.at, text.length, true);
      this.at += 4;
      for (let i = 0; i < text.length; i++, this.at += 2) this.view.setUint16(this.at, text.charCodeAt(i), true);
      return;
    }
    // Most text is ASCII, so room for that is made first; what does not fit then needs three bytes a unit at most.
    this.reserve(text.length);
    const mark = this.mark();
    this.at += 5;
    const { read, written } = writeUtf8(text, this.bytes, this.at);
    this.at += written;
    if (read < text.length) {
      this.reserve((text.length - read) * 3, text.length - read);
      this.at += writeUtf8(text.slice(read), this.bytes, this.at).written;
    }
    this.putAt(mark, Tag.utf8);
    this.view.setUint32(this.#start + mark + 1, this.mark() - mark - 5, true);
    this.reserve(0);
  }

  #grow(count: number, atLeast: number): void {
    const written = this.mark();
    this.#checkSize(written - headerBytes + atLeast);
    const needed = written + count + slackBytes;
    const sofar = this.bytes.subarray(this.#start, this.at);
    if (this.#scratch.length < needed) this.#scratch = new Uint8Array(Math.max(slabBytes, needed * 2));
    if (sofar.buffer !== this.#scratch.buffer) this.#scratch.set(sofar);
    this.bytes = this.#scratch;
    this.view = new DataView(this.#scratch.buffer);
    this.#safe = this.#scratch.length - slackBytes;
    this.#start = 0;
    this.at = written;
  }

  #checkSize(byteLength: number): void {
    if (byteLength <= this.#maxBytes) return;
    const limit = this.#maxBytes === limits.objectBytes ? "objectBytes" : "maxBytes";
    throw new ObjectTooLargeError(
      `Cannot copy ${this.#root}: it takes ${byteLength} bytes or more, over the limit ${limit} (${this.#maxBytes})`,
    );
  }

  // Segments

  #closePlain(): Encoded {
    const first = this.#start + headerBytes - 1;
    this.bytes[first] = formatPlain;
    this.#checkSize(this.at - first);
    if (this.#keepInSlab()) {
      const segment = this.bytes.subarray(first, this.at);
      return { segments: [segment], byteLength: segment.length };
    }
    const own = this.bytes.slice(first, this.at);
    return { segments: [own], byteLength: own.length, own };
  }

  #closeWithBuffers(plan: RegionPlan): Encoded {
    const { regions, slices } = plan.settle();
    this.#writeTable(regions, slices);
    const cuts = this.#writeRegions(regions);
    const isKept = this.#keepInSlab();
    const segments: Uint8Array[] = [];
    let byteLength = 0;
    let from = this.#start;
    const cut = (to: number, next: Uint8Array | undefined): void => {
      if (to > from) segments.push(isKept ? this.bytes.subarray(from, to) : this.bytes.slice(from, to));
      if (next !== undefined) segments.push(next);
      byteLength += to - from + (next?.length ?? 0);
      from = to;
    };
    for (const { after, piece } of cuts) cut(this.#start + after, piece);
    cut(this.at, undefined);
    return { segments, byteLength };
  }

  #writeTable(regions: readonly Region[], slices: readonly Slice[]): void {
    this.bytes.fill(0, this.#start, this.#start + 4);
    this.bytes[this.#start] = formatWithBuffers;
    this.view.setUint32(this.#start + 4, this.mark(), true);
    this.reserve(0);
    this.count(regions.length);
    for (const region of regions) {
      this.reserve(0);
      this.count((region.end - region.start) * 2 + (region.isWhole ? 1 : 0));
    }
    this.count(slices.length);
    for (const slice of slices) {
      this.reserve(0);
      this.count(slice.region);
      this.count(slice.offset);
      this.count(slice.length);
    }
  }

  /** Returns the pieces that stay where they are, each after how many bytes of ours. */
  #writeRegions(regions: readonly Region[]): readonly { readonly after: number; readonly piece: Uint8Array }[] {
    const cuts: { after: number; piece: Uint8Array }[] = [];
    let outside = 0;
    for (const { buffer, start, end, pieces } of regions) {
      this.#zeros(-(this.mark() + outside) & 7);
      let place = start;
      for (const piece of pieces) {
        this.#zeros(piece.start - place);
        place = piece.end;
        const bytes = new Uint8Array(buffer, piece.start, piece.end - piece.start);
        if (bytes.length < smallPieceBytes) {
          this.copy(bytes);
        } else {
          // Shared memory may change while it is on its way, and sockets refuse it.
          cuts.push({ after: this.mark(), piece: buffer instanceof ArrayBuffer ? bytes : bytes.slice() });
          outside += bytes.length;
        }
      }
      this.#zeros(end - place);
      this.#checkSize(this.mark() + outside);
    }
    return cuts;
  }

  #zeros(count: number): void {
    this.reserve(count);
    this.bytes.fill(0, this.at, this.at + count);
    this.at += count;
  }

  /** Decides whether segments stay in the slab, and if so keeps their bytes from the next payload. */
  #keepInSlab(): boolean {
    const length = this.mark();
    if (this.bytes !== this.#slab || length <= ownArrayBytes || length > longestInSlab) return false;
    // Each payload begins at a multiple of 8, so that its buffers do too.
    this.#slabFree = (this.at + 7) & ~7;
    return true;
  }
}
