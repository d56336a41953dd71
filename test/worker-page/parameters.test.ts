import { describe, expect, test } from "vitest";
import { readParameters } from "../../worker-page/parameters.ts";
import { reloadFor, rememberLending, takeContinuation } from "../../worker-page/reload.ts";
import { automaticLabels, usualName } from "../../worker-page/this-browser.ts";

const read = (query: string, host = "127.0.0.1:7070", processors = 4) =>
  readParameters({ url: new URL(`http://${host}/worker${query}`), processors });

describe("the URL of the worker page", () => {
  test("[PAGE-1] without parameters lends all processors but one and waits for a click", () => {
    expect(read("")).toEqual({
      start: false,
      threads: 3,
      name: undefined,
      labels: {},
      resources: { gpus: 0, memoryBytes: undefined, custom: {} },
      token: undefined,
      problems: [],
    });
    expect(read("", undefined, 1).threads).toBe(1);
  });

  test("[PAGE-1] says what a worker is called, lends and offers", () => {
    const query =
      "?start=1&threads=2&name=lab-3&label.room=12&resource.scanner=1&resource.gpus=1&resource.memoryBytes=1e9";
    expect(read(query)).toMatchObject({
      start: true,
      threads: 2,
      name: "lab-3",
      labels: { room: "12" },
      resources: { gpus: 1, memoryBytes: 1e9, custom: { scanner: 1 } },
      problems: [],
    });
  });

  test.each(["abc", "0", "-1", "1.5", "1000", "", "0x2"])(
    "[PAGE-2] threads=%s is said to be wrong, and replaced",
    (text) => {
      const { threads, problems } = read(`?threads=${text}`);
      expect(threads).toBe(3);
      expect(problems).toEqual([`threads=${text} is not a whole number from 1 to 128: 3 are lent instead.`]);
    },
  );

  test("[PAGE-2] an amount that is none is not offered", () => {
    const { resources, problems } = read("?resource.scanner=many");
    expect(resources.custom).toEqual({});
    expect(problems).toEqual(["resource.scanner=many is not an amount: it is not offered."]);
  });

  test("[PAGE-3] start=1 begins by itself on loopback or with a token, and nowhere else", () => {
    for (const host of ["localhost", "127.0.0.1", "127.3.2.1:80", "[::1]:7070"])
      expect(read("?start=1", host).start).toBe(true);
    expect(read("?start=1&token=t", "grid.example").start).toBe(true);
    expect(read("?start=1#token=t", "grid.example").start).toBe(true);
    for (const host of ["grid.example", "127.0.0.1.example", "192.168.0.7"]) {
      expect(read("?start=1", host)).toMatchObject({
        start: false,
        problems: [expect.stringContaining("press Start")],
      });
    }
  });

  test("[PAGE-3] a token after the # goes before one in the query", () => {
    expect(read("?token=query#token=hash").token).toBe("hash");
    expect(read("?token=query").token).toBe("query");
  });
});

describe("this browser", () => {
  const facts = (userAgent: string, maxTouchPoints = 0) => ({ userAgent, maxTouchPoints, isSecureContext: true });
  test.each([
    [
      "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/147.0 Safari/537.36",
      0,
      "chromium",
      "linux",
      "false",
    ],
    [
      "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/147.0 Mobile Safari/537.36",
      5,
      "chromium",
      "android",
      "true",
    ],
    [
      "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0",
      0,
      "firefox",
      "windows",
      "false",
    ],
    [
      "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15",
      0,
      "safari",
      "macos",
      "false",
    ],
    [
      "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15",
      5,
      "safari",
      "ios",
      "true",
    ],
  ])("[PAGE-4] labels itself: %s", (userAgent, touchPoints, browser, os, mobile) => {
    expect(automaticLabels(facts(userAgent, touchPoints))).toEqual({
      browser,
      os,
      mobile,
      webgpu: "false",
      secureContext: "true",
    });
    expect(usualName(facts(userAgent, touchPoints))).toBe(`${browser} on ${os}`);
  });
});

describe("reloading", () => {
  function aMemory() {
    const kept = new Map<string, string>();
    return {
      getItem: (key: string) => kept.get(key) ?? null,
      setItem: (key: string, value: string) => void kept.set(key, value),
      removeItem: (key: string) => void kept.delete(key),
    };
  }

  test("[PAGE-5] for another version happens at most once a minute", () => {
    const memory = aMemory();
    let reloads = 0;
    for (const at of [100_000, 130_000, 160_001]) reloadFor(memory, at, () => void reloads++);
    expect(reloads).toBe(2);
  });

  test("[PAGE-5] a tab that was lending goes on as it was, once", () => {
    const memory = aMemory();
    rememberLending(memory, { threads: 2, isPaused: true });
    expect(takeContinuation(memory, true)).toEqual({ threads: 2, isPaused: true });
    expect(takeContinuation(memory, true)).toBeUndefined();
  });

  test("[PAGE-5] one that had left does not, nor one that was gone to anew, nor one that was meddled with", () => {
    const memory = aMemory();
    rememberLending(memory, { threads: 2, isPaused: false });
    rememberLending(memory, undefined);
    expect(takeContinuation(memory, true)).toBeUndefined();
    rememberLending(memory, { threads: 2, isPaused: false });
    expect(takeContinuation(memory, false)).toBeUndefined();
    expect(takeContinuation(memory, true)).toBeUndefined();
    for (const text of ["", "1", "null", '{"threads":"9"}', '{"threads":0}']) {
      memory.setItem("tabgrid.lending", text);
      expect(takeContinuation(memory, true)).toBeUndefined();
    }
  });
});
