/** Names content by its hash. The platform's own SHA-256 is missing where there is no secure context, so this is ours. */
import { sha256 } from "@noble/hashes/sha2.js";
import { type FunctionId, functionId } from "../protocol/ids.ts";

export function functionIdOf(bytes: Uint8Array): FunctionId {
  let hex = "";
  for (const byte of sha256(bytes)) hex += byte.toString(16).padStart(2, "0");
  return functionId(hex);
}
