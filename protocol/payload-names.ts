/**
 * Names of fields met before, by hash of their bytes. A name from here is the engine's own interned text, which makes the
 * object that gets it several times faster to build than a fresh one does. Bounded: a newcomer takes its slot.
 */
import { readLatin1 } from "./payload-text.ts";

const familiarNames: (string | undefined)[] = Array.from({ length: 1024 }, () => undefined);
const longestFamiliarName = 64;

/** The text of `bytes[at, at + length)`; undefined if it is long or not ASCII. */
export function familiarName(bytes: Uint8Array, at: number, length: number): string | undefined {
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
