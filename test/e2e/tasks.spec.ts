import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, type sdk, tabgrid, test } from "../support/grid.ts";

const noOps = 20_000;

test("[GRID-1] two tabs over WebRTC run 20,000 no-op tasks of a Node client, 1,000 in flight, every result right", async ({
  grid,
}) => {
  await Promise.all([grid.tab({ name: "a" }), grid.tab({ name: "b" })]);
  const client = await grid.connect();
  const same = client.remote((n: number) => n);
  const results = new Map<number, number>();
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < noOps) {
      const n = next++;
      results.set(n, await client.get(same.remote(n)));
    }
  };
  await Promise.all(Array.from({ length: 1_000 }, lane));
  expect(results.size).toBe(noOps);
  expect([...results].every(([n, result]) => n === result)).toBe(true);
  const workers = (await client.state.listWorkers()) as readonly { tasksDone: number }[];
  expect(workers).toHaveLength(2);
  // Both took part.
  for (const { tasksDone } of workers) expect(tasksDone).toBeGreaterThan(noOps / 10);
});

test("[GRID-2] a client in a page of another origin does the same through /sdk.js", async ({ grid, page }) => {
  await Promise.all([grid.tab({ name: "a" }), grid.tab({ name: "b" })]);
  const other = createServer((_, response) =>
    response.setHeader("content-type", "text/html").end("<!doctype html><title>other</title>"),
  );
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  try {
    await page.goto(`http://127.0.0.1:${(other.address() as AddressInfo).port}/`);
    const wrong = await page.evaluate(
      async ({ url, count }) => {
        const { connect } = await import(`${url}/sdk.js`);
        const client = await connect(url, { logs: false });
        const same = client.remote((n: number) => n);
        const results = (await client.get(same.map(Array.from({ length: count }, (_, n) => n)))) as number[];
        await client.close();
        return results.length === count ? results.filter((result, n) => result !== n).length : -1;
      },
      { url: grid.url, count: noOps },
    );
    expect(wrong).toBe(0);
  } finally {
    other.close();
  }
});

test("[GRID-3] 1,000 tasks f -> g -> h, each getting the next, finish on one tab with one thread", async ({ grid }) => {
  await grid.tab({ threads: 1 });
  const client = await grid.connect();
  const f = client.remote(
    async (n: number) => {
      const g = grid_.remote(async (m: number) => {
        const h = grid_.remote((k: number) => k + 1);
        return (await grid_.get(h.remote(m))) + 1;
      });
      return (await grid_.get(g.remote(n))) + 1;
    },
    { captures: { grid_: client } },
  );
  const results = await client.get(f.map(Array.from({ length: 1_000 }, (_, n) => n)));
  expect(results).toEqual(Array.from({ length: 1_000 }, (_, n) => n + 3));
});
declare const grid_: Awaited<ReturnType<typeof sdk.connect>>;

test("[GRID-4] a recursion of any depth finishes on one thread", async ({ grid }) => {
  await grid.tab({ threads: 1 });
  const client = await grid.connect();
  const depth = client.remote(
    async function depth(n: number): Promise<number> {
      if (n === 0) return 0;
      const again = grid_.remote(depth);
      return 1 + (await grid_.get(again.remote(n - 1)));
    },
    { captures: { grid_: client } },
  );
  expect(await client.get(depth.remote(200))).toBe(200);
});

test("[GRID-5] generators, several returns, wait, put, refs as arguments and nested", async ({ grid }) => {
  await grid.tab({ threads: 2 });
  const client = await grid.connect();
  const count = client.remote(function* count(to: number) {
    for (let i = 1; i <= to; i++) yield i * i;
  });
  const squares: number[] = [];
  for await (const ref of count.remote(5)) squares.push(await client.get(ref));
  expect(squares).toEqual([1, 4, 9, 16, 25]);

  const both = client.remote((a: number, b: number) => [a + b, a * b] as const, { numReturns: 2 });
  const [sum, product] = both.remote(3, 4);
  expect(await client.get([sum, product])).toEqual([7, 12]);

  const big = new Float64Array(200_000).fill(1.5);
  const total = client.remote((values: Float64Array) => values.reduce((a, b) => a + b, 0));
  expect(await client.get(total.remote(client.put(big)))).toBe(300_000);

  const made = client.remote((n: number) => new Float64Array(n).fill(2));
  expect((await client.get(made.remote(100_000))).length).toBe(100_000);
  expect(await client.get(total.remote(made.remote(100_000)))).toBe(200_000);

  const slow = client.remote(async (ms: number) => {
    await new Promise((resolve) => setTimeout(resolve, ms));
    return ms;
  });
  const refs = [slow.remote(600), slow.remote(10)];
  const [ready, pending] = await client.wait(refs);
  expect(ready).toEqual([refs[1]]);
  expect(pending).toEqual([refs[0]]);

  const inner = client.remote((x: number) => x + 1).remote(1);
  const nested = client.remote((box: { ref: typeof inner }) => box.ref);
  expect(await client.get(await client.get(nested.remote({ ref: inner })))).toBe(2);
});

test("[GRID-6] a driver script run by the command line sees what tasks log, with the task's and the worker's name", async ({
  grid,
}) => {
  await grid.tab({ name: "lab-3" });
  const folder = mkdtempSync(join(tmpdir(), "tabgrid-script-"));
  const script = join(folder, "shout.mjs");
  writeFileSync(
    script,
    `import { connect } from "tabgrid";
     const grid = await connect();
     const shout = grid.remote(function shout(what) { console.log("hello", what); return process_free(); function process_free() { return 7; } });
     console.log("result", await grid.get(shout.remote(process.argv[2])));
     await grid.close();`,
  );
  const { code, out, err } = await tabgrid(["run", script, "world"], { TABGRID_URL: grid.url });
  rmSync(folder, { recursive: true });
  expect({ code, err }).toEqual({ code: 0, err: "" });
  expect(out).toContain("result 7");
  expect(out).toMatch(/\(shout, lab-3\) hello world/);
});

test("[GRID-7] context says who a task is, also when calls interleave", async ({ grid }) => {
  await grid.tab({ threads: 1 });
  const client = await grid.connect();
  const who = client.remote(
    async (n: number) => {
      const before = grid_.context().taskId;
      await grid_.get(grid_.remote((k: number) => k).remote(n));
      return [before, grid_.context().taskId, grid_.context().attempt] as const;
    },
    { captures: { grid_: client }, name: "who" },
  );
  const answers = await client.get(who.map([1, 2, 3, 4, 5]));
  expect(new Set(answers.map(([id]) => id)).size).toBe(5);
  for (const [before, after, attempt] of answers) expect([after, attempt]).toEqual([before, 1]);
});
