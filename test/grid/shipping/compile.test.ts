import { describe, expect, test } from "vitest";
import { compile, scopeOf } from "../../../grid/shipping/compile.ts";
import { describeFunction, factoryOf, refusal, travel, written } from "./travel.ts";

describe("binding", () => {
  test("[SHIP-23] each call of the factory sees its own grid, also when they interleave", async () => {
    const factory = factoryOf(written("async (x) => { await null; return [grid, x, helper()] }"), {
      captures: { helper: written("() => grid", { grid: 0 }) },
    });
    const [one, two] = [factory("one"), factory("two")];
    expect(await Promise.all([one(1), two(2), one(3)])).toEqual([
      ["one", 1, "one"],
      ["two", 2, "two"],
      ["one", 3, "one"],
    ]);
  });

  test("[SHIP-23] definitions are fresh, values are shared", () => {
    const shared = { n: 1 };
    const factory = factoryOf(written("() => [C, shared]"), { captures: { C: class C {}, shared } });
    const [[a, x], [b, y]] = [factory(1)(), factory(1)()];
    expect(a).not.toBe(b);
    expect([x, y]).toEqual([shared, shared]);
    expect(x).toBe(shared);
  });

  test("[SHIP-24] line n of the function is line n of tabgrid/<name>.js", () => {
    const fn = written("function explode(x) {\n  const y = x;\n  throw new Error('no');\n}");
    for (const captures of [{}, { x: 1, unused: 2 }]) {
      expect(() => travel(fn, { captures })()).toThrow(
        expect.objectContaining({ stack: expect.stringContaining("tabgrid/explode.js:3:9") }),
      );
    }
    const helper = written("() => { throw new Error('in helper') }");
    expect(() =>
      travel(written("(() => { const outer = () => helper(outer); return outer })()"), { captures: { helper } })(),
    ).toThrow(expect.objectContaining({ stack: expect.stringMatching(/helper[^\n]*tabgrid\/outer\.js:\d+/) }));
    expect(() =>
      travel(Object.defineProperty(written("() => { throw new Error('no') }"), "name", { value: "a\n b*/" }))(),
    ).toThrow(expect.objectContaining({ stack: expect.stringContaining("tabgrid/a_b_.js:1") }));
  });

  test("[SHIP-25] strict, as modules are; sloppy only for what strict cannot read", () => {
    expect(travel(new Function("return this"))()).toBe(undefined);
    expect(() => travel(new Function("leak = 1"), { captures: {} })).toThrow("leak");
    const octal = new Function("return 010");
    expect(travel(octal)()).toBe(8);
  });

  test("[SHIP-25] a class may freeze itself", () => {
    expect(
      Object.isFrozen(
        travel(written("class A { static { Object.freeze(this) } m() { return K } }"), { captures: { K: 1 } }),
      ),
    ).toBe(true);
  });

  test("[SHIP-25] names the factory uses itself do not collide", () => {
    const captures = { $values: 1, $make: 2, $made: 3, $inherit: 4, $$values: 5, grid: 6 };
    expect(travel(written("() => [$values, $make, $made, $inherit, $$values, grid]"), { captures })()).toEqual([
      1, 2, 3, 4, 5, 6,
    ]);
  });

  test("[SHIP-25] a description with an impossible name is refused", () => {
    expect(() => compile({ name: "f", source: "() => 1", definitions: [] }, { "a;b": 1 })).toThrow(
      expect.objectContaining({ code: "PROTOCOL" }),
    );
    expect(() => compile({ name: "f", source: "() => {", definitions: [] }, {})).toThrow(SyntaxError);
  });
});

describe("nested shipping", () => {
  /** What a grid does inside a task: ships what it is given, with the scope of the task it belongs to. */
  function nestedGrid() {
    const grid = {
      task: undefined as Function | undefined,
      remote(fn: Function, options: { captures?: Record<string, unknown> } = {}) {
        const scope = grid.task === undefined ? undefined : scopeOf(grid.task);
        return travel(fn, { ...options, ...(scope === undefined ? {} : { scope }) }, grid);
      },
    };
    return grid;
  }
  function start(fn: Function, captures: Record<string, unknown>) {
    const grid = nestedGrid();
    const task = travel(fn, { captures }, grid);
    grid.task = task;
    return task;
  }

  test("[SHIP-26] a nested function finds the captures of the one around it", () => {
    const task = start(written("(n) => grid.remote((x) => x * K + add(x))(n)"), { K: 10, add: (x: number) => x + 1 });
    expect(task(2)).toBe(23);
  });

  test("[SHIP-26] captures are found as they are by then, helpers with their own variables, three levels down", () => {
    const task = start(written("(n) => { K++; return grid.remote((x) => helper(x) + K)(n) + (helper, 0) }"), {
      K: 10,
      helper: written("(x) => x * rate", { rate: 0 }),
      rate: 3,
    });
    expect(task(2)).toBe(6 + 11);
  });

  test("[SHIP-26] classes, helpers and the task itself can be shipped on", () => {
    const captures = written(
      "(() => { class A { a() { return 1 } } class B extends A { b() { return K } } return { A, B } })()",
      { K: 0 },
    );
    const task = start(
      written(
        "function task(n) { return n === 0 ? new (grid.remote(B))().b() + new B().a() : grid.remote(task)(n - 1) }",
      ),
      { ...captures, K: 5 },
    );
    expect(task(0)).toBe(6);
    expect(() => task(1)).not.toThrow();
  });

  test("[SHIP-26] explicit captures win over the scope", () => {
    expect(start(written("() => K + grid.remote(() => K, { captures: { K: 1 } })()"), { K: 10 })()).toBe(11);
  });

  test("[SHIP-26] a local variable of the function around is named", () => {
    const task = start(written("() => { const local = 1; return grid.remote((x) => x + local + K) }"), { K: 1 });
    expect(() => task()).toThrow(expect.objectContaining({ code: "CAPTURE", variables: ["local"] }));
  });

  test("[SHIP-26] a captured function from another scope brings its own meaning, or is refused when two clash", () => {
    const helper = factoryOf(written("() => () => rate"), { captures: { rate: 3 } });
    expect(scopeOf(helper(1))).toEqual({ rate: 3 });
    const origin = travel(written("(x) => x * rate"), { captures: { rate: 3 } });
    expect(travel(written("(x) => f(x)"), { captures: { f: origin } })(2)).toBe(6);
    expect(refusal(written("(x) => f(x) + rate"), { captures: { f: origin, rate: 4 } }).message).toContain('"rate"');
  });
});

describe("cost", () => {
  test("[SHIP-27] describing the same function again reads nothing again", () => {
    const fn = written("(x) => x * rate");
    describeFunction(fn, { captures: { rate: 1 } });
    const begun = performance.now();
    for (let i = 0; i < 10_000; i++) describeFunction(fn, { captures: { rate: i } });
    expect((performance.now() - begun) / 10_000).toBeLessThan(0.05);
  });
});
