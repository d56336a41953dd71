import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { launchBrowser } from "../../../bin/browser.ts";
import { openSite, type Site } from "./site.ts";

declare const page: typeof import("./page.ts");

let site: Site;
let browser: Browser;
let tab: Page;

beforeAll(async () => {
  [site, browser] = await Promise.all([openSite(), launchBrowser({ headless: true })]);
});
afterAll(async () => {
  await browser.close();
  await site.close();
});
beforeEach(async () => {
  tab = await browser.newPage();
  await tab.goto(site.url);
  await tab.waitForFunction(() => "page" in globalThis);
  return () => tab.close();
});

/** Runs tasks in the named thread script and returns what was told until `enough` of it. */
function told(script: string, functionId: string, args: readonly (readonly number[])[], bufferBytes = 0) {
  return tab.evaluate(
    async ([script, functionId, args, bufferBytes]) => {
      const { pool, told } = await page.openPool(script);
      const startedAt = performance.now();
      pool.carryOut({ type: "start-thread", threadId: 1 });
      const tasks = args.map((bytes, index) => {
        const buffer = new Uint8Array(Math.max(bytes.length, bufferBytes));
        buffer.set(bytes);
        return {
          attemptId: `ja.${index + 1}#1`,
          functionId,
          work: { name: "work" },
          args: buffer.subarray(0, bytes.length),
          inputs: [],
        };
      });
      pool.carryOut({ type: "run", threadId: 1, tasks: tasks as never });
      const endAt = performance.now() + 5_000;
      const isEnough = (): boolean => told.reports.length >= tasks.length || told.dead.length > 0;
      while (!isEnough() && performance.now() < endAt) await new Promise((resolve) => setTimeout(resolve, 2));
      const tookMs = performance.now() - startedAt;
      pool.close();
      const reports = told.reports.map(({ report }) => ({
        ...report,
        bytes: report.type === "done" ? [...(report.values[0]?.bytes ?? [])] : [],
      }));
      return { warm: told.warm, dead: told.dead, reports, tookMs, frames: document.querySelectorAll("iframe").length };
    },
    [script, functionId, args, bufferBytes] as const,
  );
}

describe("threads", () => {
  test("[SANDBOX-1] a thread starts in the frame, answers, runs a batch and reports it", async () => {
    const { warm, dead, reports, tookMs, frames } = await told("stand-in-thread.js", "echo", [[1], [2, 3], []]);
    expect({ warm, dead, frames }).toEqual({ warm: [1], dead: [], frames: 0 });
    expect(reports.map(({ bytes }) => bytes)).toEqual([[1], [2, 3], []]);
    expect(tookMs).toBeLessThan(3_000);
  });

  test("[SANDBOX-2] closing the sandbox stops a thread in an endless loop within 50 ms", async () => {
    expect(await tab.evaluate(() => page.endEndless("close"))).toBeLessThan(50);
  });

  // Chromium lets a script that never returns run on for 2,000 ms after Worker.terminate(). Nothing shortens that but the
  // end of the whole process, which another frame in it keeps alive.
  test("[SANDBOX-2] ending one thread of several in an endless loop takes the browser two seconds", async () => {
    expect(await tab.evaluate(() => page.endEndless("end-thread"))).toBeLessThan(2_500);
  });

  test("[SANDBOX-3] no way out of a thread leads anywhere", async () => {
    const origin = [...new TextEncoder().encode(site.url)];
    const { reports } = await told("stand-in-thread.js", "reach", [origin]);
    expect(new TextDecoder().decode(new Uint8Array(reports[0]?.bytes ?? []))).toBe("[]");
    expect(site.leaks).toEqual([]);
  });

  test("[SANDBOX-4] a thread whose script fails at load is told dead", async () => {
    const { warm, dead } = await told("broken-thread.js", "echo", [[1]]);
    expect(warm).toEqual([]);
    expect(dead).toMatchObject([{ threadId: 1, reason: expect.stringContaining("broken at load") }]);
  });

  test("[SANDBOX-5] a frame that is gone is noticed", async () => {
    expect(await tab.evaluate(() => page.killFrame())).toBe("the sandbox frame does not answer");
  });

  test("[SANDBOX-6] a small view of a large buffer travels alone", async () => {
    const { reports } = await told("stand-in-thread.js", "sizes", [[7, 7, 7], [7]], 4 * 1024 * 1024);
    const sizes = reports.map(({ bytes }) => [...new Float64Array(new Uint8Array(bytes).buffer)]);
    expect(sizes).toEqual([
      [3, 4],
      [1, 4],
    ]);
  });
});

describe("a hostile thread", () => {
  test("[SANDBOX-7] reaches nothing of the shell through comlink but the three methods", async () => {
    const { reports, dead } = await told("stand-in-thread.js", "escape", [[1]]);
    expect(reports).toMatchObject([{ type: "done" }]);
    expect(dead).toEqual([]);
    expect(await tab.title()).not.toBe("out");
  });

  test("[SANDBOX-8] may not make what is not its own, and hears so", async () => {
    const { reports } = await told("stand-in-thread.js", "forge", [[1]]);
    expect(reports).toMatchObject([{ type: "progress", note: expect.stringContaining('"code":"PROTOCOL"') }]);
  });

  test("[SANDBOX-9] that reports what is none is ended", async () => {
    const { dead } = await told("stand-in-thread.js", "garbage", [[1]]);
    expect(dead).toMatchObject([{ reason: expect.stringContaining("a list is none") }]);
  });
});
