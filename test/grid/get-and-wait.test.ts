import { describe, expect, it } from "vitest";
import { DisconnectedError, GetTimeoutError, ObjectFreedError, TaskError } from "../../protocol/errors.ts";
import type { ObjectRef } from "../../grid/types.ts";
import { object, openGrid, type Opened, payload, ready, settled } from "./memory-host.ts";

/** A grid with `count` submitted tasks. */
function submitted(count: number): Opened & { readonly refs: ObjectRef<unknown>[] } {
  const opened = openGrid();
  return {
    ...opened,
    refs: opened.grid.remote((n: unknown): unknown => n).map(Array.from({ length: count }, (_, n) => n)),
  };
}
const [one, two, three] = [object("jtest.1"), object("jtest.2"), object("jtest.3")];
const failure = { code: "TASK_ERROR", message: 'Task "f" failed', taskName: "f" } as const;

describe("get", () => {
  it("[SDK-11] keeps order and duplicates, and asks for each object once", async () => {
    const { grid, host, refs, receive } = submitted(3);
    const [a, b] = refs as [ObjectRef<unknown>, ObjectRef<unknown>];
    const got = grid.get([b, a, b]);
    const again = a.get();
    await settled();
    expect(host.all("want")).toEqual([{ type: "want", ids: [two, one], values: true }]);
    receive(ready.value(one, "a"));
    receive(ready.value(two, { b: 1 }));
    const [first, second, third] = await got;
    expect([first, second, third]).toEqual([{ b: 1 }, "a", { b: 1 }]);
    expect(third).not.toBe(first);
    expect(await again).toBe("a");
  });

  it("[SDK-11] the first error throws at once, though others are pending", async () => {
    const { grid, refs, receive } = submitted(3);
    const got = grid.get(refs);
    await settled();
    receive(ready.failed(three, failure));
    await expect(got).rejects.toBeInstanceOf(TaskError);
  });

  it("[SDK-12] a value is fetched once and decoded anew for each get", async () => {
    const { grid, host, refs, receive } = submitted(1);
    const [ref] = refs as [ObjectRef<{ list: Uint8Array }>];
    const first = grid.get(ref);
    await settled();
    receive(ready.value(one, { list: new Uint8Array([1, 2]) }));
    const value = await first;
    value.list[0] = 9;
    const second = await grid.get(ref);
    expect(second.list[0]).toBe(1);
    expect(host.all("want")).toHaveLength(1);
    expect(host.waits).toEqual([true, false]);
  });

  it("[SDK-12] a stored value is downloaded", async () => {
    const { grid, host, refs, receive } = submitted(1);
    host.stored.set(one, payload("large"));
    const got = grid.get(refs);
    await settled();
    receive(ready.stored(one, 5));
    expect(await got).toEqual(["large"]);
  });

  it("[SDK-12] a download that fails is an error now and tried again later", async () => {
    const { grid, host, refs, receive } = submitted(1);
    const got = grid.get(refs);
    await settled();
    receive(ready.stored(one, 5));
    await expect(got).rejects.toThrow(/nothing is stored/);
    host.stored.set(one, payload("large"));
    const again = grid.get(refs);
    await settled();
    expect(host.all("want")).toHaveLength(2);
    receive(ready.stored(one, 5));
    expect(await again).toEqual(["large"]);
  });

  it("[SDK-13] timeoutMs ends the waiting and names what is missing", async () => {
    const { grid, refs, receive } = submitted(2);
    const got = grid.get(refs, { timeoutMs: 20 });
    await settled();
    receive(ready.value(one, 1));
    await expect(got).rejects.toThrow(
      new GetTimeoutError('Cannot get 2 objects within 20 ms: 1 of them not ready, "jtest.2:0" first'),
    );
    // The answer that comes later is used by the next get.
    receive(ready.value(two, 2));
    expect(await grid.get(refs)).toEqual([1, 2]);
  });

  it("[SDK-13] timeoutMs 0 polls in one round trip", async () => {
    const { grid, host, refs, receive } = submitted(2);
    const answer = (ids: readonly string[]): void => {
      const { request } = host.last("query");
      receive({ type: "answer", request, json: JSON.stringify(ids) });
    };
    const late = grid.get(refs, { timeoutMs: 0 });
    await settled();
    expect(host.last("query")).toMatchObject({ what: "ready", parameters: JSON.stringify({ ids: [one, two] }) });
    answer([one]);
    await expect(late).rejects.toBeInstanceOf(GetTimeoutError);
    expect(host.all("want")).toEqual([]);
    const got = grid.get(refs, { timeoutMs: 0 });
    await settled();
    answer([two]);
    await settled();
    receive(ready.value(one, 1));
    receive(ready.value(two, 2));
    expect(await got).toEqual([1, 2]);
  });

  it("[SDK-13] an AbortSignal ends the waiting with its reason", async () => {
    const { grid, host, refs } = submitted(1);
    const controller = new AbortController();
    const got = grid.get(refs, { signal: controller.signal });
    await settled();
    controller.abort(new Error("enough"));
    await expect(got).rejects.toThrow("enough");
    await expect(grid.get(refs, { signal: AbortSignal.abort(new Error("before")) })).rejects.toThrow("before");
    expect(host.waits).toEqual([true, false]);
  });

  it("[SDK-11] what is no ref is a TypeError with its place", async () => {
    const { grid, refs } = submitted(1);
    const loose = grid as unknown as { get(refs: unknown): Promise<unknown> };
    await expect(loose.get([refs[0], 1])).rejects.toThrow(new TypeError("Cannot get item 1: it is not an ObjectRef"));
    await expect(loose.get(Promise.resolve(refs[0]))).rejects.toThrow(TypeError);
    expect(await grid.get([])).toEqual([]);
  });

  it("[SDK-16] a freed object throws, also to those who wait", async () => {
    const { grid, host, refs } = submitted(2);
    const waiting = grid.get(refs);
    await settled();
    await grid.free(refs[0] as ObjectRef<unknown>);
    await expect(waiting).rejects.toBeInstanceOf(ObjectFreedError);
    await expect(grid.get(refs[0] as ObjectRef<unknown>)).rejects.toMatchObject({ code: "OBJECT_FREED" });
    expect(host.last("free").ids).toEqual([one]);
  });

  it("errors are made at the await, so the stack names the caller", async () => {
    const { grid, refs, receive } = submitted(1);
    async function callerOfGet(): Promise<unknown> {
      return await grid.get(refs);
    }
    const got = callerOfGet();
    await settled();
    receive(ready.failed(one, failure));
    const error: unknown = await got.catch((error: unknown) => error);
    expect((error as Error).stack).toContain("callerOfGet");
  });
});

describe("wait", () => {
  it("[SDK-14] gives at most numReturns ready refs, both lists in input order, and moves no bytes", async () => {
    const { grid, host, refs, receive } = submitted(4);
    const [a, b, c, d] = refs;
    const waited = grid.wait(refs, { numReturns: 2 });
    await settled();
    expect(host.all("want")).toEqual([{ type: "want", ids: refs.map(({ id }) => id), values: false }]);
    receive(ready.exists(object("jtest.4")));
    receive(ready.failed(two, failure));
    receive(ready.exists(three));
    expect(await waited).toEqual([
      [b, c],
      [a, d],
    ]);
    expect(await grid.wait(refs)).toEqual([[b], [a, c, d]]);
    expect(host.waits).toEqual([true, false]);
  });

  it("[SDK-14] what is ready when the time is over is returned", async () => {
    const { grid, refs, receive } = submitted(2);
    const waited = grid.wait(refs, { numReturns: 2, timeoutMs: 20 });
    await settled();
    receive(ready.exists(two));
    expect(await waited).toEqual([[refs[1]], [refs[0]]]);
  });

  it("[SDK-14] timeoutMs 0 polls", async () => {
    const { grid, host, refs, receive } = submitted(2);
    const waited = grid.wait(refs, { timeoutMs: 0 });
    await settled();
    receive({ type: "answer", request: host.last("query").request, json: "[]" });
    expect(await waited).toEqual([[], refs]);
  });

  it("[SDK-14] fetchLocal brings the values along", async () => {
    const { grid, host, refs, receive } = submitted(1);
    const waited = grid.wait(refs, { fetchLocal: true });
    await settled();
    expect(host.last("want").values).toBe(true);
    receive(ready.value(one, 5));
    await waited;
    expect(await grid.get(refs)).toEqual([5]);
    expect(host.all("want")).toHaveLength(1);
  });

  it.each([
    ["duplicates", (refs: unknown[]) => [[refs[0], refs[0]], undefined], RangeError],
    ["numReturns 0", (refs: unknown[]) => [refs, { numReturns: 0 }], RangeError],
    ["numReturns over the length", (refs: unknown[]) => [refs, { numReturns: 3 }], RangeError],
    ["a fraction", (refs: unknown[]) => [refs, { numReturns: 1.5 }], RangeError],
    ["negative timeoutMs", (refs: unknown[]) => [refs, { timeoutMs: -1 }], RangeError],
    ["a bare ref", (refs: unknown[]) => [refs[0], undefined], TypeError],
    ["no ref", (refs: unknown[]) => [[refs[0], "x"], undefined], TypeError],
    ["an unknown option", (refs: unknown[]) => [refs, { num_returns: 1 }], TypeError],
  ])("[SDK-14] throws for %s", async (_, args, error) => {
    const { grid, refs } = submitted(2);
    const loose = grid as unknown as { wait(...args: unknown[]): Promise<unknown> };
    await expect(loose.wait(...args(refs))).rejects.toBeInstanceOf(error);
  });

  it("[SDK-14] of nothing is nothing", async () => {
    expect(await openGrid().grid.wait([])).toEqual([[], []]);
  });
});

describe("the end", () => {
  it("[SDK-15] everything awaited rejects, and whatever is asked later", async () => {
    const { grid, host, refs, fail } = submitted(2);
    const awaited = [grid.get(refs), grid.wait(refs), grid.state.listTasks(), grid.getActor("x")];
    await settled();
    fail(new DisconnectedError("the link is gone"));
    for (const promise of awaited) await expect(promise).rejects.toThrow(new DisconnectedError("the link is gone"));
    await expect(grid.get(refs)).rejects.toBeInstanceOf(DisconnectedError);
    expect(() => grid.remote((n: number) => n)).toThrow(DisconnectedError);
    expect(() => grid.put(1)).toThrow(DisconnectedError);
    await expect(grid.cancel(refs[0] as ObjectRef<unknown>)).rejects.toBeInstanceOf(DisconnectedError);
    expect(host.waits).toEqual([true, true, false, false]);
  });

  it("[SDK-15] what was here already can still be read", async () => {
    const { grid, refs, receive, fail } = submitted(1);
    const got = grid.get(refs);
    await settled();
    receive(ready.value(one, 1));
    await got;
    fail(new DisconnectedError("gone"));
    expect(await grid.get(refs)).toEqual([1]);
  });

  it("[SDK-15] a refused submission fails its refs", async () => {
    const { grid, refs, receive } = submitted(1);
    const got = grid.get(refs);
    await settled();
    receive({ type: "refused", code: "PROTOCOL", message: "Cannot submit: too many", about: "jtest.1" });
    await expect(got).rejects.toThrow("Cannot submit: too many");
  });
});
