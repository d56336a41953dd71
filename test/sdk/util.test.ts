import { describe, expect, it } from "vitest";
import { createGrid } from "../../grid/grid.ts";
import type { Grid, ObjectRef } from "../../grid/types.ts";
import {
  ActorPool,
  GetTimeoutError,
  Pool,
  Queue,
  QueueEmptyError,
  QueueFullError,
  TaskError,
} from "../../sdk/index.ts";
import { MemoryHost } from "../grid/memory-host.ts";
import { RunningCoordinator } from "./running-coordinator.ts";

function running(): { readonly grid: Grid; readonly coordinator: RunningCoordinator } {
  const coordinator = new RunningCoordinator();
  const host = new MemoryHost();
  const end = createGrid(host);
  host.onSaid = (message) => coordinator.handle(message, (answer) => queueMicrotask(() => end.receive(answer)));
  return { grid: end.grid, coordinator };
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const taken: T[] = [];
  for await (const item of items) taken.push(item);
  return taken;
}

describe("a grid that runs", () => {
  it("tasks, tuples, generators and nested tasks", async () => {
    const { grid } = running();
    const add = grid.remote((a: number, b: number) => a + b);
    expect(await grid.get(add.remote(add.remote(1, 2), grid.put(3)))).toBe(6);
    const [q, r] = grid
      .remote((a: number, b: number): [number, number] => [Math.floor(a / b), a % b], { numReturns: 2 })
      .remote(7, 2);
    expect(await grid.get([q, r])).toEqual([3, 1]);
    const counting = grid.remote(function* (to: number) {
      for (let i = 0; i < to; i++) yield { i };
    });
    const items: number[] = [];
    for await (const ref of counting.remote(20)) items.push((await ref.get()).i);
    expect(items).toEqual(Array.from({ length: 20 }, (_, i) => i));
    const nested = grid.remote(async (n: number) => await grid.get([add.remote(n, 1), add.remote(n, 2)]), {
      captures: { add, grid },
    });
    expect(await nested.remote(1).get()).toEqual([2, 3]);
  });

  it("actors", async () => {
    const { grid } = running();
    class Counter {
      total = 0;
      add(by: number): number {
        return (this.total += by);
      }
      fail(): never {
        throw new RangeError("no");
      }
    }
    const counter = grid.remote(Counter, { name: "c" }).remote();
    await counter.$ready().get();
    expect(await grid.get([counter.add.remote(1), counter.add.remote(2)])).toEqual([1, 3]);
    await expect(counter.fail.remote().get()).rejects.toBeInstanceOf(TaskError);
    const same = await grid.getActor<Counter>("c");
    expect(await same.add.remote(1).get()).toBe(4);
    const byTask = grid.remote(async (it: typeof counter) => await it.add.remote(10).get());
    expect(await byTask.remote(counter).get()).toBe(14);
  });
});

describe("ActorPool", () => {
  class Worker {
    async work(ms: number): Promise<number> {
      await new Promise((resolve) => setTimeout(resolve, ms));
      if (ms === 13) throw new RangeError("unlucky");
      return ms;
    }
  }
  const pooled = (grid: Grid, size = 2) => {
    const cls = grid.remote(Worker);
    const actors = Array.from({ length: size }, () => cls.remote());
    return { actors, pool: new ActorPool<Worker>(actors) };
  };
  type Handle = Parameters<Parameters<ActorPool<Worker>["map"]>[0]>[0];
  const work = (actor: Handle, ms: number): ObjectRef<number> => actor.work.remote(ms);

  it("[SDK-38] map yields in input order, mapUnordered as they come", async () => {
    const { grid } = running();
    const { pool } = pooled(grid);
    expect(await all(pool.map(work, [30, 1, 5]))).toEqual([30, 1, 5]);
    expect(await all(pool.mapUnordered(work, [30, 1, 5]))).toEqual([1, 5, 30]);
    expect(pool.hasNext()).toBe(false);
    expect(await all(pool.map(work, []))).toEqual([]);
  });

  it("[SDK-38] map submits at once, to as many actors as are free", async () => {
    const { grid } = running();
    const { pool } = pooled(grid, 1);
    const results = pool.map(work, [1, 2]);
    expect(pool.hasFree()).toBe(false);
    expect(await all(results)).toEqual([1, 2]);
    expect(pool.hasFree()).toBe(true);
  });

  it("[SDK-38] submit and getNext, in order or not, with time limits that lose nothing", async () => {
    const { grid } = running();
    const { pool } = pooled(grid);
    for (const ms of [40, 2, 3]) pool.submit(work, ms);
    expect(pool.hasNext()).toBe(true);
    await expect(pool.getNext({ timeoutMs: 1 })).rejects.toBeInstanceOf(GetTimeoutError);
    expect(await pool.getNextUnordered()).toBe(2);
    expect(await pool.getNext()).toBe(40);
    expect(await pool.getNext()).toBe(3);
    expect(pool.hasNext()).toBe(false);
    await expect(pool.getNext()).rejects.toThrow(RangeError);
  });

  it("[SDK-38] an error is thrown in its place and the actor goes on", async () => {
    const { grid } = running();
    const { pool } = pooled(grid, 1);
    for (const ms of [13, 1]) pool.submit(work, ms);
    await expect(pool.getNext()).rejects.toBeInstanceOf(TaskError);
    expect(await pool.getNext()).toBe(1);
    await expect(all(pool.map(work, [1, 13, 1]))).rejects.toBeInstanceOf(TaskError);
  });

  it("[SDK-38] popIdle and push", async () => {
    const { grid } = running();
    const { pool, actors } = pooled(grid, 1);
    const idle = pool.popIdle();
    expect(idle).toBe(actors[0]);
    expect(pool.popIdle()).toBeUndefined();
    pool.submit(work, 1);
    pool.push(actors[0] as Handle);
    expect(() => pool.push(actors[0] as Handle)).toThrow(RangeError);
    expect(await pool.getNext()).toBe(1);
  });
});

describe("Queue", () => {
  it("[SDK-39] first in, first out; nowait and timeouts throw", async () => {
    const { grid } = running();
    const queue = new Queue<unknown>(grid, { maxSize: 2 });
    await queue.put({ a: 1 });
    await queue.put("b");
    expect(await queue.size()).toBe(2);
    await expect(queue.putNowait("c")).rejects.toBeInstanceOf(QueueFullError);
    await expect(queue.put("c", { timeoutMs: 20 })).rejects.toBeInstanceOf(QueueFullError);
    expect(await queue.get()).toEqual({ a: 1 });
    expect(await queue.getNowait()).toBe("b");
    await expect(queue.getNowait()).rejects.toBeInstanceOf(QueueEmptyError);
    await expect(queue.get({ timeoutMs: 20 })).rejects.toBeInstanceOf(QueueEmptyError);
    await expect(queue.get({ timeoutMs: -1 })).rejects.toThrow(RangeError);
  });

  it("[SDK-39] get waits for an item, put for room", async () => {
    const { grid } = running();
    const queue = new Queue<number>(grid, { maxSize: 1 });
    const got = queue.get();
    await queue.put(1);
    expect(await got).toBe(1);
    await queue.put(2);
    const put = queue.put(3);
    expect(await queue.get()).toBe(2);
    await put;
    expect(await queue.get()).toBe(3);
  });

  it("[SDK-39] travels to tasks, and keeps refs as refs", async () => {
    const { grid } = running();
    const queue = new Queue<number | ObjectRef<number>>(grid);
    const producer = grid.remote(async (to: Queue<number | ObjectRef<number>>) => {
      for (let i = 0; i < 3; i++) await to.put(i);
    });
    await producer.remote(queue).get();
    expect([await queue.get(), await queue.get(), await queue.get()]).toEqual([0, 1, 2]);
    await queue.put(grid.put(5));
    expect(await ((await queue.get()) as ObjectRef<number>).get()).toBe(5);
    const captured = grid.remote(async () => await queue.size(), { captures: { queue } });
    expect(await captured.remote().get()).toBe(0);
  });

  it("[SDK-39] refuses a size that makes no sense, and shuts down", async () => {
    const { grid, coordinator } = running();
    expect(() => new Queue(grid, { maxSize: -1 })).toThrow(RangeError);
    const queue = new Queue<number>(grid);
    await queue.put(1);
    await queue.shutdown();
    expect(coordinator.said.at(-1)?.type).toBe("kill");
  });
});

describe("Pool", () => {
  const square = (n: number): number => n * n;

  it("[SDK-40] maps in order, about four tasks a thread", async () => {
    const { grid, coordinator } = running();
    const items = Array.from({ length: 100 }, (_, i) => i);
    expect(await new Pool(grid).map(square, items)).toEqual(items.map(square));
    expect(coordinator.said.flatMap((message) => (message.type === "submit" ? message.tasks : [])).length).toBe(8);
    expect(await new Pool(grid, { chunkSize: 30 }).map(async (n) => n + 1, items)).toHaveLength(100);
    expect(await new Pool(grid).map(square, [])).toEqual([]);
    expect(await new Pool(grid).map((row: number[]) => row.length, [[1], [2, 3]])).toEqual([1, 2]);
  });

  it("[SDK-40] the first error throws and the rest is cancelled", async () => {
    const { grid, coordinator } = running();
    const fail = (n: number): number => {
      if (n === 3) throw new RangeError("three");
      return n;
    };
    await expect(new Pool(grid, { chunkSize: 1 }).map(fail, [1, 2, 3, 4])).rejects.toBeInstanceOf(TaskError);
    expect(coordinator.said.filter(({ type }) => type === "cancel")).toHaveLength(4);
  });

  it("[SDK-40] imap takes items as it goes, and stops when its reader does", async () => {
    const { grid, coordinator } = running();
    let taken = 0;
    async function* items(): AsyncGenerator<number> {
      for (;;) yield ++taken;
    }
    const results: number[] = [];
    for await (const result of new Pool(grid).imap(square, items(), { maxInFlight: 3 })) {
      results.push(result);
      if (results.length === 5) break;
    }
    expect(results).toEqual([1, 4, 9, 16, 25]);
    expect(taken).toBeLessThanOrEqual(8);
    expect(coordinator.said.some(({ type }) => type === "cancel")).toBe(true);
    expect((await all(new Pool(grid).imap(square, [1, 2, 3], { ordered: false }))).toSorted((a, b) => a - b)).toEqual([
      1, 4, 9,
    ]);
    await expect(all(new Pool(grid).imap(square, [1], { maxInFlight: 0 }))).rejects.toThrow(RangeError);
  });
});
