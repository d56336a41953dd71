import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { openWebSocket, webSocketChannel, webSocketFrameBytes } from "../../transport/websocket-channel.ts";
import type { WebSocketLike } from "../../transport/websocket-channel.ts";
import { channelContract, listenTo } from "../contracts/channel.ts";
import type { ChannelPair } from "../contracts/channel.ts";

const server = new WebSocketServer({ port: 0, host: "127.0.0.1", maxPayload: webSocketFrameBytes });
let url = "";

beforeAll(async () => {
  if (server.address() === null) await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  url = `ws://127.0.0.1:${address.port}`;
});

afterAll(() => {
  for (const client of server.clients) client.terminate();
  server.close();
});

channelContract("websocket, ws at both ends", () => connect((socket) => socket));

// In the browser there is no callback for what was sent, and no terminate: the same socket without them.
channelContract("websocket, browser's shape at one end", () => connect(withoutNode));

describe("websocket channel", () => {
  it("rejects an opening that fails", async () => {
    await expect(openWebSocket(new WebSocket("ws://127.0.0.1:1/"))).rejects.toThrow(/Cannot open WebSocket/);
  });

  it("closes on a text frame", async () => {
    const accepted = once(server, "connection");
    const socket = new WebSocket(url);
    const channel = await openWebSocket(socket);
    listenTo(channel);
    const [far] = (await accepted) as [WebSocket];
    const atFar = listenTo(webSocketChannel(far));
    socket.send("text");
    await atFar.close();
    expect([atFar.closes, atFar.received]).toEqual([["text frame"], []]);
  });

  it("is closed when the other process goes without a word", async () => {
    const accepted = once(server, "connection");
    const channel = await openWebSocket(new WebSocket(url));
    const atA = listenTo(channel);
    const [far] = (await accepted) as [WebSocket];
    far.terminate();
    await atA.close();
    expect(atA.closes).toEqual(["closed with code 1006"]);
  });
});

async function connect(shape: (socket: WebSocket) => WebSocketLike): Promise<ChannelPair> {
  const accepted = once(server, "connection").then(([far]: WebSocket[]) => {
    if (far === undefined) throw new Error("no connection");
    return webSocketChannel(far);
  });
  const a = await openWebSocket(shape(new WebSocket(url)));
  return { a, b: await accepted };
}

function withoutNode(socket: WebSocket): WebSocketLike {
  return {
    set binaryType(type: "arraybuffer") {
      socket.binaryType = type;
    },
    get readyState() {
      return socket.readyState;
    },
    get bufferedAmount() {
      return socket.bufferedAmount;
    },
    send: (data) => socket.send(data),
    close: (code, reason) => socket.close(code, reason),
    addEventListener: (type: "message" | "close" | "open" | "error", listener: (event: never) => void) => {
      socket.addEventListener(type, listener as () => void);
    },
  };
}
