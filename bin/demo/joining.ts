/** Gets tabs to join: headless ones where this machine has a browser, otherwise those that a person opens. */
import { setTimeout as sleep } from "node:timers/promises";
import { findBrowser } from "../browser.ts";
import { openTabs, type Tabs } from "../tabs.ts";

export interface JoiningOptions {
  readonly workerUrl: string;
  readonly tabs: number;
  readonly threads: number | undefined;
  /** How many tabs have joined so far. */
  readonly countWorkers: () => Promise<number>;
  readonly signal: AbortSignal;
}

/** Of a person who has to walk to another laptop. */
const patienceMs = 10 * 60_000;
const pollMs = 500;

/** Undefined where a person opened them: then they are not ours to close. */
export async function gatherTabs(options: JoiningOptions): Promise<Tabs | undefined> {
  const { workerUrl, tabs, threads, signal } = options;
  if ((await findBrowser()) === undefined) {
    process.stdout.write(
      `No Chrome or Chromium is found here. Open ${workerUrl} in one or more tabs and press Start.\n`,
    );
    await untilJoined(options);
    return undefined;
  }
  signal.throwIfAborted();
  try {
    return await openTabs({ url: workerUrl, tabs, threads, name: "demo" });
  } catch (cause) {
    const message = cause instanceof Error ? cause.message.split("\n")[0] : String(cause);
    throw new Error(
      `The headless tabs did not join: ${message}\n` +
        `Set CHROMIUM_PATH to another Chrome or Chromium, or run \`tabgrid start\` and open its join URL in a tab of your own`,
      { cause },
    );
  }
}

async function untilJoined({ countWorkers, signal, workerUrl }: JoiningOptions): Promise<void> {
  const giveUpAt = performance.now() + patienceMs;
  while ((await countWorkers()) === 0) {
    if (performance.now() > giveUpAt) {
      throw new Error(
        `No tab joined within ${patienceMs / 60_000} minutes. Try again, and open ${workerUrl} in a current browser`,
      );
    }
    await sleep(pollMs, undefined, { signal });
  }
}
