import { describe, expect, it } from "vitest";
import { decodeArguments } from "../../grid/values.ts";
import { limits } from "../../protocol/limits.ts";
import { SerializationError } from "../../protocol/errors.ts";
import type { ObjectId } from "../../protocol/ids.ts";
import { openGrid, payload, settled } from "./memory-host.ts";

const add = (a: number, b: number): number => a + b;
const echo = (value: unknown): unknown => value;

describe("submitting", () => {
  it("[SDK-1] a function is defined once, before its first use, by the hash of its bytes", async () => {
    const { grid, host } = openGrid();
    grid.remote(add).remote(1, 2);
    grid.remote(add).remote(3, 4);
    await settled();
    expect(host.types).toEqual(["define", "submit", "submit"]);
    const [define] = host.all("define");
    expect(define?.functionId).toMatch(/^f[0-9a-f]{40}$/);
    expect(host.last("submit").spec).toMatchObject({ type: "task", functionId: define?.functionId, name: "add" });
  });

  it("[SDK-2] neighbours with the same function and options share a message, and the spec", async () => {
    const { grid, host } = openGrid();
    const remote = grid.remote(add);
    remote.remote(1, 2);
    remote.remote(3, 4);
    remote.options({ priority: 1 }).remote(5, 6);
    remote.remote(7, 8);
    await settled();
    expect(
      host.all("submit").map(({ spec, tasks }) => [spec.type === "task" && spec.priority, tasks.map(({ id }) => id)]),
    ).toEqual([
      [0, ["jtest.1", "jtest.2"]],
      [1, ["jtest.3"]],
      [0, ["jtest.4"]],
    ]);
  });

  it("[SDK-2] no message overtakes another", async () => {
    const { grid, host } = openGrid();
    const remote = grid.remote(echo);
    const first = remote.remote(1);
    grid.put("x");
    remote.remote(2);
    await grid.cancel(first);
    remote.remote(3);
    await settled();
    expect(host.types).toEqual(["define", "submit", "put", "submit", "cancel", "submit"]);
  });

  it("[SDK-2] a message has at most 1,000 tasks and about 200 KiB", async () => {
    const { grid, host } = openGrid();
    grid.remote(echo).map(Array.from({ length: 2_500 }, (_, i) => i));
    await settled();
    expect(host.all("submit").map(({ tasks }) => tasks.length)).toEqual([1_000, 1_000, 500]);
    host.said.length = 0;
    grid.remote(echo).map(Array.from({ length: 10 }, () => "x".repeat(50_000)));
    await settled();
    expect(host.all("submit").map(({ tasks }) => tasks.length)).toEqual([4, 4, 2]);
  });

  it("[SDK-3] too few arguments throw at remote() and say how many it takes", () => {
    const { grid, host } = openGrid();
    const loose = grid.remote(add) as unknown as {
      remote(...args: unknown[]): unknown;
      map(items: unknown[]): unknown;
    };
    expect(() => loose.remote(1)).toThrow(new TypeError('Cannot submit "add": it takes 2 arguments and got 1'));
    expect(() => loose.map([1])).toThrow(TypeError);
    expect(host.all("submit")).toEqual([]);
    const optional = grid.remote((a: number, b: number = 2) => a + b) as unknown as { remote(a: number): unknown };
    expect(() => optional.remote(1)).not.toThrow();
  });

  it("[SDK-4] a ref that is an argument becomes an input, a ref inside a value is held", async () => {
    const { grid, host } = openGrid();
    const a = grid.put(1);
    const b = grid.put(2);
    grid.remote((...values: unknown[]): unknown => values).remote(a, [b, b], a);
    await settled();
    const [task] = host.last("submit").tasks;
    expect(task).toMatchObject({ inputs: [a.id], holds: [b.id] });
    const thread = openGrid({ isLasting: false });
    const args = decodeArguments(
      thread.grid,
      task?.args ?? new Uint8Array(),
      new Map([[a.id as ObjectId, payload({ n: 7 })]]),
    );
    expect(args[0]).toEqual({ n: 7 });
    expect(args[2]).toEqual({ n: 7 });
    expect(args[2]).not.toBe(args[0]);
    const [inner] = args[1] as { id: string }[];
    expect(inner?.id).toBe(b.id);
    await settled();
    expect(thread.host.last("hold").ids).toEqual([b.id]);
  });

  it("[SDK-5] arguments that do not fit into a message are put, the largest first", async () => {
    const { grid, host } = openGrid();
    const remote = grid.remote((a: unknown, b: unknown, c: unknown) => [a, b, c]);
    remote.remote("small", new Uint8Array(limits.inlineValueBytes + 1), "x".repeat(50_000));
    await settled();
    expect(host.types).toEqual(["define"]);
    expect(host.uploads.map(({ id }) => id)).toEqual(["jtest.1:0"]);
    host.uploads[0]?.resolve();
    await settled();
    expect(host.types).toEqual(["define", "put", "submit", "release"]);
    expect(host.last("submit").tasks[0]).toMatchObject({ id: "jtest.2", inputs: ["jtest.1:0"] });
    expect(host.last("release").ids).toEqual(["jtest.1:0"]);
  });

  it("[SDK-5] two middling arguments: one is put inline, the rest travels", async () => {
    const { grid, host } = openGrid();
    grid.remote((a: string, b: string) => a + b).remote("x".repeat(40_000), "y".repeat(45_000));
    await settled();
    expect(host.types).toEqual(["define", "put", "submit", "release"]);
    expect(host.last("put").value).toMatchObject({ type: "inline" });
    expect(host.last("submit").tasks[0]?.args.length).toBeLessThan(limits.inlineValueBytes);
  });

  it("[SDK-6] what cannot be copied throws at remote() with its path", () => {
    const { grid } = openGrid();
    const remote = grid.remote((a: unknown, b: unknown) => [a, b]);
    const attempt = (): unknown => remote.remote(1, { rows: [0, 0, 0, { callback: () => 1 }] });
    expect(attempt).toThrow(SerializationError);
    expect(attempt).toThrow(expect.objectContaining({ path: "argument 2.rows[3].callback" }));
    expect(() => grid.put({ deep: [new WeakMap()] })).toThrow(expect.objectContaining({ path: "value.deep[0]" }));
  });

  it("[SDK-6] arguments are copied at remote(): later changes stay here", async () => {
    const { grid, host } = openGrid();
    const list = [1];
    grid.remote(echo).remote(list);
    list.push(2);
    await settled();
    const thread = openGrid({ isLasting: false });
    expect(decodeArguments(thread.grid, host.last("submit").tasks[0]?.args ?? new Uint8Array(), new Map())).toEqual([
      [1],
    ]);
  });

  it("[SDK-10] numReturns gives as many refs, none for 0", async () => {
    const { grid, host } = openGrid();
    const pair = grid.remote((): [number, string] => [1, "a"], { numReturns: 2 });
    expect(pair.remote().map(({ id }) => id)).toEqual(["jtest.1:0", "jtest.1:1"]);
    const none = grid.remote((): [] => [], { numReturns: 0 });
    expect(none.remote()).toEqual([]);
    await settled();
    expect(host.all("submit").map(({ spec }) => spec.returns)).toEqual([2, 0]);
  });

  it("local() runs here on copies, and leaves no traces", async () => {
    const { grid, host } = openGrid();
    const offset = { by: 10 };
    const push = grid.remote((list: number[]) => (list.push(offset.by), list), { captures: { offset } });
    const list = [1];
    expect(await push.local(list)).toEqual([1, 10]);
    expect(list).toEqual([1]);
    expect(host.said).toEqual([]);
    await expect(grid.remote(() => Promise.reject(new RangeError("no"))).local()).rejects.toThrow(RangeError);
  });
});

describe("uploads", () => {
  it("[SDK-7] what is said behind an upload waits for it, in order", async () => {
    const { grid, host } = openGrid();
    const remote = grid.remote(echo);
    remote.remote(0);
    const large = grid.put(new Uint8Array(100_000));
    const second = grid.put(new Uint8Array(200_000));
    const after = remote.remote(large);
    await grid.cancel(after);
    await settled();
    expect(host.types).toEqual(["define", "submit"]);
    expect(host.uploads).toHaveLength(2);
    host.uploads[1]?.resolve();
    await settled();
    expect(host.types).toEqual(["define", "submit"]);
    host.uploads[0]?.resolve();
    await settled();
    expect(host.types).toEqual(["define", "submit", "put", "put", "submit", "cancel"]);
    expect(host.all("put").map(({ id, value }) => [id, value.type])).toEqual([
      [large.id, "stored"],
      [second.id, "stored"],
    ]);
  });

  it("[SDK-7] what the grid has heard of is asked for at once, the rest behind the upload", async () => {
    const { grid, host } = openGrid();
    const early = grid.remote(echo).remote(0);
    const large = grid.put(new Uint8Array(100_000));
    void grid.get([early, large]).catch(() => {});
    await settled();
    expect(host.last("want").ids).toEqual([early.id]);
    host.uploads[0]?.resolve();
    await settled();
    expect(host.types.slice(-2)).toEqual(["put", "want"]);
    expect(host.last("want").ids).toEqual([large.id]);
  });

  it("[SDK-8] a failed upload fails its object and the tasks that need it, and nothing else", async () => {
    const { grid, host } = openGrid();
    const remote = grid.remote(echo);
    const large = grid.put(new Uint8Array(100_000));
    const dependent = remote.remote(large);
    const further = remote.remote(dependent);
    const other = remote.remote(1);
    await settled();
    host.uploads[0]?.reject(new Error("disk full"));
    await expect(grid.get(large)).rejects.toThrow(/disk full/);
    await expect(grid.get(dependent)).rejects.toMatchObject({
      code: "TASK_ERROR",
      cause: { message: expect.stringContaining("disk full") },
    });
    await expect(grid.get(further)).rejects.toMatchObject({ code: "TASK_ERROR" });
    expect(host.all("put")).toEqual([]);
    expect(host.last("submit").tasks.map(({ id }) => `${id}:0`)).toEqual([other.id]);
  });

  it("[SDK-9] a function over inlineValueBytes is uploaded and then defined without bytes; over functionBytes it is refused", async () => {
    const { grid, host } = openGrid();
    const table = new Uint8Array(100_000);
    const remote = grid.remote(() => table.length, { captures: { table } });
    remote.remote();
    remote.remote();
    await settled();
    expect(host.types).toEqual([]);
    expect(host.uploads).toHaveLength(1);
    host.uploads[0]?.resolve();
    await settled();
    expect(host.types).toEqual(["define", "submit"]);
    expect(host.last("define")).not.toHaveProperty("bytes");
    const huge = new Uint8Array(limits.functionBytes);
    expect(() => grid.remote(() => huge.length, { captures: { huge } })).toThrow(/functionBytes/);
  });
});
