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
