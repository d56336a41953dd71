/** The tab's side of webrtc.browser.test.ts: bundled, served and driven by it. Signals travel on one WebSocket. */
import { dial } from "../../transport/dial.ts";
import { highWaterBytes } from "../../transport/channel.ts";
import type { Channel } from "../../transport/channel.ts";
import { dialWebRtc } from "../../transport/webrtc-browser.ts";
import type { WebRtcDialing } from "../../transport/webrtc-browser.ts";
import { Session } from "../../transport/session.ts";
import { openWebSocket } from "../../transport/websocket-channel.ts";

const socket = new WebSocket(`${location.origin.replace("http", "ws")}/signal`);
const dialings = new Map<string, WebRtcDialing>();
const channels = new Map<string, Channel>();
const closes: string[] = [];

const isOpen = new Promise<void>((resolve) => socket.addEventListener("open", () => resolve()));
socket.addEventListener("message", (event: MessageEvent<string>) => {
  const { id, signal } = JSON.parse(event.data);
  dialings.get(id)?.signal(signal);
});

const tab = {
  /** Opens a channel that echoes what it receives, holding back while it is full. */
  async join(id: string): Promise<number> {
    await isOpen;
    const begin = performance.now();
    const dialing = dialWebRtc({ signal: (signal) => socket.send(JSON.stringify({ id, signal })) });
    dialings.set(id, dialing);
    const channel = await dialing.opened;
    const ms = performance.now() - begin;
    const waiting: Uint8Array[] = [];
    const flush = (): void => {
      while (channel.bufferedBytes < highWaterBytes) {
        const frame = waiting.shift();
        if (frame === undefined) return;
        channel.send(frame);
      }
    };
    channel.handlers = {
      onFrame: (frame) => {
        waiting.push(frame);
        flush();
      },
      onClose: (reason) => closes.push(`${id}: ${reason}`),
      onDrain: flush,
    };
    channels.set(id, channel);
    return ms;
  },
  /** Sends frames, then closes in the same turn. */
  sendAndClose(id: string, frames: number, bytes: number): void {
    for (let i = 0; i < frames; i++) channels.get(id)?.send(new Uint8Array(bytes).fill(i));
    channels.get(id)?.close("tab is done");
  },
  sendTooLong(id: string): string {
    const channel = channels.get(id);
    try {
      channel?.send(new Uint8Array(channel.maxFrameBytes + 1));
      return "sent";
    } catch (error) {
      return error instanceof RangeError ? "RangeError" : String(error);
    }
  },
  closes: () => closes,
  /** Dials with nobody to answer; says how it ended. */
  async dialNobody(): Promise<string> {
    const dialing = dialWebRtc({ signal: () => {}, timeoutMs: 200 });
    return dialing.opened.then(
      () => "opened",
      (error: Error) => error.message,
    );
  },
  /** A session on a WebSocket that echoes every message and upgrades when the other end is ready for signals. */
  async startSession(): Promise<string> {
    let upgrade: WebRtcDialing | undefined;
    const session = new Session<unknown, unknown>({
      codec: {
        encode(batch, headerBytes) {
          const text = new TextEncoder().encode(JSON.stringify(batch));
          const bytes = new Uint8Array(headerBytes + text.length);
          bytes.set(text, headerBytes);
          return bytes;
        },
        decode: (bytes) => JSON.parse(new TextDecoder().decode(bytes)),
      },
      onMessages(batch) {
        for (const message of batch) {
          if (typeof message === "number") session.send(message);
          else if (message === "upgrade") {
            upgrade = dialWebRtc({ signal: (signal) => session.send({ signal }) });
            void upgrade.opened.then((channel) => session.attach(channel));
          } else upgrade?.signal((message as { signal: unknown }).signal);
        }
      },
      onLink: (kind) => session.send({ link: kind }),
      onRefused: (error) => closes.push(`refused: ${String(error)}`),
      schedule: queueMicrotask,
    });
    const dialing = dial({
      open: () => openWebSocket(new WebSocket(`${location.origin.replace("http", "ws")}/session`)),
      hello: () => ({ name: "tab" }),
      session,
      onWelcome: () => {},
      onEnd: (ending) => closes.push(ending.type),
      reconnectMs: 10_000,
    });
    addEventListener("pagehide", () => dialing.goodbye("pagehide"));
    return (await dialing.opened).sessionId;
  },
};

export type Tab = typeof tab;

declare global {
  interface Window {
    tab: Tab;
  }
}

window.tab = tab;
