/**
 * The payload codec: a user's values as bytes and back, in client pages, Node and sandboxed threads. What
 * structuredClone keeps is kept, and -0, holes, lone surrogates, custom error fields and shared memory too; what cannot
 * be copied is refused with its path instead of lost. docs/decisions/0002-payload-codec.md has the reasons and figures.
 */
import { limits } from "./limits.ts";
import { decode } from "./payload-decode.ts";
import { encode } from "./payload-encode.ts";
import type { PayloadHooks } from "./payload-hooks.ts";
import type { Encoded } from "./payload-output.ts";

export type { PayloadHooks, Token } from "./payload-hooks.ts";
export type { Encoded } from "./payload-output.ts";

/**
 * Throws SerializationError with the path of what cannot be copied, ObjectTooLargeError over `maxBytes`.
 * `root` is what the path begins with, such as "argument 2".
 */
export function encodeValue(
  value: unknown,
  options?: { readonly hooks?: PayloadHooks | undefined; readonly root?: string; readonly maxBytes?: number },
): Encoded {
  if (options === undefined) return encode(value, plainEncode);
  return encode(value, {
    hooks: options.hooks,
    root: options.root ?? plainEncode.root,
    maxBytes: options.maxBytes ?? plainEncode.maxBytes,
  });
}

/** The payload in one array that is nobody else's: it may be kept, transferred, and outlives the value. */
export function joinSegments(encoded: Encoded): Uint8Array<ArrayBuffer> {
  if (encoded.own !== undefined) return encoded.own;
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
  options?: { readonly hooks?: PayloadHooks | undefined; readonly copyBuffers?: boolean },
): unknown {
  if (options === undefined) return decode(bytes, plainDecode);
  return decode(bytes, { hooks: options.hooks, copyBuffers: options.copyBuffers ?? true });
}

const plainEncode = { hooks: undefined, root: "value", maxBytes: limits.objectBytes };
const plainDecode = { hooks: undefined, copyBuffers: true };
