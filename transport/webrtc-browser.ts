/**
 * A Channel over a WebRTC data channel, opened by a tab. The only file that knows simple-peer, which negotiates; frames
 * and back-pressure go straight to the data channel, since simple-peer's stream would copy each frame through a queue
 * of its own. Knows nothing about how signals travel.
 *
 * Vite must alias "simple-peer" to "simple-peer/simplepeer.min.js": the package's own entry needs Node's globals.
 */
import SimplePeer from "simple-peer";
import { limits } from "../protocol/limits.ts";
import { checkFrameLength, lowWaterBytes } from "./channel.ts";
import type { Channel, ChannelHandlers } from "./channel.ts";
import { Inbox } from "./inbox.ts";
import { dataChannelLabel, hasAddress, readSignal } from "./signal.ts";
import type { Signal } from "./signal.ts";

export interface WebRtcDialOptions {
  /** Takes a signal to the answering end. */
  signal(data: Signal): void;
  /** STUN and TURN servers, none by default. */
  readonly iceServers?: readonly RTCIceServer[];
  /** How long opening may take; default 10 s. */
  readonly timeoutMs?: number;
}

export interface WebRtcDialing {
  /** Takes a signal from the answering end; throws ProtocolError when it is none. */
  signal(data: unknown): void;
  /** The open channel; rejects when it does not open in time, and everything is closed by then. */
  readonly opened: Promise<Channel>;
  /** Gives up, or closes the channel. */
  close(): void;
}

/** How long a closing channel may take to send what it holds. */
const lingerMs = 1_000;

/** Whether this browser can: some people and some browsers turn WebRTC off. */
export function hasWebRtc(): boolean {
  return SimplePeer.WEBRTC_SUPPORT;
}

/** Begins to connect; the first signals follow in later turns. */
export function dialWebRtc(options: WebRtcDialOptions): WebRtcDialing {
  const { timeoutMs = 10_000 } = options;
  let data: RTCDataChannel | undefined;
  const peer = new SimplePeer({
    initiator: true,
    channelName: dataChannelLabel,
    channelConfig: { ordered: true },
    config: { iceServers: [...(options.iceServers ?? [])] },
    // The documented way to the data channel itself: simple-peer makes it through the connection class it is given.
    wrtc: {
      RTCPeerConnection: class extends RTCPeerConnection {
        override createDataChannel(label: string, init?: RTCDataChannelInit): RTCDataChannel {
          data = super.createDataChannel(label, init);
          return data;
        }
      },
      RTCSessionDescription,
      RTCIceCandidate,
    },
  });
  const opened = new Promise<Channel>((resolve, reject) => {
    const fail = (reason: string): void => {
      clearTimeout(timer);
      peer.destroy();
      reject(new Error(`Cannot open data channel: ${reason}`));
    };
    const timer = setTimeout(() => fail(`not open within ${timeoutMs} ms`), timeoutMs);
    peer.on("error", (error: Error) => fail(error.message));
    peer.on("close", () => fail("closed"));
    if (data === undefined) {
      fail("no connection could be made");
      return;
    }
    const channel = new DataChannel(peer, data);
    data.addEventListener("open", () => {
      clearTimeout(timer);
      resolve(channel);
    });
  });
  // Closing before it opened is no error of whoever did not look at `opened` yet.
  opened.catch(() => {});
  peer.on("signal", (signal) => {
    if (signal.type === "offer" && signal.sdp !== undefined) options.signal({ type: "offer", sdp: signal.sdp });
    else if (signal.type === "candidate") {
      const { candidate, sdpMid } = signal.candidate;
      if (hasAddress(candidate)) options.signal({ type: "candidate", candidate, mid: sdpMid ?? "0" });
    }
  });
  return {
    signal(received) {
      const signal = readSignal(received);
      if (peer.destroyed) return;
      if (signal.type === "candidate") {
        const candidate = new RTCIceCandidate({ candidate: signal.candidate, sdpMid: signal.mid });
        peer.signal({ type: "candidate", candidate });
      } else if (signal.type === "answer") peer.signal({ type: "answer", sdp: signal.sdp });
    },
    opened,
    close: () => peer.destroy(),
  };
}

class DataChannel implements Channel {
  readonly kind = "webrtc";
  readonly maxFrameBytes = limits.dataChannelFrameBytes;
  readonly #peer: SimplePeer.Instance;
  readonly #data: RTCDataChannel;
  readonly #inbox = new Inbox(() => this.close("early frames overflow"));
  #isClosed = false;

  constructor(peer: SimplePeer.Instance, data: RTCDataChannel) {
    this.#peer = peer;
    this.#data = data;
    data.binaryType = "arraybuffer";
    data.bufferedAmountLowThreshold = lowWaterBytes;
    // Instead of simple-peer's own, which would queue every frame in a stream that nobody reads.
    data.onmessage = (event: MessageEvent<unknown>) => this.#receive(event.data);
    data.onbufferedamountlow = () => this.#inbox.drained();
    peer.on("close", () => this.#closed("closed by peer"));
  }

  get bufferedBytes(): number {
    return this.#data.bufferedAmount;
  }

  get handlers(): ChannelHandlers | undefined {
    return this.#inbox.handlers;
  }

  set handlers(handlers: ChannelHandlers | undefined) {
    this.#inbox.handlers = handlers;
  }

  send(frame: Uint8Array<ArrayBuffer>): void {
    checkFrameLength(frame, this.maxFrameBytes);
    if (this.#isClosed || this.#data.readyState !== "open") return;
    try {
      this.#data.send(frame);
    } catch {
      // A browser throws when its own buffer is full; the frame is lost, and so is the order: only closing is honest.
      this.close("send failed");
    }
  }

  close(reason = "closed"): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    // The stream ends behind what was sent, and simple-peer with it; destroying at once would cut that off.
    this.#data.close();
    setTimeout(() => this.#peer.destroy(), lingerMs);
    queueMicrotask(() => this.#inbox.closed(reason));
  }

  #receive(data: unknown): void {
    if (this.#isClosed) return;
    if (!(data instanceof ArrayBuffer)) this.close("text frame");
    else if (data.byteLength > this.maxFrameBytes) this.close("frame too long");
    else this.#inbox.frame(new Uint8Array(data));
  }

  #closed(reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#inbox.closed(reason);
  }
}
