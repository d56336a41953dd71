import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { limits } from "../../protocol/limits.ts";
import { highWaterBytes } from "../../transport/channel.ts";
import { decodeFrame, encodeAck, encodePart } from "../../transport/frame.ts";
import { memoryChannelPair } from "../../transport/memory-channel.ts";
import type { MemoryChannel } from "../../transport/memory-channel.ts";
import { Session } from "../../transport/session.ts";
import { windowBytes, windowFrames } from "../../transport/send-window.ts";
import { aSession, jsonCodec, numbersTo, randomOf, settle } from "./support.ts";
import type { TestSession } from "./support.ts";

// Memory channels run on microtasks, so time passes only where a test says so.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval"] });
});
afterEach(() => {
  vi.useRealTimers();
});

interface Pair {
  readonly a: TestSession;
  readonly b: TestSession;
}

function aPair(options: Parameters<typeof aSession>[0] = {}): Pair {
  return { a: aSession(options), b: aSession(options) };
}

/** Connects both ends by a channel of one kind, as a handshake would. */
function link({ a, b }: Pair, kind: "websocket" | "webrtc", maxFrameBytes?: number): [MemoryChannel, MemoryChannel] {
  const [atA, atB] = memoryChannelPair({ kind, ...(maxFrameBytes !== undefined && { maxFrameBytes }) });
  const receivedByA = a.session.received;
  const receivedByB = b.session.received;
  a.session.attach(atA, kind === "websocket" ? receivedByB : undefined);
  b.session.attach(atB, kind === "websocket" ? receivedByA : undefined);
  return [atA, atB];
}

function sendAll({ session }: TestSession, messages: readonly unknown[]): void {
  for (const message of messages) session.send(message);
}

describe("session batches", () => {
  it("[SESSION-1] sends what one turn says as one batch, in order", async () => {
    const pair = aPair();
    link(pair, "websocket");
    sendAll(pair.a, numbersTo(100));
    await settle();
    expect(pair.b.received).toEqual(numbersTo(100));
    expect(pair.b.batches).toEqual([100]);
  });

  it("[SESSION-1] keeps what is said before there is a channel", async () => {
    const pair = aPair();
    sendAll(pair.a, numbersTo(5));
    await settle();
    link(pair, "websocket");
    await settle();
    expect(pair.b.received).toEqual(numbersTo(5));
  });

  it("[SESSION-1] calls schedule on nothing, as a browser's queueMicrotask must be", async () => {
    const seen: unknown[] = [];
    const session = new Session<unknown, unknown>({
      codec: jsonCodec,
      onMessages: () => {},
      onLink: () => {},
      onRefused: () => {},
      schedule(this: void, flush) {
        seen.push(this);
        queueMicrotask(flush);
      },
    });
    session.send(1);
    session.send(2);
    expect(seen).toEqual([undefined]);
  });

  it("[SESSION-2] flushes nothing above the high-water mark, so that batches grow", async () => {
    const pair = aPair();
    const [atA] = link(pair, "websocket");
    atA.pause();
    pair.a.session.send("x".repeat(highWaterBytes));
    await settle();
    for (const message of numbersTo(500)) {
      pair.a.session.send(message);
      await settle();
    }
    atA.resume();
    await settle();
    expect(pair.b.batches).toEqual([1, 500]);
  });

  it("[SESSION-2] limits a batch by messages and by bytes", async () => {
    const pair = aPair({ limits: { batchMessages: 10, batchBytes: 3_000 } });
    link(pair, "websocket");
    sendAll(pair.a, numbersTo(25));
    await settle();
    expect(pair.b.batches).toEqual([10, 10, 5]);
    const sized = aPair({
      limits: { batchBytes: 1_000 },
      codec: { ...jsonCodec, sizeOf: (message) => String(message).length },
    });
    link(sized, "websocket");
    sendAll(sized.a, ["a".repeat(400), "b".repeat(400), "c".repeat(400), "d".repeat(5_000), "e"]);
    await settle();
    expect(sized.b.batches).toEqual([2, 1, 1, 1]);
  });

  it("[SESSION-3] refuses the message that cannot be encoded, and sends the others in order", async () => {
    const pair = aPair();
    link(pair, "websocket");
    sendAll(pair.a, [1, 2, "unsendable", 3, 4, "unsendable", 5]);
    await settle();
    expect(pair.b.received).toEqual([1, 2, 3, 4, 5]);
    expect(pair.a.refused).toHaveLength(2);
  });

  it("[SESSION-3] refuses a message over messageBytes, and names the limit", async () => {
    const pair = aPair();
    link(pair, "websocket");
    sendAll(pair.a, [1, "x".repeat(limits.messageBytes), 2]);
    await settle();
    expect(pair.b.received).toEqual([1, 2]);
    expect(String(pair.a.refused[0])).toMatch(/exceed messageBytes 4194304/);
  });

  it("[SESSION-4] splits a batch into frames the channel can carry", async () => {
    const pair = aPair();
    const [atA] = link(pair, "webrtc", limits.dataChannelFrameBytes);
    const lengths: number[] = [];
    atA.tap = (frame) => {
      lengths.push(frame.length);
      return [frame];
    };
    const long = "y".repeat(300_000);
    sendAll(pair.a, [1, long, 2]);
    await settle();
    expect(pair.b.received).toEqual([1, long, 2]);
    expect(Math.max(...lengths)).toBe(limits.dataChannelFrameBytes);
  });

  it("[SESSION-4] begins a half-sent batch again on another channel, and forgets the place when it is acknowledged", async () => {
    const partBytes = limits.dataChannelFrameBytes;
    const long = "l".repeat(1_000_000);
    const upgraded = aPair();
    const [slow] = link(upgraded, "websocket", partBytes);
    slow.pause();
    upgraded.a.session.send(long);
    await settle();
    link(upgraded, "webrtc", partBytes);
    await settle();
    expect([upgraded.b.received, upgraded.b.refused]).toEqual([[long], []]);

    const acknowledged = aPair();
    const [lost, atB] = link(acknowledged, "websocket", partBytes);
    atB.pause();
    acknowledged.a.session.send(long);
    await settle();
    lost.break();
    await settle();
    const [resending] = link(acknowledged, "webrtc", partBytes);
    resending.pause();
    await settle();
    acknowledged.b.session.send("carries the acknowledgement");
    acknowledged.a.session.send("next");
    acknowledged.a.session.send(long);
    await settle();
    resending.resume();
    await settle();
    expect(acknowledged.b.refused).toEqual([]);
    expect(acknowledged.b.received).toEqual([long, "next", long]);
  });
});

describe("session delivery", () => {
  it("[SESSION-5] resends after a lost link exactly what the other end lacks", async () => {
    const pair = aPair();
    const [atA, atB] = link(pair, "websocket");
    let frames = 0;
    atA.tap = (frame) => (++frames > 3 ? [] : [frame]);
    for (const message of numbersTo(10)) {
      pair.a.session.send(message);
      await settle();
    }
    expect(pair.b.received).toEqual([0, 1, 2]);
    atA.break();
    await settle();
    expect([pair.a.session.link, pair.b.session.link, atB.isClosed]).toEqual(["none", "none", true]);
    const resent: string[] = [];
    const [again] = memoryChannelPair({ kind: "websocket" });
    again.tap = (frame) => {
      resent.push(decodeFrame(frame).type);
      return [frame];
    };
    pair.a.session.attach(again, pair.b.session.received);
    await settle();
    expect(resent).toEqual(Array.from({ length: 7 }, () => "whole"));
    again.break();
    await settle();
    link(pair, "websocket");
    await settle();
    expect(pair.b.received).toEqual(numbersTo(10));
  });

  it("[SESSION-6] sends on the upgrade and takes batches in order when it overtakes", async () => {
    const pair = aPair();
    const [slow] = link(pair, "websocket");
    slow.pause();
    pair.a.session.send("first");
    await settle();
    link(pair, "webrtc");
    pair.a.session.send("second");
    await settle();
    expect([pair.a.session.link, pair.b.received]).toEqual(["webrtc", []]);
    slow.resume();
    await settle();
    expect(pair.b.received).toEqual(["first", "second"]);
    expect(pair.a.links).toEqual(["websocket", "webrtc"]);
  });

  it("[SESSION-7] falls back at once when the upgrade closes, losing and repeating nothing", async () => {
    const pair = aPair();
    link(pair, "websocket");
    const [atA] = link(pair, "webrtc");
    atA.goSilent();
    sendAll(pair.a, numbersTo(50));
    await settle();
    atA.break();
    await settle();
    expect(pair.b.received).toEqual(numbersTo(50));
    expect(pair.a.links).toEqual(["websocket", "webrtc", "websocket"]);
  });

  it("[SESSION-7] resends over the upgrade what the primary channel lost", async () => {
    const pair = aPair();
    const [atA] = link(pair, "websocket");
    atA.goSilent();
    pair.a.session.send("lost");
    await settle();
    link(pair, "webrtc");
    pair.a.session.send("next");
    await settle();
    atA.break();
    await settle();
    expect(pair.b.received).toEqual(["lost", "next"]);
    expect(pair.a.session.link).toBe("webrtc");
  });

  it("[SESSION-8] gives up an upgrade that stays unacknowledged for 3 s while the primary answers", async () => {
    const pair = aPair();
    link(pair, "websocket");
    const [atA] = link(pair, "webrtc");
    await settle();
    atA.goSilent();
    sendAll(pair.a, numbersTo(10));
    await passMs(2_900);
    expect([pair.a.session.link, pair.b.received]).toEqual(["webrtc", []]);
    await passMs(200);
    expect([pair.a.session.link, pair.b.received]).toEqual(["websocket", numbersTo(10)]);
    expect(atA.isClosed).toBe(true);
  });

  it("[SESSION-8] keeps an upgrade when the peer answers on neither channel: it is busy", async () => {
    const pair = aPair();
    const [, primaryAtB] = link(pair, "websocket");
    const [atA, upgradeAtB] = link(pair, "webrtc");
    await settle();
    primaryAtB.pause();
    upgradeAtB.pause();
    sendAll(pair.a, numbersTo(10));
    await passMs(60_000);
    expect(pair.a.session.link).toBe("webrtc");
    primaryAtB.resume();
    upgradeAtB.resume();
    await passMs(5_000);
    expect([pair.a.session.link, atA.isClosed, pair.b.received]).toEqual(["webrtc", false, numbersTo(10)]);
  });

  it("[SESSION-8] keeps an upgrade that is slow but heard", async () => {
    const pair = aPair();
    link(pair, "websocket");
    const [atA] = link(pair, "webrtc", 64 * 1024);
    await settle();
    // One part of a long batch each second: nothing is acknowledged until the last, only probes are answered.
    atA.tap = (frame) => {
      if (decodeFrame(frame).type === "part") atA.pause();
      return [frame];
    };
    const long = "z".repeat(600_000);
    pair.a.session.send(long);
    for (let second = 0; second < 20; second++) {
      await passMs(1_000);
      atA.resume();
    }
    await settle();
    expect([pair.a.session.link, pair.b.received.length]).toEqual(["webrtc", 1]);
  });

  it("[SESSION-9] acknowledges one-way traffic every 32 batches, and at idle after 200 ms", async () => {
    const pair = aPair();
    const [, atB] = link(pair, "websocket");
    const acks: number[] = [];
    atB.tap = (frame) => {
      const read = decodeFrame(frame);
      if (read.type === "ack") acks.push(read.ack);
      return [frame];
    };
    for (const message of numbersTo(70)) {
      pair.a.session.send(message);
      await settle();
    }
    expect(acks).toEqual([32, 64]);
    await passMs(200);
    expect(acks).toEqual([32, 64, 70]);
    expect(pair.a.session.queuedBytes).toBe(0);
    await passMs(10_000);
    expect(acks).toHaveLength(3);
  });

  it("[SESSION-9] lets an answer carry the acknowledgement", async () => {
    const pair = aPair({});
    const answering = aSession({ onMessage: (message) => answering.session.send(message) });
    const both = { a: pair.a, b: answering };
    const [, atB] = link(both, "websocket");
    const types: string[] = [];
    atB.tap = (frame) => {
      types.push(decodeFrame(frame).type);
      return [frame];
    };
    for (const message of numbersTo(40)) {
      both.a.session.send(message);
      await settle();
    }
    await passMs(1_000);
    expect(types).toEqual(Array.from({ length: 40 }, () => "whole"));
    expect(both.a.received).toEqual(numbersTo(40));
  });

  it("[SESSION-10] keeps at most a window in flight, and goes on as it is acknowledged", async () => {
    const pair = aPair();
    const [atA, atB] = link(pair, "websocket");
    let bytes = 0;
    let frames = 0;
    atA.tap = (frame) => {
      frames++;
      bytes += frame.length;
      return [frame];
    };
    atB.pause();
    sendAll(
      pair.a,
      Array.from({ length: 40 }, () => "w".repeat(1024 * 1024)),
    );
    await settle();
    expect(bytes).toBeGreaterThan(windowBytes - limits.messageBytes);
    expect(bytes).toBeLessThan(windowBytes + limits.messageBytes);
    expect(frames).toBeLessThan(windowFrames);
    atB.resume();
    await settle();
    expect(pair.b.received).toHaveLength(40);
  });

  it("[SESSION-10] closes with a reason when more waits than queuedBytes", async () => {
    const pair = aPair({ limits: { queuedBytes: 100_000 } });
    sendAll(pair.a, numbersTo(1_000));
    expect(pair.a.closes[0]).toMatch(/over the limit queuedBytes 100000/);
    pair.a.session.send("after close");
    await settle();
    expect(pair.a.closes).toHaveLength(1);
  });

  it("[SESSION-5] delivers every message exactly once and in order, whatever happens to the links", async () => {
    for (let seed = 1; seed <= 150; seed++) await runFaults(seed);
  }, 20_000);
});

describe("session refusals", () => {
  it("[SESSION-11] refuses frames that break the framing, and goes on", async () => {
    const pair = aPair();
    const [atA] = link(pair, "websocket");
    const batch = jsonCodec.encode([1], 9);
    batch[0] = 1;
    const farAhead = batch.slice();
    farAhead[2] = 0xff;
    const outOfOrder = encodePart(jsonCodec.encode(["x".repeat(100)], 9), 50, 100, 0);
    outOfOrder[4] = 1;
    const tooLong = encodePart(jsonCodec.encode(["x".repeat(100)], 9), 0, 60, 0);
    tooLong[4] = 1;
    tooLong[13] = 0x7f;
    const frames = [
      new Uint8Array(),
      Uint8Array.of(99),
      Uint8Array.of(1, 2, 3),
      Uint8Array.of(3, 1),
      farAhead,
      outOfOrder,
      tooLong,
      encodeAck(5),
      Uint8Array.of(7, 0x7b),
    ];
    for (const frame of frames) atA.send(frame);
    await settle();
    expect(pair.b.refused.map((error) => (error as { code: string }).code)).toEqual(frames.map(() => "PROTOCOL"));
    pair.a.session.send("fine");
    await settle();
    expect(pair.b.received).toEqual(["fine"]);
  });

  it("[SESSION-11] refuses a batch that the codec refuses, and takes the next", async () => {
    let isBroken = true;
    const pair = {
      a: aSession({
        codec: {
          ...jsonCodec,
          encode(batch, headerBytes) {
            const bytes = jsonCodec.encode(batch, headerBytes);
            if (isBroken) bytes.fill(0, headerBytes);
            isBroken = false;
            return bytes;
          },
        },
      }),
      b: aSession(),
    };
    link(pair, "websocket");
    pair.a.session.send("broken");
    await settle();
    pair.a.session.send("fine");
    await settle();
    expect([pair.b.received, pair.b.refused.length]).toEqual([["fine"], 1]);
  });

  it("[SESSION-11] gives what the owner throws to onRefused, and delivers the next batch", async () => {
    const a = aSession();
    const b = aSession({
      onMessage: (message) => {
        if (message === "bad") throw new Error("owner");
      },
    });
    link({ a, b }, "websocket");
    a.session.send("bad");
    await settle();
    a.session.send("good");
    await settle();
    expect([b.received, b.refused.map(String)]).toEqual([["bad", "good"], ["Error: owner"]]);
  });

  it("[SESSION-11] stops answering an end that asks and does not read", async () => {
    const pair = aPair();
    const [atA, atB] = link(pair, "websocket");
    atB.pause();
    for (const length of [240_000, 4_190_000]) {
      pair.b.session.send("u".repeat(length));
      await settle();
    }
    for (let i = 0; i < 20_000; i++) atA.send(Uint8Array.of(i % 2 === 0 ? 4 : 5));
    await settle();
    expect(atB.bufferedBytes).toBeLessThan(highWaterBytes + limits.messageBytes + 5);
    expect(atB.bufferedBytes).toBeGreaterThan(highWaterBytes + limits.messageBytes - 5);
    atB.resume();
    await settle();
    expect([pair.a.refused, pair.b.refused]).toEqual([[], []]);
  });

  it("[SESSION-12] closes when a resume claims fewer batches than were acknowledged, or more than were sent", async () => {
    for (const claimed of [0, 99]) {
      const pair = aPair();
      const [atA] = link(pair, "websocket");
      pair.a.session.send(1);
      await settle();
      await passMs(200);
      atA.break();
      await settle();
      pair.a.session.attach(memoryChannelPair({ kind: "websocket" })[0], claimed);
      expect(pair.a.closes).toHaveLength(1);
    }
  });

  it("[SESSION-13] answers 10,000 mutated frames without throwing, and still delivers", async () => {
    const random = randomOf(7);
    const byte = (): number => Math.floor(random() * 256);
    const pair = aPair();
    const [atA] = link(pair, "websocket");
    const samples = [
      jsonCodec.encode([1, 2, 3], 9),
      encodePart(jsonCodec.encode(["x".repeat(200)], 9), 0, 100, 0),
      encodeAck(0),
      Uint8Array.of(4),
      Uint8Array.of(5),
      new TextEncoder().encode('\u0007{"hello":{"a":[1,2]}}'),
    ];
    samples[0]?.set([1]);
    const begin = performance.now();
    for (let i = 0; i < 10_000; i++) {
      const sample = samples[i % samples.length] ?? new Uint8Array();
      const frame = sample.slice(0, random() < 0.2 ? Math.floor(random() * sample.length) : sample.length);
      for (let flips = Math.floor(random() * 4); flips >= 0; flips--) {
        if (frame.length > 0) frame[Math.floor(random() * Math.min(frame.length, 24))] = byte();
      }
      // A bye or a refusal is allowed to end the session; that is not what is tested here.
      if (frame[0] !== 9 && frame[0] !== 10) atA.send(frame);
    }
    await settle();
    expect(performance.now() - begin).toBeLessThan(1_000);
    expect(pair.b.refused.length).toBeGreaterThan(1_000);
    expect(pair.b.refused.every((error) => (error as { code?: string }).code === "PROTOCOL")).toBe(true);
    expect(pair.b.session.isClosed).toBe(false);
    pair.b.session.send("still here");
    await settle();
    expect(pair.a.received).toEqual(["still here"]);
  });
});

describe("session ending", () => {
  it("[SESSION-14] says goodbye on every channel before it returns, after what was said in this turn", async () => {
    const pair = aPair();
    link(pair, "websocket");
    link(pair, "webrtc");
    const byes: string[] = [];
    pair.b.session.observer = {
      onPrimaryLost: () => byes.push("lost"),
      onBye: (reason) => byes.push(reason),
      onRefuse: () => {},
      onClosed: (reason) => byes.push(`closed: ${reason}`),
    };
    await settle();
    pair.a.session.send("last words");
    pair.a.session.goodbye("tab closed");
    await settle();
    expect(pair.b.received).toEqual(["last words"]);
    expect(byes).toEqual(["tab closed", "closed: tab closed"]);
    expect([pair.a.closes, pair.b.closes]).toEqual([["tab closed"], ["tab closed"]]);
    expect(pair.a.links.at(-1)).toBe("none");
  });

  it("[SESSION-14] repeats on the primary what the upgrade may not get out, and no bye overtakes it", async () => {
    for (const cut of ["upgrade is lost", "primary is slow"]) {
      const pair = aPair();
      const [primary] = link(pair, "websocket");
      const [upgrade] = link(pair, "webrtc");
      await settle();
      if (cut === "upgrade is lost") upgrade.goSilent();
      else primary.pause();
      upgrade.tap =
        cut === "upgrade is lost" ? () => [] : (frame) => (decodeFrame(frame).type === "bye" ? [frame] : []);
      const byes: string[] = [];
      pair.b.session.observer = {
        onPrimaryLost: () => {},
        onBye: (reason) => byes.push(reason),
        onRefuse: () => {},
        onClosed: () => {},
      };
      sendAll(pair.a, numbersTo(50));
      await settle();
      sendAll(pair.a, ["last words"]);
      pair.a.session.goodbye("done");
      if (cut === "primary is slow") primary.resume();
      await settle();
      expect([pair.b.received, byes], cut).toEqual([[...numbersTo(50), "last words"], ["done"]]);
    }
  });

  it("[SESSION-14] leaves no timer behind", async () => {
    const pair = aPair();
    link(pair, "websocket");
    link(pair, "webrtc");
    sendAll(pair.a, numbersTo(3));
    await settle();
    pair.a.session.close("done");
    await settle();
    pair.b.session.close("done");
    expect(vi.getTimerCount()).toBe(0);
  });

  it("[SESSION-15] begins both streams again, empty, after a restart", async () => {
    const a = aSession();
    const before = aSession();
    const [atA] = link({ a, b: before }, "websocket");
    sendAll(a, numbersTo(3));
    await settle();
    atA.break();
    sendAll(a, ["never acknowledged"]);
    await settle();
    a.session.restart();
    const after = aSession();
    after.session.send("from the new one");
    a.session.send("said again");
    link({ a, b: after }, "websocket");
    await settle();
    expect([after.received, a.received]).toEqual([["said again"], ["from the new one"]]);
    expect(a.refused).toEqual([]);
  });

  it("[SESSION-16] answers a ping at once, and counts silent beats of the primary", async () => {
    const pair = aPair();
    const [, atB] = link(pair, "websocket");
    await settle();
    expect(pair.a.session.beat(true)).toBe(1);
    await settle();
    expect(pair.a.session.beat(true)).toBe(0);
    atB.goSilent();
    expect([pair.a.session.beat(true), pair.a.session.beat(true)]).toEqual([1, 2]);
  });
});

/** Two sessions, two kinds of channel that come, go silent, repeat and break as the seed says; then a calm end. */
async function runFaults(seed: number): Promise<void> {
  const random = randomOf(seed);
  const pair = aPair({ limits: { batchMessages: 7 } });
  let channels: MemoryChannel[] = [];
  let sent = 0;
  const connect = (kind: "websocket" | "webrtc"): void => {
    const ends = link(pair, kind, random() < 0.5 ? 64 : undefined);
    for (const end of ends) {
      const repeats = random() * 0.2;
      const delays = random() * 0.3;
      end.tap = (frame) => {
        // A frame that is held back is overtaken on the other channel, never on its own.
        if (random() < delays) end.pause();
        return random() < repeats && decodeFrame(frame).type !== "part" ? [frame, frame] : [frame];
      };
    }
    channels.push(...ends);
  };
  connect("websocket");
  for (let step = 0; step < 60; step++) {
    const dice = random();
    const channel = channels[Math.floor(random() * channels.length)];
    if (dice < 0.08) connect("webrtc");
    else if (dice < 0.16 && pair.a.session.link !== "webrtc") connect("websocket");
    else if (dice < 0.24) channel?.break();
    else if (dice < 0.28) channel?.close();
    else if (dice < 0.34) await passMs(random() * 4_000);
    else if (dice < 0.5) for (const each of channels) each.resume();
    const burst = Math.floor(random() * 40);
    for (let i = 0; i < burst; i++) {
      // Long ones are cut into parts on a channel with short frames.
      const message = { n: sent++, pad: random() < 0.1 ? "p".repeat(500) : "" };
      pair.a.session.send(message);
      pair.b.session.send(message);
    }
    if (random() < 0.7) await settle();
    channels = channels.filter((each) => !each.isClosed);
    if (pair.a.session.link === "none" || pair.b.session.link === "none") connect("websocket");
  }
  for (const channel of channels) channel.break();
  await settle();
  link(pair, "websocket");
  await settle();
  await passMs(5_000);
  const orderOf = (received: readonly unknown[]): unknown[] => received.map((message) => (message as { n: number }).n);
  const name = `seed ${seed}`;
  expect(pair.a.refused.concat(pair.b.refused), name).toEqual([]);
  expect(pair.a.closes.concat(pair.b.closes), name).toEqual([]);
  expect(orderOf(pair.b.received), name).toEqual(numbersTo(sent));
  expect(orderOf(pair.a.received), name).toEqual(numbersTo(sent));
  pair.a.session.close("end");
  pair.b.session.close("end");
}

/** Lets time pass in steps of at most 100 ms, with every microtask run in between. */
async function passMs(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 100) {
    vi.advanceTimersByTime(Math.min(100, ms - passed));
    await settle();
  }
}
