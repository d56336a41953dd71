import { describe, expect, test } from "vitest";
import { newBlank, withBlanks } from "../../../grid/shipping/blank-instances.ts";
import { compile } from "../../../grid/shipping/compile.ts";
import { describeFunction, type Live, type Options, written } from "./travel.ts";

/** The class as it comes alive where its instances may be blanks. */
function travelled(cls: Function, options: Options = {}): Live {
  const { values, ...plain } = describeFunction(cls, options);
  return compile(withBlanks(plain), values)(undefined);
}

describe("an instance on which no constructor has done its work", () => {
  test("[SHIP-28] has #private members and the first values of fields, of the class and its captured bases", () => {
    const Base = written(`class Base {
      #secret = 1;
      constructor(secret) { this.#secret = secret; this.made = true; }
      get secret() { return this.#secret; }
      set secret(value) { this.#secret = value; }
      #double() { return this.#secret * 2; }
      doubled() { return this.#double(); }
    }`);
    const Derived = written(
      `class Derived extends Base {
        #own = "own";
        list = [];
        constructor(own) { if (own === undefined) throw new Error("no argument"); super(5); this.#own = own; }
        own() { return this.#own; }
      }`,
      { Base },
    );
    const Made = travelled(Derived, { captures: { Base } });
    const blank = newBlank(Made) as Live;
    expect([blank.secret, blank.doubled(), blank.own(), blank.list, blank.made]).toEqual([1, 2, "own", [], undefined]);
    expect(blank).toBeInstanceOf(Made);
    expect(blank.constructor).toBe(Made);
    blank.secret = 21;
    expect(blank.doubled()).toBe(42);
  });

  test("[SHIP-28] the class is what it was for everyone else", () => {
    const Node = written(`class Node {
      static made = 0;
      static { Node.first = new Node("first"); }
      children = [];
      constructor(name = "anonymous", { size = 1, ...rest } = {}, ...others) {
        Node.made++;
        Object.assign(this, { name, size, rest, others, count: arguments.length, target: new.target === Node });
      }
      child() { return new Node("child", { size: 3, more: true }, 1, 2); }
      isNode(other) { return other instanceof Node; }
    }`);
    const Made = travelled(Node);
    const blank = newBlank(Made) as Live;
    expect(Object.keys(blank)).toEqual(["children"]);
    expect(Made.made).toBe(1);
    const child = blank.child();
    const expected = { name: "child", size: 3, rest: { more: true }, others: [1, 2], count: 4, target: true };
    expect({ ...child }).toEqual({ children: [], ...expected });
    expect([blank.isNode(child), child.isNode(blank), Made.first.name, Made.made]).toEqual([true, true, "first", 2]);
    expect({ ...new Made() }).toMatchObject({ name: "anonymous", size: 1, count: 0 });
  });

  test("[SHIP-28] a field may make instances of the class's base, and they are whole", () => {
    const Base = written(`class Base { constructor(n) { this.n = n; } }`);
    const Derived = written(`class Derived extends Base { other = new Base(7); constructor() { super(1); } }`, {
      Base,
    });
    const blank = newBlank(travelled(Derived, { captures: { Base } })) as Live;
    expect([blank.n, blank.other.n]).toEqual([undefined, 7]);
  });

  test("[SHIP-28] a mixin's class, an anonymous one and one without a constructor leave it at that, too", () => {
    const mixin = written(
      `(Of) => class extends Of { mixed = 1; constructor(...args) { super(...args); this.done = 1; } }`,
    );
    const Plain = written(`class Plain { constructor() { this.plain = 1; } }`);
    const Top = written(`class Top extends mixin(Plain) { top = 2; }`, { mixin, Plain });
    expect({ ...newBlank(travelled(Top, { captures: { mixin, Plain } })) }).toEqual({ mixed: 1, top: 2 });
    expect({ ...newBlank(travelled(written(`class { a = 1; constructor() { this.b = 2; } }`))) }).toEqual({ a: 1 });
  });

  test("[SHIP-28] the built-in base of a class has made it", () => {
    const Listed = written(`class Listed extends Map { constructor(entries) { super(entries); this.size2 = 2; } }`);
    const blank = newBlank(travelled(Listed)) as Live;
    expect(blank.set("a", 1).get("a")).toBe(1);
    expect(blank.size2).toBe(undefined);
  });

  test("[SHIP-28] lines stay where they were", () => {
    const Thrower = written(
      "class Thrower {\n  constructor({\n    a,\n    b,\n  }) {\n    this.a = a + b;\n  }\n  go() {\n    throw new Error('line 9');\n  }\n}",
    );
    try {
      (newBlank(travelled(Thrower)) as Live).go();
      expect.unreachable();
    } catch (error) {
      expect((error as Error).stack).toMatch(/tabgrid\/Thrower\.js:9:/);
    }
  });

  test("[SHIP-28] shipped on from there and come alive again, it is made the same way", () => {
    const Cell = written(`class Cell { #v = 1; constructor(v) { this.#v = v; } get() { return this.#v; } }`);
    const again = travelled(travelled(Cell));
    expect([(newBlank(again) as Live).get(), new again(5).get()]).toEqual([1, 5]);
    expect(String(again).match(/new\.target/g)).toHaveLength(1);
  });
});
