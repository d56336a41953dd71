/**
 * Channels over WebRTC data channels, on the answering side in Node: one endpoint, one UDP port for all peers. The only
 * file that knows node-datachannel, whose native callbacks may still come after a close and whose threads keep the
 * process alive until `cleanup`. Knows nothing about how signals travel.
 */
import { createSocket } from "node:dgram";
import type { DataChannel, PeerConnection } from "node-datachannel";
import { ProtocolError } from "../protocol/errors.ts";
import { limits } from "../protocol/limits.ts";
import { checkFrameLength, lowWaterBytes } from "./channel.ts";
import type { Channel, ChannelHandlers } from "./channel.ts";
import { Inbox } from "./inbox.ts";
import { dataChannelLabel, hasAddress, readSignal, withoutNames } from "./signal.ts";
import type { Signal } from "./signal.ts";

export interface WebRtcEndpointOptions {
  /** The port of all peers; 0 picks a free one. */
  readonly udpPort: number;
  /** Default: all addresses. */
  readonly bindAddress?: string;
  /** An address at which the port can be reached from outside, offered besides the ones of this machine. */
  readonly publicAddress?: string;
  /** How long one peer may take to open its channel; default 15 s, more than the dialing end waits. */
  readonly timeoutMs?: number;
}

export interface WebRtcAnswerOptions {
  /** Takes a signal to the dialing end. */
  onSignal(signal: Signal): void;
  /** Called once, when the channel is open. */
  onChannel(channel: Channel): void;
  /** Called once, when nothing will come of it any more: not opened, failed or closed. */
  onClose(reason: string): void;
}

export interface WebRtcAnswering {
  /** Takes a signal from the dialing end; throws ProtocolError when it is none, or one too many. */
  signal(data: unknown): void;
  close(reason?: string): void;
}

export interface WebRtcEndpoint {
  readonly udpPort: number;
  answer(options: WebRtcAnswerOptions): WebRtcAnswering;
  /** Closes every peer; after the last endpoint of the process is closed the native threads are gone too. */
  close(): void;
}

type Library = typeof import("node-datachannel");

/** Candidates a dialing end may send; a browser has a few for each of its network interfaces. */
const maxCandidates = 64;

/** How long a closing channel may take to send what it holds. */
const lingerMs = 1_000;

/** `cleanup` stops the native library for the whole process, so only the last endpoint may call it. */
let openEndpoints = 0;

/**
 * Opens the endpoint, or returns undefined when node-datachannel cannot be loaded here (it is native); the caller then
 * goes on over WebSocket. Rejects when the port is taken.
 */
export async function openWebRtcEndpoint(options: WebRtcEndpointOptions): Promise<WebRtcEndpoint | undefined> {
  let library: Library;
  try {
    library = await import("node-datachannel");
  } catch {
    return undefined;
  }
  const udpPort = await freePort(options.udpPort, options.bindAddress);
  const answerings = new Set<Answering>();
  let isClosed = false;
  openEndpoints++;
  return {
    udpPort,
    answer(answer) {
      const answering = new Answering(library, { ...options, udpPort }, answer, () => answerings.delete(answering));
      answerings.add(answering);
      if (isClosed) answering.close("endpoint closed");
      return answering;
    },
    close() {
      if (isClosed) return;
      isClosed = true;
      for (const answering of answerings) answering.closeNow("endpoint closed");
      openEndpoints--;
      if (openEndpoints === 0) library.cleanup();
    },
  };
}

/** Finds out now whether the port can be had: the library would only say so at the first peer. */
function freePort(port: number, address: string | undefined): Promise<number> {
  const socket = createSocket(address?.includes(":") === true ? "udp6" : "udp4");
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.bind({ port, ...(address !== undefined && { address }), exclusive: true }, () => {
      const bound = socket.address().port;
      socket.close(() => resolve(bound));
    });
  });
}

/** One peer, from its offer to its end. Holds the native objects, which close themselves when they are collected. */
class Answering implements WebRtcAnswering {
  readonly #options: WebRtcAnswerOptions;
  readonly #publicCandidate: string | undefined;
  readonly #onEnd: () => void;
  readonly #peer: PeerConnection;
  #channel: NodeDataChannel | undefined;
  #isOffered = false;
  #candidates = 0;
  #early: (Signal & { readonly type: "candidate" })[] = [];
  #closeReason: string | undefined;
  readonly #openTimer: ReturnType<typeof setTimeout>;
  #lingerTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(library: Library, endpoint: WebRtcEndpointOptions, options: WebRtcAnswerOptions, onEnd: () => void) {
    const { udpPort, bindAddress, publicAddress, timeoutMs = 15_000 } = endpoint;
    this.#options = options;
    this.#onEnd = onEnd;
    // A host candidate that ranks below the local ones: who is in the same network should use those.
    this.#publicCandidate =
      publicAddress === undefined ? undefined : `candidate:90 1 UDP 2000000000 ${publicAddress} ${udpPort} typ host`;
    this.#peer = new library.PeerConnection("tabgrid", {
      iceServers: [],
      enableIceUdpMux: true,
      portRangeBegin: udpPort,
      portRangeEnd: udpPort,
      ...(bindAddress !== undefined && { bindAddress }),
    });
    this.#openTimer = setTimeout(() => this.closeNow(`not open within ${timeoutMs} ms`), timeoutMs);
    this.#peer.onGatheringStateChange((state) => {
      if (state === "complete") this.#answer();
    });
    this.#peer.onStateChange((state) => {
      if (state === "failed" || state === "closed") this.closeNow(`connection ${state}`);
    });
    this.#peer.onDataChannel((data) => this.#openChannel(data));
  }

  signal(data: unknown): void {
    const signal = readSignal(data);
    if (this.#closeReason !== undefined) return;
    switch (signal.type) {
      case "offer":
        if (this.#isOffered) throw new ProtocolError("Cannot take offer: one was made before");
        this.#isOffered = true;
        this.#native(() => this.#peer.setRemoteDescription(withoutNames(signal.sdp), "offer"));
        for (const early of this.#early) this.#addCandidate(early);
        this.#early = [];
        return;
      case "candidate":
        if (++this.#candidates > maxCandidates) {
          throw new ProtocolError(`Cannot take candidate: over ${maxCandidates} were sent`);
        }
        if (this.#isOffered) this.#addCandidate(signal);
        else this.#early.push(signal);
        return;
      case "answer":
        throw new ProtocolError("Cannot take answer: this end answers");
    }
  }

  /** Lets what was sent go out, then ends. */
  close(reason = "closed"): void {
    if (this.#closeReason !== undefined || this.#lingerTimer !== undefined) return;
    if (this.#channel === undefined) {
      this.closeNow(reason);
      return;
    }
    // The stream's reset is queued behind the data; the native close that follows would cut both off.
    this.#lingerTimer = setTimeout(() => this.closeNow(reason), lingerMs);
    this.#channel.closeStream();
  }

  closeNow(reason: string): void {
    if (this.#closeReason !== undefined) return;
    this.#closeReason = reason;
    clearTimeout(this.#openTimer);
    clearTimeout(this.#lingerTimer);
    this.#channel?.closeStream();
    this.#native(() => this.#peer.close());
    this.#onEnd();
    queueMicrotask(() => {
      this.#channel?.closed(reason);
      this.#options.onClose(reason);
    });
  }

  /** All candidates are of this machine and known within milliseconds, so they go with the answer. */
  #answer(): void {
    if (this.#closeReason !== undefined) return;
    const description = this.#peer.localDescription();
    if (description === null || description.type !== "answer") return;
    this.#options.onSignal({ type: "answer", sdp: description.sdp });
    if (this.#publicCandidate !== undefined) {
      const mid = /^a=mid:(\S+)/m.exec(description.sdp)?.[1] ?? "0";
      this.#options.onSignal({ type: "candidate", candidate: this.#publicCandidate, mid });
    }
  }

  #addCandidate({ candidate, mid }: Signal & { readonly type: "candidate" }): void {
    if (hasAddress(candidate)) this.#native(() => this.#peer.addRemoteCandidate(candidate, mid));
  }

  #openChannel(data: DataChannel): void {
    if (this.#closeReason !== undefined) return;
    if (this.#channel !== undefined || data.getLabel() !== dataChannelLabel) {
      data.close();
      return;
    }
    const channel = new NodeDataChannel(
      data,
      (reason) => this.close(reason),
      (reason) => this.closeNow(reason),
    );
    this.#channel = channel;
    const opened = (): void => {
      if (this.#closeReason !== undefined || !channel.open()) return;
      clearTimeout(this.#openTimer);
      this.#options.onChannel(channel);
    };
    data.onOpen(opened);
    if (data.isOpen()) opened();
  }

  /** The library throws for what a peer made it do; that ends this peer and nothing else. */
  #native(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.closeNow(error instanceof Error ? error.message : String(error));
    }
  }
}

class NodeDataChannel implements Channel {
  readonly kind = "webrtc";
  readonly maxFrameBytes = limits.dataChannelFrameBytes;
  readonly #data: DataChannel;
  readonly #onClosing: (reason: string) => void;
  readonly #inbox = new Inbox(() => this.close("early frames overflow"));
  #isOpen = false;
  #isClosed = false;

  /** `onClosing` is called when this side closes the channel, `onClosed` when it is gone. */
  constructor(data: DataChannel, onClosing: (reason: string) => void, onClosed: (reason: string) => void) {
    this.#data = data;
    this.#onClosing = onClosing;
    data.setBufferedAmountLowThreshold(lowWaterBytes);
    data.onBufferedAmountLow(() => {
      if (!this.#isClosed) this.#inbox.drained();
    });
    // Each native callback has a queue of its own, and they are run in the order of these calls: a close that comes
    // with the last messages is then told after them.
    data.onMessage((message) => this.#receive(message));
    data.onClosed(() => onClosed("closed by peer"));
    data.onError((error) => onClosed(error));
  }

  get bufferedBytes(): number {
    return this.#isClosed ? 0 : this.#data.bufferedAmount();
  }

  get handlers(): ChannelHandlers | undefined {
    return this.#inbox.handlers;
  }

  set handlers(handlers: ChannelHandlers | undefined) {
    this.#inbox.handlers = handlers;
  }

  /** True the first time: the native side may report the same opening twice. */
  open(): boolean {
    const isFirst = !this.#isOpen;
    this.#isOpen = true;
    return isFirst;
  }

  send(frame: Uint8Array): void {
    checkFrameLength(frame, this.maxFrameBytes);
    if (this.#isClosed) return;
    try {
      this.#data.sendMessageBinary(frame);
    } catch {
      // The native channel closed before its callback could say so; that follows.
    }
  }

  close(reason = "closed"): void {
    if (this.#isClosed) return;
    this.#onClosing(reason);
    queueMicrotask(() => this.#inbox.closed(reason));
  }

  /** Sends what is buffered, then ends the stream; nothing is sent or received from now on. */
  closeStream(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#data.close();
  }

  closed(reason: string): void {
    this.#isClosed = true;
    this.#inbox.closed(reason);
  }

  #receive(message: string | Buffer | ArrayBuffer): void {
    if (this.#isClosed) return;
    if (typeof message === "string") this.close("text frame");
    else if (message.byteLength > this.maxFrameBytes) this.close("frame too long");
    else if (message instanceof ArrayBuffer) this.#inbox.frame(new Uint8Array(message));
    else this.#inbox.frame(new Uint8Array(message.buffer, message.byteOffset, message.byteLength));
  }
}
