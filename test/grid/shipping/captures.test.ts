import { describe, expect, test } from "vitest";
import { describeFunction, factoryOf, refusal, travel, written } from "./travel.ts";

describe("free variables", () => {
  // What the function uses from outside, of everything it mentions.
  const table: [text: string, free: string[]][] = [
    ["(x) => x + rate", ["rate"]],
    ["(x, y = rate) => x + y", ["rate"]],
    ["(rate) => rate", []],
    ["(x = () => rate) => { const rate = 1; return x }", ["rate"]],
    ["(x) => { const rate = 1; { let scale = rate; return scale } }", []],
    ["(x) => { { let rate = 1 } return rate }", ["rate"]],
    ["(x) => { for (const i of items) use(i) }", ["items", "use"]],
    ["(x) => { for (let i = 0; i < 3; i++); return i }", ["i"]],
    ["(x) => { hoisted(); function hoisted() {} }", []],
    ["(x) => { if (x) { var v = 1 } return v }", []],
    ["({ a, b: { c = d }, ...rest }, [e, , f]) => [a, c, rest, e, f]", ["d"]],
    ["(x) => { const { [key]: value } = x; return value }", ["key"]],
    ["(x) => { let a; ({ a, b: x.b, [k]: x.c = d } = x) }", ["k", "d"]],
    ["(x) => ({ rate, other: x.rate, rate2() { return x.rate }, [computed]: 1 })", ["rate", "computed"]],
    ["(x) => { loop: for (;;) { break loop } }", []],
    ["(x) => { try { x() } catch { return 1 } try { x() } catch ({ message }) { return message + e } }", ["e"]],
    ["(x) => { try { x() } catch (e) { return e } finally { done(e) } }", ["done", "e"]],
    ["(x) => `${rate} rate ${`${scale}`}`", ["rate", "scale"]],
    ["(x) => tag`a ${x}`", ["tag"]],
    ["(x) => { /* } rate { */ return '} scale {' + \"`\" + /[}/]other/.source // } last\n}", []],
    ["(x) => x?.rate?.[index]?.(more)", ["index", "more"]],
    [
      "(x) => class Inner extends Base { static s = stat; f = field; [key] = 1; #p = Inner; m() { return this.#p ?? m } }",
      ["Base", "stat", "field", "key", "m"],
    ],
    ["function self(n) { return n ? self(n - 1) : other }", ["other"]],
    ["(x) => { const f = function inner() { return inner }; return inner }", ["inner"]],
    ["(x) => { switch (x) { case one: let two = 1; return two } return two }", ["one", "two"]],
    [
      "async (x) => { for await (const a of stream) await (await import(spec, { with: attributes })).default }",
      ["stream", "spec", "attributes"],
    ],
    ["(x) => { count++; total += 1; last = x; [first] = x }", ["count", "total", "last", "first"]],
    ["(x) => { count ??= 1; delete x.y; void done }", ["count", "done"]],
    ["(x) => typeof rate", []],
    ["(x) => typeof rate === 'number' ? rate : 0", ["rate"]],
    ["(x) => undefined ?? NaN ?? Infinity ?? globalThis ?? self ?? grid", []],
    ["(x) => { label: { rate: for (;;) break rate } }", []],
    [
      "(x) => [Math, JSON, Intl, structuredClone, setTimeout, performance, crypto, TextEncoder, URL, Blob, ImageData, OffscreenCanvas, WebAssembly, console, atob, queueMicrotask, AbortController, ReadableStream, navigator, fetch, WebSocket, indexedDB, Temporal, SharedArrayBuffer]",
      [],
    ],
  ];
  for (const [text, free] of table) {
    test(`[SHIP-9] ${text} uses ${free.join(", ") || "nothing"} from outside`, () => {
      const fn = written(text, {});
      if (free.length === 0) expect(() => describeFunction(fn)).not.toThrow();
      else expect(refusal(fn).variables).toEqual(free);
    });
  }
});

describe("captures", () => {
  test("[SHIP-10] a captured value travels, one that is not used stays", () => {
    const rate = 2;
    const portable = describeFunction((x: number) => x * rate, { captures: { rate: 3, unused: new Map() } });
    expect(portable.values).toEqual({ rate: 3 });
    expect(travel((x: number) => x * rate, { captures: { rate: 3 } })(2)).toBe(6);
  });

  test("[SHIP-10] typeof alone needs no capture, but takes one", () => {
    const fn = written("() => typeof rate");
    expect(travel(fn)()).toBe("undefined");
    expect(travel(fn, { captures: { rate: 1 } })()).toBe("number");
  });

  test("[SHIP-10] captures win over globals, and over grid unless it is the grid", () => {
    const isGrid = { isGrid: true };
    const isOpaque = (value: unknown) => value === isGrid;
    expect(travel(written("() => fetch()"), { captures: { fetch: () => "fake" } })()).toBe("fake");
    expect(travel(written("() => grid"), { captures: { grid: [[0, 1]] } }, isGrid)()).toEqual([[0, 1]]);
    const portable = describeFunction(written("() => grid"), { captures: { grid: isGrid }, isOpaque });
    expect(portable.values).toEqual({});
    expect(travel(written("() => grid"), { captures: { grid: isGrid }, isOpaque }, "bound")()).toBe("bound");
  });

  test("[SHIP-11] captured functions travel with what they use, whatever their form", async () => {
    const helpers = written(`(() => {
      const scale = (x) => x * rate;
      function twice(x) { return scale(scale(x)) }
      const object = { async shout(x) { return String(x) + mark } };
      return { scale, twice, shout: object.shout };
    })()`);
    const fn = written("async (x) => shout(twice(x))");
    expect(await travel(fn, { captures: { ...helpers, rate: 3, mark: "!" } })(2)).toBe("18!");
  });

  test("[SHIP-11] mutual recursion works among captures", () => {
    const captures = written(
      "(() => { const even = (n) => n === 0 || odd(n - 1); function odd(n) { return n !== 0 && even(n - 1) } return { even, odd } })()",
    );
    expect(travel(written("(n) => even(n)"), { captures })(7)).toBe(false);
  });

  test("[SHIP-11] mutual recursion works between the function and a capture", () => {
    const { even, odd } = written(
      "(() => { const even = (n) => n === 0 || odd(n - 1); const odd = (n) => n !== 0 && even(n - 1); return { even, odd } })()",
    );
    expect(travel(even, { captures: { odd } })(10)).toBe(true);
    expect(travel(even, { captures: { odd, even } })(10)).toBe(true);
  });

  test("[SHIP-11] one function under two names stays one", () => {
    const f = () => 1;
    expect(travel(written("() => a === b && a()"), { captures: { a: f, b: f } })()).toBe(1);
  });

  test("[SHIP-11] a captured arrow means itself by its own name, also under another", () => {
    const fib = written("(() => { const fib = (n) => n < 2 ? n : fib(n - 1) + fib(n - 2); return fib })()");
    expect(travel(written("(n) => f(n)"), { captures: { f: fib } })(10)).toBe(55);
  });

  test("[SHIP-12] a class comes after its bases, however it is reached", () => {
    const made = written(`(() => {
      class Animal { speak() { return this.sound() } }
      class Dog extends Animal { sound() { return "woof" } }
      class Puppy extends Dog { sound() { return super.sound() + helper() } }
      const helper = () => new Dog().speak();
      return { Animal, Dog, Puppy, helper };
    })()`);
    const portable = describeFunction(written("() => new Puppy().speak()"), { captures: made });
    const order = portable.definitions.map(({ name }) => name);
    expect(order.indexOf("Animal")).toBeLessThan(order.indexOf("Dog"));
    expect(order.indexOf("Dog")).toBeLessThan(order.indexOf("Puppy"));
    expect(travel(written("() => new Puppy().speak()"), { captures: made })()).toBe("woofwoof");
  });

  test("[SHIP-12] what a static field calls is made before", () => {
    const made = written(
      `(() => {
      class Unit { static one = 1 }
      const build = () => [Unit.one, ...more()];
      const more = () => [Extra.value];
      class Extra { static value = 2 }
      class Table { static rows = build() }
      return { Unit, build, more, Extra, Table };
    })()`.replace(
        "class Extra { static value = 2 }\n      class Table",
        "class Extra { static value = 2 } class Table",
      ),
    );
    expect(travel(written("() => Table.rows"), { captures: made })()).toEqual([1, 2]);
  });

  test("[SHIP-12] a base that makes its own children works, as the function and as a capture", () => {
    const { Shape, Circle } = written(`(() => {
      class Shape { static of() { return new Circle() } static make = () => new Circle(); }
      class Circle extends Shape { area() { return 3 } }
      return { Shape, Circle };
    })()`);
    expect(travel(Shape, { captures: { Circle } }).of().area()).toBe(3);
    expect(travel(Circle, { captures: { Shape, Circle } }).make().area()).toBe(3);
    expect(
      travel(written("() => [Shape.of().area(), new Circle() instanceof Shape]"), { captures: { Shape, Circle } })(),
    ).toEqual([3, true]);
    expect(travel(written("() => [new Circle() instanceof Shape]"), { captures: { Circle, Shape } })()).toEqual([true]);
  });

  test("[SHIP-13] opaque captures stay values, even functions", () => {
    const remote = Object.assign(() => 1, { remote: () => 2 });
    const isOpaque = (value: unknown) => value === remote;
    const portable = describeFunction(written("() => [train, holder]"), {
      captures: { train: remote, holder: { train: remote } },
      isOpaque,
    });
    expect(portable).toMatchObject({ definitions: [], values: { train: remote, holder: { train: remote } } });
  });

  test("[SHIP-14] objects, arrays, Maps and Sets that hold functions travel", () => {
    const ops = {
      add: (a: number, b: number) => a + b,
      twice(x: number) {
        return this.add(x, x);
      },
      rate: -0,
      nested: [{ "odd key": (x: number) => x + 1, list: [1, 2], big: 3n, none: undefined, nil: null }],
      when: new Date(5),
      byName: new Map<unknown, unknown>([
        ["sub", (a: number, b: number) => a - b],
        ["n", 1],
      ]),
      all: new Set([(x: number) => x]),
      empty: {},
    };
    const fn = written(
      "(a) => [ops.add(a, 1), ops.twice(a), ops.rate, ops.nested[0]['odd key'](a), ops.nested[0].list, ops.nested[0].big, ops.when.getTime(), ops.byName.get('sub')(a, 1), [...ops.all][0](a), ops.add.name, ops.empty, 'none' in ops.nested[0]]",
    );
    expect(travel(fn, { captures: { ops } })(2)).toEqual([3, 4, -0, 3, [1, 2], 3n, 5, 1, 2, "add", {}, true]);
    const portable = describeFunction(fn, { captures: { ops } });
    expect(Object.values(portable.values)).toEqual([[1, 2], new Date(5)]);
  });

  test("[SHIP-14] a plain value is left alone: same object, getters not called", () => {
    const value = {
      get boom(): never {
        throw new Error("called");
      },
      cyclic: {} as object,
    };
    value.cyclic = value;
    expect(describeFunction(written("() => value"), { captures: { value } }).values["value"]).toBe(value);
  });

  test("[SHIP-14] what cannot be written down is refused with its path", () => {
    const cyclic: Record<string, unknown> = { f: () => 1 };
    cyclic["self"] = { back: cyclic };
    expect(refusal(written("() => cyclic"), { captures: { cyclic } }).message).toContain(
      '"cyclic.self.back", which it captures, holds functions and refers to itself',
    );
    expect(
      refusal(written("() => o"), {
        captures: {
          o: {
            f: () => 1,
            get x() {
              return 1;
            },
          },
        },
      }).message,
    ).toContain('"o.x", which it captures, is a getter');
    expect(refusal(written("() => o.list"), { captures: { o: { list: [Math.max] } } }).message).toContain(
      '"o.list[0]", which it captures, cannot travel: it is built into the browser',
    );
    const missing = refusal(written("() => o.a.add(1)"), {
      captures: { o: { a: { add: written("(() => { const add = (x) => x * rate; return add })()") } } },
    });
    expect(missing.message).toContain('it uses "rate" (line 1, column 12 of "add", captured as "o.a.add")');
  });

  test("[SHIP-15] assigning to a capture changes a copy, and is reported", () => {
    const fn = written("() => { count++; total += count; list.push(1); return [count, total, list.length] }");
    const captures = { count: 1, total: 0, list: [] };
    expect(describeFunction(fn, { captures }).written).toEqual(["count", "total"]);
    const factory = factoryOf(fn, { captures });
    const first = factory(1);
    expect([first(), first(), factory(1)()]).toEqual([
      [2, 2, 1],
      [3, 5, 2],
      [2, 2, 3],
    ]);
    expect(captures.count).toBe(1);
  });

  test("[SHIP-16] the description depends on function and captures only", () => {
    const text = "(x) => helper(x) * rate + ops.add(x, 1)";
    const captures = { rate: 1, helper: (x: number) => x, ops: { add: (a: number, b: number) => a + b } };
    const { ops, helper, rate } = captures;
    const one = JSON.stringify(describeFunction(written(text), { captures }));
    const two = JSON.stringify(describeFunction(written(text), { captures: { ops, unused: 1, helper, rate } }));
    expect(one).toBe(two);
    expect(JSON.parse(one).definitions.map((definition: { name: string }) => definition.name)).toEqual([
      "helper",
      "ops",
    ]);
  });

  test("[SHIP-16] the order of captures follows first use", () => {
    const portable = describeFunction(written("() => [b, a, c()]"), {
      captures: { a: 1, b: 2, d: 4, c: written("() => d", { d: 4 }) },
    });
    expect(Object.keys(portable.values)).toEqual(["b", "a", "d"]);
  });
});
