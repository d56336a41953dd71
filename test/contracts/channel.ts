/**
 * What every Channel adapter must do. A suite, not a test file: each adapter's test calls it with a way to make a
 * connected pair.
 */
import { afterEach, describe, expect, it } from "vitest";
import { highWaterBytes, lowWaterBytes } from "../../transport/channel.ts";
import type { Channel, ChannelHandlers } from "../../transport/channel.ts";

export interface ChannelPair {
  readonly a: Channel;
  readonly b: Channel;
  /** Gives back what the pair was made from. */
  dispose?(): void;
}

export function channelContract(name: string, connect: () => Promise<ChannelPair>): void {
  describe(`Channel contract: ${name}`, () => {
    const pairs: ChannelPair[] = [];
    const pairOf = async (): Promise<ChannelPair> => {
      const pair = await connect();
      pairs.push(pair);
      return pair;
    };
    afterEach(() => {
      for (const pair of pairs.splice(0)) {
        pair.a.close();
        pair.b.close();
        pair.dispose?.();
      }
    });

    it("[CHANNEL-1] delivers frames whole, exact and in order, both ways", async () => {
      const { a, b } = await pairOf();
      const atA = listenTo(a);
      const atB = listenTo(b);
      const frames = Array.from({ length: 300 }, (_, i) => patternOf(i % 7 === 0 ? 0 : (i * 131) % 9_000, i));
      for (const frame of frames) {
        a.send(frame.slice());
        b.send(frame.slice());
      }
      await atB.frames(frames.length);
      await atA.frames(frames.length);
      expect(firstDifference(atB.received, frames)).toBe(-1);
      expect(firstDifference(atA.received, frames)).toBe(-1);
      expect(Object.getPrototypeOf(atA.received[0])).toBe(Uint8Array.prototype);
    });

    it("[CHANNEL-1] carries a frame of the longest length, and a view into a larger buffer", async () => {
      const { a, b } = await pairOf();
      const atB = listenTo(b);
      const longest = patternOf(a.maxFrameBytes, 3);
      a.send(longest);
      a.send(patternOf(100, 9).subarray(40, 60));
      await atB.frames(2);
      expect(firstDifference(atB.received, [longest, patternOf(100, 9).slice(40, 60)])).toBe(-1);
    });

    it("[CHANNEL-2] keeps frames and the close that come before handlers are set", async () => {
      const { a, b } = await pairOf();
      const atA = listenTo(a);
      a.send(Uint8Array.of(1));
      a.send(Uint8Array.of(2));
      a.close("over");
      await atA.close();
      // The far end has had its turn, with nobody listening, when another pair's round trip is over.
      const other = await pairOf();
      const echo = listenTo(other.b);
      other.a.send(Uint8Array.of(9));
      await echo.frames(1);
      const atB = listenTo(b);
      await atB.close();
      expect(atB.received).toEqual([Uint8Array.of(1), Uint8Array.of(2)]);
    });

    it("[CHANNEL-2] closes a channel on which too much comes before handlers are set", async () => {
      const { a } = await pairOf();
      const atA = listenTo(a);
      for (let i = 0; i < 100; i++) a.send(Uint8Array.of(i));
      await atA.close();
    });

    it("[CHANNEL-3] tells a close once on both sides, never inside close(), and with the reason", async () => {
      const { a, b } = await pairOf();
      const atA = listenTo(a);
      const atB = listenTo(b);
      a.close("enough");
      expect(atA.closes).toEqual([]);
      a.close("again");
      b.close("again");
      await atA.close();
      await atB.close();
      a.close("again");
      expect(atA.closes).toEqual(["enough"]);
      expect(atB.closes).toHaveLength(1);
    });

    it("[CHANNEL-3] delivers what was sent before the close", async () => {
      const { a, b } = await pairOf();
      const atB = listenTo(b);
      listenTo(a);
      for (let i = 0; i < 50; i++) a.send(patternOf(1_000, i));
      a.close("enough");
      await atB.close();
      expect(atB.received).toHaveLength(50);
    });

    it("[CHANNEL-4] ignores a send after close", async () => {
      const { a, b } = await pairOf();
      const atB = listenTo(b);
      listenTo(a);
      a.close();
      a.send(Uint8Array.of(1));
      await atB.close();
      b.send(Uint8Array.of(1));
      expect(atB.received).toEqual([]);
    });

    it("[CHANNEL-5] throws RangeError for a frame that is too long, and goes on", async () => {
      const { a, b } = await pairOf();
      const atB = listenTo(b);
      expect(() => a.send(new Uint8Array(a.maxFrameBytes + 1))).toThrow(RangeError);
      a.send(Uint8Array.of(7));
      await atB.frames(1);
      expect(atB.received).toEqual([Uint8Array.of(7)]);
    });

    it("[CHANNEL-6] tells a drain after a send that reached the high-water mark", async () => {
      const { a, b } = await pairOf();
      const atA = listenTo(a);
      const atB = listenTo(b);
      const frame = patternOf(Math.min(64 * 1024, a.maxFrameBytes), 1);
      let sent = 0;
      for (let round = 0; round < 3; round++) {
        // Loopback may take a few at once; a channel that never fills is given up on after 64 MiB.
        for (let i = 0; i < 1_024 && a.bufferedBytes < highWaterBytes; i++, sent++) a.send(frame);
        expect(a.bufferedBytes).toBeGreaterThanOrEqual(highWaterBytes);
        const drains = atA.drains;
        await atA.until(() => atA.drains > drains);
        expect(a.bufferedBytes).toBeLessThanOrEqual(lowWaterBytes);
      }
      await atB.frames(sent);
      expect(atB.received).toHaveLength(sent);
    });
  });
}

/** Bytes that differ by place and seed, so that a mix-up shows. */
export function patternOf(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = (i * 31 + seed * 17 + (i >> 8)) & 0xff;
  return bytes;
}

/** The first frame that is not the same in both, or -1; comparing this way takes milliseconds for megabytes. */
export function firstDifference(received: readonly Uint8Array[], sent: readonly Uint8Array[]): number {
  const length = Math.max(received.length, sent.length);
  for (let i = 0; i < length; i++) {
    const a = received[i];
    const b = sent[i];
    if (a === undefined || b === undefined || Buffer.compare(a, b) !== 0) return i;
  }
  return -1;
}

/** Handlers that remember, and promises of what they will have seen; the test's own timeout ends the wait. */
export function listenTo(channel: Channel): Listener {
  const listener = new Listener();
  channel.handlers = listener;
  return listener;
}

export class Listener implements ChannelHandlers {
  readonly received: Uint8Array[] = [];
  readonly closes: string[] = [];
  drains = 0;
  #waits: { readonly condition: () => boolean; readonly resolve: () => void }[] = [];

  onFrame(frame: Uint8Array): void {
    this.received.push(frame);
    this.#check();
  }

  onClose(reason: string): void {
    this.closes.push(reason);
    this.#check();
  }

  onDrain(): void {
    this.drains++;
    this.#check();
  }

  frames(count: number): Promise<void> {
    return this.until(() => this.received.length >= count);
  }

  close(): Promise<void> {
    return this.until(() => this.closes.length > 0);
  }

  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#waits.push({ condition, resolve });
      this.#check();
    });
  }

  #check(): void {
    this.#waits = this.#waits.filter((wait) => {
      if (!wait.condition()) return true;
      wait.resolve();
      return false;
    });
  }
}
