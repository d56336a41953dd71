/**
 * A grid for tests of durability: a coordinator that is killed and started again on the same ports and data, tabs found
 * by the actors they host, and calls that are pipelined while things go wrong.
 */
import type { BrowserContext, Page } from "@playwright/test";
import type { ActorHandle, Grid, ObjectRef } from "../../sdk/index.ts";
import { CoordinatorProcess } from "../chaos/coordinator-process.ts";
import { expect, sdk, type TabOptions, test as base } from "./grid.ts";

export interface ActorRow {
  readonly actorId: string;
  readonly state: string;
  readonly workerId?: string;
  readonly epoch: number;
}

export interface WorkerRow {
  readonly workerId: string;
  readonly name: string;
  readonly state: string;
}

/** Longer than any of these tests. */
const reconnectMs = 120_000;

export class DurableGrid {
  readonly coordinator: CoordinatorProcess;
  readonly #newContext: () => Promise<BrowserContext>;
  readonly #contexts: BrowserContext[] = [];
  readonly #grids: Grid[] = [];

  constructor(coordinator: CoordinatorProcess, newContext: () => Promise<BrowserContext>) {
    this.coordinator = coordinator;
    this.#newContext = newContext;
  }

  /** A tab of its own profile, joined. */
  async tab({ threads = 1, name = "tab", query = "" }: TabOptions = {}): Promise<Page> {
    const context = await this.#newContext();
    this.#contexts.push(context);
    const page = await context.newPage();
    const more = query === "" ? "" : `&${query}`;
    await page.goto(`${this.coordinator.url}/worker?start=1&threads=${threads}&name=${name}${more}`);
    await joined(page);
    return page;
  }

  async connect(options: Parameters<typeof sdk.connect>[1] = {}): Promise<Grid> {
    const grid = await sdk.connect(this.coordinator.url, { logs: false, reconnectMs, ...options });
    this.#grids.push(grid);
    return grid;
  }

  /** kill -9, and again on the same ports and data; gives when it accepted connections, of performance.now(). */
  async restart(): Promise<number> {
    await this.coordinator.kill();
    await this.coordinator.start();
    return performance.now();
  }

  /** The open tab that hosts the living actor. */
  async host(client: Grid, actor: ActorHandle<object>): Promise<Page> {
    let host: Page | undefined;
    await expect(async () => {
      const { state, workerId } = await actorRow(client, actor);
      expect(state).toBe("alive");
      for (const page of this.#contexts.flatMap((context) => context.pages())) {
        if ((await workerIdOf(page)) === workerId) host = page;
      }
      expect(host, `a tab that is worker ${workerId}`).toBeDefined();
    }).toPass({ intervals: [20], timeout: 30_000 });
    if (host === undefined) throw new Error("Cannot find the host: no tab is that worker");
    return host;
  }

  async close(): Promise<void> {
    await Promise.all(this.#grids.map((grid) => grid.close().catch(() => {})));
    await Promise.all(this.#contexts.map((context) => context.close().catch(() => {})));
    await this.coordinator.close();
  }
}

export async function joined(page: Page): Promise<void> {
  await expect(page.locator("html")).toHaveAttribute("data-state", /^(ready|working)$/, { timeout: 20_000 });
  await expect(page.locator("html")).toHaveAttribute("data-worker-id", /^w/);
}

export async function workerIdOf(page: Page): Promise<string | undefined> {
  return page.evaluate(() => document.documentElement.dataset["workerId"]).catch(() => undefined);
}

export async function actorRow(client: Grid, actor: ActorHandle<object>): Promise<ActorRow> {
  const [row] = await client.state.listActors({ filters: [["actorId", "=", actor.$actorId]] });
  if (row === undefined) throw new Error(`The coordinator does not know actor ${actor.$actorId}`);
  return row as ActorRow;
}

/** Resolves when the actor lives in a later life than `epoch`. */
export async function movedOn(client: Grid, actor: ActorHandle<object>, epoch: number): Promise<ActorRow> {
  await expect
    .poll(
      async () => {
        const row = await actorRow(client, actor);
        return row.state === "alive" && row.epoch > epoch;
      },
      { intervals: [50], timeout: 40_000 },
    )
    .toBe(true);
  return actorRow(client, actor);
}

/** `grid`: a coordinator of the test's own that can be killed, closed with everything that joined it. */
export const test = base.extend<{ durable: DurableGrid }>({
  durable: async ({ browser }, use) => {
    const grid = new DurableGrid(await CoordinatorProcess.start(), () => browser.newContext());
    await use(grid);
    await grid.close();
  },
});

/** 1 to `count`: the replies of a counter that lost and repeated nothing. */
export function oneTo(count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => i + 1);
}

/** What is wrong with the replies of a counter that should be 1 to `count`; undefined: nothing. */
export function wrongReply(replies: readonly number[], count: number): string | undefined {
  const at = replies.findIndex((reply, i) => reply !== i + 1);
  if (at >= 0) return `reply ${at + 1} is ${replies[at]}: ${replies.slice(Math.max(0, at - 3), at + 4).join(" ")}`;
  return replies.length === count ? undefined : `${replies.length} replies instead of ${count}`;
}

/** Prepares what takes time, and gives what then happens at once. */
export type Fault = () => Promise<() => Promise<unknown>>;

/**
 * Calls in a pipeline: as many are submitted at once as were allowed, and some are always on their way while something
 * happens. The replies are kept in the order of the calls.
 */
export class Pipeline<T> {
  readonly #client: Grid;
  readonly #call: () => ObjectRef<T>;
  readonly #replies: Promise<T>[] = [];
  #answered = 0;
  #failure: { readonly error: unknown } | undefined;
  #wake = (): void => {};

  constructor(client: Grid, call: () => ObjectRef<T>) {
    this.#client = client;
    this.#call = call;
  }

  get answered(): number {
    return this.#answered;
  }

  /** Submits until `total` calls have been made. */
  submitTo(total: number): void {
    while (this.#replies.length < total) {
      const reply = this.#client.get(this.#call());
      this.#replies.push(reply);
      reply.then(
        () => {
          this.#answered++;
          this.#wake();
        },
        (error: unknown) => {
          this.#failure ??= { error };
          this.#wake();
        },
      );
    }
  }

  /** Resolves when that many calls were answered; rejects as soon as one fails. */
  async reach(count: number): Promise<void> {
    while (this.#answered < count) {
      if (this.#failure !== undefined) throw this.#failure.error;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** Every reply, in the order of the calls. */
  all(): Promise<T[]> {
    return Promise.all(this.#replies);
  }

  /**
   * Makes `total` calls, and each of `faults` happens after an equal share of them was answered, with another share
   * submitted and on its way.
   */
  async through(total: number, faults: readonly Fault[]): Promise<T[]> {
    const share = Math.floor(total / (faults.length + 2));
    for (const [i, prepare] of faults.entries()) {
      const happen = await prepare();
      this.submitTo((i + 2) * share);
      await this.reach((i + 1) * share);
      await happen();
    }
    this.submitTo(total);
    await this.reach(total);
    return this.all();
  }
}
