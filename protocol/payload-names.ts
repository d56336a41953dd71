/**
 * Names of fields as a payload's reader meets them, kept from one payload to the next by the hash of their bytes. A name
 * from here is the engine's own interned text, which makes the object that gets it several times faster to build than a
 * fresh one does. Bounded: a newcomer takes its slot.
 */
import { readLatin1, readWtf8 } from "./payload-text.ts";

export interface Name {
  readonly text: string;
  /** Object.prototype has it, as it has `__proto__`: a field so called is defined, not set. */
  readonly isGuarded: boolean;
}

const slots = 1024;
const longestFamiliar = 64;
const familiar: (Name | undefined)[] = Array.from({ length: slots }, () => undefined);

/** The name in `bytes[at, at + length)`, which the caller has found to be inside; undefined when they are no text. */
export function nameAt(bytes: Uint8Array, at: number, length: number): Name | undefined {
  if (length > longestFamiliar) return unfamiliar(bytes, at, length);
  let hash = length;
  for (let i = at; i < at + length; i++) {
    const byte = bytes[i] ?? 0;
    if (byte > 0x7f) return unfamiliar(bytes, at, length);
    hash = (Math.imul(hash, 31) + byte) | 0;
  }
  const slot = (hash ^ (hash >>> 10)) & (slots - 1);
  const known = familiar[slot];
  if (known !== undefined && isAt(known.text, bytes, at, length)) return known;
  const name = named(readLatin1(bytes, at, length));
  familiar[slot] = name;
  return name;
}

function unfamiliar(bytes: Uint8Array, at: number, length: number): Name | undefined {
  const text = readWtf8(bytes, at, at + length);
  return text === undefined ? undefined : named(text);
}

function named(text: string): Name {
  return { text, isGuarded: text in Object.prototype };
}

function isAt(text: string, bytes: Uint8Array, at: number, length: number): boolean {
  if (text.length !== length) return false;
  for (let i = 0; i < length; i++) if (text.charCodeAt(i) !== bytes[at + i]) return false;
  return true;
}
