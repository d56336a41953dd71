/** The thread of the raw pipe: answers each batch of messages with itself. */
import { expose } from "comlink";

const echo = {
  echo: (messages: readonly Uint8Array[]): readonly Uint8Array[] => messages,
};
export type EchoThread = typeof echo;

addEventListener("message", ({ data }: MessageEvent<MessagePort>) => expose(echo, data), { once: true });
