/**
 * Chromium processes, each with a profile that outlives it, a network of its own and some tabs. Owns their lives and
 * deaths. What a tab can suffer is in tab.ts.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { within } from "../../bench/within.ts";
import { requireBrowser } from "../../bin/browser.ts";
import { DevTools } from "./devtools.ts";
import type { Network } from "./network.ts";
import { pause } from "./pause.ts";
import { Tab } from "./tab.ts";

export interface BrowserOptions {
  readonly network: Network;
  /** One tab each; the names are the workers'. */
  readonly tabs: readonly string[];
  readonly threads: number;
}

interface Running {
  readonly child: ChildProcess;
  readonly devTools: DevTools;
}

const firstAnswerMs = 30_000;
const closeMs = 5_000;

export class ChaosBrowser {
  readonly tabs: readonly Tab[];
  readonly network: Network;
  readonly #profile = mkdtempSync(join(tmpdir(), "tabgrid-profile-"));
  #running: Running | undefined;
  #lives = 0;
  readonly #orphan = (): void => {
    this.#signal("SIGKILL");
    this.#removeProfile();
  };

  constructor({ network, tabs, threads }: BrowserOptions) {
    this.network = network;
    this.tabs = tabs.map(
      (name) =>
        new Tab({
          name,
          url: `${network.url}/worker?start=1&threads=${threads}&name=${name}`,
          udpPort: network.udpPort,
          devTools: () => this.#running?.devTools,
        }),
    );
    process.once("exit", this.#orphan);
  }

  /** How often it was started. */
  get lives(): number {
    return this.#lives;
  }

  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  /** With the profile of its former life, and every tab opened anew, as by a person whose browser crashed. */
  async start(): Promise<void> {
    const { executablePath, args, env } = await requireBrowser();
    const flags = [
      ...args,
      "--headless",
      "--remote-debugging-pipe",
      `--user-data-dir=${this.#profile}`,
      "--no-first-run",
      "--no-default-browser-check",
      "--disable-dev-shm-usage",
      "--mute-audio",
      "about:blank",
    ];
    // A process group of its own: signals reach the renderers too.
    const child = spawn(executablePath, flags, {
      detached: true,
      stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"],
      env: { ...process.env, ...env },
    });
    const [, , , out, into] = child.stdio as unknown as [null, null, null, Writable, Readable];
    const devTools = new DevTools(out, into);
    const running: Running = { child, devTools };
    this.#running = running;
    this.#lives++;
    child.once("exit", () => {
      devTools.close("the browser ended");
      if (this.#running === running) this.#forget();
    });
    await devTools.send("Browser.getVersion", {}, undefined, firstAnswerMs);
    await Promise.all(this.tabs.map((tab) => tab.open()));
  }

  /** SIGKILL for every process of it; resolves when they are gone. */
  async kill(): Promise<void> {
    const running = this.#running;
    if (running === undefined) return;
    const gone = once(running.child, "exit");
    this.#signal("SIGKILL");
    this.#forget();
    await within(closeMs, gone, "Killing a browser");
  }

  /** SIGSTOP for every process of it. */
  stop(): void {
    this.#signal("SIGSTOP");
  }

  continue(): void {
    this.#signal("SIGCONT");
  }

  async close(): Promise<void> {
    await this.kill().catch(() => {});
    process.off("exit", this.#orphan);
    // The last of its processes may still be writing.
    for (let i = 0; i < 20 && !this.#removeProfile(); i++) await pause(100);
  }

  #forget(): void {
    this.#running = undefined;
    for (const tab of this.tabs) tab.forget();
  }

  #signal(signal: NodeJS.Signals): void {
    const pid = this.#running?.child.pid;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch {
      // It is gone already.
    }
  }

  #removeProfile(): boolean {
    try {
      rmSync(this.#profile, { recursive: true, force: true });
      return true;
    } catch {
      return false;
    }
  }
}
