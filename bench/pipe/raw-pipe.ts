/**
 * The reference of everything that goes through a tab: the same bytes through data channel, page, sandboxed thread and
 * back, with no scheduler, no session and no codec. Owns its server, its endpoint and its tabs. The sandbox has the
 * policy that the coordinator serves.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { WebSocketServer } from "ws";
import { launchBrowser } from "../../bin/browser.ts";
import { httpApp, type HttpOptions } from "../../coordinator/http.ts";
import type { Channel } from "../../transport/channel.ts";
import { openWebRtcEndpoint, type WebRtcAnswering, type WebRtcEndpoint } from "../../transport/webrtc-node.ts";
import { bundle } from "../bundle.ts";
import { type Done, timeEach } from "../in-flight.ts";
import { noOpBytes } from "./no-op-bytes.ts";

export interface RawPipe {
  readonly messageBytes: number;
  /** Messages echoed by all tabs together, `inFlight` at a time in frames of `frameMessages`, for `ms`. */
  echoFor(ms: number, inFlight: number, frameMessages: number): Promise<Done>;
  /** Milliseconds of each of `count` single messages, one after another through one tab. */
  roundTrips(count: number, limitMs: number): Promise<readonly number[]>;
  /** Rejects when an echo was not what was sent, or the tabs went away. */
  readonly broken: Promise<never>;
  close(): Promise<void>;
}

const openTimeoutMs = 30_000;

export async function openRawPipe(tabs: number): Promise<RawPipe> {
  const messageBytes = noOpBytes();
  const [policy, page, frame, thread] = await Promise.all([
    sandboxPolicy(),
    bundle(join(import.meta.dirname, "page.ts"), "page"),
    bundle(join(import.meta.dirname, "frame.ts"), "script"),
    bundle(join(import.meta.dirname, "thread.ts"), "script"),
  ]);
  const closers: (() => unknown)[] = [];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    const endpoint = await openWebRtcEndpoint({ udpPort: 0, bindAddress: "127.0.0.1" });
    if (endpoint === undefined) throw new Error("Cannot open the raw pipe: node-datachannel cannot be loaded here");
    closers.push(() => endpoint.close());
    const channels: Channel[] = [];
    const server = createServer((request, response) => {
      const { pathname } = new URL(request.url ?? "/", "http://localhost");
      const { type, body, policy: own } = answerTo(pathname, { policy, page, frame, thread });
      response.setHeader("content-type", type);
      if (own !== undefined) response.setHeader("content-security-policy", own);
      response.end(body);
    });
    const signalling = signallingOn(server, endpoint, (channel) => channels.push(channel));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    closers.push(() => {
      for (const socket of signalling.clients) socket.terminate();
      server.closeAllConnections();
      server.close();
    });
    const browser = await launchBrowser({ headless: true });
    closers.push(() => browser.close());
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/?messageBytes=${messageBytes}`;
    await Promise.all(
      Array.from({ length: tabs }, async () => {
        const tab = await (await browser.newContext()).newPage();
        await tab.goto(url);
        await tab.waitForSelector("html[data-pipe=open]", { state: "attached", timeout: openTimeoutMs });
      }),
    );
    let breaks: (error: Error) => void = () => {};
    const broken = new Promise<never>((_, reject) => {
      breaks = reject;
    });
    broken.catch(() => {});
    const echoes = channels.map((channel) => new Echo(channel, messageBytes, breaks));
    return {
      messageBytes,
      broken,
      close,
      async echoFor(ms, inFlight, frameMessages) {
        const frames = Math.max(1, Math.floor(inFlight / frameMessages / echoes.length));
        const startedAt = performance.now();
        const counts = await Promise.all(echoes.map((echo) => echo.keep(frames, frameMessages, startedAt + ms)));
        return { count: counts.reduce((sum, count) => sum + count, 0), ms: performance.now() - startedAt };
      },
      async roundTrips(count, limitMs) {
        const [echo] = echoes;
        if (echo === undefined) throw new Error("Cannot measure a round trip: there is no tab");
        return timeEach(count, limitMs, async () => {
          await echo.keep(1, 1, 0);
        });
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

interface Served {
  readonly policy: string;
  readonly page: string;
  readonly frame: string;
  readonly thread: string;
}

interface Answer {
  readonly type: string;
  readonly body: string;
  readonly policy?: string;
}

function answerTo(path: string, { policy, page, frame, thread }: Served): Answer {
  switch (path) {
    case "/page.js":
      return { type: "text/javascript", body: page };
    case "/thread.js":
      return { type: "text/javascript", body: thread };
    case "/sandbox":
      return { type: "text/html", body: `<!doctype html><script>${frame}</script>`, policy };
    default:
      return { type: "text/html", body: `<!doctype html><body><script type="module" src="/page.js"></script>` };
  }
}

/** As the coordinator serves it: from dist/, and without a coordinator. */
async function sandboxPolicy(): Promise<string> {
  const distFolder = join(import.meta.dirname, "../../dist");
  const response = await httpApp({ distFolder } as HttpOptions).request("http://127.0.0.1/sandbox");
  const policy = response.headers.get("content-security-policy");
  if (!response.ok || policy?.includes("sandbox") !== true) {
    throw new Error(`Cannot open the raw pipe: the coordinator serves no sandbox (${response.status})`);
  }
  return policy;
}

/** One socket a tab, and one answering peer behind it. */
function signallingOn(
  server: ReturnType<typeof createServer>,
  endpoint: WebRtcEndpoint,
  onChannel: (channel: Channel) => void,
): WebSocketServer {
  const sockets = new WebSocketServer({ server });
  sockets.on("connection", (socket) => {
    const answering: WebRtcAnswering = endpoint.answer({
      onSignal: (signal) => socket.send(JSON.stringify(signal)),
      onChannel,
      onClose: () => {},
    });
    socket.addEventListener("message", ({ data }) => {
      if (typeof data === "string") answering.signal(JSON.parse(data));
    });
  });
  return sockets;
}

/** One tab's channel: sends frames and compares what comes back, byte by byte and in order. */
class Echo {
  readonly #channel: Channel;
  readonly #messageBytes: number;
  readonly #sent: Uint8Array[] = [];
  #next = 0;
  #onEcho: (messages: number) => void = () => {};

  constructor(channel: Channel, messageBytes: number, breaks: (error: Error) => void) {
    this.#channel = channel;
    this.#messageBytes = messageBytes;
    channel.handlers = {
      onFrame: (frame) => {
        const sent = this.#sent.shift();
        if (sent === undefined || Buffer.compare(sent, frame) !== 0)
          breaks(new Error("The raw pipe gave back other bytes than were sent"));
        else this.#onEcho(frame.length / messageBytes);
      },
      onClose: (reason) => breaks(new Error(`The raw pipe's channel closed: ${reason}`)),
      onDrain: () => {},
    };
  }

  /** Keeps so many frames under way until `until`, then waits for the last; gives the messages that came back. */
  keep(frames: number, frameMessages: number, until: number): Promise<number> {
    return new Promise((resolve) => {
      let echoed = 0;
      this.#onEcho = (messages) => {
        echoed += messages;
        if (performance.now() < until) this.#send(frameMessages);
        else if (this.#sent.length === 0) resolve(echoed);
      };
      for (let i = 0; i < frames; i++) this.#send(frameMessages);
    });
  }

  #send(messages: number): void {
    const frame = new Uint8Array(messages * this.#messageBytes);
    const view = new DataView(frame.buffer);
    for (let at = 0; at < frame.length; at += this.#messageBytes) view.setUint32(at, this.#next++);
    this.#sent.push(frame);
    this.#channel.send(frame);
  }
}
