import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Page } from "@playwright/test";
import type { ActorHandle, Grid } from "../../sdk/index.ts";
import { ChaosBrowser } from "../chaos/browsers.ts";
import { Network } from "../chaos/network.ts";
import type { Tab } from "../chaos/tab.ts";
import {
  actorRow,
  type DurableGrid,
  type Fault,
  joined,
  movedOn,
  oneTo,
  Pipeline,
  test,
  type WorkerRow,
  workerIdOf,
  wrongReply,
} from "../support/durable-grid.ts";
import { expect } from "../support/grid.ts";

const increments = 2_000;

class Counter {
  value = 0;
  increment(): number {
    return ++this.value;
  }
}

test("[GRID-40] 2,000 pipelined increments while their tab reloads ten times and the coordinator is killed three times", async ({
  durable,
}) => {
  const { host, calls } = await manyCalls(durable);
  const reload: Fault = async () => () => host.reload();
  const restart: Fault = async () => () => durable.restart();
  const replies = await calls.through(increments, tenAndThree(reload, restart));
  expect(wrongReply(replies, increments)).toBeUndefined();
  expect(durable.coordinator.restarts).toHaveLength(3);
});

test("[GRID-41] the same with the tab closed for good each time, and others present", async ({ durable }) => {
  // Ten tabs open one after the other, and a grid waits a moment for each that has gone.
  test.setTimeout(150_000);
  const { client, counter, calls } = await manyCalls(durable);
  await durable.tab({ name: "other" });
  let closed = 0;
  const closeHost: Fault = async () => {
    await durable.tab({ name: `new-${++closed}` });
    const host = await durable.host(client, counter);
    return () => host.close();
  };
  const restart: Fault = async () => () => durable.restart();
  const replies = await calls.through(increments, tenAndThree(closeHost, restart));
  expect(wrongReply(replies, increments)).toBeUndefined();
  expect(closed).toBe(10);
});

for (const [who, sleep, wake] of [
  ["tab frozen", (browser) => tabOf(browser).setFrozen(true), (browser) => tabOf(browser).setFrozen(false)],
  ["browser stopped", async (browser) => browser.stop(), async (browser) => browser.continue()],
] as const satisfies readonly (readonly [string, Sleeping, Sleeping])[]) {
  test(`[GRID-42] a ${who} until its actor has moved wakes up and changes nothing`, async ({ durable }) => {
    const { port, udpPort } = durable.coordinator;
    const network = await Network.open({ tcpPort: port, udpPort });
    // Playwright keeps its own tabs awake.
    const browser = new ChaosBrowser({ network, tabs: ["host"], threads: 1 });
    try {
      await browser.start();
      await expect.poll(async () => (await tabOf(browser).look())?.workerId, { timeout: 20_000 }).toMatch(/^w/);
      const client = await durable.connect();
      const counter = client.remote(SlowCounter).remote();
      await client.get(counter.$ready());
      await durable.tab({ name: "other" });
      const calls = new Pipeline(client, () => counter.increment.remote());

      calls.submitTo(1_000);
      await calls.reach(200);
      const { epoch } = await actorRow(client, counter);
      await sleep(browser);
      const moved = await movedOn(client, counter, epoch);
      await wake(browser);
      await expect.poll(() => connectedWorker(client, "host"), { timeout: 20_000 }).toBeDefined();
      calls.submitTo(1_500);
      await calls.reach(1_500);
      expect(wrongReply(await calls.all(), 1_500)).toBeUndefined();
      // Nobody took it back.
      expect(await actorRow(client, counter)).toMatchObject({ epoch: moved.epoch, workerId: moved.workerId });

      const workerId = (await connectedWorker(client, "host")) ?? "";
      const where = client.remote(() => grid_.context().workerId, { captures: { grid_: client } });
      const there = where.options({ schedulingStrategy: { workerId } });
      expect(await client.get(there.remote(), { timeoutMs: 20_000 })).toBe(workerId);
    } finally {
      await browser.close();
      network.close();
    }
  });
}

test("[GRID-43] killed while a client awaits a long task: it goes on, and all are back in two seconds", async ({
  durable,
}) => {
  const tab = await durable.tab();
  await tab.evaluate(() => (document.documentElement.dataset["mark"] = "not reloaded"));
  const client = await durable.connect();
  const long = client.remote(
    async () => {
      const { attempt } = grid_.context();
      const startedAt = Date.now();
      grid_.context().progress(0.5);
      await new Promise((resolve) => setTimeout(resolve, 3_000));
      return { attempt, startedAt };
    },
    { captures: { grid_: client } },
  );
  const result = client.get(long.remote());
  await expect
    .poll(async () => ((await client.state.listTasks()) as { progress?: number }[])[0]?.progress, { intervals: [20] })
    .toBe(0.5);

  const killedAt = Date.now();
  const acceptedAt = await durable.restart();
  const backAfterMs = (): number => performance.now() - acceptedAt;
  const workers = (await client.state.listWorkers()) as WorkerRow[];
  expect(backAfterMs(), "the client is back").toBeLessThan(2_000);
  if (workers[0]?.state !== "connected") {
    await expect
      .poll(async () => ((await client.state.listWorkers()) as WorkerRow[])[0]?.state, { intervals: [20] })
      .toBe("connected");
  }
  expect(backAfterMs(), "the tab is back").toBeLessThan(2_000);

  const { attempt, startedAt } = await result;
  expect(attempt).toBe(1);
  expect(startedAt).toBeLessThanOrEqual(killedAt);
  expect(await tab.locator("html").getAttribute("data-mark")).toBe("not reloaded");
});

for (const moment of ["before", "after"] as const) {
  test(`[GRID-44] a transfer happens once though its tab dies in mid-call, ${moment} the deposit is done`, async ({
    durable,
  }) => {
    const [first, second] = [await durable.tab({ name: "first" }), await durable.tab({ name: "second" })];
    const client = await durable.connect();
    class Account {
      balance = 0;
      deposits = 0;
      async deposit(amount: number, ms: number): Promise<void> {
        await new Promise((resolve) => setTimeout(resolve, ms));
        this.balance += amount;
        this.deposits++;
      }
      async transfer(
        to: ActorHandle<Account>,
        amount: number,
        [before = 0, after = 0]: readonly number[],
      ): Promise<number> {
        this.balance -= amount;
        await grid_.get(to.deposit.remote(amount, before));
        await new Promise((resolve) => setTimeout(resolve, after));
        return this.balance;
      }
      look(): readonly [number, number] {
        return [this.balance, this.deposits];
      }
    }
    const Accounts = client.remote(Account, { captures: { grid_: client } });
    const at = async (page: Page) => ({ workerId: (await workerIdOf(page)) ?? "", soft: true });
    const from = Accounts.options({ schedulingStrategy: await at(first) }).remote();
    const to = Accounts.options({ schedulingStrategy: await at(second) }).remote();
    await client.get([from.deposit.remote(100, 0), to.$ready()]);
    expect(await durable.host(client, from)).toBe(first);
    expect(await durable.host(client, to)).toBe(second);

    const waits = moment === "before" ? [1_500, 0] : [0, 1_500];
    const transfer = client.get(from.transfer.remote(to, 30, waits));
    await expect
      .poll(
        async () =>
          (await callsOf(client, to.$actorId)).some(
            ({ state }) => state === (moment === "before" ? "running" : "finished"),
          ),
        {
          intervals: [20],
        },
      )
      .toBe(true);
    await crash(first);
    expect(await transfer).toBe(70);
    expect(await client.get([from.look.remote(), to.look.remote()])).toEqual([
      [70, 1],
      [30, 1],
    ]);
    expect(await durable.host(client, from)).toBe(second);
  });
}

test("[GRID-45] Leave moves actors live: no call fails, and their order is kept", async ({ durable }) => {
  const { client, host, counter, calls } = await manyCalls(durable);
  await durable.tab({ name: "other" });
  const leave: Fault = async () => async () => {
    await host.getByRole("button", { name: "Leave" }).click();
    await expect(host.locator("html")).toHaveAttribute("data-state", "left", { timeout: 20_000 });
  };
  expect(wrongReply(await calls.through(1_000, [leave]), 1_000)).toBeUndefined();
  expect(await durable.host(client, counter)).not.toBe(host);
});

test("[GRID-46] two tabs with the same session storage never hold the same actor", async ({ durable }) => {
  const { host: first, calls } = await manyCalls(durable);
  const duplicate = async (): Promise<Page> => {
    const [copy] = await Promise.all([first.waitForEvent("popup"), first.evaluate(() => void open(location.href))]);
    await joined(copy);
    return copy;
  };
  const hosts = async (pages: readonly Page[]): Promise<number> => {
    const texts = await Promise.all(pages.map((page) => page.locator("#actors").textContent()));
    return texts.filter((text) => text?.includes("Counter")).length;
  };

  calls.submitTo(300);
  await calls.reach(100);
  const second = await duplicate();
  expect(await workerIdOf(second)).not.toBe(await workerIdOf(first));
  calls.submitTo(600);
  await calls.reach(600);
  await expect.poll(() => hosts([first, second])).toBe(1);

  for (const page of [first, second, first]) {
    await page.reload();
    await joined(page);
    const goal = calls.answered + 100;
    calls.submitTo(goal);
    await calls.reach(goal);
    expect(await workerIdOf(second)).not.toBe(await workerIdOf(first));
    await expect.poll(() => hosts([first, second])).toBe(1);
  }
  expect(wrongReply(await calls.all(), 900)).toBeUndefined();
});

test("[GRID-47] checkpoint at will, every n calls, and off", async ({ durable }) => {
  const first = await durable.tab({ name: "first" });
  const client = await durable.connect();
  class Saving {
    value = 0;
    increment(): number {
      return ++this.value;
    }
    async save(): Promise<number> {
      await grid_.context().checkpoint();
      return this.value;
    }
    wasRestored(): boolean {
      return grid_.context().wasRestored;
    }
  }
  const Savings = client.remote(Saving, { captures: { grid_: client } });
  const manual = Savings.options({ checkpoint: "manual" }).remote();
  const everyTen = Savings.options({ checkpoint: { everyCalls: 10 } }).remote();
  const off = Savings.options({ checkpoint: "off" }).remote();
  const actors = [manual, everyTen, off];
  const increment = (actor: typeof manual, times: number): Promise<number[]> =>
    client.get(Array.from({ length: times }, () => actor.increment.remote()));

  expect(await increment(manual, 5)).toEqual(oneTo(5));
  expect(await client.get(manual.save.remote())).toBe(5);
  expect(await increment(manual, 3)).toEqual([6, 7, 8]);
  expect(await increment(everyTen, 25)).toEqual(oneTo(25));
  expect(await increment(off, 4)).toEqual(oneTo(4));
  expect(await client.get(manual.wasRestored.remote())).toBe(false);

  await durable.tab({ name: "second" });
  const epochs = await Promise.all(actors.map(async (actor) => (await actorRow(client, actor)).epoch));
  await first.close();
  await Promise.all(actors.map((actor, i) => movedOn(client, actor, epochs[i] ?? 0)));
  // Back to what was saved, to where it was by replaying, and to the constructor.
  expect(await increment(manual, 2)).toEqual([6, 7]);
  expect(await increment(everyTen, 2)).toEqual([26, 27]);
  expect(await increment(off, 2)).toEqual([1, 2]);
  expect(await client.get(actors.map((actor) => actor.wasRestored.remote()))).toEqual([true, true, true]);
});

for (const tabStays of [true, false]) {
  test(`[GRID-48] a detached actor outlives its job and a killed coordinator${tabStays ? "" : ", and its tab"}`, async ({
    durable,
  }) => {
    const tab = await durable.tab({ name: "first" });
    const first = await durable.connect();
    const counter = first.remote(Counter, { name: "detached", lifetime: "detached" }).remote();
    expect(await first.get(Array.from({ length: 20 }, () => counter.increment.remote()))).toEqual(oneTo(20));
    await first.close();
    if (tabStays) await durable.restart();
    else {
      await durable.coordinator.kill();
      await tab.close();
      await durable.coordinator.start();
      await durable.tab({ name: "second" });
    }
    const second = await durable.connect();
    const found = await second.getActor<Counter>("detached");
    expect(await second.get(found.increment.remote(), { timeoutMs: 30_000 })).toBe(21);
    await second.kill(found);
  });
}

test("[GRID-50] a client's page that is reloaded goes on with its job, over a killed coordinator too", async ({
  durable,
  page,
}) => {
  await durable.tab();
  const other = createServer((_, response) =>
    response.setHeader("content-type", "text/html").end("<!doctype html><title>client</title>"),
  );
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  try {
    await page.goto(`http://127.0.0.1:${(other.address() as AddressInfo).port}/`);
    await page.evaluate(async (url) => {
      const { connect } = await import(`${url}/sdk.js`);
      const client = await connect(url, { logs: false });
      class Counter {
        value = 0;
        increment(): number {
          return ++this.value;
        }
      }
      const counter = client.remote(Counter, { name: "mine" }).remote();
      await client.get(counter.increment.remote());
      const slow = client.remote(async () => {
        await new Promise((resolve) => setTimeout(resolve, 3_000));
        return "done";
      });
      sessionStorage.setItem("ticket", client.ticket);
      sessionStorage.setItem("result", slow.remote().id);
      // Until the grid has heard of it.
      await client.state.listTasks();
    }, durable.coordinator.url);
    await page.reload();
    await durable.restart();
    const found = await page.evaluate(async (url) => {
      const { connect } = await import(`${url}/sdk.js`);
      const client = await connect(url, { logs: false, ticket: sessionStorage.getItem("ticket") ?? "" });
      const result = await client.ref(sessionStorage.getItem("result") ?? "").get({ timeoutMs: 20_000 });
      const counter = await client.getActor("mine");
      const value = await client.get(counter.increment.remote());
      await client.close();
      return { result, value };
    }, durable.coordinator.url);
    expect(found).toEqual({ result: "done", value: 2 });
  } finally {
    other.close();
  }
});

/** A call takes a moment, so that some are always in progress. */
class SlowCounter {
  value = 0;
  async increment(): Promise<number> {
    await new Promise((resolve) => setTimeout(resolve, 1));
    return ++this.value;
  }
}

async function manyCalls(durable: DurableGrid) {
  const host = await durable.tab({ name: "host" });
  const client = await durable.connect();
  const counter = client.remote(SlowCounter).remote();
  await client.get(counter.$ready());
  return { host, client, counter, calls: new Pipeline(client, () => counter.increment.remote()) };
}

type Sleeping = (browser: ChaosBrowser) => Promise<void>;

function tabOf({ tabs: [tab] }: ChaosBrowser): Tab {
  if (tab === undefined) throw new Error("This browser has no tab");
  return tab;
}

/** The id of the connected worker of that name. */
async function connectedWorker(client: Grid, name: string): Promise<string | undefined> {
  const workers = (await client.state.listWorkers()) as WorkerRow[];
  return workers.find((worker) => worker.name === name && worker.state === "connected")?.workerId;
}

async function callsOf(client: Grid, actorId: string): Promise<readonly { readonly state: string }[]> {
  const calls = (await client.state.listTasks({ filters: [["actorId", "=", actorId]] })) as {
    state: string;
    name: string;
  }[];
  return calls.filter(({ name }) => name.includes("deposit"));
}

/** Its renderer dies without a word. */
async function crash(page: Page): Promise<void> {
  const devTools = await page.context().newCDPSession(page);
  const crashed = page.waitForEvent("crash");
  devTools.send("Page.crash").catch(() => {});
  await crashed;
}

/** Evenly mixed. */
function tenAndThree(fault: Fault, restart: Fault): readonly Fault[] {
  return oneTo(13).map((n) => (n % 4 === 0 ? restart : fault));
}

declare const grid_: Grid;
