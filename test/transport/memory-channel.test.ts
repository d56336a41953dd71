import { describe, expect, it } from "vitest";
import { highWaterBytes } from "../../transport/channel.ts";
import { memoryChannelPair } from "../../transport/memory-channel.ts";
import { channelContract, listenTo } from "../contracts/channel.ts";

channelContract("memory", async () => {
  const [a, b] = memoryChannelPair();
  return { a, b };
});

describe("memory channel hooks", () => {
  it("holds what is sent while paused, and counts it", async () => {
    const [a, b] = memoryChannelPair();
    const atA = listenTo(a);
    const atB = listenTo(b);
    a.pause();
    a.send(new Uint8Array(highWaterBytes));
    await Promise.resolve();
    expect([a.bufferedBytes, atB.received.length]).toEqual([highWaterBytes, 0]);
    a.resume();
    await atB.frames(1);
    expect([a.bufferedBytes, atA.drains]).toEqual([0, 1]);
  });

  it("loses and repeats what the tap says", async () => {
    const [a, b] = memoryChannelPair();
    const atB = listenTo(b);
    a.tap = (frame) => (frame[0] === 1 ? [] : [frame, frame]);
    a.send(Uint8Array.of(1));
    a.send(Uint8Array.of(2));
    await atB.frames(2);
    expect(atB.received).toEqual([Uint8Array.of(2), Uint8Array.of(2)]);
  });

  it("loses what is on its way when broken", async () => {
    const [a, b] = memoryChannelPair();
    const atB = listenTo(b);
    const atA = listenTo(a);
    a.send(Uint8Array.of(1));
    b.send(Uint8Array.of(1));
    a.break();
    await atB.close();
    await atA.close();
    expect([...atA.received, ...atB.received]).toEqual([]);
  });
});
