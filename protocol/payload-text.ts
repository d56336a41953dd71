/**
 * Text inside payloads. Unlike the envelope's, a user's text may be megabytes, may hold lone surrogates, and is read
 * from bytes nobody has checked. Owns WTF-8 (UTF-8 that also carries lone surrogates), which property keys are
 * written in. Knows nothing about values.
 */

interface Utf8 {
  readonly TextEncoder: new () => {
    encodeInto(text: string, into: Uint8Array): { readonly read: number; readonly written: number };
  };
  readonly TextDecoder: new (
    label: string,
    options: { readonly ignoreBOM: boolean },
  ) => { decode(bytes: Uint8Array): string };
}
/** They exist in every runtime the grid meets; the pure type library does not list them. */
const platform = globalThis as unknown as Utf8;
const encoder = new platform.TextEncoder();
// Without ignoreBOM a text that starts with U+FEFF would lose its first character.
const decoder = new platform.TextDecoder("utf-8", { ignoreBOM: true });

/** Writes what fits of `text` at `at`; says how many UTF-16 units that was, and how many bytes they took. */
export function writeUtf8(
  text: string,
  into: Uint8Array,
  at: number,
): { readonly read: number; readonly written: number } {
  return encoder.encodeInto(text, into.subarray(at));
}

/** Ill-formed bytes become U+FFFD; it never throws. */
export function readUtf8(bytes: Uint8Array, start: number, end: number): string {
  return decoder.decode(bytes.subarray(start, end));
}

/** True when `text` has no lone surrogate, so that UTF-8 keeps it exactly. */
export function isWellFormed(text: string): boolean {
  const native = (text as { readonly isWellFormed?: () => boolean }).isWellFormed;
  return native === undefined ? !/\p{Surrogate}/u.test(text) : native.call(text);
}

export function encodeWtf8(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length * 3);
  let at = 0;
  for (let i = 0; i < text.length; i++) {
    const point = text.codePointAt(i) ?? 0;
    if (point < 0x80) {
      bytes[at++] = point;
    } else if (point < 0x800) {
      bytes[at++] = 0xc0 | (point >> 6);
      bytes[at++] = 0x80 | (point & 0x3f);
    } else if (point < 0x10000) {
      bytes[at++] = 0xe0 | (point >> 12);
      bytes[at++] = 0x80 | ((point >> 6) & 0x3f);
      bytes[at++] = 0x80 | (point & 0x3f);
    } else {
      i++;
      bytes[at++] = 0xf0 | (point >> 18);
      bytes[at++] = 0x80 | ((point >> 12) & 0x3f);
      bytes[at++] = 0x80 | ((point >> 6) & 0x3f);
      bytes[at++] = 0x80 | (point & 0x3f);
    }
  }
  return bytes.slice(0, at);
}

/** The text of `bytes[start, end)`, or undefined when they are no WTF-8. */
export function readWtf8(bytes: Uint8Array, start: number, end: number): string | undefined {
  let text = "";
  let at = start;
  while (at < end) {
    const lead = bytes[at++] ?? 0;
    if (lead < 0x80) {
      text += String.fromCharCode(lead);
      continue;
    }
    const more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    if (lead < 0xc0 || lead > 0xf4 || at + more > end) return undefined;
    let point = lead & (0x3f >> more);
    for (let i = 0; i < more; i++) {
      const next = bytes[at++] ?? 0;
      if ((next & 0xc0) !== 0x80) return undefined;
      point = (point << 6) | (next & 0x3f);
    }
    if (point > 0x10ffff) return undefined;
    text += String.fromCodePoint(point);
  }
  return text;
}

/** Text of up to this length is read and written by a loop: there a call into the platform costs more. */
export const longestByHand = 40;

const char = String.fromCharCode;

/** `bytes[at, at + length)`, which the caller has found to be inside `bytes`, as one character each. */
export function readLatin1(bytes: Uint8Array, at: number, length: number): string {
  let text = "";
  let i = at;
  let left = length;
  for (; left >= 8; left -= 8, i += 8) {
    text += char(
      bytes[i] ?? 0,
      bytes[i + 1] ?? 0,
      bytes[i + 2] ?? 0,
      bytes[i + 3] ?? 0,
      bytes[i + 4] ?? 0,
      bytes[i + 5] ?? 0,
      bytes[i + 6] ?? 0,
      bytes[i + 7] ?? 0,
    );
  }
  if (left >= 4) {
    text += char(bytes[i] ?? 0, bytes[i + 1] ?? 0, bytes[i + 2] ?? 0, bytes[i + 3] ?? 0);
    left -= 4;
    i += 4;
  }
  if (left === 0) return text;
  if (left === 1) return text + char(bytes[i] ?? 0);
  if (left === 2) return text + char(bytes[i] ?? 0, bytes[i + 1] ?? 0);
  return text + char(bytes[i] ?? 0, bytes[i + 1] ?? 0, bytes[i + 2] ?? 0);
}

/** `bytes[at, at + length * 2)`, which the caller has found to be inside `bytes`, as UTF-16LE. */
export function readUtf16(bytes: Uint8Array, at: number, length: number): string {
  let text = "";
  let i = at;
  let left = length;
  for (; left >= 4; left -= 4, i += 8) {
    text += char(
      (bytes[i] ?? 0) | ((bytes[i + 1] ?? 0) << 8),
      (bytes[i + 2] ?? 0) | ((bytes[i + 3] ?? 0) << 8),
      (bytes[i + 4] ?? 0) | ((bytes[i + 5] ?? 0) << 8),
      (bytes[i + 6] ?? 0) | ((bytes[i + 7] ?? 0) << 8),
    );
  }
  for (; left > 0; left--, i += 2) text += char((bytes[i] ?? 0) | ((bytes[i + 1] ?? 0) << 8));
  return text;
}
