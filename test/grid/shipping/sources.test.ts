import { describe, expect, test } from "vitest";
import { describeFunction, refusal, travel, written } from "./travel.ts";

const collect = async (items: AsyncIterable<unknown> | Iterable<unknown>) => {
  const all: unknown[] = [];
  for await (const item of items) all.push(item);
  return all;
};

describe("functions", () => {
  const forms: [form: string, fn: Function, kind: string, args: unknown[], result: unknown][] = [
    ["an arrow", (a: number, b: number) => a + b, "function", [1, 2], 3],
    [
      "an arrow with a block",
      (a: number) => {
        return a * 2;
      },
      "function",
      [4],
      8,
    ],
    ["an arrow that returns an object", (a: number) => ({ a }), "function", [4], { a: 4 }],
    ["an async arrow", async (a: number) => a + 1, "function", [1], 2],
    [
      "a function expression",
      function (a: number) {
        return a - 1;
      },
      "function",
      [1],
      0,
    ],
    [
      "a named function expression",
      function minus(a: number) {
        return a - 1;
      },
      "function",
      [1],
      0,
    ],
    [
      "an async function",
      async function (a: number) {
        return (await Promise.resolve(a)) + 1;
      },
      "function",
      [1],
      2,
    ],
    ["a one-parameter arrow without parentheses", written("x => x * x"), "function", [3], 9],
    ["new Function", new Function("a", "b", "return a * b"), "function", [3, 4], 12],
    [
      "a function using arguments",
      function () {
        return arguments.length;
      },
      "function",
      [1, 2, 3],
      3,
    ],
    ["arguments in a default", written("function (a = arguments.length) { return a }"), "function", [], 0],
    [
      "this of a plain call is undefined",
      function (this: unknown) {
        return this;
      },
      "function",
      [],
      undefined,
    ],
  ];
  for (const [form, fn, kind, args, result] of forms) {
    test(`[SHIP-1] ${form} travels`, async () => {
      expect(describeFunction(fn).kind).toBe(kind);
      expect(await travel(fn)(...args)).toEqual(result);
    });
  }

  test("[SHIP-1] a generator travels", async () => {
    const fn = function* (n: number) {
      for (let i = 0; i < n; i++) yield i;
    };
    expect(describeFunction(fn).kind).toBe("generator");
    expect(await collect(travel(fn)(3))).toEqual([0, 1, 2]);
  });

  test("[SHIP-1] an async generator travels and counts as a generator", async () => {
    const fn = async function* (n: number) {
      for (let i = 0; i < n; i++) yield await Promise.resolve(i);
    };
    expect(describeFunction(fn).kind).toBe("generator");
    expect(await collect(travel(fn)(3))).toEqual([0, 1, 2]);
  });

  test("[SHIP-1] a declaration travels and calls itself by its own name", () => {
    function factorial(n: number): number {
      return n < 2 ? 1 : n * factorial(n - 1);
    }
    expect(travel(factorial)(5)).toBe(120);
    expect(describeFunction(factorial).definitions).toEqual([]);
  });
});

describe("names", () => {
  test("[SHIP-2] the name comes along, also for functions named by what held them", () => {
    const train = () => 1;
    const { name, source } = describeFunction(train);
    expect(name).toBe("train");
    expect(travel(train).name).toBe("train");
    expect(source).toContain("() => 1");
    expect(
      describeFunction(
        (
          () => () =>
            1
        )(),
      ).name,
    ).toBe("anonymous");
    expect(travel({ "two words": () => 1 }["two words"]).name).toBe("two words");
    expect(travel(Object.assign(Object.create(null), { ["__proto__x"]: () => 1 }).__proto__x).name).toBe("__proto__x");
    const Model = class {};
    expect(travel(Model).name).toBe("Model");
  });

  test("[SHIP-2] a class with a static name of its own is described without running it", () => {
    expect(describeFunction(written("class A { static name = 5 }")).name).toBe("anonymous");
    expect(describeFunction(written('class A { static get name() { throw new Error("no") } }')).name).toBe("anonymous");
  });

  test("[SHIP-2] an arrow that uses its own const means itself", () => {
    const fib = (n: number): number => (n < 2 ? n : fib(n - 1) + fib(n - 2));
    const portable = describeFunction(fib);
    expect(portable.source).toBe("fib");
    expect(travel(fib)(10)).toBe(55);
    expect(travel(fib).name).toBe("fib");
  });

  test("[SHIP-2] a class expression that uses its own const means itself", () => {
    const Point = class {
      x = 1;
      static make() {
        return new Point();
      }
    };
    expect(travel(Point)["make"]).toBeTypeOf("function");
    const Made = travel(Point);
    expect(Made.make()).toBeInstanceOf(Made);
  });

  test("[SHIP-2] a function may submit itself", () => {
    const calls: unknown[] = [];
    const grid = { remote: (fn: Function) => (calls.push(fn), "submitted") };
    const named = travel(written("function fact(n) { return grid.remote(fact) }"), {}, grid);
    const arrow = travel(written("(() => { const fact = (n) => grid.remote(fact); return fact })()"), {}, grid);
    expect([named(1), arrow(1)]).toEqual(["submitted", "submitted"]);
    expect(calls).toEqual([named, arrow]);
  });

  test("[SHIP-2] a name that every thread has is not taken for the function's own", () => {
    const api = { structuredClone: (x: unknown) => structuredClone(x) };
    expect(travel(api.structuredClone)({ a: 1 })).toEqual({ a: 1 });
  });

  test("[SHIP-2] a capture of the same name wins over the function's own", () => {
    const rate = written("(() => { const rate = () => rate; return rate })()");
    expect(travel(rate, { captures: { rate: 5 } })()).toBe(5);
  });
});

describe("methods", () => {
  const key = "computed";
  const holder = {
    add(a: number, b: number) {
      return a + b;
    },
    async later(a: number) {
      return a;
    },
    *few() {
      yield 1;
      yield 2;
    },
    async *fewLater() {
      yield 1;
    },
    "quoted name"(a: number) {
      return a;
    },
    [key](a: number) {
      return a + 1;
    },
    [Symbol.iterator]() {
      return 7;
    },
    12(a: number) {
      return a;
    },
    get(a: number) {
      return a;
    },
    async(a: number) {
      return a;
    },
    static(a: number) {
      return a;
    },
    function(a: number) {
      return a;
    },
    class(a: number) {
      return a;
    },
    __proto__x() {
      return 1;
    },
    get size() {
      return 1;
    },
    set size(_value) {},
    usesThis() {
      return this === undefined;
    },
    nestedSuper() {
      return {
        toString() {
          return super.toString();
        },
      }.toString();
    },
  };

  test("[SHIP-3] a method shorthand travels", () => expect(travel(holder.add)(1, 2)).toBe(3));
  test("[SHIP-3] so do async methods and generators", async () => {
    expect(await travel(holder.later)(3)).toBe(3);
    expect(await collect(travel(holder.few)())).toEqual([1, 2]);
    expect(await collect(travel(holder.fewLater)())).toEqual([1]);
    expect(describeFunction(holder.fewLater).kind).toBe("generator");
  });
  for (const name of ["quoted name", "12", "get", "async", "static", "function", "class"] as const) {
    test(`[SHIP-3] so does a method called ${name}`, () => {
      const fn = holder[name] ?? expect.fail();
      expect(travel(fn)(5)).toBe(5);
      expect(describeFunction(fn).name).toBe(name);
    });
  }
  test("[SHIP-3] a computed key stays behind, its value is the name", () => {
    expect(travel(holder.computed)(1)).toBe(2);
    expect(describeFunction(holder.computed).name).toBe("computed");
    expect(travel(holder[Symbol.iterator])()).toBe(7);
    const method = written("({ [`${prefix}er`](x) { return x } }).runner", { prefix: "runn" });
    expect(travel(method)(3)).toBe(3);
  });
  test("[SHIP-3] this is undefined, super inside an object of its own works", () => {
    expect(travel(holder.usesThis)()).toBe(true);
    expect(travel(holder.nestedSuper)()).toBe("[object Object]");
  });
  test("[SHIP-3] a method is not in scope under its own name", () => {
    const method = written("({ add(a) { return add(a) } }).add");
    expect(refusal(method).variables).toEqual(["add"]);
    expect(travel(method, { captures: { add: (a: number) => a + 1 } })(1)).toBe(2);
  });
  test("[SHIP-3] getters and setters are refused", () => {
    const { get, set } = Object.getOwnPropertyDescriptor(holder, "size") ?? {};
    expect(refusal(get ?? expect.fail()).message).toBe(
      'Cannot ship "get size": it is a getter, which only works on its object',
    );
    expect(refusal(set ?? expect.fail()).message).toContain("it is a setter");
  });
  test("[SHIP-3] a class's static method travels as a function", () => {
    class Sums {
      static add(a: number, b: number) {
        return a + b;
      }
      static async *count() {
        yield 1;
      }
    }
    expect(travel(Sums.add)(1, 2)).toBe(3);
    expect(describeFunction(Sums.count).kind).toBe("generator");
  });
  test("[SHIP-3] what only works inside its class is refused in plain words", () => {
    const parts = written(`(() => {
      class Base { static add() {} }
      return class A extends Base {
        #n = 1; static #m() { return 1 }
        static sup(a) { return super.add(a) }
        peek() { return this.#n }
        static hidden = A.#m
      }
    })()`);
    expect(refusal(parts.sup).message).toContain(
      "it uses super (line 1, column 17 of the function), a base that stays behind",
    );
    expect(refusal(parts.prototype.peek).message).toContain(
      "it uses #n (line 1, column 22 of the function), a private member of a class that stays behind",
    );
    expect(refusal(parts.hidden).message).toContain("it is a #private method, which only works in its class");
  });
});

describe("classes", () => {
  test("[SHIP-4] #private, statics, static blocks, computed keys and accessors survive", () => {
    const Counter = written(`class Counter {
      static #made = 0;
      static limit = 10;
      static { Counter.limit += 1; }
      #n = 0;
      ["in" + "c"]() { return ++this.#n; }
      get n() { return this.#n; }
      set n(value) { this.#n = value; }
      static has(x) { return #n in x; }
      static make() { Counter.#made++; return new this(); }
      static get made() { return Counter.#made; }
    }`);
    const Made = travel(Counter);
    const one = Made.make();
    expect([one.inc(), one.inc(), one.n, Made.limit, Made.made, Made.has(one), Made.has({})]).toEqual([
      1,
      2,
      2,
      11,
      1,
      true,
      false,
    ]);
    one.n = 9;
    expect(one.n).toBe(9);
  });

  test("[SHIP-4] class A { static #n = 0 }", () => {
    expect(travel(written("class A { static #n = 0; static next() { return ++A.#n } }"))["next"]).toBeTypeOf(
      "function",
    );
  });

  test("[SHIP-4] an anonymous class and a class extending a global travel", () => {
    const Stack = travel(written("class extends Array { top() { return this.at(-1) } }"));
    expect(Stack.from([1, 2, 3]).top()).toBe(3);
    const Failure = travel(written("class Failure extends Error { code = 5 }"));
    expect(new Failure("no")).toMatchObject({ message: "no", code: 5 });
    expect(Object.getPrototypeOf(travel(written("class A extends null {}")).prototype)).toBe(null);
  });

  test("[SHIP-4] super works inside, with and without a base", () => {
    const A = travel(written("class A { toString() { return super.toString() + 1 } static s = super.name }"));
    expect(String(new A())).toBe("[object Object]1");
  });

  test("[SHIP-5] public methods are listed: own, inherited, generators, function fields; no symbols, accessors or privates", () => {
    const Base = written("class Base { inherited(a, b = 1) {} over(a) {} hidden() {} }");
    const Model = written(
      `class Model extends Base {
        constructor(size, rate = 1) { super() }
        over(a, b) {}
        async fit(data) {}
        *batches() {}
        async *stream(n) {}
        #secret() {}
        get hidden() { return 1 }
        [Symbol.iterator]() {}
        field = async (a, b) => 1;
        gen = function* (a) {};
        plain = 5;
        static make() {}
      }`,
      { Base },
    );
    const portable = describeFunction(Model, { captures: { Base } });
    expect(portable.kind).toBe("class");
    expect(portable.requiredArguments).toBe(1);
    expect(portable.methods).toEqual([
      { name: "field", kind: "method", requiredArguments: 2 },
      { name: "gen", kind: "generator", requiredArguments: 1 },
      { name: "over", kind: "method", requiredArguments: 2 },
      { name: "fit", kind: "method", requiredArguments: 1 },
      { name: "batches", kind: "generator", requiredArguments: 0 },
      { name: "stream", kind: "generator", requiredArguments: 1 },
      { name: "inherited", kind: "method", requiredArguments: 1 },
    ]);
  });

  test("[SHIP-5] methods of a built-in base are listed and need no arguments", () => {
    const methods = describeFunction(written("class Store extends Map { total() {} }")).methods ?? [];
    expect(methods[0]).toEqual({ name: "total", kind: "method", requiredArguments: 0 });
    expect(methods).toContainEqual({ name: "set", kind: "method", requiredArguments: 0 });
  });
});

describe("required arguments", () => {
  const counts: [text: string, count: number][] = [
    ["(a, b) => 1", 2],
    ["(a, b = 1, c) => 1", 1],
    ["(...rest) => 1", 0],
    ["({ a }, [b]) => 1", 2],
    ["({ a } = {}) => 1", 0],
    ["function () {}", 0],
    ["class { constructor(a, b) {} }", 2],
    ["class {}", 0],
    ["class extends Array {}", 0],
    ["(a, b) => a + (b ?? 1)", 1],
    ["(a, b) => b === undefined ? a : void 0 != a", 0],
    ["(a, options) => a * options?.rate", 1],
    ["(a, done) => { done?.(a); if (!a.x) return }", 1],
    ["(a, b) => { b ||= 1; return a }", 1],
    ["(a, b) => { if (b) return a; return b + (c => c ? 1 : 2)(a) }", 1],
    ["(a, b) => (a ?? 1) + b", 2],
    ["({ fit(a, b) { return typeof b } }).fit", 1],
  ];
  for (const [text, count] of counts) {
    test(`[SHIP-6] ${text} needs ${count}`, () =>
      expect(describeFunction(written(text)).requiredArguments).toBe(count));
  }
  test("[SHIP-6] the same for methods", () => {
    const portable = describeFunction(
      written("class A { fit(data, options) { return options?.rate } ['x' + 1](a, b) {} }"),
    );
    expect(portable.methods?.map(({ name, requiredArguments }) => [name, requiredArguments])).toEqual([
      ["fit", 1],
      ["x1", 2],
    ]);
  });
  test("[SHIP-6] an inherited constructor's arguments count", () => {
    const Base = written("class { constructor(a, b) {} }");
    expect(
      describeFunction(written("class A extends Base {}", { Base }), { captures: { Base } }).requiredArguments,
    ).toBe(2);
  });
});

describe("refused sources", () => {
  test("[SHIP-7] native and bound functions are named", () => {
    expect(refusal(Math.max).message).toBe(
      'Cannot ship "max": it is built into the browser or the runtime and has no source to send. Wrap it in a function of your own: (...args) => max(...args)',
    );
    const add = (a: number) => a;
    expect(refusal(add.bind(null)).message).toContain(
      'Cannot ship "bound add": it was made by bind() and has no source to send',
    );
    expect(refusal(Map).message).toContain('Cannot ship "Map"');
    expect(refusal(new Proxy(add, {})).message).toContain("no source to send");
  });

  test("[SHIP-7] a toString of the user's own is not believed", () => {
    const fn = Object.assign(() => 1, { toString: () => "() => 2" });
    expect(travel(fn)()).toBe(1);
  });

  const forms: [text: string, form: string][] = [
    ["() => arguments.length", "arguments"],
    ["(a = arguments[0]) => a", "arguments"],
    ["() => this.x", "this"],
    ["() => () => this", "this"],
    ['() => eval("1")', "eval"],
  ];
  for (const [text, form] of forms) {
    test(`[SHIP-8] ${text} is refused`, () => {
      const error = refusal(written(`(function () { return ${text} })()`));
      expect(error.variables).toEqual([form]);
      expect(error.message).toContain(`it uses ${form} (line 1, column `);
    });
  }
  test("[SHIP-8] this in the head of a class is refused, in its body it is the class's own", () => {
    const makeClass = new Function("return class A extends this.Base { static a = this.b; b = this.c; [this.d]() {} }");
    expect(refusal(makeClass.call({ Base: Object })).variables).toEqual(["this"]);
    expect(travel(written("class A { static a = this; b = this }"))).toBeTypeOf("function");
  });
  test("[SHIP-8] new.target outside a function is refused", () => {
    const fn = new Function("return () => new.target").call(undefined);
    expect(refusal(fn).variables).toEqual(["new.target"]);
  });
  test("[SHIP-8] import.meta is refused", () => {
    expect(refusal(() => import.meta.url).variables).toEqual(["import.meta"]);
  });
  test("[SHIP-8] the same forms inside a function of their own are fine", () => {
    const fn = written(
      "function () { return [(() => arguments.length)(), (() => this)(), new.target, (0, eval)('1 + 1'), { arguments: 1 }.arguments] }",
    );
    expect(travel(fn)(1)).toEqual([1, undefined, undefined, 2, 1]);
  });
  test("[SHIP-8] a source nested too deeply is refused, not crashed on", () => {
    const fn = new Function(`return ${"1+".repeat(20_000)}1`);
    expect(refusal(fn).message).toContain("its source is nested too deeply to read");
  });
});
