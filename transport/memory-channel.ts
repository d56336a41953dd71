/**
 * Channels inside one process: two ends joined by a queue, delivering on a microtask. Owns the hooks by which tests
 * make a link slow, lossy, silent or broken. The first adapter of the Channel port, and the fastest.
 */
import { limits } from "../protocol/limits.ts";
import { checkFrameLength, highWaterBytes, lowWaterBytes } from "./channel.ts";
import type { Channel, ChannelHandlers, LinkKind } from "./channel.ts";
import { Inbox } from "./inbox.ts";

export interface MemoryChannelOptions {
  /** What the channel says it is, so that a test can play a WebSocket and a data channel. Default "memory". */
  readonly kind?: LinkKind;
  /** Default `limits.messageBytes`. */
  readonly maxFrameBytes?: number;
}

/** Two open ends: what one sends the other receives. */
export function memoryChannelPair(options: MemoryChannelOptions = {}): readonly [MemoryChannel, MemoryChannel] {
  const a = new MemoryChannel(options);
  const b = new MemoryChannel(options);
  a.join(b);
  b.join(a);
  return [a, b];
}

export class MemoryChannel implements Channel {
  readonly kind: LinkKind;
  readonly maxFrameBytes: number;
  /** Test hook: what becomes of each frame this end sends; `[]` loses it, `[frame, frame]` repeats it. */
  tap: ((frame: Uint8Array) => readonly Uint8Array[]) | undefined;

  readonly #inbox = new Inbox(() => this.close("early frames overflow"));
  #peer: MemoryChannel | undefined;
  #closed = false;
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  #scheduled = false;
  #paused = false;
  #aboveHighWater = false;

  constructor(options: MemoryChannelOptions) {
    this.kind = options.kind ?? "memory";
    this.maxFrameBytes = options.maxFrameBytes ?? limits.messageBytes;
  }

  get bufferedBytes(): number {
    return this.#queuedBytes;
  }

  get handlers(): ChannelHandlers | undefined {
    return this.#inbox.handlers;
  }

  set handlers(handlers: ChannelHandlers | undefined) {
    this.#inbox.handlers = handlers;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  send(frame: Uint8Array): void {
    checkFrameLength(frame, this.maxFrameBytes);
    if (this.#closed) return;
    for (const sent of this.tap === undefined ? [frame] : this.tap(frame)) {
      this.#queue.push(sent);
      this.#queuedBytes += sent.length;
    }
    if (this.#queuedBytes >= highWaterBytes) this.#aboveHighWater = true;
    this.#scheduleDelivery();
  }

  close(reason = "closed"): void {
    if (this.#closed) return;
    this.#closed = true;
    const peer = this.#peer;
    queueMicrotask(() => {
      this.#paused = false;
      this.#deliver();
      this.#inbox.closed(reason);
      peer?.closedByPeer(reason);
    });
  }

  /** Joins this end to the one its frames go to; called once for each end by `memoryChannelPair`. */
  join(peer: MemoryChannel): void {
    this.#peer = peer;
  }

  /** Test hook: what this end sends waits, and counts as buffered, until `resume()`. */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#scheduleDelivery();
  }

  /** Test hook: from now on what this end sends is lost without a sign, as on a half-open connection. */
  goSilent(): void {
    this.tap = () => [];
  }

  /** Test hook: closes both ends and loses what was not yet delivered in either direction. */
  break(reason = "broken"): void {
    this.#queue = [];
    this.#queuedBytes = 0;
    const peer = this.#peer;
    if (peer !== undefined) {
      peer.#queue = [];
      peer.#queuedBytes = 0;
    }
    this.close(reason);
  }

  closedByPeer(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#inbox.closed(reason);
  }

  #scheduleDelivery(): void {
    if (this.#scheduled || this.#paused) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#deliver();
    });
  }

  #deliver(): void {
    if (this.#paused) return;
    const frames = this.#queue;
    this.#queue = [];
    for (const frame of frames) {
      this.#queuedBytes -= frame.length;
      if (this.#peer !== undefined) this.#peer.#receive(frame);
    }
    if (this.#aboveHighWater && !this.#closed && this.#queuedBytes <= lowWaterBytes) {
      this.#aboveHighWater = false;
      this.#inbox.drained();
    }
  }

  #receive(frame: Uint8Array): void {
    if (!this.#closed) this.#inbox.frame(frame);
  }
}
