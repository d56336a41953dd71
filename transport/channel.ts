/**
 * The Channel port: whole binary frames between two ends, in order, until it closes. Owns the words for links and the
 * two water marks every adapter and sender shares. Knows nothing about what frames say, sessions or reconnecting.
 */

const KiB = 1024;

/** What carries the frames of a channel. */
export type LinkKind = "memory" | "websocket" | "webrtc";

/**
 * A sender stops when `bufferedBytes` is at or above this. Chrome closes a data channel that holds about 16 MiB, and
 * whatever is sent next waits behind what is buffered, so the mark is low; it still covers 25 ms at 10 MB/s.
 */
export const highWaterBytes = 256 * KiB;

/** `onDrain` is called when `bufferedBytes` has fallen to this after a send left it at or above `highWaterBytes`. */
export const lowWaterBytes = 64 * KiB;

export interface ChannelHandlers {
  /** The frame belongs to the receiver: it may be kept, and views of it too. */
  onFrame(frame: Uint8Array): void;
  /** Called once, whichever side closed, never from inside `close()`, and after every frame that arrived. */
  onClose(reason: string): void;
  /** There is room again: see `lowWaterBytes`. */
  onDrain(): void;
}

export interface Channel {
  readonly kind: LinkKind;
  /** The longest frame this channel carries, in bytes. */
  readonly maxFrameBytes: number;
  /** Bytes sent and not yet handed to the network. */
  readonly bufferedBytes: number;
  /**
   * Sends one frame. A frame longer than `maxFrameBytes` throws RangeError; after close it does nothing. The sender
   * must not change the bytes afterwards: an adapter may hand them on without a copy.
   */
  send(frame: Uint8Array): void;
  /** Closes both sides; what was sent before is delivered if the network still can. Again: does nothing. */
  close(reason?: string): void;
  /** Frames and a close that come before handlers are set are kept (bounded) and delivered inside the assignment. */
  handlers: ChannelHandlers | undefined;
}

/** Throws RangeError for a frame the channel cannot carry. */
export function checkFrameLength(frame: Uint8Array, maxFrameBytes: number): void {
  if (frame.length > maxFrameBytes) {
    throw new RangeError(`Cannot send frame: ${frame.length} bytes exceed the channel's ${maxFrameBytes}`);
  }
}
