/**
 * What one end has sent and the other has not yet acknowledged: numbered batches, oldest first, with a cursor at the
 * next one to hand to a channel. Owns numbering, retention and the bounds of what may be in flight. Knows nothing about
 * channels or messages.
 *
 * A batch is kept as the frame that carries it and is not changed once it was sent, its ack included: an adapter may
 * still hold the bytes. Resending is moving the cursor back.
 */
import { ProtocolError } from "../protocol/errors.ts";
import { nearest, writeAck, writeWholeHeader } from "./frame.ts";

/**
 * How far a sender runs ahead of the acknowledgements. The other end holds at most this much (and one batch) while it
 * waits for a batch that travels on a slower channel, so the bounds are also what a receiver enforces.
 */
export const windowFrames = 1_024;
export const windowBytes = 8 * 1024 * 1024;

export class SendWindow {
  #frames: Uint8Array[] = [];
  #head = 0;
  #bytes = 0;
  #acknowledged = 0;
  #cursor = 1;
  #highestSent = 0;

  /** Bytes retained, headers included. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The last batch the other end said it has received. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** The last batch handed to a channel since the last `rewind`. */
  get sentThrough(): number {
    return this.#cursor - 1;
  }

  get hasRoom(): boolean {
    return this.#frames.length - this.#head < windowFrames && this.#bytes < windowBytes;
  }

  /** Whether a batch was sent and is not acknowledged. */
  get isWaiting(): boolean {
    return this.#highestSent > this.#acknowledged;
  }

  /** Numbers a batch and keeps it; its first bytes are free for the header. */
  add(frame: Uint8Array, ack: number): void {
    this.#frames.push(frame);
    this.#bytes += frame.length;
    writeWholeHeader(frame, this.#acknowledged + this.#frames.length - this.#head);
    writeAck(frame, ack);
  }

  /** The next batch to send, or undefined when all were. */
  current(): Uint8Array | undefined {
    return this.#frames[this.#head + this.#cursor - this.#acknowledged - 1];
  }

  /** Brings the ack in the current batch up to date, unless it was ever sent. */
  stampAck(frame: Uint8Array, ack: number): void {
    if (this.#cursor > this.#highestSent) writeAck(frame, ack);
  }

  /** The current batch is about to be handed to a channel, in part: an acknowledgement of it becomes plausible. */
  begin(): void {
    if (this.#cursor > this.#highestSent) this.#highestSent = this.#cursor;
  }

  /** The current batch was handed to a channel as a whole; the cursor moves on and its number is returned. */
  advance(): number {
    this.begin();
    return this.#cursor++;
  }

  /** Moves the cursor back to the first batch that is not acknowledged. */
  rewind(): void {
    this.#cursor = this.#acknowledged + 1;
  }

  /**
   * What is kept carries acknowledgements of a stream that has begun again: they are taken back. Only once every channel
   * that was handed these frames is gone.
   */
  takeBackAcks(): void {
    for (let at = this.#head; at < this.#frames.length; at++) {
      const frame = this.#frames[at];
      if (frame !== undefined) writeAck(frame, 0);
    }
  }

  /**
   * Lets go of the batches up to `ack`, the low 32 bits of a number. An older acknowledgement does nothing; one of
   * batches that were never sent throws ProtocolError. Returns whether any was let go.
   */
  acknowledge(ack: number): boolean {
    const through = nearest(ack, this.#acknowledged);
    if (through > this.#highestSent) {
      throw new ProtocolError(`Cannot acknowledge batch ${through}: only ${this.#highestSent} were sent`);
    }
    if (through <= this.#acknowledged) return false;
    for (let count = through - this.#acknowledged; count > 0; count--) {
      this.#bytes -= this.#frames[this.#head]?.length ?? 0;
      this.#frames[this.#head++] = released;
    }
    this.#acknowledged = through;
    if (this.#cursor <= through) this.#cursor = through + 1;
    this.#compact();
    return true;
  }

  #compact(): void {
    if (this.#head === this.#frames.length) {
      this.#frames = [];
      this.#head = 0;
    } else if (this.#head >= windowFrames) {
      this.#frames = this.#frames.slice(this.#head);
      this.#head = 0;
    }
  }
}

/** Takes the place of a frame that was let go, so that its bytes can be collected. */
const released = new Uint8Array(0);
