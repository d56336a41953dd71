/** The `ws` package, here and nowhere else in the SDK. Imported when it is needed: a bundle for pages never loads it. */
import { webSocketFrameBytes, type WebSocketLike } from "../transport/websocket-channel.ts";

export async function openNodeSocket(url: string): Promise<WebSocketLike> {
  const { WebSocket } = await import("ws");
  // Compression costs more than a LAN or loopback link; the frames are small or already dense.
  return new WebSocket(url, { maxPayload: webSocketFrameBytes, perMessageDeflate: false });
}
