/** Gets tabs to join: headless ones where this machine has a browser, otherwise those that a person opens. */
import { setTimeout as sleep } from "node:timers/promises";
import { findBrowser } from "../browser.ts";
import { openTabs, type Tabs } from "../tabs.ts";

export interface JoiningOptions {
  readonly workerUrl: string;
  readonly tabs: number;
  readonly threads: number;
  /** How many tabs have joined so far. */
  readonly countWorkers: () => Promise<number>;
  readonly signal: AbortSignal;
}

const joinTimeoutMs = 30_000;
/** Of a person who has to walk to another laptop. */
const patienceMs = 10 * 60_000;
const pollMs = 200;

/** Undefined where a person opened them: then they are not ours to close. */
export async function gatherTabs(options: JoiningOptions): Promise<Tabs | undefined> {
  const { workerUrl, tabs, threads, signal } = options;
  if ((await findBrowser()) === undefined) {
    process.stdout.write(
      `No Chrome or Chromium is found here. Open ${workerUrl} in one or more tabs and press Start.\n`,
    );
    if (!(await haveJoined(1, patienceMs, options))) {
      throw new Error(
        `No tab joined within ${patienceMs / 60_000} minutes. Try again with ${workerUrl} open in a current browser`,
      );
    }
    return undefined;
  }
  signal.throwIfAborted();
  let opened: Tabs | undefined;
  try {
    opened = await openTabs({ url: workerUrl, tabs, threads, name: "demo" });
    if (await haveJoined(tabs, joinTimeoutMs, options)) return opened;
    throw new Error(`the coordinator does not see ${tabs} of them after ${joinTimeoutMs / 1000} s`);
  } catch (cause) {
    await opened?.close();
    signal.throwIfAborted();
    const why = cause instanceof Error ? cause.message.split("\n")[0] : String(cause);
    throw new Error(
      `The headless tabs did not join: ${why}\n` +
        "Set CHROMIUM_PATH to another Chrome or Chromium, or run `tabgrid start` and open its join URL in a tab of your own",
      { cause },
    );
  }
}

async function haveJoined(wanted: number, waitMs: number, { countWorkers, signal }: JoiningOptions): Promise<boolean> {
  const giveUpAt = performance.now() + waitMs;
  while ((await countWorkers()) < wanted) {
    if (performance.now() > giveUpAt) return false;
    await sleep(pollMs, undefined, { signal });
  }
  return true;
}
