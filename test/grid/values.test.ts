import { describe, expect, it } from "vitest";
import {
  decodeArguments,
  decodeFunctionDefinition,
  encodeFunctionDefinition,
  encodeResult,
} from "../../grid/values.ts";
import { toPortable } from "../../grid/shipping/portable.ts";
import type { ActorClass, ActorHandle, Grid, ObjectRef, RemoteFunction, RemoteGenerator } from "../../grid/types.ts";
import { CaptureError, ProtocolError } from "../../protocol/errors.ts";
import { openGrid, settled } from "./memory-host.ts";
import { encodeValue, joinSegments } from "../../protocol/payload.ts";

/** In scope where a shipped function runs, and nowhere here. */
declare const grid: Grid;

/** `value` as it arrives in `to`. */
function sent<T>(value: T, from: Grid, to: Grid): T {
  return decodeArguments(to, encodeResult(from, [value], "result").bytes, new Map())[0] as T;
}
const double = (n: number): number => n * 2;
class Counter {
  add(by: number): number {
    return by;
  }
}

describe("the grid's own things inside values", () => {
  it("[SDK-32] a grid becomes the one that receives it", () => {
    const [here, there] = [openGrid(), openGrid({ jobId: "jother" })];
    expect(sent({ grid: here.grid }, here.grid, there.grid).grid).toBe(there.grid);
  });

  it("[SDK-32] a remote function submits for the one that receives it, with its options", async () => {
    const [here, there] = [openGrid(), openGrid({ jobId: "jother" })];
    const remote = sent(here.grid.remote(double, { name: "twice", priority: 3 }), here.grid, there.grid);
    expect(remote.remote(1).id).toBe("jother.1:0");
    await settled();
    expect(here.host.types).toEqual(["define"]);
    expect(there.host.types).toEqual(["submit"]);
    expect(there.host.last("submit").spec).toMatchObject({
      name: "twice",
      priority: 3,
      functionId: here.host.last("define").functionId,
    });
    expect(() => (remote as unknown as RemoteFunction<[], number>).remote()).toThrow("takes 1 argument");
    await expect(remote.local(1)).rejects.toThrow(/source stayed/);
    expect(() => remote.options({ captures: {} })).toThrow(TypeError);
  });

  it("[SDK-32] so do generators and classes", async () => {
    const [here, there] = [openGrid(), openGrid({ jobId: "jother" })];
    const things: [RemoteGenerator<[], number>, ActorClass<typeof Counter>] = [
      here.grid.remote(function* () {
        yield 1;
      }),
      here.grid.remote(Counter, { name: "c" }),
    ];
    const [generator, cls] = sent(things, here.grid, there.grid);
    expect(generator.remote().completed.id).toBe("jother.1:0");
    const counter: ActorHandle<Counter> = cls.remote();
    counter.add.remote(1);
    await settled();
    expect(there.host.types).toEqual(["submit", "create-actor", "submit"]);
    expect(there.host.last("create-actor").spec).toMatchObject({ name: "c", className: "Counter" });
  });

  it("[SDK-32] refs that a function captures are held by every task that uses it, there too", async () => {
    const [here, there] = [openGrid(), openGrid({ jobId: "jother" })];
    const table = here.grid.put([1]);
    const remote = here.grid.remote(async () => (await table.get()).length, { captures: { table } });
    remote.remote();
    await settled();
    expect(here.host.last("submit").tasks[0]?.holds).toEqual([table.id]);
    expect(encodeResult(here.grid, remote, "result").refs).toEqual([table.id]);
    sent(remote, here.grid, there.grid).remote();
    await settled();
    expect(there.host.last("submit").tasks[0]?.holds).toEqual([table.id]);
  });

  it("[SDK-33] tokens that make no sense are refused", () => {
    const { grid } = openGrid();
    class Forged {}
    for (const token of [
      { kind: "ref" },
      { kind: "actor", actorId: "a" },
      { kind: "function", functionId: "f", name: "f", holds: [], options: { bad: 1 } },
      { kind: "root-shell" },
      { kind: "error", code: "NOPE" },
    ]) {
      const bytes = joinSegments(encodeValue([new Forged()], { hooks: { tokenOf: () => token } }));
      expect(() => decodeArguments(grid, bytes, new Map())).toThrow(
        token.kind === "function" ? TypeError : ProtocolError,
      );
    }
  });
});

describe("functions on the way", () => {
  function shipped(
    grid: Grid,
    fn: Function,
    captures: Readonly<Record<string, unknown>> = {},
  ): ReturnType<typeof decodeFunctionDefinition> {
    const portable = toPortable(fn, {
      captures,
      what: "test",
      isOpaque: (value) => value === grid || typeof value === "object",
    });
    return decodeFunctionDefinition(encodeFunctionDefinition(grid, portable).bytes);
  }

  it("[SDK-34] the same function with the same captures gives the same bytes", () => {
    const { grid } = openGrid();
    const portable = (rows: unknown): Uint8Array =>
      encodeFunctionDefinition(
        grid,
        toPortable(() => rows, { captures: { rows }, what: "test" }),
      ).bytes;
    expect(portable([1, { a: 2 }])).toEqual(portable([1, { a: 2 }]));
    expect(portable([1])).not.toEqual(portable([2]));
  });

  it("[SDK-34] runs with its captures, compiled once for many grids", () => {
    const here = openGrid();
    const definition = shipped(here.grid, (n: number) => n + by.amount, { by: { amount: 3 } });
    const [a, b] = [openGrid(), openGrid()];
    expect(definition.compile(a.grid)(1)).toBe(4);
    expect(definition.compile(b.grid)(2)).toBe(5);
    expect(definition.portable.requiredArguments).toBe(1);
  });
  const by = { amount: 0 };

  it("[SDK-35] `grid` in it is the executing one, and so are captured refs, handles, functions and the grid", async () => {
    const here = openGrid();
    const captures = {
      table: here.grid.put(1),
      twice: here.grid.remote(double),
      my: here.grid,
      counter: here.grid.remote(Counter).remote(),
    };
    const { table, twice, my, counter } = captures;
    const definition = shipped(
      here.grid,
      () => ({ grid, my, table, refs: [twice.remote(1), counter.add.remote(1)] }),
      captures,
    );
    for (const jobId of ["ja", "jb"]) {
      const thread = openGrid({ jobId, isLasting: false });
      const seen = definition.compile(thread.grid)() as {
        grid: Grid;
        my: Grid;
        table: ObjectRef<number>;
        refs: ObjectRef<number>[];
      };
      expect(seen.grid).toBe(thread.grid);
      expect(seen.my).toBe(thread.grid);
      expect(seen.table.id).toBe(table.id);
      expect(seen.refs.map(({ id }) => id)).toEqual([`${jobId}.1:0`, `${jobId}.2:0`]);
      await settled();
      expect(thread.host.types).toEqual(["hold", "submit", "submit"]);
    }
  });
  it("[SDK-36] a function written inside it is shipped on with the same captures", () => {
    const here = openGrid();
    const rate = 3;
    const outer = (): unknown => grid.remote((n: number) => n * rate);
    const thread = openGrid({ isLasting: false });
    const run = shipped(here.grid, outer, { rate }).compile(thread.grid);
    expect(() => run()).not.toThrow();
    expect(() => openGrid().grid.remote((n: number) => n * rate)).toThrow(CaptureError);
  });
});
