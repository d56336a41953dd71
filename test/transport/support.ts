/** What the tests of sessions share: a trivial codec, sessions that remember, and a seeded random. */
import type { LinkKind } from "../../transport/channel.ts";
import { Session } from "../../transport/session.ts";
import type { Codec, SessionLimits } from "../../transport/session.ts";
import { ProtocolError } from "../../protocol/errors.ts";

/** Messages are JSON here; `"unsendable"` cannot be encoded. */
export const jsonCodec: Codec<unknown, unknown> = {
  encode(batch, headerBytes) {
    if (batch.includes("unsendable")) throw new TypeError("Cannot encode message: unsendable");
    const text = new TextEncoder().encode(JSON.stringify(batch));
    const bytes = new Uint8Array(headerBytes + text.length);
    bytes.set(text, headerBytes);
    return bytes;
  },
  decode(bytes) {
    let batch: unknown;
    try {
      batch = JSON.parse(new TextDecoder().decode(bytes));
    } catch {
      throw new ProtocolError("Cannot decode batch: not JSON");
    }
    if (!Array.isArray(batch)) throw new ProtocolError("Cannot decode batch: not a list");
    return batch;
  },
};

export interface TestSession {
  readonly session: Session<unknown, unknown>;
  readonly received: unknown[];
  readonly links: (LinkKind | "none")[];
  readonly refused: unknown[];
  readonly closes: string[];
  /** Sizes of the batches that arrived. */
  readonly batches: number[];
}

export function aSession(
  options: {
    limits?: Partial<SessionLimits>;
    codec?: Codec<unknown, unknown>;
    onMessage?: (message: unknown) => void;
    /** Batches an earlier process has kept: this one acknowledges only what `keep` says. */
    kept?: number;
  } = {},
): TestSession {
  const received: unknown[] = [];
  const links: (LinkKind | "none")[] = [];
  const refused: unknown[] = [];
  const closes: string[] = [];
  const batches: number[] = [];
  const session = new Session<unknown, unknown>({
    codec: options.codec ?? jsonCodec,
    onMessages: (batch) => {
      batches.push(batch.length);
      for (const message of batch) {
        received.push(message);
        options.onMessage?.(message);
      }
    },
    onLink: (kind) => links.push(kind),
    onRefused: (error) => refused.push(error),
    onClosed: (reason) => closes.push(reason),
    schedule: queueMicrotask,
    ...(options.limits && { limits: options.limits }),
    ...(options.kept !== undefined && { acknowledgesKept: true, received: options.kept }),
  });
  return { session, received, links, refused, closes, batches };
}

/** Lets every microtask run: memory channels and flushes need nothing else. */
export async function settle(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve));
}

/** mulberry32: the same numbers for the same seed, each from 0 to 1. */
export function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function numbersTo(end: number): number[] {
  return Array.from({ length: end }, (_, i) => i);
}
