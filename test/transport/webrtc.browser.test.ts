import { execFile } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Browser, Page } from "playwright-core";
import { build } from "vite";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { WebSocketServer } from "ws";
import { launchBrowser } from "../../bin/browser.ts";
import { Acceptor } from "../../transport/accept.ts";
import type { AcceptEvent } from "../../transport/accept.ts";
import { highWaterBytes } from "../../transport/channel.ts";
import type { Channel } from "../../transport/channel.ts";
import { openWebRtcEndpoint } from "../../transport/webrtc-node.ts";
import type { WebRtcAnswering, WebRtcEndpoint } from "../../transport/webrtc-node.ts";
import { webSocketChannel } from "../../transport/websocket-channel.ts";
import { firstDifference, Listener, listenTo, patternOf } from "../contracts/channel.ts";
import { aSession } from "./support.ts";
import type { TestSession } from "./support.ts";

const root = join(import.meta.dirname, "../..");
const opened = new Map<string, { readonly channel: Channel; readonly at: Listener }>();
const ended = new Map<string, string>();
const acceptEvents: AcceptEvent[] = [];
const sessions: TestSession[] = [];

let endpoint: WebRtcEndpoint;
let browser: Browser;
let page: Page;
let url = "";

const signalling = new WebSocketServer({ noServer: true });
const sessionSockets = new WebSocketServer({ noServer: true });
const server = createServer();
const acceptor = new Acceptor({
  onHello: () => {
    let answering: WebRtcAnswering | undefined;
    const test = aSession({
      onMessage: (message) => {
        const signal = typeof message === "object" && message !== null ? Reflect.get(message, "signal") : undefined;
        if (signal === undefined) return;
        answering ??= endpoint.answer({
          onSignal: (reply) => test.session.send({ signal: reply }),
          onChannel: (channel) => test.session.attach(channel),
          onClose: () => {},
        });
        answering.signal(signal);
      },
    });
    sessions.push(test);
    return { type: "accept", session: test.session, retainMs: 10_000 };
  },
  onEvent: (event) => acceptEvents.push(event),
});

beforeAll(async () => {
  const bundle = await build({
    root,
    configFile: false,
    logLevel: "error",
    resolve: { alias: [{ find: /^simple-peer$/, replacement: "simple-peer/simplepeer.min.js" }] },
    build: {
      write: false,
      minify: false,
      rolldownOptions: { input: join(import.meta.dirname, "webrtc-page.ts"), output: { format: "es" } },
    },
  });
  const outputs = Array.isArray(bundle) ? bundle : [bundle];
  const chunk = outputs.flatMap((each) => ("output" in each ? each.output : [])).find((each) => each.type === "chunk");
  if (chunk?.type !== "chunk") throw new Error("Cannot build the test page");
  server.on("request", (request, response) => {
    const isScript = request.url === "/page.js";
    response.setHeader("content-type", isScript ? "text/javascript" : "text/html");
    response.end(isScript ? chunk.code : '<!doctype html><script type="module" src="/page.js"></script>');
  });
  server.on("upgrade", (request, socket, head) => {
    const target = request.url === "/session" ? sessionSockets : signalling;
    target.handleUpgrade(request, socket, head, (opened) => target.emit("connection", opened));
  });
  sessionSockets.on("connection", (socket) => acceptor.accept(webSocketChannel(socket), "127.0.0.1"));
  signalling.on("connection", (socket) => {
    const answerings = new Map<string, WebRtcAnswering>();
    socket.addEventListener("message", ({ data }) => {
      if (typeof data !== "string") return;
      const { id, signal } = JSON.parse(data) as { id: string; signal: unknown };
      let answering = answerings.get(id);
      if (answering === undefined) {
        answering = endpoint.answer({
          onSignal: (reply) => socket.send(JSON.stringify({ id, signal: reply })),
          onChannel: (channel) => opened.set(id, { channel, at: listenTo(channel) }),
          onClose: (reason) => ended.set(id, reason),
        });
        answerings.set(id, answering);
      }
      answering.signal(signal);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  url = `http://127.0.0.1:${address.port}/`;
  const open = await openWebRtcEndpoint({ udpPort: 0, bindAddress: "127.0.0.1" });
  if (open === undefined) throw new Error("node-datachannel is not installed");
  endpoint = open;
  browser = await launchBrowser({ headless: true });
}, 60_000);

afterAll(async () => {
  await browser?.close();
  acceptor.close();
  endpoint?.close();
  for (const client of signalling.clients) client.terminate();
  for (const client of sessionSockets.clients) client.terminate();
  server.close();
});

beforeEach(async () => {
  opened.clear();
  ended.clear();
  page = await browser.newPage();
  await page.goto(url);
  return async () => {
    await page.close();
  };
});

describe("WebRTC: simple-peer in a tab, node-datachannel here", { timeout: 60_000 }, () => {
  it("[WEBRTC-1] opens 20 channels at the same time, all on one UDP port", async () => {
    const ids = Array.from({ length: 20 }, (_, i) => `peer-${i}`);
    const times = await page.evaluate((all) => Promise.all(all.map((id) => window.tab.join(id))), ids);
    await expect.poll(() => opened.size, { timeout: 5_000 }).toBe(20);
    const sorted = times.toSorted((a, b) => a - b);
    console.log(`20 joins: median ${Math.round(sorted[10] ?? 0)} ms, last ${Math.round(sorted[19] ?? 0)} ms`);
    for (const [id, { channel, at }] of opened) {
      channel.send(patternOf(10, id.length));
      await at.frames(1);
    }
  });

  it("[WEBRTC-2] echoes frames of 64 KiB exactly, both ends holding back above high water", async () => {
    await page.evaluate(() => window.tab.join("echo"));
    const { channel, at } = await theOpened("echo");
    const frames = Array.from({ length: 400 }, (_, i) => patternOf(i === 0 ? channel.maxFrameBytes : 65_536 - i, i));
    const begin = performance.now();
    for (const frame of frames) {
      if (channel.bufferedBytes >= highWaterBytes) {
        const drains = at.drains;
        await at.until(() => at.drains > drains);
      }
      channel.send(frame);
    }
    await at.frames(frames.length);
    const seconds = (performance.now() - begin) / 1_000;
    expect(firstDifference(at.received, frames)).toBe(-1);
    console.log(`echo of 25 MiB: ${Math.round(25 / seconds)} MiB/s each way, ${at.drains} drains`);

    const small = performance.now();
    for (let i = 0; i < 500; i++) {
      channel.send(Uint8Array.of(i & 0xff));
      await at.frames(frames.length + 1 + i);
    }
    console.log(`round trip: ${((performance.now() - small) / 500).toFixed(2)} ms`);
  });

  it("[WEBRTC-3] tells a close by the tab here, once, after the frames sent before it", async () => {
    await page.evaluate(() => window.tab.join("closing"));
    const { at } = await theOpened("closing");
    await page.evaluate(() => window.tab.sendAndClose("closing", 30, 60_000));
    await at.close();
    expect(at.received.map((frame) => [frame.length, frame[0]])).toEqual(
      Array.from({ length: 30 }, (_, i) => [60_000, i]),
    );
    await expect.poll(() => page.evaluate(() => window.tab.closes())).toEqual(["closing: tab is done"]);
    expect(at.closes).toHaveLength(1);
    expect([...ended.keys()]).toEqual(["closing"]);
  });

  it("[WEBRTC-3] tells a close by this end in the tab, once, and ignores sends afterwards", async () => {
    await page.evaluate(() => window.tab.join("closed"));
    const { channel, at } = await theOpened("closed");
    channel.close("enough");
    channel.close("again");
    channel.send(Uint8Array.of(1));
    await at.close();
    await expect.poll(() => page.evaluate(() => window.tab.closes())).toEqual(["closed: closed by peer"]);
    expect(at.closes).toEqual(["enough"]);
    await expect.poll(() => ended.get("closed")).toBeDefined();
  });

  it("[WEBRTC-4] throws RangeError at both ends for a frame that is too long", async () => {
    await page.evaluate(() => window.tab.join("long"));
    const { channel } = await theOpened("long");
    expect(() => channel.send(new Uint8Array(channel.maxFrameBytes + 1))).toThrow(RangeError);
    expect(await page.evaluate(() => window.tab.sendTooLong("long"))).toBe("RangeError");
  });

  it("[WEBRTC-5] gives up in time when nobody answers, and here when nobody comes", async () => {
    expect(await page.evaluate(() => window.tab.dialNobody())).toBe("Cannot open data channel: not open within 200 ms");
    const impatient = await openWebRtcEndpoint({ udpPort: 0, bindAddress: "127.0.0.1", timeoutMs: 100 });
    const reason = await new Promise((resolve) => {
      impatient?.answer({ onSignal: () => {}, onChannel: () => {}, onClose: resolve });
    });
    impatient?.close();
    expect(reason).toBe("not open within 100 ms");
  });

  it("[WEBRTC-6] refuses signals that are none, or too many, and survives a description that is nonsense", async () => {
    const closed: string[] = [];
    const answering = endpoint.answer({ onSignal: () => {}, onChannel: () => {}, onClose: (why) => closed.push(why) });
    for (const signal of [null, 5, {}, { type: "offer" }, { type: "offer", sdp: "v".repeat(20_000) }, { type: "x" }]) {
      expect(() => answering.signal(signal)).toThrow(/Cannot read signal/);
    }
    expect(() => answering.signal({ type: "answer", sdp: "" })).toThrow(/this end answers/);
    for (let i = 0; i < 64; i++) answering.signal({ type: "candidate", candidate: "candidate:1", mid: "0" });
    expect(() => answering.signal({ type: "candidate", candidate: "candidate:1", mid: "0" })).toThrow(/over 64/);
    answering.signal({ type: "offer", sdp: "nonsense" });
    await expect.poll(() => closed).toHaveLength(1);
    await page.evaluate(() => window.tab.join("after"));
    await theOpened("after");
  });

  it("[WEBRTC-7] offers the public address too, and drops names from what it is sent", async () => {
    const open = await openWebRtcEndpoint({ udpPort: 0, bindAddress: "127.0.0.1", publicAddress: "203.0.113.9" });
    const signals: unknown[] = [];
    const answering = open?.answer({ onSignal: (s) => signals.push(s), onChannel: () => {}, onClose: () => {} });
    answering?.signal({
      type: "offer",
      sdp: [
        "v=0",
        "o=- 1 2 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "a=group:BUNDLE 0",
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
        "c=IN IP4 0.0.0.0",
        "a=candidate:1 1 udp 2113937151 2c1f2ab6.local 50000 typ host",
        "a=ice-ufrag:abcd",
        "a=ice-pwd:abcdefghijklmnopqrstuvwx",
        `a=fingerprint:sha-256 ${Array.from({ length: 32 }, () => "AB").join(":")}`,
        "a=setup:actpass",
        "a=mid:0",
        "a=sctp-port:5000",
        "",
      ].join("\r\n"),
    });
    await expect.poll(() => signals.length).toBe(2);
    open?.close();
    expect(signals).toMatchObject([
      { type: "answer", sdp: expect.stringMatching(/a=candidate:.* 127\.0\.0\.1 /) },
      { type: "candidate", candidate: expect.stringContaining(` 203.0.113.9 ${open?.udpPort} typ host`), mid: "0" },
    ]);
  });

  it("[WEBRTC-8] a taken port is told at once", async () => {
    const { createSocket } = await import("node:dgram");
    const socket = createSocket("udp4").bind(0, "127.0.0.1");
    await once(socket, "listening");
    const taken = openWebRtcEndpoint({ udpPort: socket.address().port, bindAddress: "127.0.0.1" });
    await expect(taken).rejects.toMatchObject({ code: "EADDRINUSE" });
    socket.close();
  });

  it("[WEBRTC-9] lets the process exit after close", async () => {
    const script = `
      import { openWebRtcEndpoint } from ${JSON.stringify(join(root, "transport/webrtc-node.ts"))};
      const endpoint = await openWebRtcEndpoint({ udpPort: 0, bindAddress: "127.0.0.1" });
      endpoint.answer({ onSignal() {}, onChannel() {}, onClose(reason) { console.log(reason); } });
      setTimeout(() => endpoint.close(), 50);
    `;
    const node = ["--import", "tsx", "--input-type=module", "--eval", script];
    const { stdout } = await promisify(execFile)(process.execPath, node, { cwd: root, timeout: 15_000 });
    expect(stdout.trim()).toBe("endpoint closed");
  });

  it("[WEBRTC-10] a session upgrades, falls back and says goodbye, each message echoed exactly once", async () => {
    const sessionId = await page.evaluate(() => window.tab.startSession());
    const { session, received } = sessions.at(-1) ?? aSession();
    const echoes = (): unknown[] => received.filter((message) => typeof message === "number");
    let sent = 0;
    const burst = (count: number): void => {
      for (let i = 0; i < count; i++) session.send(sent++);
    };
    burst(1_000);
    session.send("upgrade");
    burst(1_000);
    await expect.poll(() => session.link, { timeout: 10_000 }).toBe("webrtc");
    burst(20_000);
    await expect.poll(() => echoes().length, { timeout: 10_000 }).toBeGreaterThan(5_000);
    burst(5_000);
    session.dropUpgrade("as if UDP were cut");
    burst(1_000);
    await expect.poll(() => echoes().length, { timeout: 10_000 }).toBe(sent);
    expect(echoes()).toEqual(Array.from({ length: sent }, (_, i) => i));
    expect(received.filter((message) => typeof message === "object" && message !== null && "link" in message)).toEqual([
      { link: "websocket" },
      { link: "webrtc" },
      { link: "websocket" },
    ]);
    const begin = performance.now();
    await page.goto("about:blank");
    await expect
      .poll(() => acceptEvents, { interval: 5 })
      .toEqual([{ type: "said-goodbye", sessionId, reason: "pagehide" }]);
    console.log(`goodbye seen ${Math.round(performance.now() - begin)} ms after leaving`);
  });
});

async function theOpened(id: string): Promise<{ readonly channel: Channel; readonly at: Listener }> {
  await expect.poll(() => opened.has(id)).toBe(true);
  const found = opened.get(id);
  if (found === undefined) throw new Error(`no channel "${id}"`);
  return found;
}
