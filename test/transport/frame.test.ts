import { describe, expect, it } from "vitest";
import {
  decodeFrame,
  encodeAck,
  encodeJson,
  encodePart,
  frameKinds,
  jsonBytes,
  nearest,
  wholeHeaderBytes,
  writeAck,
  writeWholeHeader,
} from "../../transport/frame.ts";
import { ReceiveWindow } from "../../transport/receive-window.ts";
import { SendWindow, windowBytes, windowFrames } from "../../transport/send-window.ts";
import { patternOf } from "../contracts/channel.ts";
import { numbersTo, randomOf } from "./support.ts";

function aBatch(payload: Uint8Array, sequence: number, ack: number): Uint8Array {
  const frame = new Uint8Array(wholeHeaderBytes + payload.length);
  frame.set(payload, wholeHeaderBytes);
  writeWholeHeader(frame, sequence);
  writeAck(frame, ack);
  return frame;
}

describe("frames", () => {
  it("[FRAME-1] reads what was written", () => {
    const payload = patternOf(300, 1);
    const whole = aBatch(payload, 0xfedcba98, 0x81828384);
    expect(decodeFrame(whole)).toEqual({ type: "whole", sequence: 0xfedcba98, ack: 0x81828384, payload });
    expect(decodeFrame(encodeAck(2 ** 32 - 1))).toEqual({ type: "ack", ack: 2 ** 32 - 1 });
    expect(decodeFrame(encodeJson("bye", { reason: "größer" }))).toEqual({ type: "bye", body: { reason: "größer" } });
    const parts = [0, 83, 166, 249].map((offset) => decodeFrame(encodePart(whole, offset, 100, 7)));
    expect(parts).toEqual(
      [0, 83, 166, 249].map((offset) => ({
        type: "part",
        sequence: 0xfedcba98,
        ack: 7,
        offset,
        total: 300,
        bytes: payload.slice(offset, offset + 83),
      })),
    );
  });

  it("[FRAME-2] refuses what is empty, unknown, too short or too long", () => {
    const { whole, part, ack, probe, ping, pong } = frameKinds;
    const bad = [
      [],
      [0],
      [11],
      [255, 1, 2, 3],
      [whole, ...numbersTo(7)],
      [part, ...numbersTo(16)],
      [ack, 1, 2, 3],
      [ack, 1, 2, 3, 4, 5],
      [probe, 0],
      [ping, 0],
      [pong, 0],
    ];
    for (const bytes of bad) expect(() => decodeFrame(Uint8Array.from(bytes)), String(bytes)).toThrow(/Cannot read/);
  });

  it("[FRAME-3] bounds JSON by length and nesting before it is parsed", () => {
    expect(() => encodeJson("hello", "x".repeat(jsonBytes))).toThrow(/exceed jsonBytes 65536/);
    const ofText = (text: string): Uint8Array => new TextEncoder().encode(`\u0007${text}`);
    expect(() => decodeFrame(ofText(`"${"x".repeat(jsonBytes)}"`))).toThrow(/exceed jsonBytes 65536/);
    expect(() => decodeFrame(ofText("[".repeat(101)))).toThrow(/deeper than envelopeDepth 100/);
    expect(() => decodeFrame(ofText("[".repeat(99)))).toThrow(/not JSON/);
    expect(() => decodeFrame(Uint8Array.of(7, 0x22, 0xff, 0x22))).toThrow(/not JSON/);
    const braces = { text: '\\"[[[{{{'.repeat(100) };
    expect(decodeFrame(encodeJson("hello", braces))).toEqual({ type: "hello", body: braces });
  });

  it("[FRAME-4] restores a number from its low 32 bits, across the wrap", () => {
    for (const reference of [0, 5, 2 ** 31, 2 ** 32 - 3, 2 ** 32, 2 ** 32 + 7, 2 ** 45 + 11]) {
      for (const distance of [-1_000, -1, 0, 1, 1_024]) {
        expect(nearest((reference + distance) >>> 0, reference)).toBe(reference + distance);
      }
    }
  });
});

describe("windows", () => {
  it("[SESSION-6] takes batches in any order within the window, each once, and gives them in order", () => {
    const random = randomOf(3);
    const window = new ReceiveWindow();
    const order: number[] = [];
    const deliver = (payload: Uint8Array | undefined): void => {
      for (let next = payload; next !== undefined; next = window.next()) order.push(next[0] ?? -1);
    };
    const todo = [...numbersTo(200), ...numbersTo(200)].toSorted(() => random() - 0.5);
    for (const n of todo) {
      const payload = Uint8Array.of(n);
      if (window.take(n + 1, payload, false)) deliver(payload);
    }
    expect(order).toEqual(numbersTo(200));
  });

  it("[SESSION-11] refuses what is outside the window, and holds no more than its bytes", () => {
    const window = new ReceiveWindow();
    const payload = new Uint8Array(1024 * 1024);
    expect(() => window.take(windowFrames + 1, payload, false)).toThrow(/outside the window/);
    expect(() => window.take(0xffffffff, payload, false)).toThrow(/outside the window/);
    let held = 0;
    expect(() => {
      for (; held < 100; held++) window.take(held + 2, payload, false);
    }).toThrow(/over windowBytes/);
    expect(held).toBe(12);
  });

  it("[SESSION-4] assembles parts in order only, and may begin again at offset 0", () => {
    const window = new ReceiveWindow();
    const part = (offset: number, length: number, total = 10) => ({
      sequence: 1,
      offset,
      total,
      bytes: patternOf(10, 4).slice(offset, offset + length),
    });
    const first = window.assemble(undefined, part(0, 4));
    expect(() => window.assemble(first, part(5, 5))).toThrow(/out of order/);
    expect(() => window.assemble(first, part(4, 4, 9))).toThrow(/out of order/);
    expect(() => window.assemble(first, part(8, 10, 9))).toThrow(/offset 8 and 2 bytes in 9/);
    expect(() => window.assemble(undefined, part(0, 4, 2 ** 31))).toThrow(/messageBytes/);
    const again = window.assemble(first, part(0, 6));
    const done = window.assemble(again, part(6, 4));
    expect([done?.filled, done?.bytes]).toEqual([10, patternOf(10, 4)]);
  });

  it("[SESSION-5] rewinds to what is not acknowledged, and lets go of what is", () => {
    const window = new SendWindow();
    for (const n of numbersTo(5)) window.add(aBatch(Uint8Array.of(n), 0, 0), 0);
    expect(() => window.acknowledge(1)).toThrow(/only 0 were sent/);
    for (let i = 0; i < 4; i++) window.advance();
    expect([window.acknowledge(2), window.acknowledge(1), window.acknowledged]).toEqual([true, false, 2]);
    window.rewind();
    expect(decodeFrame(window.current() ?? new Uint8Array())).toMatchObject({ sequence: 3 });
    expect(() => window.acknowledge(5)).toThrow(/only 4 were sent/);
    window.acknowledge(4);
    expect(decodeFrame(window.current() ?? new Uint8Array())).toMatchObject({ sequence: 5 });
    expect(window.bytes).toBe(wholeHeaderBytes + 1);
  });

  it("[SESSION-10] has room until the window is full, by batches or by bytes", () => {
    const byCount = new SendWindow();
    for (let i = 0; i < windowFrames; i++) byCount.add(new Uint8Array(wholeHeaderBytes), 0);
    expect(byCount.hasRoom).toBe(false);
    const byBytes = new SendWindow();
    byBytes.add(new Uint8Array(windowBytes - 1), 0);
    expect(byBytes.hasRoom).toBe(true);
    byBytes.add(new Uint8Array(wholeHeaderBytes), 0);
    expect(byBytes.hasRoom).toBe(false);
  });
});
