/**
 * Which keys objects have. Owns the list of shapes (key lists) that this realm has met, kept across payloads so that
 * the keys of a familiar object are found without hashing them and copied as bytes. Each payload still spells out
 * every shape that it uses: a shape remembers only which payload, by epoch, spelled it last and under which number.
 */
import { encodeWtf8 } from "./payload-text.ts";

export interface Key {
  readonly bytes: Uint8Array;
  epoch: number;
  index: number;
}

export interface Shape {
  readonly names: readonly string[];
  readonly keys: readonly Key[];
  epoch: number;
  index: number;
}

/** Wider objects, and ones with a long key, are dictionaries: their keys are data and would only fill the table. */
export const widestShape = 256;
const longestKey = 64;
/** Past this many, the table starts anew; shapes still in use are simply met again. */
const mostKeys = 8_192;
/** Shapes kept for one first key; a newcomer takes the place of the oldest. */
const mostAlike = 16;

interface Family {
  readonly shapes: Shape[];
  oldest: number;
  /** The one met last: the next object's is probably the same. */
  recent: Shape;
}

/** By first key. */
let families = new Map<string, Family>();
let keys = new Map<string, Key>();

/** The shape last met among those whose first key is `name`. */
export function recentShape(name: string): Shape | undefined {
  return families.get(name)?.recent;
}

/** The shape of an object with these keys, in this order; undefined when it is better treated as a dictionary. */
export function shapeOf(names: readonly string[]): Shape | undefined {
  const [first] = names;
  if (first === undefined || names.length > widestShape) return undefined;
  const family = families.get(first);
  if (family === undefined) {
    const shape = newShape(names);
    if (shape !== undefined) families.set(first, { shapes: [shape], oldest: 0, recent: shape });
    return shape;
  }
  for (const shape of family.shapes) {
    if (hasNames(shape, names)) {
      family.recent = shape;
      return shape;
    }
  }
  const shape = newShape(names);
  if (shape === undefined) return undefined;
  family.recent = shape;
  if (family.shapes.length < mostAlike) {
    family.shapes.push(shape);
  } else {
    family.shapes[family.oldest] = shape;
    family.oldest = (family.oldest + 1) % mostAlike;
  }
  return shape;
}

function hasNames(shape: Shape, names: readonly string[]): boolean {
  if (shape.names.length !== names.length) return false;
  for (let i = 0; i < names.length; i++) if (shape.names[i] !== names[i]) return false;
  return true;
}

function newShape(names: readonly string[]): Shape | undefined {
  if (names.some((name) => name.length > longestKey)) return undefined;
  if (keys.size > mostKeys) {
    families = new Map();
    keys = new Map();
  }
  return { names, keys: names.map(keyOf), epoch: 0, index: 0 };
}

function keyOf(name: string): Key {
  let key = keys.get(name);
  if (key === undefined) {
    key = { bytes: encodeWtf8(name), epoch: 0, index: 0 };
    keys.set(name, key);
  }
  return key;
}
