/**
 * The binary data of a payload as its reader hands it out. Owns the table of regions and slices, read and checked before
 * the value is, and the choice between copies and windows on the input.
 */
import { headerBytes, viewClasses } from "./payload-format.ts";
import { Input, refused } from "./payload-input.ts";

interface Region {
  readonly start: number;
  readonly end: number;
  readonly isWhole: boolean;
  /** Its own copy, made when it is first met. */
  buffer: ArrayBuffer | undefined;
}

interface Slice {
  readonly region: Region;
  readonly offset: number;
  readonly length: number;
}

/** Views below this size are copied even when the caller asked for none: all of the input would stay alive for them. */
const smallViewBytes = 1024;

export class Slices {
  readonly tableAt: number;
  readonly #payload: Uint8Array;
  readonly #copyBuffers: boolean;
  readonly #slices: readonly Slice[];
  #next = 0;

  constructor(payload: Uint8Array, copyBuffers: boolean) {
    this.#payload = payload;
    this.#copyBuffers = copyBuffers;
    const input = new Input(payload, 4);
    this.tableAt = input.uint32();
    if (this.tableAt < headerBytes) throw refused("its table is inside its header");
    input.at = this.tableAt;
    const lengths: number[] = [];
    for (let left = input.count(); left > 0; left--) lengths.push(input.count());
    const uses: (readonly [region: number, offset: number, length: number])[] = [];
    for (let left = input.count(); left > 0; left--) uses.push([input.count(), input.count(), input.count()]);
    const regions = lengths.map((head): Region => {
      input.skip(-input.at & 7);
      const start = input.skip(Math.floor(head / 2));
      return { start, end: input.at, isWhole: head % 2 === 1, buffer: undefined };
    });
    if (input.left !== 0) throw refused(`${input.left} bytes are left over`);
    this.#slices = uses.map(([index, offset, length]) => {
      const region = regions[index];
      if (region === undefined || offset + length > region.end - region.start)
        throw refused("a slice is outside its region");
      return { region, offset, length };
    });
  }

  get left(): number {
    return this.#slices.length - this.#next;
  }

  buffer(): ArrayBuffer {
    const { region, offset, length } = this.#take();
    if (!region.isWhole || offset !== 0 || length !== region.end - region.start) throw refused("a buffer is not whole");
    return this.#bufferOf(region);
  }

  view(code: number): ArrayBufferView {
    const { region, offset, length } = this.#take();
    const name = viewClasses[code];
    if (name === undefined) throw refused(`unknown view ${code}`);
    const Class = viewConstructors[name];
    if (Class === undefined) throw refused(`it holds a ${name}, which this engine does not have`);
    const size = Class.BYTES_PER_ELEMENT ?? 1;
    if (offset % size !== 0 || length % size !== 0) throw refused(`a ${name} is out of step`);
    const place = this.#payload.byteOffset + region.start + offset;
    const isWindow = !this.#copyBuffers && !region.isWhole && length >= smallViewBytes && place % size === 0;
    return isWindow
      ? new Class(this.#payload.buffer, place, length / size)
      : new Class(this.#bufferOf(region), offset, length / size);
  }

  #take(): Slice {
    const slice = this.#slices[this.#next++];
    if (slice === undefined) throw refused("a slice is missing");
    return slice;
  }

  #bufferOf(region: Region): ArrayBuffer {
    if (region.buffer === undefined) {
      const copy = new Uint8Array(region.end - region.start);
      copy.set(this.#payload.subarray(region.start, region.end));
      region.buffer = copy.buffer;
    }
    return region.buffer;
  }
}

interface ViewConstructor {
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): ArrayBufferView;
  readonly BYTES_PER_ELEMENT?: number;
}

/** By name, for engines without Float16Array. */
const viewConstructors = globalThis as unknown as { readonly [name in (typeof viewClasses)[number]]?: ViewConstructor };
