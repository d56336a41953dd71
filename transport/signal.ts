/**
 * What two ends of a WebRTC connection tell each other before it exists: descriptions and candidates, as plain data for
 * some other channel to carry. Owns their shape and bounds, and which candidates are worth trying. Knows nothing about
 * the libraries on either side.
 */
import { ProtocolError } from "../protocol/errors.ts";
import { field } from "./frame.ts";

export type Signal =
  | { readonly type: "offer" | "answer"; readonly sdp: string }
  | { readonly type: "candidate"; readonly candidate: string; readonly mid: string };

/** The label of the one data channel of a connection. */
export const dataChannelLabel = "tabgrid";

const sdpLength = 16 * 1024;
const candidateLength = 1024;
const midLength = 64;

/** Reads what a peer sent; throws ProtocolError when it is not a signal. */
export function readSignal(data: unknown): Signal {
  const type = field(data, "type");
  if (type === "offer" || type === "answer") return { type, sdp: readText(data, "sdp", sdpLength) };
  if (type === "candidate") {
    return {
      type,
      candidate: readText(data, "candidate", candidateLength),
      mid: readText(data, "mid", midLength),
    };
  }
  throw new ProtocolError("Cannot read signal: type is not offer, answer or candidate");
}

/**
 * Whether a candidate names an address that can be tried without asking a resolver: `.local` names are a browser's way
 * to hide its address, and its own checks reach the other end without them; any other name would be a lookup that a
 * peer makes us do.
 */
export function hasAddress(candidate: string): boolean {
  const address = candidate.trim().split(/\s+/)[4];
  return address !== undefined && (/^\d{1,3}(\.\d{1,3}){3}$/.test(address) || /^[\da-f:.]*:[\da-f:.]*$/i.test(address));
}

/** The description without the candidates that have no address. */
export function withoutNames(sdp: string): string {
  return sdp
    .split(/\r?\n/)
    .filter((line) => !line.startsWith("a=candidate:") || hasAddress(line))
    .join("\r\n");
}

function readText(data: unknown, name: string, maxLength: number): string {
  const text = field(data, name);
  if (typeof text !== "string" || text.length > maxLength) {
    throw new ProtocolError(`Cannot read signal: ${name} is not a text of at most ${maxLength} characters`);
  }
  return text;
}
