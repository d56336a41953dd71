/**
 * A Channel over a WebSocket, the browser's or the `ws` package's, known here only by the shape they share. Owns the
 * translation of events, drain detection and closing. Knows nothing about URLs, servers or sessions.
 */
import { limits } from "../protocol/limits.ts";
import { checkFrameLength, highWaterBytes, lowWaterBytes } from "./channel.ts";
import type { Channel, ChannelHandlers } from "./channel.ts";
import { Inbox } from "./inbox.ts";

/** The longest frame; give it to the `ws` server as `maxPayload`. */
export const webSocketFrameBytes = limits.messageBytes;

/** What a browser's WebSocket and that of the `ws` package have in common, and `terminate`, which tells them apart. */
export interface WebSocketLike {
  binaryType: string;
  readonly readyState: number;
  readonly bufferedAmount: number;
  /** `ws` calls `sent` when the bytes have left the process; a browser ignores it. */
  send(data: Uint8Array<ArrayBuffer>, sent?: () => void): void;
  close(code?: number, reason?: string): void;
  terminate?(): void;
  addEventListener(type: "message", listener: (event: { readonly data: unknown }) => void): void;
  addEventListener(type: "close", listener: (event: { readonly code: number; readonly reason: string }) => void): void;
  addEventListener(type: "open" | "error", listener: () => void): void;
}

const isOpen = 1;

/** How often a browser's buffer is looked at, only while it is above the high-water mark. */
const drainCheckMs = 4;

/** A `ws` peer that does not answer a close within this is cut off. */
const closeMs = 2_000;

const maxReasonLength = 123;

/** The channel of a socket that is open or opening. What is sent before it opens is lost: wait for `openWebSocket`. */
export function webSocketChannel(socket: WebSocketLike): Channel {
  return new WebSocketChannel(socket);
}

/** Resolves when the socket is open; rejects, and closes it, when it fails to or takes longer than `timeoutMs`. */
export function openWebSocket(socket: WebSocketLike, timeoutMs = 10_000): Promise<Channel> {
  const channel = new WebSocketChannel(socket);
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      channel.close("not opened in time");
      reject(new Error(`Cannot open WebSocket: not open within ${timeoutMs} ms`));
    }, timeoutMs);
    const opened = (): void => {
      clearTimeout(timer);
      resolve(channel);
    };
    if (socket.readyState === isOpen) {
      opened();
      return;
    }
    socket.addEventListener("open", opened);
    socket.addEventListener("close", (event) => {
      clearTimeout(timer);
      reject(new Error(`Cannot open WebSocket: ${closeReason(event)}`));
    });
  });
}

class WebSocketChannel implements Channel {
  readonly kind = "websocket";
  readonly maxFrameBytes = webSocketFrameBytes;
  readonly #socket: WebSocketLike;
  readonly #tellsWhenSent: boolean;
  readonly #inbox = new Inbox(() => this.close("early frames overflow"));
  #isClosed = false;
  #isAboveHighWater = false;
  #drainTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #checkDrain = (): void => this.#drain();

  constructor(socket: WebSocketLike) {
    this.#socket = socket;
    this.#tellsWhenSent = socket.terminate !== undefined;
    socket.binaryType = "arraybuffer";
    socket.addEventListener("message", (event) => this.#receive(event.data));
    socket.addEventListener("close", (event) => this.#closed(closeReason(event)));
    // The close that follows says why; without a listener `ws` throws.
    socket.addEventListener("error", () => {});
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  get handlers(): ChannelHandlers | undefined {
    return this.#inbox.handlers;
  }

  set handlers(handlers: ChannelHandlers | undefined) {
    this.#inbox.handlers = handlers;
  }

  send(frame: Uint8Array<ArrayBuffer>): void {
    checkFrameLength(frame, this.maxFrameBytes);
    const socket = this.#socket;
    if (this.#isClosed || socket.readyState !== isOpen) return;
    // Only a frame that may be the last before the sender stops has to tell when it is gone.
    if (this.#tellsWhenSent && socket.bufferedAmount + frame.length > lowWaterBytes) {
      socket.send(frame, this.#checkDrain);
    } else socket.send(frame);
    if (!this.#isAboveHighWater && socket.bufferedAmount >= highWaterBytes) {
      this.#isAboveHighWater = true;
      if (!this.#tellsWhenSent) this.#drainTimer = setTimeout(this.#checkDrain, drainCheckMs);
    }
  }

  close(reason = "closed"): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#drainTimer);
    const socket = this.#socket;
    socket.close(1000, reason.replace(/[^\x20-\x7e]/g, "?").slice(0, maxReasonLength));
    if (socket.terminate !== undefined) {
      const timer = setTimeout(() => socket.terminate?.(), closeMs);
      socket.addEventListener("close", () => clearTimeout(timer));
    }
    queueMicrotask(() => this.#inbox.closed(reason));
  }

  #receive(data: unknown): void {
    if (this.#isClosed) return;
    if (!(data instanceof ArrayBuffer)) this.close("text frame");
    else if (data.byteLength > this.maxFrameBytes) this.close("frame too long");
    else this.#inbox.frame(new Uint8Array(data));
    if (this.#isAboveHighWater) this.#drain();
  }

  #drain(): void {
    clearTimeout(this.#drainTimer);
    if (!this.#isAboveHighWater || this.#isClosed) return;
    if (this.#socket.bufferedAmount <= lowWaterBytes) {
      this.#isAboveHighWater = false;
      this.#inbox.drained();
    } else if (!this.#tellsWhenSent) this.#drainTimer = setTimeout(this.#checkDrain, drainCheckMs);
  }

  #closed(reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#drainTimer);
    this.#inbox.closed(reason);
  }
}

function closeReason(event: { readonly code: number; readonly reason: string }): string {
  return event.reason === "" ? `closed with code ${event.code}` : event.reason;
}
