/**
 * Batches of messages to bytes and back: the codec that sessions carry. A batch is a count of messages, each with its
 * own length, so that one malformed message is refused alone and the rest of its batch is read.
 */
import { ProtocolError } from "./errors.ts";
import { limits } from "./limits.ts";
import { Reader, type Schema, Writer } from "./schema.ts";

export interface Envelope<In, Out> {
  /** `headerBytes` are left free at the start for the frame that will carry the batch. */
  encode(batch: readonly Out[], headerBytes: number): Uint8Array;
  decode(bytes: Uint8Array): readonly In[];
}

/**
 * `onRefused` hears of each message that could not be read. A batch whose own framing is broken throws ProtocolError.
 */
export function envelope<In, Out>(
  incoming: Schema<In>,
  outgoing: Schema<Out>,
  onRefused: (error: ProtocolError) => void,
): Envelope<In, Out> {
  let usual = 1024;
  return {
    encode(batch, headerBytes) {
      const out = new Writer(usual);
      out.at = headerBytes;
      for (const message of batch) {
        // The length takes four bytes, filled in when the message has been written.
        out.reserve(4);
        const lengthAt = out.at;
        out.at += 4;
        outgoing.write(message, out);
        const length = out.at - lengthAt - 4;
        for (let i = 0; i < 4; i++) out.bytes[lengthAt + i] = (length >>> (8 * i)) & 0xff;
      }
      if (out.at - headerBytes > limits.messageBytes) {
        throw new ProtocolError(
          `Cannot encode batch: ${out.at - headerBytes} bytes are over the limit ${limits.messageBytes}`,
        );
      }
      // The next batch is probably about as large as this one.
      usual = Math.min(Math.max(1024, out.at + (out.at >> 2)), limits.messageBytes);
      return out.bytes.subarray(0, out.at);
    },
    decode(bytes) {
      if (bytes.length > limits.messageBytes) {
        throw new ProtocolError(`Cannot decode batch: ${bytes.length} bytes are over the limit ${limits.messageBytes}`);
      }
      const messages: In[] = [];
      let at = 0;
      while (at < bytes.length) {
        if (at + 4 > bytes.length) throw new ProtocolError("Cannot decode batch: it ends early");
        let length = 0;
        for (let i = 3; i >= 0; i--) length = length * 256 + (bytes[at + i] ?? 0);
        at += 4;
        if (length > bytes.length - at) throw new ProtocolError("Cannot decode batch: a message ends early");
        const input = new Reader(bytes.subarray(at, at + length));
        at += length;
        try {
          const message = incoming.read(input);
          if (input.remaining > 0)
            throw new ProtocolError(`Cannot decode message: ${input.remaining} bytes are left over`);
          messages.push(message);
        } catch (error) {
          if (!(error instanceof ProtocolError)) throw error;
          onRefused(error);
        }
      }
      return messages;
    },
  };
}
