import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { ObjectFreedError } from "../../protocol/errors.ts";
import type { ObjectRef } from "../../grid/types.ts";
import { object, openGrid, ready, settled } from "./memory-host.ts";
import { encodeResult } from "../../grid/values.ts";

const one = object("jtest.1");

describe("ObjectRef", () => {
  it("[SDK-17] is no thenable, and safe to print and to turn into JSON", async () => {
    const { grid } = openGrid();
    const ref = grid.put(1);
    expect("then" in ref).toBe(false);
    expect(await Promise.resolve(ref)).toBe(ref);
    expect(JSON.stringify({ ref })).toBe('{"ref":{"objectRef":"jtest.1:0"}}');
    expect(inspect(ref)).toBe("ObjectRef(jtest.1:0)");
    expect(Object.prototype.toString.call(ref)).toBe("[object ObjectRef]");
  });

  it("[SDK-18] disposing of the last handle releases the object, in one message with its neighbours", async () => {
    const { grid, host } = openGrid();
    const refs = grid.remote((n: number) => n).map([1, 2, 3]);
    for (const ref of refs) ref[Symbol.dispose]();
    refs[0]?.[Symbol.dispose]();
    await settled();
    expect(host.all("release")).toEqual([{ type: "release", ids: ["jtest.1:0", "jtest.2:0", "jtest.3:0"] }]);
    await expect(grid.get(refs[0] as ObjectRef<number>)).rejects.toBeInstanceOf(ObjectFreedError);
    expect(() => grid.remote((n: unknown) => n).remote(refs[0])).toThrow(ObjectFreedError);
  });

  it("[SDK-18] handles on the same id share a count, and hold is said once", async () => {
    const { grid, host, receive } = openGrid();
    const outer = grid.remote((): unknown => 0).remote();
    const inner = openGrid({ jobId: "jother" }).grid.put(1);
    const { bytes, refs } = encodeResult(grid, [inner, { inner }], "result");
    expect(refs).toEqual([inner.id]);
    const got = grid.get(outer);
    await settled();
    receive({ type: "ready", objects: [{ type: "value", id: one, value: { type: "inline", bytes, refs } }] });
    const [a, { inner: same }] = (await got) as [ObjectRef<number>, { inner: ObjectRef<number> }];
    const [b] = (await grid.get(outer)) as [ObjectRef<number>];
    await settled();
    expect(host.all("hold")).toEqual([{ type: "hold", ids: ["jother.1:0"] }]);
    expect(same).toBe(a);
    a[Symbol.dispose]();
    await settled();
    expect(host.all("release")).toEqual([]);
    b[Symbol.dispose]();
    await settled();
    expect(host.last("release").ids).toEqual(["jother.1:0"]);
  });

  it("[SDK-18] an object is released only after the refs inside its value are held", async () => {
    const { grid, host, receive } = openGrid();
    const outer = grid.remote((): unknown => 0).remote();
    const inner = openGrid({ jobId: "jother" }).grid.put(1);
    const { bytes, refs } = encodeResult(grid, [inner], "result");
    const got = grid.get(outer);
    outer[Symbol.dispose]();
    await settled();
    expect(host.all("release")).toEqual([]);
    receive({ type: "ready", objects: [{ type: "value", id: one, value: { type: "inline", bytes, refs } }] });
    await got;
    await settled();
    expect(host.types.slice(-2)).toEqual(["hold", "release"]);
  });

  it("[SDK-18] handles that are collected are released", async () => {
    setFlagsFromString("--expose-gc");
    const gc = runInNewContext("gc") as () => void;
    const { grid, host } = openGrid();
    const kept = grid.put(0);
    (() => {
      for (let i = 0; i < 100; i++) grid.put(i);
    })();
    for (let tries = 0; tries < 50 && host.all("release").length === 0; tries++) {
      gc();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const released = host.all("release").flatMap(({ ids }) => ids);
    expect(released.length).toBeGreaterThan(50);
    expect(released).not.toContain(kept.id);
  });

  it("[SDK-18] a task's grid leaves it to the end of the task", async () => {
    const { grid, host } = openGrid({ isLasting: false });
    const ref = grid.put(1);
    ref[Symbol.dispose]();
    await settled();
    expect(host.types).toEqual(["put", "release"]);
  });

  it("a late answer for a released object is ignored", async () => {
    const { grid, receive } = openGrid();
    grid.put(1)[Symbol.dispose]();
    expect(() => receive(ready.value(one, 1))).not.toThrow();
  });
});
