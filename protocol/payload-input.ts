/**
 * The bytes of a payload as its reader takes them: nothing is read, and no length believed, beyond what is there. Owns
 * counts, numbers and text; knows nothing about values.
 */
import { ProtocolError } from "./errors.ts";
import { NumberElement } from "./payload-format.ts";
import { readLatin1, readUtf16, readUtf8 } from "./payload-text.ts";

export function refused(why: string): ProtocolError {
  return new ProtocolError(`Cannot decode value: ${why}`);
}

const float64 = new Float64Array(1);
const float64Bytes = new Uint8Array(float64.buffer);

export class Input {
  readonly bytes: Uint8Array;
  at = 0;
  readonly #end: number;
  #announced = 0;

  constructor(bytes: Uint8Array, at: number) {
    this.bytes = bytes;
    this.at = at;
    this.#end = bytes.length;
  }

  get left(): number {
    return this.#end - this.at;
  }

  byte(): number {
    const byte = this.bytes[this.at++];
    if (byte === undefined) throw refused("it ends early");
    return byte;
  }

  /** Takes the next byte if it is this one. */
  takes(byte: number): boolean {
    if (this.bytes[this.at] !== byte) return false;
    this.at++;
    return true;
  }

  /** Returns where `count` bytes begin, and moves past them. */
  skip(count: number): number {
    const { at } = this;
    if (count > this.#end - at) throw refused("it ends early");
    this.at = at + count;
    return at;
  }

  count(): number {
    let count = 0;
    for (let scale = 1; scale <= 2 ** 42; scale *= 128) {
      const byte = this.byte();
      count += (byte & 0x7f) * scale;
      if (byte < 0x80) return count;
    }
    throw refused("a count is too long");
  }

  /**
   * Returns `count`, the elements of a list that is about to be allocated. Each takes a byte at least, so lists that
   * announce more than all the bytes, however they are nested, are lying.
   */
  announce(count: number): number {
    this.#announced += count;
    if (this.#announced > this.#end) throw refused("it announces more than it holds");
    return count;
  }

  int16(): number {
    const at = this.skip(2);
    return (((this.bytes[at] ?? 0) | ((this.bytes[at + 1] ?? 0) << 8)) << 16) >> 16;
  }

  uint32(): number {
    const { bytes } = this;
    const at = this.skip(4);
    const low = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16);
    return (low | ((bytes[at + 3] ?? 0) << 24)) >>> 0;
  }

  float64(): number {
    const { bytes } = this;
    const at = this.skip(8);
    for (let i = 0; i < 8; i++) float64Bytes[i] = bytes[at + i] ?? 0;
    return float64[0] ?? 0;
  }

  bigint64(): bigint {
    return this.#span(8).getBigInt64(0, true);
  }

  numbers(): number[] {
    const element = this.byte();
    const length = this.count();
    const { int8, int16, int32, float64 } = NumberElement;
    const size = element === int8 ? 1 : element === int16 ? 2 : element === int32 ? 4 : element === float64 ? 8 : 0;
    if (size === 0) throw refused(`unknown number element ${element}`);
    const span = this.#span(length * size);
    const numbers: number[] = new Array(length);
    if (size === 8) for (let i = 0; i < length; i++) numbers[i] = span.getFloat64(i * 8, true);
    else if (size === 4) for (let i = 0; i < length; i++) numbers[i] = span.getInt32(i * 4, true);
    else if (size === 2) for (let i = 0; i < length; i++) numbers[i] = span.getInt16(i * 2, true);
    else for (let i = 0; i < length; i++) numbers[i] = span.getInt8(i);
    return numbers;
  }

  latin1(length: number): string {
    return readLatin1(this.bytes, this.skip(length), length);
  }

  utf8(length: number): string {
    const at = this.skip(length);
    return readUtf8(this.bytes, at, at + length);
  }

  utf16(length: number): string {
    return readUtf16(this.bytes, this.skip(length * 2), length);
  }

  #span(count: number): DataView {
    const at = this.skip(count);
    return new DataView(this.bytes.buffer, this.bytes.byteOffset + at, count);
  }
}
