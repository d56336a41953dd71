import { describe, expect, it } from "vitest";
import { ObjectTooLargeError, SerializationError } from "../../protocol/errors.ts";
import { limits } from "../../protocol/limits.ts";
import { decodeValue, encodeValue, joinSegments } from "../../protocol/payload.ts";

function refusalOf(value: unknown, root = "argument 1"): SerializationError {
  try {
    encodeValue(value, { root });
  } catch (error) {
    if (error instanceof SerializationError) return error;
    throw error;
  }
  throw new Error("it was copied");
}

async function* stream(): AsyncGenerator<number> {
  yield 1;
}

describe("what cannot be copied", () => {
  const things: readonly [name: string, make: () => unknown, reason: string][] = [
    ["a function", () => () => 1, "it is a function. Make it a remote function or list it in captures."],
    ["a class", () => class A {}, "it is a function. Make it a remote function or list it in captures."],
    ["a symbol", () => Symbol("s"), "it is a symbol. Symbols mean nothing in another thread: send a string."],
    [
      "a boxed symbol",
      () => Object(Symbol("s")),
      "it is a Symbol. Symbols mean nothing in another thread: send a string.",
    ],
    ["a promise", () => Promise.resolve(), "it is a Promise. Await it first."],
    [
      "a subclass of Promise",
      () => new (class Later extends Promise<void> {})(() => {}),
      "it is a Promise. Await it first.",
    ],
    ["a WeakMap", () => new WeakMap(), "it is a WeakMap. Send a Map."],
    ["a WeakSet", () => new WeakSet(), "it is a WeakSet. Send a Set."],
    ["a WeakRef", () => new WeakRef({}), "it is a WeakRef. Send what it refers to."],
    ["a generator", () => (function* () {})(), "it is a Generator. Send an array: [...it]."],
    ["an async generator", () => stream(), "it is an AsyncGenerator. Send plain data taken from it."],
    ["an iterator", () => [1].values(), "it is an Array Iterator. Send an array: [...it]."],
    ["a URL", () => new URL("http://a/"), "it is a URL. Send its href."],
    ["URLSearchParams", () => new URLSearchParams(), "it is a URLSearchParams. Send its text: String(it)."],
    ["a Blob", () => new Blob([]), "it is a Blob. Send its bytes: await it.arrayBuffer()."],
    ["Headers", () => new Headers(), "it is a Headers. Send an object: Object.fromEntries(it)."],
    ["an AbortSignal", () => new AbortController().signal, "it is an AbortSignal. Send plain data taken from it."],
    ["a formatter", () => new Intl.NumberFormat(), "it is an Intl.NumberFormat. Send plain data taken from it."],
    [
      "a module of WebAssembly",
      () => new WebAssembly.Memory({ initial: 0 }),
      "it is a WebAssembly.Memory. Send plain data taken from it.",
    ],
  ];
  for (const [name, make, reason] of things) {
    it(`[VALUE-8] ${name}, with its path and what to do`, () => {
      const error = refusalOf({ rows: [0, 1, 2, { callback: make() }] });
      expect(error.path).toBe("argument 1.rows[3].callback");
      expect(error.message).toBe(`Cannot copy argument 1.rows[3].callback: ${reason}`);
      expect(error.code).toBe("SERIALIZATION");
    });
  }

  it("[VALUE-8] a user's class may have any toStringTag, and may be global", () => {
    class Vector {
      readonly x = 1;
      readonly [Symbol.toStringTag] = "Promise";
      get length(): number {
        return 1;
      }
    }
    Object.defineProperty(Vector.prototype, Symbol.toStringTag, { value: "Vector" });
    Object.assign(globalThis, { Vector });
    try {
      expect(decodeValue(joinSegments(encodeValue(new Vector())))).toEqual({ x: 1 });
    } finally {
      Reflect.deleteProperty(globalThis, "Vector");
    }
  });
});

describe("paths", () => {
  const bad = (): void => {};
  const paths: readonly [value: unknown, path: string][] = [
    [bad, "argument 1"],
    [[bad], "argument 1[0]"],
    [[1, 2, 3, 4, 5, 6, 7, 8, bad], "argument 1[8]"],
    [[1, 2, 3, 4, 5, 6, 7, 8, 9, { x: bad }, 10], "argument 1[9].x"],
    [Object.assign([], { 5_000: bad }), "argument 1[5000]"],
    [{ a: { b: { c: bad } }, d: 1 }, "argument 1.a.b.c"],
    [{ "two words": bad }, 'argument 1["two words"]'],
    [{ ["k".repeat(100)]: bad }, `argument 1["${"k".repeat(40)}…"]`],
    [new Map([["key", { a: bad }]]), 'argument 1.get("key").a'],
    [new Map([[5, [bad]]]), "argument 1.get(5)[0]"],
    [new Map([[{}, bad]]), "argument 1.get(…)"],
    [new Map([[{ a: bad }, 1]]), "argument 1.keys().a"],
    [new Set([1, { a: bad }]), "argument 1.values()[1].a"],
    [new Error("e", { cause: { why: bad } }), "argument 1.cause.why"],
    [new AggregateError([new Error("e"), bad]), "argument 1.errors[1]"],
    [Object.assign(new Error("e"), { retry: bad }), "argument 1.retry"],
    [
      new (class Model {
        readonly layers = [{ activation: bad }];
      })(),
      "argument 1.layers[0].activation",
    ],
    [Object.assign(["x"], { index: 0, more: bad }), "argument 1.more"],
    [{ ...Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`k${i}`, i])), last: bad }, "argument 1.last"],
  ];
  for (const [value, path] of paths) {
    it(`[VALUE-8] ${path}`, () => {
      expect(refusalOf(value).path).toBe(path);
      // The next sibling's path does not depend on what was visited before it.
      expect(refusalOf([{ fine: [1, { a: 2 }] }, new Map([["x", [1]]]), value]).path).toBe(
        path.replace("argument 1", "argument 1[2]"),
      );
    });
  }

  it("[VALUE-8] the path of what is written later is whole, and the message short", () => {
    let value: unknown = { bad, after: 1 };
    let path = "";
    for (let i = 349; i >= 0; i--) {
      value = i % 2 === 1 ? { before: [1], [`k${i}`]: value } : [{}, value, 3];
      path = (i % 2 === 1 ? `.k${i}` : "[1]") + path;
    }
    const error = refusalOf(value, "result");
    expect(error.path).toBe(`result${path}.bad`);
    expect(error.message.length).toBeLessThan(300);
  });

  it("[VALUE-8] many siblings that are written later share their way", () => {
    let value: unknown = Array.from({ length: 50_000 }, (_, i) => [i === 49_999 ? bad : i]);
    for (let i = 0; i < 99; i++) value = [value];
    expect(refusalOf(value).path).toBe(`argument 1${"[0]".repeat(99)}[49999][0]`);
  });

  it("[VALUE-8] without a root the path begins with value", () => {
    expect(() => encodeValue([bad])).toThrow("Cannot copy value[0]: it is a function");
  });
});

describe("what throws while it is read", () => {
  it("[VALUE-9] a getter", () => {
    const cause = new RangeError("no such row");
    const error = refusalOf({
      rows: [
        {
          get total(): never {
            throw cause;
          },
        },
      ],
    });
    expect(error.message).toBe("Cannot copy argument 1.rows[0].total: reading it threw: no such row");
    expect(error.path).toBe("argument 1.rows[0].total");
    expect(error.cause).toBe(cause);
    expect(Object.keys(error)).not.toContain("cause");
  });

  it("[VALUE-9] a trap of a proxy, and a revoked proxy", () => {
    const cause = new Error("closed");
    const proxy = new Proxy(
      {},
      {
        ownKeys: () => {
          throw cause;
        },
      },
    );
    expect(refusalOf([proxy]).path).toBe("argument 1[0]");
    expect(refusalOf([proxy]).cause).toBe(cause);
    const revocable = Proxy.revocable({}, {});
    revocable.revoke();
    expect(refusalOf({ a: revocable.proxy }).path).toBe("argument 1.a");
  });

  it("[VALUE-9] an object that only pretends to be a built-in", () => {
    expect(refusalOf([Object.create(Date.prototype)]).path).toBe("argument 1[0]");
    expect(refusalOf([Object.create(Map.prototype)]).path).toBe("argument 1[0]");
    expect(refusalOf([Object.create(Uint8Array.prototype)]).path).toBe("argument 1[0]");
  });

  it("[VALUE-9] a getter that never ends, and a stack that is nearly full", () => {
    const endless: object = {
      get a(): unknown {
        return (endless as { a: unknown }).a;
      },
    };
    expect(refusalOf(endless).path).toBe("argument 1.a");
    const seen = new Set<unknown>();
    const dive = (): void => {
      try {
        dive();
        encodeValue({ a: [new Map([[1, { b: 2 }]])] });
      } catch (error) {
        seen.add((error as Error).constructor);
      }
    };
    dive();
    expect([...seen].every((Class) => Class === SerializationError || Class === RangeError)).toBe(true);
    expect(decodeValue(joinSegments(encodeValue({ fine: [1] })))).toEqual({ fine: [1] });
  });

  it("[VALUE-9] a typed array whose memory was transferred away is refused, not sent as empty", () => {
    const gone = new Float64Array(10);
    const alsoGone = gone.buffer;
    structuredClone(gone, { transfer: [gone.buffer] });
    expect(refusalOf({ samples: gone }).message).toBe(
      "Cannot copy argument 1.samples: its memory was transferred away. Copy it before you transfer it.",
    );
    expect(refusalOf([alsoGone]).path).toBe("argument 1[0]");
  });

  it("[VALUE-9] after a refusal the next value is whole", () => {
    const shared = { a: 1 };
    for (let i = 0; i < 100; i++) {
      expect(() => encodeValue([shared, { b: [new Map([[1, new Float64Array(200)]]), () => {}] }])).toThrow(
        SerializationError,
      );
      expect(decodeValue(joinSegments(encodeValue([shared, shared])))).toEqual([{ a: 1 }, { a: 1 }]);
    }
  });
});

describe("size", () => {
  const large: Readonly<Record<string, unknown>> = {
    text: "x".repeat(2_000),
    "many values": Array.from({ length: 2_000 }, () => ({ a: 1 })),
    "a typed array": new Float64Array(1_000),
    "many small typed arrays": Array.from({ length: 200 }, () => new Uint8Array(8)),
    numbers: Array.from({ length: 1_000 }, Math.sqrt),
  };
  for (const [name, value] of Object.entries(large)) {
    it(`[VALUE-10] ${name} over maxBytes is refused with the limit`, () => {
      expect(() => encodeValue(value, { root: "argument 2", maxBytes: 1_000 })).toThrow(ObjectTooLargeError);
      expect(() => encodeValue(value, { root: "argument 2", maxBytes: 1_000 })).toThrow(
        /^Cannot copy argument 2: it takes \d+ bytes or more, over the limit maxBytes \(1000\)$/,
      );
      const { byteLength } = encodeValue(value);
      expect(encodeValue(value, { maxBytes: byteLength }).byteLength).toBe(byteLength);
      expect(() => encodeValue(value, { maxBytes: byteLength - 1 })).toThrow(ObjectTooLargeError);
    });
  }

  it("[VALUE-10] without maxBytes the limit is objectBytes", () => {
    const half = new Uint8Array(limits.objectBytes / 2);
    expect(() => encodeValue([half, new Uint8Array(limits.objectBytes / 2)])).toThrow(/over the limit objectBytes/);
  });
});
