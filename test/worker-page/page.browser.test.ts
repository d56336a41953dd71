/** The built page in a real tab, with a real coordinator: what a volunteer sees and can do. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { launchBrowser } from "../../bin/browser.ts";

const root = join(import.meta.dirname, "../..");
const patient = { timeout: 15_000, interval: 50 };

let browser: Browser;
let folder: string;
let coordinator: Running;
let context: BrowserContext;
let tab: Page;
let complaints: string[];

interface Running {
  readonly process: ChildProcess;
  readonly url: string;
}

async function startCoordinator(port: string): Promise<Running> {
  const flags = ["start", "--json", "--port", port, "--udp-port", "0", "--data", folder];
  const child = spawn(process.execPath, [join(root, "bin/tabgrid.js"), ...flags], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  if (child.stdout === null) throw new Error("The coordinator has no standard output");
  for await (const line of createInterface({ input: child.stdout })) {
    return { process: child, url: (JSON.parse(line) as { url: string }).url };
  }
  throw new Error("The coordinator ended before it said where it is");
}

function killed({ process: child }: Running): Promise<void> {
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.kill("SIGKILL");
  return gone;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "tabgrid-page-"));
  [browser, coordinator] = await Promise.all([launchBrowser({ headless: true }), startCoordinator("0")]);
});
afterAll(async () => {
  await browser.close();
  await killed(coordinator);
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  context = await browser.newContext();
  tab = await context.newPage();
  complaints = [];
  tab.on("pageerror", (error) => complaints.push(error.message));
  tab.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  return () => context.close();
});

const open = (query: string) => tab.goto(`${coordinator.url}/worker${query}`);
const marked = (name: string) => tab.evaluate((key) => document.documentElement.dataset[key], name);
const becomes = (name: string, value: string) =>
  vi.waitFor(async () => expect(await marked(name)).toBe(value), patient);
const workers = async () =>
  (await (await fetch(`${coordinator.url}/api/workers`)).json()) as { name: string; state: string; threads: number }[];
const threadsOf = async (name: string) => (await workers()).find((worker) => worker.name === name)?.threads;

describe("the page", () => {
  test("[PAGE-9] start=1 joins by itself, and the policies of the site stop nothing of it", async () => {
    await open("?start=1&threads=1&name=auto");
    await becomes("link", "webrtc");
    expect(await marked("workerId")).toMatch(/^w/);
    expect(await threadsOf("auto")).toBe(1);
    expect(await tab.title()).toBe("○ 0 done · tabgrid");
    expect(complaints).toEqual([]);
  });

  test("[PAGE-9] without it nothing runs until a person starts it, by keyboard too", async () => {
    await open("?threads=1&name=shy");
    expect(await marked("state")).toBe("idle");
    expect(await tab.locator("iframe").count()).toBe(0);
    await tab.keyboard.press("Tab");
    await tab.keyboard.press("Enter");
    await becomes("state", "ready");
  });

  test("[PAGE-10] says what of the URL it cannot do, and does something sensible", async () => {
    await open("?threads=abc&start=1");
    expect(await tab.getByRole("alert").textContent()).toContain("threads=abc is not a whole number");
    await becomes("state", "ready");
  });

  test("[PAGE-11] pauses, goes on and leaves", async () => {
    await open("?start=1&threads=2&name=moody");
    await becomes("state", "ready");
    await tab.getByRole("button", { name: "Pause" }).click();
    await becomes("state", "paused");
    await vi.waitFor(async () => expect(await threadsOf("moody")).toBe(0), patient);
    await tab.getByRole("button", { name: "Continue" }).click();
    await vi.waitFor(async () => expect(await threadsOf("moody")).toBe(2), patient);
    await tab.getByRole("button", { name: "Leave" }).click();
    await becomes("state", "left");
    await vi.waitFor(async () => expect(await threadsOf("moody")).toBeUndefined(), patient);
    expect(await tab.locator("iframe").count()).toBe(0);
  });

  test("[PAGE-11] the slider changes what is lent", async () => {
    await open("?start=1&threads=2&name=slider");
    await becomes("state", "ready");
    await tab.getByLabel("Threads lent").fill("1");
    await vi.waitFor(async () => expect(await threadsOf("slider")).toBe(1), patient);
  });

  test("[PAGE-12] the coordinator knows within a second that the tab was closed", async () => {
    await open("?start=1&threads=1&name=closing");
    await becomes("state", "ready");
    await tab.close({ runBeforeUnload: false });
    const at = Date.now();
    await vi.waitFor(async () => expect(await threadsOf("closing")).toBeUndefined(), { timeout: 5_000, interval: 20 });
    expect(Date.now() - at).toBeLessThan(1_000);
  });

  test("[PAGE-13] comes back by itself to a coordinator that was killed and started again", async () => {
    await open("?start=1&threads=1&name=faithful");
    await becomes("state", "ready");
    const { port } = new URL(coordinator.url);
    await killed(coordinator);
    await becomes("state", "connecting");
    coordinator = await startCoordinator(port);
    await becomes("state", "ready");
    expect(await threadsOf("faithful")).toBe(1);
  });

  test("[PAGE-14] fits a narrow screen, in the light and in the dark", async () => {
    await tab.setViewportSize({ width: 390, height: 844 });
    for (const colorScheme of ["light", "dark"] as const) {
      await tab.emulateMedia({ colorScheme });
      await open("?threads=abc");
      const { wide, ground } = await tab.evaluate(() => ({
        wide: document.documentElement.scrollWidth,
        ground: getComputedStyle(document.body).backgroundColor,
      }));
      expect(wide).toBe(390);
      expect(ground).toBe(colorScheme === "light" ? "rgb(251, 251, 249)" : "rgb(22, 24, 26)");
    }
  });
});

describe("a tab that is loaded anew", () => {
  test("[PAGE-18] goes on as it was lending, as the worker it was, without a click", async () => {
    await open("?threads=3&name=reloaded");
    await tab.getByRole("button", { name: "Start" }).click();
    await becomes("state", "ready");
    await tab.getByLabel("Threads lent").fill("1");
    const before = await marked("workerId");
    await tab.reload();
    await becomes("state", "ready");
    expect(await marked("workerId")).toBe(before);
    await vi.waitFor(async () => expect(await threadsOf("reloaded")).toBe(1), patient);
    expect((await workers()).filter(({ name }) => name === "reloaded")).toHaveLength(1);
  });

  test("[PAGE-18] stays paused when it was, and idle when it had left", async () => {
    await open("?threads=1&name=pausing");
    await tab.getByRole("button", { name: "Start" }).click();
    await becomes("state", "ready");
    await tab.getByRole("button", { name: "Pause" }).click();
    await tab.reload();
    await becomes("state", "paused");
    await tab.getByRole("button", { name: "Leave" }).click();
    await becomes("state", "left");
    await tab.reload();
    // The page has been loaded: had it gone on by itself, it would say so.
    expect(await marked("state")).toBe("idle");
  });

  test("[PAGE-18] one that was gone to anew waits for a click", async () => {
    await open("?threads=1&name=returning");
    await tab.getByRole("button", { name: "Start" }).click();
    await becomes("state", "ready");
    await open("?threads=1&name=returning&again");
    // The page has been loaded: had it gone on by itself, it would say so.
    expect(await marked("state")).toBe("idle");
  });

  test("[PAGE-19] a duplicated tab is another worker, and the first goes on", async () => {
    await open("?start=1&threads=1&name=original");
    await becomes("state", "ready");
    const [second] = await Promise.all([
      context.waitForEvent("page"),
      // A page that this one opens begins with a copy of what it remembers, as a duplicated tab does.
      tab.evaluate(() => void window.open(location.href.replace("original", "duplicate"))),
    ]);
    await vi.waitFor(
      async () => expect(await second.evaluate(() => document.documentElement.dataset["state"])).toBe("ready"),
      patient,
    );
    expect(await second.evaluate(() => document.documentElement.dataset["workerId"])).not.toBe(
      await marked("workerId"),
    );
    expect(await marked("state")).toBe("ready");
    expect(await threadsOf("original")).toBe(1);
  });
});

describe("actors that live here", () => {
  class Counter {
    count = 0;
    padding = "";
    add(by: number): number {
      this.count += by;
      return this.count;
    }
    grow(length: number): number {
      this.padding = "x".repeat(length);
      return this.count;
    }
  }

  async function aGrid() {
    const { connect } = (await import(join(root, "dist/sdk/index.js"))) as typeof import("../../sdk/index.ts");
    return connect(coordinator.url, { logs: false });
  }
  /** The workers of whose actors this browser keeps states. */
  const keepers = () =>
    tab.evaluate(
      () =>
        new Promise<string[]>((resolve) => {
          const opening = indexedDB.open("tabgrid-checkpoints");
          opening.addEventListener("success", () => {
            const keys = opening.result.transaction("records").objectStore("records").getAllKeys();
            keys.addEventListener("success", () => {
              opening.result.close();
              resolve([...new Set((keys.result as string[][]).map(([, workerId = ""]) => workerId))]);
            });
          });
        }),
    );

  test.each([
    ["small", 1],
    ["large", 300_000],
  ])("[PAGE-20] have their state back after a reload, and are named on the page: a %s one", async (_, length) => {
    await open("?start=1&threads=1&name=home");
    await becomes("state", "ready");
    const grid = await aGrid();
    const counter = grid.remote(Counter).remote();
    expect(await grid.get(counter.add.remote(2))).toBe(2);
    await grid.get(counter.grow.remote(length));
    await becomes("actors", "1");
    await vi.waitFor(
      async () =>
        expect(await tab.locator("#saved").textContent()).toMatch(/^1 lives here. Last saved .* in this browser/),
      patient,
    );
    expect(await keepers()).toEqual([await marked("workerId")]);
    const downloads: string[] = [];
    tab.on("request", (request) => {
      if (request.url().includes("/objects/")) downloads.push(`${request.method()} ${request.url()}`);
    });
    await tab.reload();
    await becomes("actors", "1");
    expect(await grid.get(counter.add.remote(3))).toBe(5);
    expect(downloads.filter((one) => one.startsWith("GET"))).toEqual([]);
    await grid.close();
  });

  test("[PAGE-21] move to another tab when this one leaves, and lose nothing", async () => {
    await open("?start=1&threads=1&name=leaving");
    await becomes("state", "ready");
    const grid = await aGrid();
    const counter = grid.remote(Counter).remote();
    const adding = Array.from({ length: 50 }, () => counter.add.remote(1));
    await grid.get(adding);
    const mine = await marked("workerId");
    expect(await keepers()).toContain(mine);
    const other = await context.newPage();
    await other.goto(`${coordinator.url}/worker?start=1&threads=1&name=staying`);
    await vi.waitFor(async () => expect(await threadsOf("staying")).toBe(1), patient);
    const more = Array.from({ length: 50 }, () => counter.add.remote(1));
    await tab.getByRole("button", { name: "Leave" }).click();
    await becomes("state", "left");
    await vi.waitFor(async () => expect(await keepers()).not.toContain(mine), patient);
    expect(await grid.get(more)).toEqual(Array.from({ length: 50 }, (_, index) => 51 + index));
    await vi.waitFor(
      async () => expect(await other.evaluate(() => document.documentElement.dataset["actors"])).toBe("1"),
      patient,
    );
    await grid.close();
  });
});
