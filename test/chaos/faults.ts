/**
 * How each fault is done and undone. Knows the world it does them to; what to do when is the schedule's.
 *
 * - `tab-closed`: closed as by a person, with a goodbye; opened anew in the same browser, with an empty session storage.
 * - `tab-reloaded`: reloaded.
 * - `tab-crashed`: its renderer dies without a word; reloaded by a person after a moment.
 * - `tab-frozen`: no task of it runs (life cycle state `frozen`), for seconds or past every lease; then it wakes up.
 * - `tab-duplicated`: a second tab with a copy of its session storage, closed after a moment.
 * - `tab-slowed`: the page's main thread runs 4 to 20 times slower.
 * - `tab-left`: Leave is pressed, and Start some time after it has left.
 * - `clock-jumped`: the page's `Date.now()` jumps 1 to 10 minutes ahead or back, and back again. Timers stay.
 * - `browser-stopped`: SIGSTOP for the whole browser, as when a laptop sleeps; then SIGCONT.
 * - `browser-killed`: SIGKILL for the whole browser; started again with its profile and new tabs.
 * - `browser-cut`: its TCP connections are reset and refused, its UDP packets dropped; then the network is back.
 * - `browser-silent`: its connections stay and carry nothing, its UDP packets are dropped; then all that waited goes on.
 * - `coordinator-stopped`: SIGSTOP; then SIGCONT.
 * - `coordinator-killed`: SIGKILL; started again with the same ports and data.
 * - `client-cut`, `client-silent`: as for a browser.
 */
import type { ChaosBrowser } from "./browsers.ts";
import type { CoordinatorProcess } from "./coordinator-process.ts";
import type { Network, NetworkState } from "./network.ts";
import { pause } from "./pause.ts";
import { laneOf, type PlannedFault } from "./schedule.ts";
import type { Tab } from "./tab.ts";

export interface World {
  readonly coordinator: CoordinatorProcess;
  readonly browsers: readonly ChaosBrowser[];
  /** One for each client. */
  readonly networks: readonly Network[];
}

export interface FaultOutcome {
  readonly fault: PlannedFault;
  /** Not done, or not undone as it should be. */
  readonly trouble: string | undefined;
}

/** Puts every fault where it belongs, one after the other for each target and side by side otherwise. */
export class Faults {
  readonly outcomes: FaultOutcome[] = [];
  readonly #world: World;
  readonly #signal: AbortSignal;
  readonly #lanes = new Map<string, Promise<void>>();

  constructor(world: World, signal: AbortSignal) {
    this.#world = world;
    this.#signal = signal;
  }

  begin(fault: PlannedFault, onEnd: (outcome: FaultOutcome) => void): void {
    const lane = laneOf(fault);
    const before = this.#lanes.get(lane) ?? Promise.resolve();
    const now = before.then(async () => {
      if (this.#signal.aborted) return;
      const trouble = await this.#do(fault).then(
        () => undefined,
        (error: unknown) => (error instanceof Error ? error.message : String(error)),
      );
      const outcome = { fault, trouble };
      this.outcomes.push(outcome);
      onEnd(outcome);
    });
    this.#lanes.set(lane, now);
  }

  /** Resolves when every fault is undone. */
  async ended(): Promise<void> {
    await Promise.all(this.#lanes.values());
  }

  async #do(fault: PlannedFault): Promise<void> {
    const { target } = fault;
    switch (target.type) {
      case "tab": {
        const browser = at(this.#world.browsers, target.browser);
        const { lives } = browser;
        try {
          await this.#harmTab(fault, at(browser.tabs, target.tab));
        } catch (error) {
          // A browser that died meanwhile has taken the fault along, and opens the tab anew.
          if (browser.isRunning && browser.lives === lives) throw error;
        }
        return;
      }
      case "browser":
        await this.#harmBrowser(fault, at(this.#world.browsers, target.browser));
        return;
      case "coordinator":
        await this.#harmCoordinator(fault);
        return;
      case "client":
        await this.#harmNetwork(fault, at(this.#world.networks, target.client));
    }
  }

  async #harmTab({ kind, durationMs, amount }: PlannedFault, tab: Tab): Promise<void> {
    const last = (): Promise<void> => pause(durationMs, this.#signal);
    // What an earlier fault left of it may still be loading.
    await tab.nurse(this.#signal);
    switch (kind) {
      case "tab-closed":
        await tab.close();
        await last();
        await tab.open();
        break;
      case "tab-reloaded":
        await tab.reload();
        break;
      case "tab-crashed":
        await tab.crash();
        await last();
        await tab.reload();
        break;
      case "tab-frozen":
        await tab.setFrozen(true);
        await last();
        await tab.setFrozen(false);
        break;
      case "tab-duplicated": {
        const closeCopy = await tab.duplicate();
        await last();
        await closeCopy();
        break;
      }
      case "tab-slowed":
        await tab.slowDown(amount);
        await last();
        await tab.slowDown(1);
        break;
      case "tab-left":
        await tab.leave(this.#signal);
        await last();
        await tab.start();
        break;
      case "clock-jumped":
        await tab.shiftClock(amount);
        await last();
        await tab.shiftClock(0);
        break;
      default:
        throw new Error(`${kind} is nothing that happens to a tab`);
    }
    await tab.nurse(this.#signal);
  }

  async #harmBrowser(fault: PlannedFault, browser: ChaosBrowser): Promise<void> {
    switch (fault.kind) {
      case "browser-stopped":
        browser.stop();
        await pause(fault.durationMs, this.#signal);
        browser.continue();
        return;
      case "browser-killed":
        await browser.kill();
        await pause(fault.durationMs, this.#signal);
        await browser.start();
        await Promise.all(browser.tabs.map((tab) => tab.nurse(this.#signal)));
        return;
      default:
        await this.#harmNetwork(fault, browser.network);
    }
  }

  async #harmCoordinator({ kind, durationMs }: PlannedFault): Promise<void> {
    const { coordinator } = this.#world;
    if (kind === "coordinator-stopped") {
      coordinator.stop();
      await pause(durationMs, this.#signal);
      coordinator.continue();
      return;
    }
    await coordinator.kill();
    await pause(durationMs, this.#signal);
    await coordinator.start();
  }

  async #harmNetwork({ kind, durationMs }: PlannedFault, network: Network): Promise<void> {
    const state: NetworkState = kind.endsWith("-cut") ? "cut" : "silent";
    network.state = state;
    await pause(durationMs, this.#signal);
    network.state = "up";
  }
}

function at<T>(items: readonly T[], index: number): T {
  const item = items[index];
  if (item === undefined) throw new Error(`there is no number ${index + 1} of ${items.length}`);
  return item;
}
