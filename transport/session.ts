/**
 * A session: messages between two ends, in order and exactly once, over whatever channels come and go. Owns batching,
 * the choice of the channel to send on, resending, acknowledgements and the answers to probes and pings. Knows nothing
 * about what a message says (a codec is passed in), who dials, who accepts, or keys: dial.ts and accept.ts attach.
 *
 * Two channels at most: the *primary* one (WebSocket: presence, signalling and fallback) and the *upgrade* (a data
 * channel), which is preferred for sending while it works. Losing a channel moves the send window's cursor back;
 * nothing else distinguishes resending from sending, so back-pressure governs both.
 *
 * Control before bulk: frames without a sequence (ack, probe, ping, bye) go straight to the channel and so wait behind
 * at most `highWaterBytes`, never behind the rest of a long batch. Batches do not overtake one another: the receiver
 * delivers in order, so a small one sent between the parts of a large one would wait at the other end instead.
 */
import { ProtocolError } from "../protocol/errors.ts";
import { limits } from "../protocol/limits.ts";
import { highWaterBytes } from "./channel.ts";
import type { Channel, LinkKind } from "./channel.ts";
import {
  decodeFrame,
  encodeAck,
  encodeJson,
  encodePart,
  field,
  partHeaderBytes,
  pingFrame,
  pongFrame,
  probeFrame,
  wholeHeaderBytes,
} from "./frame.ts";
import type { Frame } from "./frame.ts";
import { ReceiveWindow } from "./receive-window.ts";
import type { Assembly } from "./receive-window.ts";
import { SendWindow } from "./send-window.ts";

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

export interface SessionLimits {
  /** Bytes that wait to be sent or acknowledged before the session gives up. Default 256 MiB. */
  readonly queuedBytes: number;
  /** Messages in one batch. Default 1,024. */
  readonly batchMessages: number;
  /** Estimated bytes after which a batch is full; one larger message still goes, alone. Default 256 KiB. */
  readonly batchBytes: number;
}

export interface SessionOptions<In, Out> {
  readonly codec: Codec<In, Out>;
  /** Each batch in order, exactly once. What it throws goes to `onRefused`, and the session goes on. */
  onMessages(batch: readonly In[]): void;
  /** The kind of channel used for sending changed; "none" while there is none. */
  onLink(kind: LinkKind | "none"): void;
  /**
   * A frame or batch of the peer was refused, or a message of ours could not be encoded. The session goes on; the owner
   * counts, and closes it when it has had enough.
   */
  onRefused(error: unknown): void;
  /** Told once, when the session is over for good. */
  onClosed?(reason: string): void;
  /** Runs the flush after the current turn: `queueMicrotask`, or `setImmediate` for larger batches in Node. */
  readonly schedule: (flush: () => void) => void;
  readonly limits?: Partial<SessionLimits>;
}

/** What dial.ts and accept.ts hear of a session they look after. */
export interface SessionObserver {
  onPrimaryLost(reason: string): void;
  onBye(reason: string): void;
  onRefuse(code: string, message: string): void;
  onClosed(reason: string): void;
}

/** The part of a session that does not depend on its messages, for those who look after links. */
export type LinkedSession = Pick<
  Session<never, never>,
  | "attach"
  | "beat"
  | "close"
  | "dropPrimary"
  | "goodbye"
  | "isClosed"
  | "link"
  | "observer"
  | "received"
  | "refuse"
  | "restart"
>;

/** What a message is taken to weigh when the codec does not say. */
export const assumedMessageBytes = 256;

/** An acknowledgement goes out on its own after this many batches, */
const ackFrames = 32;
/** this many bytes, */
const ackBytes = 256 * 1024;
/** or this long, when nothing was sent that could carry it. */
const ackDelayMs = 200;

/** The upgrade is given up after this many checks without an acknowledgement on it while the primary answers. */
const stallChecks = 3;
const stallCheckMs = 1_000;

const defaultLimits: SessionLimits = { queuedBytes: 256 * 1024 * 1024, batchMessages: 1_024, batchBytes: 256 * 1024 };

/** One attached channel. */
interface Link {
  readonly channel: Channel;
  /** The last batch handed to it. */
  sentThrough: number;
  framesHeard: number;
  acksHeard: number;
  assembly: Assembly | undefined;
}

export class Session<In, Out> {
  /** Set by whoever looks after the links. */
  observer: SessionObserver | undefined;

  readonly #options: SessionOptions<In, Out>;
  readonly #limits: SessionLimits;

  #outbox: Out[] = [];
  #outboxHead = 0;
  #outboxBytes = 0;
  /** Parts of a batch that could not be encoded as one; the last goes first. */
  #halves: (readonly Out[])[] = [];
  /** What a message took on average in the last batch: batches stay short when the codec cannot tell beforehand. */
  #usualBytes = assumedMessageBytes;
  #isFlushScheduled = false;
  readonly #flush = (): void => {
    this.#isFlushScheduled = false;
    this.#pump();
  };

  #sending = new SendWindow();
  #partOffset = 0;
  #isPumping = false;

  #receiving = new ReceiveWindow();
  #isDelivering = false;
  #framesToAck = 0;
  #bytesToAck = 0;
  #ackTimer: ReturnType<typeof setTimeout> | undefined;

  #primary: Link | undefined;
  #upgrade: Link | undefined;
  #kind: LinkKind | "none" = "none";
  #closeReason: string | undefined;

  #beatHeard = 0;
  #silentBeats = 0;

  #stallTimer: ReturnType<typeof setTimeout> | undefined;
  #stalledChecks = 0;
  #stallSeen = { acknowledged: 0, acksHeard: 0, primaryHeard: 0 };

  constructor(options: SessionOptions<In, Out>) {
    this.#options = options;
    this.#limits = { ...defaultLimits, ...options.limits };
  }

  /** The last batch received in order; a resume tells it to the other end. */
  get received(): number {
    return this.#receiving.received;
  }

  get link(): LinkKind | "none" {
    return this.#kind;
  }

  get isClosed(): boolean {
    return this.#closeReason !== undefined;
  }

  /** Bytes that wait to be sent or acknowledged, as estimated before they are encoded. */
  get queuedBytes(): number {
    return this.#outboxBytes + this.#sending.bytes;
  }

  /**
   * Sends a message once this turn is over, with whatever else was sent in it. Without a channel it waits; after close
   * it does nothing. Closes the session when more waits than `limits.queuedBytes`.
   */
  send(message: Out): void {
    if (this.#closeReason !== undefined) return;
    this.#outbox.push(message);
    this.#outboxBytes += this.#sizeOf(message);
    this.#requestFlush();
    if (this.queuedBytes > this.#limits.queuedBytes) {
      this.close(`${this.queuedBytes} bytes wait for the peer, over the limit queuedBytes ${this.#limits.queuedBytes}`);
    }
  }

  /**
   * Takes over a channel that both ends know to be this session's. After a handshake `peerReceived` is what the other
   * end said it has, and the rest is resent; an upgrade leaves it out. A channel of the same role is replaced.
   */
  attach(channel: Channel, peerReceived?: number): void {
    if (this.#closeReason !== undefined) {
      channel.close(this.#closeReason);
      return;
    }
    if (peerReceived !== undefined && !this.#catchUp(peerReceived)) {
      channel.close(this.#closeReason);
      return;
    }
    const link: Link = { channel, sentThrough: 0, framesHeard: 0, acksHeard: 0, assembly: undefined };
    const preferredBefore = this.#upgrade ?? this.#primary;
    const isUpgrade = channel.kind === "webrtc";
    const replaced = isUpgrade ? this.#upgrade : this.#primary;
    if (isUpgrade) this.#upgrade = link;
    else {
      this.#primary = link;
      this.#silentBeats = 0;
      this.#beatHeard = 0;
    }
    if (replaced !== undefined) {
      this.#forget(replaced);
      replaced.channel.close("replaced");
    }
    // Parts of one batch never mix between channels: a batch begun on another starts again here.
    if ((this.#upgrade ?? this.#primary) !== preferredBefore) this.#partOffset = 0;
    this.#tellLink();
    // 1. Send before listening: early frames are delivered inside the assignment, and may close what they arrive on.
    // 2. Deferred like any flush, so that the caller finishes what it was doing first.
    this.#requestFlush();
    channel.handlers = {
      onFrame: (frame) => this.#hear(link, frame),
      onClose: (reason) => this.#lose(link, reason),
      onDrain: () => this.#pump(),
    };
  }

  /** Both streams begin again, empty: the other end has lost its memory of them. The owner resends what matters. */
  restart(): void {
    this.#dropUpgrade("restarted");
    this.#emptyOutbox();
    this.#sending = new SendWindow();
    this.#receiving = new ReceiveWindow();
    this.#partOffset = 0;
    this.#acked();
  }

  /**
   * Called at a steady beat for presence; counts the beats in which the primary channel was silent, and when asked to
   * pings it on each of those. 0 while anything was heard, or without a primary channel.
   */
  beat(pingIfSilent: boolean): number {
    const primary = this.#primary;
    if (primary === undefined) return 0;
    if (primary.framesHeard !== this.#beatHeard) {
      this.#beatHeard = primary.framesHeard;
      this.#silentBeats = 0;
      return 0;
    }
    this.#silentBeats++;
    if (pingIfSilent) primary.channel.send(pingFrame);
    return this.#silentBeats;
  }

  /** Gives up the primary channel; the observer hears of it as of any loss. */
  dropPrimary(reason: string): void {
    const primary = this.#primary;
    if (primary === undefined) return;
    primary.channel.close(reason);
    this.#lose(primary, reason);
  }

  /** Closes the upgrade, if any, and goes on over the primary channel. */
  dropUpgrade(reason: string): void {
    this.#dropUpgrade(reason);
    this.#pump();
  }

  /** Sends what waits and a bye on every channel, all before it returns (fit for `pagehide`), then closes. */
  goodbye(reason: string): void {
    if (this.#closeReason !== undefined) return;
    this.#pump();
    const bye = encodeJson("bye", { reason });
    this.#primary?.channel.send(bye);
    this.#upgrade?.channel.send(bye);
    this.close(reason);
  }

  /** Tells the other end that the session is over for the reason in `code`, which is final there, then closes. */
  refuse(code: string, message: string): void {
    if (this.#closeReason !== undefined) return;
    const frame = encodeJson("refuse", { code, message });
    this.#primary?.channel.send(frame);
    this.#upgrade?.channel.send(frame);
    this.close(message);
  }

  /** Ends this side for good: closes the channels and forgets what waits. The other end sees a lost link. */
  close(reason: string): void {
    if (this.#closeReason !== undefined) return;
    this.#closeReason = reason;
    clearTimeout(this.#ackTimer);
    clearTimeout(this.#stallTimer);
    const links = [this.#primary, this.#upgrade];
    this.#primary = undefined;
    this.#upgrade = undefined;
    this.#emptyOutbox();
    this.#sending = new SendWindow();
    for (const link of links) link?.channel.close(reason);
    this.#tellLink();
    this.observer?.onClosed(reason);
    this.#options.onClosed?.(reason);
  }

  // ---------------------------------------------------------------------------------------------------- sending

  #emptyOutbox(): void {
    this.#outbox = [];
    this.#outboxHead = 0;
    this.#outboxBytes = 0;
    this.#halves = [];
  }

  #sizeOf(message: Out): number {
    const { codec } = this.#options;
    return codec.sizeOf === undefined ? assumedMessageBytes : codec.sizeOf(message);
  }

  #requestFlush(): void {
    if (this.#isFlushScheduled) return;
    this.#isFlushScheduled = true;
    // Called on nothing: a browser's queueMicrotask refuses any `this` but its own.
    const { schedule } = this.#options;
    schedule(this.#flush);
  }

  /** Hands batches to the preferred channel until there are none or it is full; encodes only what can go now. */
  #pump(): void {
    const link = this.#upgrade ?? this.#primary;
    // A channel may report a drain or a close from inside send; the loop that is running goes on with what it finds.
    if (link === undefined || this.#isPumping) return;
    this.#isPumping = true;
    try {
      while (link === (this.#upgrade ?? this.#primary) && link.channel.bufferedBytes < highWaterBytes) {
        const batch = this.#sending.current();
        if (batch !== undefined) this.#sendBatch(link, batch);
        else if (!this.#sending.hasRoom || !this.#encodeNext()) break;
      }
    } finally {
      this.#isPumping = false;
    }
    if (this.#framesToAck >= ackFrames || this.#bytesToAck >= ackBytes) this.#sendAck(link);
    this.#watchForStall();
  }

  #sendBatch(link: Link, batch: Uint8Array): void {
    const { maxFrameBytes } = link.channel;
    if (batch.length <= maxFrameBytes) {
      this.#sending.stampAck(batch, this.#receiving.received);
      link.sentThrough = this.#sending.advance();
      this.#acked();
      link.channel.send(batch);
      return;
    }
    const part = encodePart(batch, this.#partOffset, maxFrameBytes, this.#receiving.received);
    this.#sending.begin();
    this.#partOffset += part.length - partHeaderBytes;
    link.sentThrough = this.#sending.sentThrough + 1;
    if (this.#partOffset === batch.length - wholeHeaderBytes) {
      this.#partOffset = 0;
      this.#sending.advance();
    }
    this.#acked();
    link.channel.send(part);
  }

  /** Encodes the next batch into the window, or refuses the one message in it; false when nothing waits. */
  #encodeNext(): boolean {
    const batch = this.#halves.pop() ?? this.#takeBatch();
    if (batch === undefined) return false;
    let failure: unknown;
    try {
      const frame = this.#options.codec.encode(batch, wholeHeaderBytes);
      const bytes = frame.length - wholeHeaderBytes;
      const average = bytes / batch.length;
      // One long message alone says little about the next ones; a short one does.
      if (batch.length > 1 || average < this.#usualBytes) this.#usualBytes = average;
      if (bytes <= limits.messageBytes) {
        this.#sending.add(frame, this.#receiving.received);
        return true;
      }
      failure = new ProtocolError(`Cannot send message: ${bytes} bytes exceed messageBytes ${limits.messageBytes}`);
    } catch (error) {
      failure = error;
    }
    if (batch.length === 1) this.#refused(failure);
    else {
      // Halving finds the culprit, or a length that fits; one half at a time, so that the window is never overrun.
      const middle = batch.length >> 1;
      this.#halves.push(batch.slice(middle), batch.slice(0, middle));
    }
    return true;
  }

  /** Without copying when the whole outbox is one batch, which it is until the channel is slower than its sender. */
  #takeBatch(): readonly Out[] | undefined {
    const outbox = this.#outbox;
    const { batchMessages, batchBytes } = this.#limits;
    const begin = this.#outboxHead;
    const isAll = begin === 0 && outbox.length <= batchMessages;
    const candidates = isAll ? outbox : outbox.slice(begin, begin + batchMessages);
    const usual = this.#options.codec.sizeOf === undefined ? this.#usualBytes : 0;
    let count = 0;
    let bytes = 0;
    for (const message of candidates) {
      const size = this.#sizeOf(message);
      bytes += Math.max(size, usual);
      if (count > 0 && bytes > batchBytes) break;
      this.#outboxBytes -= size;
      count++;
    }
    if (count === 0) return undefined;
    const end = begin + count;
    // What was taken is let go in large steps: constant time a message, and never more than twice the memory.
    if (end * 2 > outbox.length) {
      this.#outbox = end === outbox.length ? [] : outbox.slice(end);
      this.#outboxHead = 0;
    } else this.#outboxHead = end;
    return count === candidates.length ? candidates : candidates.slice(0, count);
  }

  // -------------------------------------------------------------------------------------------------- receiving

  /** Never throws: what a peer sends, and what the owner does with it, must not reach a socket's callback. */
  #hear(link: Link, bytes: Uint8Array): void {
    if (!this.#isAttached(link)) return;
    link.framesHeard++;
    try {
      this.#read(link, decodeFrame(bytes));
    } catch (error) {
      this.#refused(error);
    }
  }

  #read(link: Link, frame: Frame): void {
    switch (frame.type) {
      case "whole":
        this.#takeAck(frame.ack);
        this.#take(frame.sequence, frame.payload);
        return;
      case "part": {
        this.#takeAck(frame.ack);
        link.assembly = this.#receiving.assemble(link.assembly, frame);
        const assembly = link.assembly;
        if (assembly === undefined || assembly.filled < assembly.bytes.length) return;
        link.assembly = undefined;
        this.#take(frame.sequence, assembly.bytes);
        return;
      }
      case "ack":
        link.acksHeard++;
        this.#takeAck(frame.ack);
        return;
      case "probe":
        link.channel.send(encodeAck(this.#receiving.received));
        return;
      case "ping":
        link.channel.send(pongFrame);
        return;
      case "pong":
        return;
      case "bye":
        this.#takeBye(frame.body);
        return;
      case "refuse":
        this.#takeRefusal(frame.body);
        return;
      case "hello":
      case "welcome":
        throw new ProtocolError(`Cannot take ${frame.type}: the channel is already attached to a session`);
    }
  }

  #take(sequence: number, payload: Uint8Array): void {
    this.#framesToAck++;
    this.#bytesToAck += payload.length;
    // A repeat counts too: the other end resends because it missed our acknowledgement.
    if (this.#receiving.take(sequence, payload, this.#isDelivering)) this.#deliver(payload);
    this.#ackSoon();
  }

  #deliver(first: Uint8Array): void {
    this.#isDelivering = true;
    let payload: Uint8Array | undefined = first;
    while (payload !== undefined && this.#closeReason === undefined) {
      try {
        this.#options.onMessages(this.#options.codec.decode(payload));
      } catch (error) {
        this.#refused(error);
      }
      payload = this.#receiving.next();
    }
    this.#isDelivering = false;
  }

  #takeAck(ack: number): void {
    const wasFull = !this.#sending.hasRoom;
    const sentBefore = this.#sending.sentThrough;
    if (!this.#sending.acknowledge(ack)) return;
    // The other end had a batch that was being resent in parts: the cursor moved past it.
    if (this.#sending.sentThrough > sentBefore) this.#partOffset = 0;
    if (wasFull || this.#sending.current() !== undefined) this.#requestFlush();
  }

  #ackSoon(): void {
    if (this.#closeReason !== undefined) return;
    const link = this.#upgrade ?? this.#primary;
    if (link === undefined) return;
    if (this.#framesToAck >= ackFrames || this.#bytesToAck >= ackBytes) {
      // A flush that is on its way carries it.
      if (!this.#isFlushScheduled) this.#sendAck(link);
      return;
    }
    this.#ackTimer ??= setTimeout(() => {
      this.#ackTimer = undefined;
      const current = this.#upgrade ?? this.#primary;
      if (this.#framesToAck > 0 && current !== undefined) this.#sendAck(current);
    }, ackDelayMs);
  }

  #sendAck(link: Link): void {
    this.#acked();
    link.channel.send(encodeAck(this.#receiving.received));
  }

  #acked(): void {
    this.#framesToAck = 0;
    this.#bytesToAck = 0;
  }

  #takeBye(body: unknown): void {
    const reason = field(body, "reason");
    const said = typeof reason === "string" ? reason : "goodbye";
    this.observer?.onBye(said);
    this.close(said);
  }

  #takeRefusal(body: unknown): void {
    const code = field(body, "code");
    const message = field(body, "message");
    if (typeof code !== "string" || typeof message !== "string") {
      throw new ProtocolError("Cannot take refuse: it has no code and message");
    }
    this.observer?.onRefuse(code, message);
    this.close(message);
  }

  #refused(error: unknown): void {
    this.#options.onRefused(error);
  }

  // ------------------------------------------------------------------------------------------------------ links

  #isAttached(link: Link): boolean {
    return link === this.#primary || link === this.#upgrade;
  }

  #lose(link: Link, reason: string): void {
    if (!this.#isAttached(link)) return;
    const wasPrimary = link === this.#primary;
    if (wasPrimary) this.#primary = undefined;
    else this.#upgrade = undefined;
    this.#forget(link);
    this.#tellLink();
    if (wasPrimary) this.observer?.onPrimaryLost(reason);
    this.#requestFlush();
  }

  /** What was handed to a channel that is gone, and is not acknowledged, is sent again. */
  #forget(link: Link): void {
    if (link.sentThrough > this.#sending.acknowledged) {
      this.#sending.rewind();
      this.#partOffset = 0;
    }
  }

  #dropUpgrade(reason: string): void {
    const upgrade = this.#upgrade;
    if (upgrade === undefined) return;
    this.#lose(upgrade, reason);
    upgrade.channel.close(reason);
  }

  #tellLink(): void {
    const kind = (this.#upgrade ?? this.#primary)?.channel.kind ?? "none";
    if (kind === this.#kind) return;
    this.#kind = kind;
    this.#options.onLink(kind);
  }

  /** Takes over what the other end says it has; closes the session when that cannot be. */
  #catchUp(peerReceived: number): boolean {
    if (peerReceived < this.#sending.acknowledged) {
      this.close(`the peer has ${peerReceived} batches, and acknowledged ${this.#sending.acknowledged} before`);
      return false;
    }
    try {
      this.#sending.acknowledge(peerReceived);
      return true;
    } catch (error) {
      this.#refused(error);
      this.close(`the peer claims ${peerReceived} batches, more than were sent`);
      return false;
    }
  }

  /**
   * Checks every second, while batches sent on the upgrade are unacknowledged, whether the other end still hears it:
   * both channels are probed, and the upgrade is given up when only the primary answers. A peer that answers on neither
   * is busy, not cut off.
   */
  #watchForStall(): void {
    if (this.#stallTimer !== undefined || this.#upgrade === undefined || this.#primary === undefined) return;
    if (!this.#sending.isWaiting) return;
    this.#stalledChecks = 0;
    this.#noteProgress();
    this.#stallTimer = setTimeout(this.#checkForStall, stallCheckMs);
  }

  readonly #checkForStall = (): void => {
    this.#stallTimer = undefined;
    const upgrade = this.#upgrade;
    const primary = this.#primary;
    if (upgrade === undefined || primary === undefined || !this.#sending.isWaiting) return;
    const seen = this.#stallSeen;
    if (this.#sending.acknowledged > seen.acknowledged || upgrade.acksHeard > seen.acksHeard) this.#stalledChecks = 0;
    else if (this.#stalledChecks === 0 || primary.framesHeard > seen.primaryHeard) this.#stalledChecks++;
    this.#noteProgress();
    if (this.#stalledChecks >= stallChecks) {
      this.#dropUpgrade("stalled");
      return;
    }
    if (this.#stalledChecks > 0) {
      upgrade.channel.send(probeFrame);
      primary.channel.send(probeFrame);
    }
    this.#stallTimer = setTimeout(this.#checkForStall, stallCheckMs);
  };

  #noteProgress(): void {
    this.#stallSeen = {
      acknowledged: this.#sending.acknowledged,
      acksHeard: this.#upgrade?.acksHeard ?? 0,
      primaryHeard: this.#primary?.framesHeard ?? 0,
    };
  }
}
