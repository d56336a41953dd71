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
import { Outbox } from "./outbox.ts";
import type { BatchLimits, Codec } from "./outbox.ts";
import { ReceiveWindow } from "./receive-window.ts";
import type { Assembly } from "./receive-window.ts";
import { SendWindow } from "./send-window.ts";
import { StallWatch } from "./stall-watch.ts";
import type { Progress } from "./stall-watch.ts";

export type { Codec } from "./outbox.ts";

export interface SessionLimits extends BatchLimits {
  /** Bytes that wait to be sent or acknowledged before the session gives up. */
  readonly queuedBytes: number;
}

export interface SessionOptions<In, Out> {
  readonly codec: Codec<In, Out>;
  /** Each batch in order, exactly once, with its number. What it throws goes to `onRefused`, and the session goes on. */
  onMessages(batch: readonly In[], sequence: number): void;
  /**
   * Batches are acknowledged only when the owner has said, by `keep`, that they outlive this process: the other end
   * sends the rest again to the next one.
   */
  readonly acknowledgesKept?: boolean;
  /** The number of batches an earlier process has kept of this session; the next is expected. Default 0. */
  readonly received?: number;
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
  /** Default: 256 MiB queued, batches of 1,024 messages and about 256 KiB. */
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
  | "restartReceiving"
>;

/** An acknowledgement goes out on its own after this many batches, */
const ackFrames = 32;
/** this many bytes, */
const ackBytes = 256 * 1024;
/** or this long, when nothing was sent that could carry it. */
const ackDelayMs = 200;

/** An end that is sent more than this without reading it gets no answers; those to come cover what is left out. */
const unreadBytes = highWaterBytes + limits.messageBytes;

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

  readonly #outbox: Outbox<In, Out>;
  #isFlushScheduled = false;
  readonly #flush = (): void => {
    this.#isFlushScheduled = false;
    this.#pump();
  };

  #sending = new SendWindow();
  #partOffset = 0;
  #isPumping = false;

  #receiving: ReceiveWindow;
  #keptThrough: number;
  #bytesNotKept = 0;
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

  readonly #stallWatch = new StallWatch({
    progress: () => this.#progress(),
    probe: () => {
      this.#upgrade?.channel.send(probeFrame);
      this.#primary?.channel.send(probeFrame);
    },
    onStalled: () => this.#dropUpgrade("stalled"),
  });

  constructor(options: SessionOptions<In, Out>) {
    this.#options = options;
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#keptThrough = options.received ?? 0;
    this.#receiving = new ReceiveWindow(this.#keptThrough);
    this.#outbox = new Outbox(options.codec, this.#limits, (error) => this.#refused(error));
  }

  /** The last batch received in order, and kept where that is asked for; a resume tells it to the other end. */
  get received(): number {
    return this.#options.acknowledgesKept === true ? this.#keptThrough : this.#receiving.received;
  }

  get link(): LinkKind | "none" {
    return this.#kind;
  }

  get isClosed(): boolean {
    return this.#closeReason !== undefined;
  }

  /** Bytes that wait to be sent or acknowledged, as estimated before they are encoded. */
  get queuedBytes(): number {
    return this.#outbox.bytes + this.#sending.bytes;
  }

  /**
   * Sends a message once this turn is over, with whatever else was sent in it. Without a channel it waits; after close
   * it does nothing. Closes the session when more waits than `limits.queuedBytes`.
   */
  send(message: Out): void {
    if (this.#closeReason !== undefined) return;
    this.#outbox.add(message);
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
    // Deferred, like any flush: the early frames that the assignment delivers are read first.
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
    this.#outbox.clear();
    this.#sending = new SendWindow();
    this.#receiving = new ReceiveWindow();
    this.#keptThrough = 0;
    this.#partOffset = 0;
    this.#acked();
  }

  /**
   * The other end has lost what it had sent and kept what it had received: its stream begins again, ours goes on. The
   * owner asks again for what it waits for.
   */
  restartReceiving(): void {
    this.#dropUpgrade("restarted");
    this.#receiving = new ReceiveWindow();
    this.#keptThrough = 0;
    this.#sending.takeBackAcks();
    this.#acked();
  }

  /** Batches up to this one are kept by the owner, and may be acknowledged. */
  keep(sequence: number): void {
    if (sequence <= this.#keptThrough || this.#closeReason !== undefined) return;
    this.#framesToAck += sequence - this.#keptThrough;
    this.#bytesToAck += this.#bytesNotKept;
    this.#bytesNotKept = 0;
    this.#keptThrough = sequence;
    this.#ackSoon();
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

  /**
   * Sends what waits (up to a window) and a bye on every channel, all before it returns (fit for `pagehide`), then
   * closes. The primary channel repeats what is unacknowledged: the upgrade may die before its last bytes are out.
   */
  goodbye(reason: string): void {
    if (this.#closeReason !== undefined) return;
    const link = this.#primary ?? this.#upgrade;
    if (link !== undefined) {
      if (this.#upgrade !== undefined && link !== this.#upgrade) this.#rewind();
      for (;;) {
        const batch = this.#sending.current();
        if (batch !== undefined) this.#sendBatch(link, batch);
        else if (!this.#sending.hasRoom || !this.#encodeNext()) break;
      }
    }
    // The count says what must have arrived for a bye to count: one may overtake the batches on the other channel.
    const bye = encodeJson("bye", { reason, sent: this.#sending.sentThrough });
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
    this.#stallWatch.stop();
    const links = [this.#primary, this.#upgrade];
    this.#primary = undefined;
    this.#upgrade = undefined;
    this.#outbox.clear();
    this.#sending = new SendWindow();
    for (const link of links) link?.channel.close(reason);
    this.#tellLink();
    this.observer?.onClosed(reason);
    this.#options.onClosed?.(reason);
  }

  // ---------------------------------------------------------------------------------------------------- sending

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
    this.#stallWatch.start();
  }

  #sendBatch(link: Link, batch: Uint8Array): void {
    const { maxFrameBytes } = link.channel;
    if (batch.length <= maxFrameBytes) {
      this.#sending.stampAck(batch, this.received);
      link.sentThrough = this.#sending.advance();
      this.#acked();
      link.channel.send(batch);
      return;
    }
    const part = encodePart(batch, this.#partOffset, maxFrameBytes, this.received);
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

  /** Encodes the next batch into the window; false when nothing waits. */
  #encodeNext(): boolean {
    const frame = this.#outbox.next(wholeHeaderBytes);
    if (frame === undefined) return false;
    this.#sending.add(frame, this.received);
    return true;
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
        this.#sendAck(link);
        return;
      case "ping":
        if (link.channel.bufferedBytes < unreadBytes) link.channel.send(pongFrame);
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
    const isNew = this.#receiving.take(sequence, payload, this.#isDelivering);
    if (isNew && this.#options.acknowledgesKept === true) {
      // Before it is delivered: the owner may keep it at once.
      this.#bytesNotKept += payload.length;
      this.#deliver(payload);
      return;
    }
    this.#framesToAck++;
    this.#bytesToAck += payload.length;
    // A repeat counts too: the other end resends because it missed our acknowledgement.
    if (isNew) this.#deliver(payload);
    this.#ackSoon();
  }

  #deliver(first: Uint8Array): void {
    this.#isDelivering = true;
    let payload: Uint8Array | undefined = first;
    while (payload !== undefined && this.#closeReason === undefined) {
      try {
        this.#options.onMessages(this.#options.codec.decode(payload), this.#receiving.received);
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
      if (this.#framesToAck === 0) return;
      const current = this.#upgrade ?? this.#primary;
      if (current !== undefined) this.#sendAck(current);
      if (this.#framesToAck > 0) this.#ackSoon();
    }, ackDelayMs);
  }

  #sendAck(link: Link): void {
    if (link.channel.bufferedBytes >= unreadBytes) return;
    this.#acked();
    link.channel.send(encodeAck(this.received));
  }

  #acked(): void {
    this.#framesToAck = 0;
    this.#bytesToAck = 0;
  }

  #takeBye(body: unknown): void {
    const reason = field(body, "reason");
    const sent = field(body, "sent");
    if (typeof reason !== "string" || typeof sent !== "number") {
      throw new ProtocolError("Cannot take bye: it has no reason and count");
    }
    if (sent > this.#receiving.received) return;
    this.observer?.onBye(reason);
    this.close(reason);
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
    if (link.sentThrough > this.#sending.acknowledged) this.#rewind();
  }

  #rewind(): void {
    this.#sending.rewind();
    this.#partOffset = 0;
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

  #progress(): Progress | undefined {
    const upgrade = this.#upgrade;
    const primary = this.#primary;
    if (upgrade === undefined || primary === undefined || !this.#sending.isWaiting) return undefined;
    return {
      acknowledged: this.#sending.acknowledged,
      upgradeAcks: upgrade.acksHeard,
      primaryFrames: primary.framesHeard,
    };
  }
}
