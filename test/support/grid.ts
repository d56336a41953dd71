/** A whole grid for a test: a coordinator process of its own, tabs in the test's browser, clients of the built SDK. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Browser, BrowserContext, Page } from "@playwright/test";
import { expect, test as base } from "@playwright/test";
import type { Grid } from "../../sdk/index.ts";

const root = join(import.meta.dirname, "../..");
const command = join(root, "bin/tabgrid.js");
/** The SDK as users get it. */
export const sdk = (await import(join(root, "dist/sdk/index.js"))) as typeof import("../../sdk/index.ts");

export interface Started {
  readonly url: string;
  readonly workerUrl: string;
  readonly tokens: Readonly<Record<string, string>>;
}

export class TestCoordinator {
  readonly process: ChildProcess;
  readonly said: Started;
  readonly #folder: string;
  private constructor(child: ChildProcess, said: Started, folder: string) {
    this.process = child;
    this.said = said;
    this.#folder = folder;
  }
  static async start(...flags: readonly string[]): Promise<TestCoordinator> {
    const folder = mkdtempSync(join(tmpdir(), "tabgrid-test-"));
    const child = spawn(process.execPath, [command, "start", "--json", "--port", "0", "--data", folder, ...flags], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    if (child.stdout === null) throw new Error("no standard output");
    for await (const line of createInterface({ input: child.stdout }))
      return new TestCoordinator(child, JSON.parse(line) as Started, folder);
    throw new Error("the coordinator ended before it said where it is");
  }
  get url(): string {
    return this.said.url;
  }
  /** Gives the exit code. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return this.process.exitCode;
    const ended = new Promise<number | null>((resolve) => this.process.once("exit", resolve));
    this.process.kill(signal);
    const code = await ended;
    rmSync(this.#folder, { recursive: true, force: true });
    return code;
  }
}

export interface TabOptions {
  readonly threads?: number;
  readonly name?: string;
  /** Added to the join URL, such as `label.room=1`. */
  readonly query?: string;
}

/** Runs a command of the product to its end. */
export function tabgrid(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, [command, ...args], {
    env: { ...process.env, FORCE_COLOR: "0", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let out = "";
  let err = "";
  child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString()));
  return new Promise((resolve) => child.once("close", (code) => resolve({ code, out, err })));
}

export class TestGrid {
  readonly coordinator: TestCoordinator;
  readonly #browser: Browser;
  readonly #contexts: BrowserContext[] = [];
  readonly #grids: Grid[] = [];
  constructor(coordinator: TestCoordinator, browser: Browser) {
    this.coordinator = coordinator;
    this.#browser = browser;
  }
  get url(): string {
    return this.coordinator.url;
  }
  /** A tab of its own profile, joined and over WebRTC unless `link` says otherwise. */
  async tab(
    { threads = 1, name = "tab", query = "" }: TabOptions = {},
    link: string | undefined = "webrtc",
  ): Promise<Page> {
    const context = await this.#browser.newContext();
    this.#contexts.push(context);
    const page = await context.newPage();
    await page.goto(`${this.url}/worker?start=1&threads=${threads}&name=${name}${query === "" ? "" : `&${query}`}`);
    await expect(page.locator("html")).toHaveAttribute("data-worker-id", /^w/);
    if (link !== undefined) await expect(page.locator("html")).toHaveAttribute("data-link", link, { timeout: 15_000 });
    return page;
  }
  async connect(options: Parameters<typeof sdk.connect>[1] = {}): Promise<Grid> {
    const grid = await sdk.connect(this.url, { logs: false, ...options });
    this.#grids.push(grid);
    return grid;
  }
  async close(): Promise<void> {
    await Promise.all(this.#grids.map((grid) => grid.close().catch(() => {})));
    await Promise.all(this.#contexts.map((context) => context.close()));
    await this.coordinator.stop();
  }
}

/** `grid`: a coordinator of the test's own, closed with everything that joined it. */
export const test = base.extend<{ grid: TestGrid }>({
  grid: async ({ browser }, use) => {
    const grid = new TestGrid(await TestCoordinator.start(), browser);
    await use(grid);
    await grid.close();
  },
});
export { expect };
