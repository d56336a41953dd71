/**
 * The layout of a frame: what sessions, dialing and accepting put on a channel. Owns kinds, offsets and length checks;
 * both directions are pure. Knows nothing about sequence windows, channels or the messages in a payload.
 *
 *     whole    1 | sequence u32 | ack u32 | payload                               one batch of messages
 *     part     2 | sequence u32 | ack u32 | offset u32 | total u32 | bytes         a slice of a longer batch
 *     ack      3 | ack u32                                                        nothing to say but "received"
 *     probe    4                                                                  answer at once with `ack`, here
 *     ping     5                                                                  answer at once with `pong`, here
 *     pong     6
 *     hello    7 | JSON      welcome  8 | JSON      refuse  9 | JSON      bye  10 | JSON
 *
 * Numbers are big-endian. `sequence` counts a sender's batches from 1; `ack` is the last one received in order. Both
 * are the low 32 bits of a number that never wraps in memory: `nearest` restores it, as QUIC does with packet numbers.
 */
import { ProtocolError } from "../protocol/errors.ts";
import { limits } from "../protocol/limits.ts";

export const frameKinds = {
  whole: 1,
  part: 2,
  ack: 3,
  probe: 4,
  ping: 5,
  pong: 6,
  hello: 7,
  welcome: 8,
  refuse: 9,
  bye: 10,
} as const;

/** Free bytes a codec leaves before the payload, for the header to be written in place. */
export const wholeHeaderBytes = 9;
export const partHeaderBytes = 17;

/** The longest JSON of a hello, welcome, refuse or bye, in bytes. */
export const jsonBytes = 64 * 1024;

export type JsonKind = "hello" | "welcome" | "refuse" | "bye";

export type Frame =
  | { readonly type: "whole"; readonly sequence: number; readonly ack: number; readonly payload: Uint8Array }
  | {
      readonly type: "part";
      readonly sequence: number;
      readonly ack: number;
      readonly offset: number;
      readonly total: number;
      readonly bytes: Uint8Array;
    }
  | { readonly type: "ack"; readonly ack: number }
  | { readonly type: "probe" | "ping" | "pong" }
  | { readonly type: JsonKind; readonly body: unknown };

export const probeFrame: Uint8Array = Uint8Array.of(frameKinds.probe);
export const pingFrame: Uint8Array = Uint8Array.of(frameKinds.ping);
export const pongFrame: Uint8Array = Uint8Array.of(frameKinds.pong);

/** Reads one frame; throws ProtocolError that says what is wrong with it. */
export function decodeFrame(frame: Uint8Array): Frame {
  switch (frame[0]) {
    case frameKinds.whole:
      checkAtLeast(frame, wholeHeaderBytes, "whole");
      return {
        type: "whole",
        sequence: readU32(frame, 1),
        ack: readU32(frame, 5),
        payload: frame.subarray(wholeHeaderBytes),
      };
    case frameKinds.part:
      checkAtLeast(frame, partHeaderBytes + 1, "part");
      return {
        type: "part",
        sequence: readU32(frame, 1),
        ack: readU32(frame, 5),
        offset: readU32(frame, 9),
        total: readU32(frame, 13),
        bytes: frame.subarray(partHeaderBytes),
      };
    case frameKinds.ack:
      checkExactly(frame, 5, "ack");
      return { type: "ack", ack: readU32(frame, 1) };
    case frameKinds.probe:
      checkExactly(frame, 1, "probe");
      return { type: "probe" };
    case frameKinds.ping:
      checkExactly(frame, 1, "ping");
      return { type: "ping" };
    case frameKinds.pong:
      checkExactly(frame, 1, "pong");
      return { type: "pong" };
    case frameKinds.hello:
      return { type: "hello", body: decodeJson(frame, "hello") };
    case frameKinds.welcome:
      return { type: "welcome", body: decodeJson(frame, "welcome") };
    case frameKinds.refuse:
      return { type: "refuse", body: decodeJson(frame, "refuse") };
    case frameKinds.bye:
      return { type: "bye", body: decodeJson(frame, "bye") };
    case undefined:
      throw new ProtocolError("Cannot read frame: it is empty");
    default:
      throw new ProtocolError(`Cannot read frame: unknown kind ${frame[0]}`);
  }
}

/** Writes the kind and sequence of a batch into the free bytes at its start; the ack follows when it is sent. */
export function writeWholeHeader(frame: Uint8Array, sequence: number): void {
  frame[0] = frameKinds.whole;
  writeU32(frame, 1, sequence);
}

export function writeAck(frame: Uint8Array, ack: number): void {
  writeU32(frame, 5, ack);
}

/** Copies the slice of a batch's payload that begins at `offset` and fits into `maxFrameBytes` into a frame. */
export function encodePart(whole: Uint8Array, offset: number, maxFrameBytes: number, ack: number): Uint8Array {
  const begin = wholeHeaderBytes + offset;
  const end = Math.min(whole.length, begin + maxFrameBytes - partHeaderBytes);
  const frame = new Uint8Array(partHeaderBytes + end - begin);
  frame.set(whole.subarray(0, 5));
  frame[0] = frameKinds.part;
  writeU32(frame, 5, ack);
  writeU32(frame, 9, offset);
  writeU32(frame, 13, whole.length - wholeHeaderBytes);
  frame.set(whole.subarray(begin, end), partHeaderBytes);
  return frame;
}

export function encodeAck(ack: number): Uint8Array {
  const frame = new Uint8Array(5);
  frame[0] = frameKinds.ack;
  writeU32(frame, 1, ack);
  return frame;
}

/** Throws ProtocolError for a body that is longer than `jsonBytes`: nobody would accept it. */
export function encodeJson(type: JsonKind, body: unknown): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify(body));
  if (text.length > jsonBytes) {
    throw new ProtocolError(`Cannot send ${type}: ${text.length} bytes of JSON exceed jsonBytes ${jsonBytes}`);
  }
  const frame = new Uint8Array(1 + text.length);
  frame[0] = frameKinds[type];
  frame.set(text, 1);
  return frame;
}

/** The number near `reference` whose low 32 bits are `low`. */
export function nearest(low: number, reference: number): number {
  return reference + ((low - reference) | 0);
}

/** A field of a JSON object that a peer sent; undefined when the value is not an object or has none. */
export function field(body: unknown, name: string): unknown {
  if (typeof body !== "object" || body === null || !Object.hasOwn(body, name)) return undefined;
  return Reflect.get(body, name);
}

function decodeJson(frame: Uint8Array, type: JsonKind): unknown {
  if (frame.length - 1 > jsonBytes) {
    throw new ProtocolError(`Cannot read ${type}: ${frame.length - 1} bytes of JSON exceed jsonBytes ${jsonBytes}`);
  }
  checkNesting(frame, type);
  try {
    const body: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(frame.subarray(1)));
    return body;
  } catch {
    throw new ProtocolError(`Cannot read ${type}: it is not JSON`);
  }
}

const quote = 0x22;
const backslash = 0x5c;

/** Bounds nesting before parsing, so that whoever validates the value may recurse. */
function checkNesting(frame: Uint8Array, type: JsonKind): void {
  let depth = 0;
  let isInString = false;
  for (let at = 1; at < frame.length; at++) {
    const byte = frame[at];
    if (isInString) {
      if (byte === backslash) at++;
      else if (byte === quote) isInString = false;
    } else if (byte === quote) isInString = true;
    else if (byte === 0x5b || byte === 0x7b) depth++;
    else if (byte === 0x5d || byte === 0x7d) depth--;
    if (depth > limits.envelopeDepth) {
      throw new ProtocolError(`Cannot read ${type}: nested deeper than envelopeDepth ${limits.envelopeDepth}`);
    }
  }
}

function checkAtLeast(frame: Uint8Array, bytes: number, type: string): void {
  if (frame.length < bytes) {
    throw new ProtocolError(`Cannot read ${type} frame: ${frame.length} bytes, at least ${bytes} expected`);
  }
}

function checkExactly(frame: Uint8Array, bytes: number, type: string): void {
  if (frame.length !== bytes) {
    throw new ProtocolError(`Cannot read ${type} frame: ${frame.length} bytes, ${bytes} expected`);
  }
}

function readU32(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)) >>> 0
  );
}

function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}
