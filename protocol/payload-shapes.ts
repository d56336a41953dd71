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
export const widestShape = 64;
const longestKey = 64;
/** Past either, the table starts anew; shapes still in use are simply met again. */
const mostShapes = 2_048;
const mostKeys = 8_192;

interface Node {
  readonly next: Map<string, Node>;
  shape: Shape | undefined;
  /** Of all shapes that begin with this key, the one met last: the next object's is probably the same. */
  recent: Shape | undefined;
}

let firsts = new Map<string, Node>();
let keys = new Map<string, Key>();
let shapes = 0;

/** The shape last met among those whose first key is `name`. */
export function recentShape(name: string): Shape | undefined {
  return firsts.get(name)?.recent;
}

/** The shape of an object with these keys, in this order; undefined when it is better treated as a dictionary. */
export function shapeOf(names: readonly string[]): Shape | undefined {
  if (names.length === 0 || names.length > widestShape) return undefined;
  if (shapes > mostShapes || keys.size > mostKeys) {
    firsts = new Map();
    keys = new Map();
    shapes = 0;
  }
  let nodes = firsts;
  let first: Node | undefined;
  let node: Node | undefined;
  for (const name of names) {
    node = nodes.get(name);
    if (node === undefined) {
      if (name.length > longestKey) return undefined;
      node = { next: new Map(), shape: undefined, recent: undefined };
      nodes.set(name, node);
    }
    first ??= node;
    nodes = node.next;
  }
  if (node === undefined || first === undefined) return undefined;
  node.shape ??= newShape(names);
  first.recent = node.shape;
  return node.shape;
}

function newShape(names: readonly string[]): Shape {
  shapes++;
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
