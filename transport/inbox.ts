/**
 * The receiving half that every channel adapter shares: handlers, the frames that arrive before there are any, and a
 * close that is told once. Knows nothing about sockets; an adapter feeds it and exposes its `handlers`.
 */
import type { ChannelHandlers } from "./channel.ts";

/** An end that takes longer than this to set handlers is not reading; the channel is closed instead of growing. */
const earlyFrames = 64;
const earlyBytes = 8 * 1024 * 1024;

export class Inbox {
  #handlers: ChannelHandlers | undefined;
  #early: Uint8Array[] = [];
  #earlyBytes = 0;
  #closeReason: string | undefined;
  #closeTold = false;
  readonly #onOverflow: () => void;

  /** `onOverflow` is called when more arrived before handlers were set than is kept; the adapter then closes. */
  constructor(onOverflow: () => void) {
    this.#onOverflow = onOverflow;
  }

  get handlers(): ChannelHandlers | undefined {
    return this.#handlers;
  }

  set handlers(handlers: ChannelHandlers | undefined) {
    this.#handlers = handlers;
    // A handler may replace itself while early frames are delivered; the new one then gets the rest, in order.
    while (this.#handlers !== undefined) {
      const frame = this.#early.shift();
      if (frame === undefined) break;
      this.#earlyBytes -= frame.length;
      this.#handlers.onFrame(frame);
    }
    this.#tellClose();
  }

  frame(frame: Uint8Array): void {
    if (this.#closeReason !== undefined) return;
    if (this.#handlers !== undefined && this.#early.length === 0) {
      this.#handlers.onFrame(frame);
      return;
    }
    if (this.#early.length >= earlyFrames || this.#earlyBytes + frame.length > earlyBytes) {
      this.#onOverflow();
      return;
    }
    this.#early.push(frame);
    this.#earlyBytes += frame.length;
  }

  drained(): void {
    if (this.#closeReason === undefined) this.#handlers?.onDrain();
  }

  /** The first reason is told; frames that come later are dropped. */
  closed(reason: string): void {
    this.#closeReason ??= reason;
    this.#tellClose();
  }

  #tellClose(): void {
    if (this.#closeReason === undefined || this.#closeTold || this.#handlers === undefined) return;
    if (this.#early.length > 0) return;
    this.#closeTold = true;
    this.#handlers.onClose(this.#closeReason);
  }
}
