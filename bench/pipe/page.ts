/**
 * The tab of the raw pipe: a data channel at one end, a sandboxed thread at the other, and nothing between but what any
 * tab must do: a frame is taken apart into its messages, these go to the thread together, and what comes back together
 * leaves in one frame. The script of the thread and the length of a message come with the page.
 */
import { wrap } from "comlink";
import { dialWebRtc } from "../../transport/webrtc-browser.ts";
import type { EchoThread } from "./thread.ts";

const messageBytes = Number(new URLSearchParams(location.search).get("messageBytes"));

async function openThread(): Promise<(messages: readonly Uint8Array[]) => Promise<readonly Uint8Array[]>> {
  const script = await (await fetch("/thread.js")).text();
  const frame = document.createElement("iframe");
  frame.src = "/sandbox";
  const isLoaded = new Promise((resolve) => frame.addEventListener("load", resolve, { once: true }));
  document.body.append(frame);
  await isLoaded;
  const { port1, port2 } = new MessageChannel();
  frame.contentWindow?.postMessage({ script, port: port2 }, "*", [port2]);
  const thread = wrap<EchoThread>(port1);
  return (messages) => thread.echo(messages);
}

function take(frame: Uint8Array): Uint8Array[] {
  const messages: Uint8Array[] = [];
  for (let at = 0; at < frame.length; at += messageBytes) messages.push(frame.subarray(at, at + messageBytes));
  return messages;
}

function join(messages: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(messages.length * messageBytes);
  for (const [i, message] of messages.entries()) frame.set(message, i * messageBytes);
  return frame;
}

const echo = await openThread();
// The thread answers now: what it takes to start is not part of the pipe.
await echo([]);
const socket = new WebSocket(`${location.origin.replace("http", "ws")}/signal`);
await new Promise((resolve) => socket.addEventListener("open", resolve, { once: true }));
const dialing = dialWebRtc({ signal: (signal) => socket.send(JSON.stringify(signal)) });
socket.addEventListener("message", ({ data }: MessageEvent<string>) => dialing.signal(JSON.parse(data)));
const channel = await dialing.opened;
channel.handlers = {
  onFrame: (frame) => void echo(take(frame)).then((messages) => channel.send(join(messages))),
  onClose: () => {},
  onDrain: () => {},
};
document.documentElement.dataset["pipe"] = "open";
