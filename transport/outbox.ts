/**
 * Messages that wait to be sent, and how they become batches: many at once under load, one alone when one is all there
 * is. Owns the order, the size of a batch, and finding the one message that cannot be sent. Knows nothing about
 * channels, sequences or acknowledgements.
 */
import { ProtocolError } from "../protocol/errors.ts";
import { limits } from "../protocol/limits.ts";

/** Messages to bytes and back; a session is generic over it. */
export interface Codec<In, Out> {
  /**
   * The batch as bytes that the session may keep and write its header into: the first `headerBytes` are left free.
   * Throws when a message cannot be encoded; the session then finds which one, and sends the others.
   */
  encode(batch: readonly Out[], headerBytes: number): Uint8Array;
  /** Throws ProtocolError for bytes that are no batch; `bytes` may be kept. */
  decode(bytes: Uint8Array): readonly In[];
  /** About how many bytes a message will take, to bound batches and the queue. Default `assumedMessageBytes`. */
  sizeOf?(message: Out): number;
}

export interface BatchLimits {
  /** Messages in one batch. */
  readonly batchMessages: number;
  /** Estimated bytes after which a batch is full; one larger message still goes, alone. */
  readonly batchBytes: number;
}

/** What a message is taken to weigh when the codec does not say. */
export const assumedMessageBytes = 256;

export class Outbox<In, Out> {
  readonly #codec: Codec<In, Out>;
  readonly #limits: BatchLimits;
  readonly #onRefused: (error: unknown) => void;
  #messages: Out[] = [];
  #head = 0;
  #bytes = 0;
  /** Parts of a batch that could not be encoded as one; the last goes first. */
  #halves: (readonly Out[])[] = [];
  /** What a message took on average in the last batch: batches stay short when the codec cannot tell beforehand. */
  #usualBytes = assumedMessageBytes;

  /** `onRefused` hears why a message could not be encoded. */
  constructor(codec: Codec<In, Out>, batch: BatchLimits, onRefused: (error: unknown) => void) {
    this.#codec = codec;
    this.#limits = batch;
    this.#onRefused = onRefused;
  }

  /** Bytes that wait, as estimated before they are encoded. */
  get bytes(): number {
    return this.#bytes;
  }

  add(message: Out): void {
    this.#messages.push(message);
    this.#bytes += this.#sizeOf(message);
  }

  clear(): void {
    this.#messages = [];
    this.#head = 0;
    this.#bytes = 0;
    this.#halves = [];
  }

  /** Encodes the next batch behind `headerBytes` free bytes; undefined when nothing waits that can be sent. */
  next(headerBytes: number): Uint8Array | undefined {
    for (;;) {
      const batch = this.#halves.pop() ?? this.#takeBatch();
      if (batch === undefined) return undefined;
      const frame = this.#encode(batch, headerBytes);
      if (frame !== undefined) return frame;
    }
  }

  /** Undefined after refusing the one message of the batch, or after halving it. */
  #encode(batch: readonly Out[], headerBytes: number): Uint8Array | undefined {
    let failure: unknown;
    try {
      const frame = this.#codec.encode(batch, headerBytes);
      const bytes = frame.length - headerBytes;
      const average = bytes / batch.length;
      // One long message alone says little about the next ones; a short one does.
      if (batch.length > 1 || average < this.#usualBytes) this.#usualBytes = average;
      if (bytes <= limits.messageBytes) return frame;
      failure = new ProtocolError(`Cannot send message: ${bytes} bytes exceed messageBytes ${limits.messageBytes}`);
    } catch (error) {
      failure = error;
    }
    if (batch.length === 1) this.#onRefused(failure);
    else {
      // Halving finds the culprit, or a length that fits; the second half waits until it is asked for.
      const middle = batch.length >> 1;
      this.#halves.push(batch.slice(middle), batch.slice(0, middle));
    }
    return undefined;
  }

  /** Without copying when everything that waits is one batch, which it is until the channel is the slower side. */
  #takeBatch(): readonly Out[] | undefined {
    const messages = this.#messages;
    const { batchMessages, batchBytes } = this.#limits;
    const begin = this.#head;
    const isAll = begin === 0 && messages.length <= batchMessages;
    const candidates = isAll ? messages : messages.slice(begin, begin + batchMessages);
    const usual = this.#codec.sizeOf === undefined ? this.#usualBytes : 0;
    let count = 0;
    let bytes = 0;
    for (const message of candidates) {
      const size = this.#sizeOf(message);
      bytes += Math.max(size, usual);
      if (count > 0 && bytes > batchBytes) break;
      this.#bytes -= size;
      count++;
    }
    if (count === 0) return undefined;
    const end = begin + count;
    // What was taken is let go in large steps: constant time a message, and never more than twice the memory.
    if (end * 2 > messages.length) {
      this.#messages = end === messages.length ? [] : messages.slice(end);
      this.#head = 0;
    } else this.#head = end;
    return count === candidates.length ? candidates : candidates.slice(0, count);
  }

  #sizeOf(message: Out): number {
    return this.#codec.sizeOf === undefined ? assumedMessageBytes : this.#codec.sizeOf(message);
  }
}
