/**
 * A grid to measure: a coordinator in a process of its own, headless tabs joined to it by WebRTC, and one Node client.
 * Owns their lives. Knows nothing about what is measured.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Browser } from "playwright-core";
import * as v from "valibot";
import { openTabs, type Tabs } from "../bin/tabs.ts";
import { type NodeClient, startNodeClient } from "./client/node-client.ts";
import { within } from "./within.ts";

export interface LabOptions {
  readonly tabs: number;
  /** For the processes of the coordinator and the client, such as `--cpu-prof`. */
  readonly nodeOptions?: { readonly coordinator: readonly string[]; readonly client: readonly string[] };
  /** Where the journal is; default: a folder of its own. */
  readonly data?: "memory";
  /** Another build than dist/. */
  readonly distFolder?: string;
}

export interface Lab {
  readonly url: string;
  readonly client: NodeClient;
  readonly browser: Browser;
  readonly pids: { readonly coordinator: number; readonly client: number };
  close(): Promise<void>;
}

const root = join(import.meta.dirname, "..");
const startMs = 30_000;
const upgradeMs = 10_000;
const stopMs = 10_000;

/**
 * Rejects, with everything closed, when a tab has not joined or its link is not WebRTC. What is built is measured, not
 * the sources through tsx, whose helper for names costs time in every closure.
 */
export async function openLab({ tabs, nodeOptions, data, distFolder = join(root, "dist") }: LabOptions): Promise<Lab> {
  const folder = mkdtempSync(join(tmpdir(), "tabgrid-bench-"));
  const closers: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) {
      try {
        await closer();
      } catch {
        // The others are closed all the same.
      }
    }
  };
  try {
    const command = [join(distFolder, "bin/cli.js"), "start", "--json", "--port", "0", "--data", data ?? folder];
    const coordinator = spawn(process.execPath, [...(nodeOptions?.coordinator ?? []), ...command], {
      cwd: root,
      stdio: ["ignore", "pipe", "inherit"],
    });
    // Should this process end early, nothing stays behind.
    const orphan = (): boolean => coordinator.kill("SIGKILL");
    process.once("exit", orphan);
    closers.push(async () => {
      await stop(coordinator);
      process.off("exit", orphan);
    });
    const { url, workerUrl } = await readUrls(coordinator);
    const opened = await openTabs({ url: workerUrl, tabs, threads: 1, name: "bench" });
    closers.push(() => within(stopMs, opened.close(), "Closing the tabs"));
    await requireWebRtc(opened, url);
    const client = await startNodeClient({
      url,
      sdkFile: join(distFolder, "sdk/index.js"),
      nodeOptions: nodeOptions?.client ?? [],
    });
    closers.push(() => client.close());
    const pids = { coordinator: coordinator.pid ?? 0, client: client.pid };
    return { url, client, browser: opened.browser, pids, close };
  } catch (error) {
    await close();
    throw error;
  }
}

const firstLine = v.object({ url: v.string(), workerUrl: v.string() });

async function readUrls(coordinator: ChildProcess): Promise<v.InferOutput<typeof firstLine>> {
  if (coordinator.stdout === null) throw new Error("Cannot start the coordinator: it has no output");
  const lines = createInterface({ input: coordinator.stdout });
  const line = Promise.race([
    once(lines, "line").then(([text]) => String(text)),
    once(coordinator, "exit").then(([code]): never => {
      throw new Error(`Cannot start the coordinator: it ended with code ${code}`);
    }),
  ]);
  return v.parse(firstLine, JSON.parse(await within(startMs, line, "Starting the coordinator")));
}

async function stop(coordinator: ChildProcess): Promise<void> {
  if (coordinator.exitCode !== null || coordinator.signalCode !== null) return;
  const exit = once(coordinator, "exit");
  coordinator.kill("SIGTERM");
  await within(stopMs, exit, "Stopping the coordinator").catch(() => coordinator.kill("SIGKILL"));
}

/** A figure over the WebSocket fallback would be another figure. */
async function requireWebRtc({ browser }: Tabs, url: string): Promise<void> {
  const deadline = performance.now() + upgradeMs;
  for (;;) {
    const pages = browser.contexts().flatMap((context) => context.pages());
    const links = await Promise.all(pages.map((page) => page.evaluate(() => document.documentElement.dataset["link"])));
    if (links.every((link) => link === "webrtc")) return;
    if (performance.now() > deadline) {
      throw new Error(`Cannot measure ${url}: the tabs' links are ${links.join(", ")}, and webrtc is required`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
