/** About how many bytes a message takes, so that a session can bound its batches without encoding twice. */
import type { ClientMessage } from "../protocol/messages.ts";

const besidesBytes = 128;
const idBytes = 24;

export function messageBytes(message: ClientMessage): number {
  switch (message.type) {
    case "submit": {
      let sum = besidesBytes;
      for (const { args, inputs, holds } of message.tasks)
        sum += args.length + idBytes * (2 + inputs.length + holds.length);
      return sum;
    }
    case "create-actor":
      return besidesBytes * 4 + message.creation.args.length;
    case "define":
      return besidesBytes + (message.bytes?.length ?? 0);
    case "put":
      return besidesBytes + (message.value.type === "inline" ? message.value.bytes.length : 0);
    case "want":
    case "hold":
    case "release":
    case "free":
      return besidesBytes + idBytes * message.ids.length;
    case "query":
      return besidesBytes + message.parameters.length;
    default:
      return besidesBytes;
  }
}
