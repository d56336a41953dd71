/**
 * What one end has received: the last batch in order, the few that arrived early on a faster channel, and the batches
 * whose parts are still arriving. Owns order, repeats and the bounds on both; everything here comes from a peer that may
 * lie, so each number is checked before anything is kept or allocated. Knows nothing about channels or messages.
 */
import { ProtocolError } from "../protocol/errors.ts";
import { limits } from "../protocol/limits.ts";
import { nearest } from "./frame.ts";
import { windowBytes, windowFrames } from "./send-window.ts";

/** A batch whose parts arrive on one channel; parts of one batch never mix between channels. */
export interface Assembly {
  readonly sequence: number;
  readonly bytes: Uint8Array;
  filled: number;
}

export interface Part {
  readonly sequence: number;
  readonly offset: number;
  readonly total: number;
  readonly bytes: Uint8Array;
}

export class ReceiveWindow {
  #received: number;
  readonly #early = new Map<number, Uint8Array>();
  #earlyBytes = 0;

  /** `received`: batches that were taken before, by a process that is gone. */
  constructor(received = 0) {
    this.#received = received;
  }

  /** The last batch taken in order. */
  get received(): number {
    return this.#received;
  }

  /**
   * Takes a batch in order and returns true; the caller delivers it, then what `next` has. An early batch is kept, a
   * repeat dropped, and both return false, as does any batch while `isBusy`: the caller is still delivering an older
   * one. Throws ProtocolError outside the window. `sequence` is the low 32 bits of a number.
   */
  take(sequence: number, payload: Uint8Array, isBusy: boolean): boolean {
    const full = this.#inWindow(sequence);
    if (full <= this.#received || this.#early.has(full)) return false;
    if (payload.length > limits.messageBytes) {
      throw new ProtocolError(
        `Cannot take batch ${full}: ${payload.length} bytes exceed messageBytes ${limits.messageBytes}`,
      );
    }
    if (full === this.#received + 1 && !isBusy) {
      this.#received = full;
      return true;
    }
    if (this.#earlyBytes + payload.length > windowBytes + limits.messageBytes) {
      throw new ProtocolError(`Cannot take batch ${full} early: over windowBytes ${windowBytes} are held`);
    }
    this.#early.set(full, payload);
    this.#earlyBytes += payload.length;
    return false;
  }

  /** Takes the next batch in order if it arrived early. */
  next(): Uint8Array | undefined {
    if (this.#early.size === 0) return undefined;
    const payload = this.#early.get(this.#received + 1);
    if (payload === undefined) return undefined;
    this.#received++;
    this.#early.delete(this.#received);
    this.#earlyBytes -= payload.length;
    return payload;
  }

  /**
   * Adds a part to the assembly of its channel, beginning a new one at offset 0, and returns it: complete when
   * `filled` is its length. Undefined for a part of a batch that was received. Throws ProtocolError for a part out of
   * order or over a limit, before any memory is taken for it.
   */
  assemble(assembly: Assembly | undefined, part: Part): Assembly | undefined {
    const sequence = this.#inWindow(part.sequence);
    if (sequence <= this.#received || this.#early.has(sequence)) return undefined;
    if (part.total > limits.messageBytes || part.offset + part.bytes.length > part.total) {
      throw new ProtocolError(
        `Cannot take part of batch ${sequence}: offset ${part.offset} and ${part.bytes.length} bytes in ${part.total}, ` +
          `messageBytes is ${limits.messageBytes}`,
      );
    }
    let current = assembly;
    if (part.offset === 0) current = { sequence, bytes: new Uint8Array(part.total), filled: 0 };
    if (
      current === undefined ||
      current.sequence !== sequence ||
      current.filled !== part.offset ||
      current.bytes.length !== part.total
    ) {
      throw new ProtocolError(`Cannot take part of batch ${sequence}: offset ${part.offset} is out of order`);
    }
    current.bytes.set(part.bytes, part.offset);
    current.filled += part.bytes.length;
    return current;
  }

  #inWindow(low: number): number {
    const full = nearest(low, this.#received);
    if (full < 1 || full > this.#received + windowFrames) {
      throw new ProtocolError(
        `Cannot take batch ${full}: outside the window of ${windowFrames} after ${this.#received}`,
      );
    }
    return full;
  }
}
