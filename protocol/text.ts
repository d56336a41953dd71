/**
 * UTF-8 for the pure rooms. Short ASCII, which ids and names nearly always are, is handled by hand: that is several
 * times faster than a call into the platform. Knows nothing about what the text means.
 */

interface Encoder {
  encode(text: string): Uint8Array;
  encodeInto(text: string, into: Uint8Array): { read: number; written: number };
}
interface Decoder {
  decode(bytes: Uint8Array): string;
}
/** TextEncoder and TextDecoder exist in every runtime the grid meets; the pure type library does not list them. */
const platform = globalThis as unknown as {
  readonly TextEncoder: new () => Encoder;
  readonly TextDecoder: new (label: string, options: { fatal: boolean; ignoreBOM: boolean }) => Decoder;
};

const encoder = new platform.TextEncoder();
const decoder = new platform.TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const shortText = 48;
/** One array per length, reused: measured twice as fast as a new one a call. */
const scratch: readonly number[][] = Array.from({ length: shortText + 1 }, (_, length) =>
  Array.from({ length }, () => 0),
);

/** Bytes that `text` can need at most; reserve this many before `writeText`. */
export function maxTextBytes(text: string): number {
  return text.length * 3;
}

/** Writes UTF-8 at `at` and returns how many bytes. The caller has reserved `maxTextBytes(text)`. Lone surrogates become U+FFFD. */
export function writeText(text: string, into: Uint8Array, at: number): number {
  const length = text.length;
  if (length <= shortText) {
    let i = 0;
    for (; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code > 0x7f) break;
      into[at + i] = code;
    }
    if (i === length) return length;
  }
  return encoder.encodeInto(text, into.subarray(at)).written;
}

/** Reads `length` bytes of UTF-8 at `at`. Throws TypeError on bytes that are not UTF-8. */
export function readText(bytes: Uint8Array, at: number, length: number): string {
  if (length <= shortText) {
    const codes = scratch[length] ?? [];
    let i = 0;
    for (; i < length; i++) {
      const code = bytes[at + i] ?? 0x80;
      if (code > 0x7f) break;
      codes[i] = code;
    }
    if (i === length) return String.fromCharCode.apply(null, codes);
  }
  return decoder.decode(bytes.subarray(at, at + length));
}
