/**
 * The payload codec: a user's values as bytes and back, in client pages, Node and sandboxed threads. What
 * structuredClone keeps is kept, and -0, holes, lone surrogates, custom error fields and shared memory too; what cannot
 * be copied is refused with its path instead of lost. docs/decisions/0002-payload-codec.md has the reasons and figures.
 */
import { limits } from "./limits.ts";
import { decode } from "./payload-decode.ts";
import { encode, type Token } from "./payload-encode.ts";
import type { Encoded } from "./payload-output.ts";

export type { Token } from "./payload-encode.ts";
export type { Encoded } from "./payload-output.ts";

/** How objects and functions travel that are themselves on both sides: refs, handles, remote functions, the grid. */
export interface PayloadHooks {
  /**
   * Asked about functions and about objects of the user's and the SDK's classes, never about plain objects, arrays or
   * built-ins. A Proxy must therefore stand before a function or a class instance to be asked about. Once per object.
   */
  readonly tokenOf?: (value: object) => Token | undefined;
  /** Gets bytes' word for it: check the fields of `token`. What it throws, `decodeValue` throws. */
  readonly fromToken?: (token: Token) => unknown;
}

/**
 * Throws SerializationError with the path of what cannot be copied, ObjectTooLargeError over `maxBytes`.
 * `root` is what the path begins with, such as "argument 2".
 */
export function encodeValue(
  value: unknown,
  options?: { readonly hooks?: PayloadHooks; readonly root?: string; readonly maxBytes?: number },
): Encoded {
  if (options === undefined) return encode(value, plainEncode);
  return encode(value, {
    tokenOf: options.hooks?.tokenOf,
    root: options.root ?? plainEncode.root,
    maxBytes: options.maxBytes ?? plainEncode.maxBytes,
  });
}

/** The payload in one array that is nobody else's: it may be kept, transferred, and outlives the value. */
export function joinSegments(encoded: Encoded): Uint8Array<ArrayBuffer> {
  const [only] = encoded.segments;
  if (encoded.segments.length === 1 && only !== undefined && isWhole(only)) return only;
  const joined = new Uint8Array(encoded.byteLength);
  let at = 0;
  for (const segment of encoded.segments) {
    joined.set(segment, at);
    at += segment.length;
  }
  return joined;
}

/**
 * Throws ProtocolError for bytes that are no payload; they may come from anyone. `copyBuffers` (true unless given)
 * makes binary data exact copies with buffers of their own. With false, views of 1 KiB or more are windows on `bytes`
 * where its alignment allows: nothing is copied, but their `.buffer` is the whole input, which then belongs to the value.
 */
export function decodeValue(
  bytes: Uint8Array,
  options?: { readonly hooks?: PayloadHooks; readonly copyBuffers?: boolean },
): unknown {
  if (options === undefined) return decode(bytes, plainDecode);
  return decode(bytes, { fromToken: options.hooks?.fromToken, copyBuffers: options.copyBuffers ?? true });
}

const plainEncode = { tokenOf: undefined, root: "value", maxBytes: limits.objectBytes };
const plainDecode = { fromToken: undefined, copyBuffers: true };

function isWhole(bytes: Uint8Array): bytes is Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer && bytes.length === bytes.buffer.byteLength;
}
