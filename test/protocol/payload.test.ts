import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { limits } from "../../protocol/limits.ts";
import { decodeValue, encodeValue, joinSegments, type PayloadHooks } from "../../protocol/payload.ts";

function copy(value: unknown, hooks?: PayloadHooks): unknown {
  return decodeValue(joinSegments(encodeValue(value, { hooks })), { hooks });
}

function copyOf<T>(value: T): T {
  return copy(value) as T;
}

class Point {
  x = 1;
  #secret = 2;
  readonly method = (): number => this.#secret;
}

const kept: Readonly<Record<string, unknown>> = {
  undefined: undefined,
  null: null,
  true: true,
  false: false,
  zero: 0,
  "-0": -0,
  NaN,
  Infinity,
  "-Infinity": -Infinity,
  "a fraction": 0.1,
  "the smallest double": Number.MIN_VALUE,
  "the largest double": Number.MAX_VALUE,
  "2 ** 53 + 2": 2 ** 53 + 2,
  "every width of int": [
    127, 128, -1, -16, -17, -128, -129, 0x7fff, 0x8000, -0x8000, -0x8001, 0x7fffffff, 0x80000000, -0x80000000,
    -0x80000001,
  ],
  "a packed array of int8": [1, -2, 3, -128, 127, 0, 5, 6, 7],
  "a packed array of int16": [1, -2, 300, -0x8000, 0x7fff, 0, 5, 6, 7],
  "a packed array of int32": [1, -2, 70_000, -0x80000000, 0x7fffffff, 0, 5, 6, 7],
  "a packed array of doubles": [1, 2, 3, 4, 5, 6, 7, 0.5, NaN, -0, Infinity],
  "a packed array with -0": [1, 2, 3, 4, 5, 6, 7, -0],
  "numbers and then something else": [1, 2, 3, 4, 5, 6, 7, 8, 9, "ten", 11],
  "numbers and then a hole": Object.assign([1, 2, 3, 4, 5, 6, 7, 8, 9], { length: 12 }),
  "an empty text": "",
  "short ASCII": "hello",
  "Latin-1": "Grüße aus Köln",
  "short Greek": "λόγος",
  "an emoji": "👩‍🚀",
  "text of 31, 32, 40 and 41 characters": [31, 32, 40, 41].map((length) => "x".repeat(length)),
  "long Latin-1": "é".repeat(100),
  "long text that grows the buffer": `${"a".repeat(40_000)}${"€".repeat(40_000)}`,
  "a text that begins with U+FEFF": `\ufeff${"x".repeat(100)}`,
  "NUL characters": "a\0b",
  "a short lone surrogate": "a\ud800b",
  "a long lone surrogate": `${"a".repeat(100)}\udc00`,
  "small BigInts": [0n, 1n, -1n, 2n ** 63n - 1n, -(2n ** 63n)],
  "large BigInts": [2n ** 63n, -(2n ** 63n) - 1n, 10n ** 500n, -(10n ** 500n)],
  "a date": new Date(1_700_000_000_123),
  "an invalid date": new Date(NaN),
  "a date before 1970": new Date(-1),
  "a RegExp": /a\/(?<name>b+)/giu,
  "an empty RegExp": new RegExp(""),
  "a map": new Map<unknown, unknown>([
    ["a", 1],
    [{ k: 1 }, new Map()],
    [NaN, -0],
  ]),
  "a set": new Set<unknown>([1, "1", { a: 1 }, new Set([1])]),
  "an empty array": [],
  "nested arrays": [[[]], [[1], [2, [3]]]],
  // oxlint-disable-next-line no-sparse-arrays -- holes are what is tested
  "a short array with holes": [, 1, , undefined, ,],
  "a long array with holes": Object.assign(
    Array.from({ length: 100 }, (_, i) => i),
    { length: 300 },
  ),
  "a sparse array": sparse(4_294_967_295, { 0: "first", 70_000: "middle", 4_294_967_294: "last" }),
  "only holes": new Array(1_000),
  "an empty object": {},
  "a nested object": { a: { b: { c: [{ d: 1 }] } } },
  "integer keys, in the order that objects have": { 10: "b", 2: "a", x: 1, "-1": 2 },
  "an empty key": { "": 1 },
  "keys with any text": { λ: 1, "a b": 2, "\ud800": 3, "👩‍🚀": 4, ["x".repeat(1_000)]: 5 },
  "keys that Object.prototype has": { constructor: 1, toString: 2, hasOwnProperty: 3 },
  "__proto__ as an own key": JSON.parse('{"__proto__": {"polluted": true}, "a": 1}'),
  "__proto__ in a dictionary": JSON.parse(
    `{"__proto__": 1, ${Array.from({ length: 300 }, (_, i) => `"k${i}": ${i}`).join()}}`,
  ),
  "a dictionary": Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`key ${i}`, i])),
  "two dictionaries with the same keys": [0, 1].map((n) =>
    Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`λ${i}`, n])),
  ),
  "more shapes than one byte names": Array.from({ length: 200 }, (_, i) => ({ [`k${i % 50}`]: i, shared: i })),
  "more shapes with one first key than are remembered": Array.from({ length: 100 }, (_, i) => ({
    id: i,
    [`k${i % 40}`]: i,
  })),
  "boxed primitives": [Object(1), Object(-0), Object("text"), Object(false), Object(5n)],
  "every class of error": [Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError].map(
    (Class) => new Class("m"),
  ),
  "an AggregateError": new AggregateError([new Error("one"), 2], "both"),
  "an error with a cause": new Error("outer", { cause: new TypeError("inner", { cause: "innermost" }) }),
  "an error with an undefined cause": new Error("m", { cause: undefined }),
  "an error with fields": Object.assign(new Error("m"), { code: "E_CODE", details: { a: [1] } }),
  "an error with a name of its own": Object.assign(new Error("m"), { name: "ValidationError" }),
  "an ArrayBuffer": new Uint8Array([1, 2, 3]).buffer,
  "an empty ArrayBuffer": new ArrayBuffer(0),
  "a DataView": new DataView(new Uint8Array([1, 2, 3]).buffer, 1),
  "every class of typed array": [
    new Int8Array([-1, 2]),
    new Uint8Array([1, 255]),
    new Uint8ClampedArray([1, 255]),
    new Int16Array([-1, 2]),
    new Uint16Array([1, 65_535]),
    new Int32Array([-1, 2]),
    new Uint32Array([1, 4_294_967_295]),
    new Float32Array([1.5, -0, NaN]),
    new Float64Array([1.5, -0, NaN]),
    new BigInt64Array([-1n, 2n]),
    new BigUint64Array([1n, 2n ** 64n - 1n]),
    ...halfFloats(),
  ],
  "empty typed arrays": [new Uint8Array(0), new Float64Array(0)],
  "a large typed array": Float64Array.from({ length: 10_000 }, Math.sqrt),
  "typed arrays large and small": [
    new Uint8Array(3),
    new Float64Array(1_000),
    new Uint8Array(1_025),
    new BigInt64Array(1),
    new Uint8Array(5_000),
  ],
  "a match": "the year 2026".match(/(?<year>\d+)/d),
};

/** Where the engine has them. */
function halfFloats(): object[] {
  const { Float16Array: Class } = globalThis as { readonly Float16Array?: new (numbers: readonly number[]) => object };
  return Class === undefined ? [] : [new Class([1.5, -0])];
}

function sparse(length: number, elements: Readonly<Record<number, unknown>>): unknown[] {
  return Object.assign([], elements, { length });
}

describe("values that survive exactly", () => {
  for (const [name, value] of Object.entries(kept)) {
    it(`[VALUE-1] ${name}`, () => {
      expect(difference(value, copy(value))).toBeUndefined();
      expect(difference([value, { value }, value], copy([value, { value }, value]))).toBeUndefined();
    });
  }

  it("[VALUE-1] any value that fast-check makes", () => {
    const anyText = fc.string({
      unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)),
      maxLength: 60,
    });
    const anything = fc.anything({
      key: fc.oneof(fc.string(), anyText, fc.constantFrom("__proto__", "constructor", "length", "a", "b")),
      values: [
        fc.boolean(),
        fc.integer(),
        fc.double(),
        fc.bigInt(),
        anyText,
        fc.string(),
        fc.constantFrom(undefined, null, -0, NaN),
      ],
      maxDepth: 4,
      withBigInt: true,
      withBoxedValues: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withNullPrototype: true,
      withSparseArray: true,
      withTypedArray: true,
      withUnicodeString: true,
    });
    fc.assert(
      fc.property(anything, (value) => {
        expect(difference(value, copy(value))).toBeUndefined();
      }),
      { numRuns: 2_000 },
    );
  });

  it("[VALUE-2] any graph keeps its identities", () => {
    const makers: readonly (() => object)[] = [
      () => ({}),
      () => [],
      () => new Map(),
      () => new Set(),
      () => new Error("e"),
    ];
    const graph = fc.record({
      nodes: fc.array(fc.nat(makers.length - 1), { minLength: 1, maxLength: 40 }),
      edges: fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 120 }),
    });
    fc.assert(
      fc.property(graph, ({ nodes, edges }) => {
        const objects = nodes.map((maker) => makers[maker]?.() ?? {});
        for (const [i, [from, to]] of edges.entries()) {
          link(objects[from % objects.length] ?? {}, `edge${i}`, objects[to % objects.length]);
        }
        expect(difference(objects, copy(objects))).toBeUndefined();
        expect(difference(objects[0], copy(objects[0]))).toBeUndefined();
      }),
      { numRuns: 1_000 },
    );
  });
});

function link(from: object, name: string, to: unknown): void {
  if (Array.isArray(from)) from.push(to);
  else if (from instanceof Map) from.set(name, to).set(to, name);
  else if (from instanceof Set) from.add(to);
  else Object.assign(from, { [name]: to });
}

describe("identity", () => {
  it("[VALUE-2] cycles through every container come back", () => {
    const object: Record<string, unknown> = {};
    const map = new Map<unknown, unknown>();
    const set = new Set<unknown>();
    const array: unknown[] = [];
    const error = new Error("e", { cause: object });
    Object.assign(object, { object, map, set, array, error });
    map.set(map, object).set("map", map);
    set.add(set).add(object);
    array.push(array, object);
    expect(difference(object, copy(object))).toBeUndefined();
  });

  it("[VALUE-2] shared dates, patterns, boxed values and buffers stay one", () => {
    const shared = [new Date(1), /a/, Object(1), new Uint8Array(4), new ArrayBuffer(8), new Float64Array(1_000)];
    const [first, second] = copyOf([shared.slice(), shared.slice()]);
    for (const [i, one] of (first ?? []).entries()) expect(second?.[i]).toBe(one);
  });

  it("[VALUE-2] equal objects that are not the same stay two", () => {
    const [a, b] = copyOf([{ x: 1 }, { x: 1 }]);
    expect(a).not.toBe(b);
  });

  it("[VALUE-2] more objects than are compared one by one keep identity", () => {
    const shared = Array.from({ length: 30 }, (_, i) => ({ i }));
    const copied = copyOf([shared, shared.toReversed()]);
    expect(copied[1]?.toReversed().every((object, i) => object === copied[0]?.[i])).toBe(true);
  });
});

describe("objects", () => {
  it("[VALUE-3] a class instance arrives as a plain object with its own enumerable fields", () => {
    class Vector extends Point {
      readonly y = 2;
      get length(): number {
        return 3;
      }
    }
    const vector: object = new Vector();
    Reflect.deleteProperty(vector, "method");
    expect(difference({ x: 1, y: 2 }, copy(vector))).toBeUndefined();
  });

  it("[VALUE-3] inherited fields, unenumerable fields and symbol keys stay behind", () => {
    const value = Object.assign(Object.create({ inherited: 1 }), { own: 2, [Symbol("s")]: 3 });
    Object.defineProperty(value, "hidden", { value: 4 });
    expect(difference({ own: 2 }, copy(value))).toBeUndefined();
    expect(difference([{ own: 2 }, { own: 2 }], copy([value, value])) === undefined).toBe(false);
  });

  it("[VALUE-3] a polluted Object.prototype is not copied into every object", () => {
    // oxlint-disable-next-line no-extend-native -- pollution is what is tested
    Object.defineProperty(Object.prototype, "pollution", {
      value: 1,
      enumerable: true,
      configurable: true,
      writable: true,
    });
    let copied: unknown[];
    try {
      copied = [copy({ a: 1 }), copy({})];
    } finally {
      Reflect.deleteProperty(Object.prototype, "pollution");
    }
    expect(copied.map((value) => Object.keys(value as object))).toEqual([["a"], []]);
  });

  it("[VALUE-3] a null prototype arrives as a plain object", () => {
    const value = Object.assign(Object.create(null), { a: 1 });
    expect(Object.getPrototypeOf(copy(value))).toBe(Object.prototype);
  });

  it("[VALUE-3] __proto__ is data and pollutes nothing", () => {
    const value = copy(JSON.parse('{"__proto__": {"polluted": true}}')) as object;
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
    expect(Object.hasOwn(value, "__proto__")).toBe(true);
    expect((value as { polluted?: boolean }).polluted).toBeUndefined();
  });

  it("[VALUE-3] values of another realm arrive as ours", () => {
    const foreign: unknown = runInNewContext(
      "({ map: new Map([[1, 2]]), date: new Date(5), error: new RangeError('far'), bytes: new Uint8Array([1]), array: [1], plain: {} })",
    );
    const copied = copy(foreign) as Record<string, unknown>;
    expect(copied["map"]).toEqual(new Map([[1, 2]]));
    expect(copied["date"]).toEqual(new Date(5));
    expect(copied["error"]).toBeInstanceOf(RangeError);
    expect(copied["bytes"]).toEqual(new Uint8Array([1]));
    expect(copied["array"]).toEqual([1]);
    expect(Object.getPrototypeOf(copied["plain"])).toBe(Object.prototype);
  });

  it("[VALUE-3] subclasses of built-ins arrive as the built-in", () => {
    class Dictionary extends Map<string, number> {}
    class Samples extends Float64Array {}
    class Rows extends Array<number> {}
    expect(copy(new Dictionary([["a", 1]]))).toEqual(new Map([["a", 1]]));
    expect(copy(new Samples([1, 2]))).toEqual(new Float64Array([1, 2]));
    expect(copy(Rows.of(1, 2))).toEqual([1, 2]);
  });

  it("[VALUE-3] a getter is read once, in fields, in elements and behind a proxy", () => {
    let reads = 0;
    const counted = {
      a: 1,
      get b() {
        return ++reads;
      },
      c: 3,
    };
    expect(copy([counted])).toEqual([{ a: 1, b: 1, c: 3 }]);
    const array = Array.from({ length: 10 }, (_, i) => i);
    Object.defineProperty(array, 5, { get: () => `read ${++reads}`, enumerable: true });
    expect(copy(array)).toEqual([0, 1, 2, 3, 4, "read 2", 6, 7, 8, 9]);
    const names: PropertyKey[] = [];
    const proxy = new Proxy({ x: 1, y: 2 }, { get: (target, name) => (names.push(name), Reflect.get(target, name)) });
    expect(copy(proxy)).toEqual({ x: 1, y: 2 });
    expect(names).toEqual(["x", "y"]);
  });

  it("[VALUE-3] a getter that changes its object does not derail the copy", () => {
    const shrinking: Record<string, unknown> = {
      get a() {
        delete shrinking["b"];
        return 1;
      },
      b: 2,
      c: 3,
    };
    expect(copy(shrinking)).toEqual({ a: 1, b: undefined, c: 3 });
    const growing: Record<string, unknown> = {
      get a() {
        growing["z"] = 9;
        return 1;
      },
      b: 2,
    };
    expect(copy(growing)).toEqual({ a: 1, b: 2 });
    const map = new Map<string, unknown>([
      [
        "a",
        {
          get grow() {
            map.set("z", 1);
            return 1;
          },
        },
      ],
      ["b", 2],
    ]);
    expect(copy(map)).toEqual(
      new Map<string, unknown>([
        ["a", { grow: 1 }],
        ["b", 2],
      ]),
    );
  });

  it("[VALUE-3] a getter may itself encode a value", () => {
    const value = {
      before: [1, "x"],
      get inner() {
        return copy({ before: [2], deep: { a: 1 } });
      },
      after: { a: 2 },
    };
    expect(copy([value, { a: 3 }])).toEqual([
      { before: [1, "x"], inner: { before: [2], deep: { a: 1 } }, after: { a: 2 } },
      { a: 3 },
    ]);
  });
});

describe("errors as values", () => {
  it("[VALUE-4] a built-in class comes back as itself, any other name as Error with that name", () => {
    class ValidationError extends TypeError {
      override readonly name = "ValidationError";
      readonly field = "age";
    }
    const copied = copyOf(new ValidationError("too young"));
    expect(copied).toBeInstanceOf(Error);
    expect(Object.getPrototypeOf(copied)).toBe(Error.prototype);
    expect([copied.name, copied.message, copied.field, String(copied)]).toEqual([
      "ValidationError",
      "too young",
      "age",
      "ValidationError: too young",
    ]);
    expect(Object.keys(copied)).toEqual(["field"]);
    expect(copy(new RangeError("r"))).toBeInstanceOf(RangeError);
  });

  it("[VALUE-4] a DOMException keeps its name and message", () => {
    const copied = copy(new DOMException("stopped", "AbortError")) as Error;
    expect(copied).toBeInstanceOf(Error);
    expect([copied.name, copied.message]).toEqual(["AbortError", "stopped"]);
  });

  it("[VALUE-4] the stack is the first one's", () => {
    const error = new Error("here");
    expect(copyOf(error).stack).toBe(error.stack);
    Object.defineProperty(error, "stack", { value: () => "no text" });
    expect(copyOf(error).stack).toBeUndefined();
  });
});

describe("binary data", () => {
  it("[VALUE-5] large typed arrays are not copied into the payload", () => {
    const samples = new Float64Array(1_000);
    const { segments, byteLength } = encodeValue({ name: "x", samples });
    expect(segments.some((segment) => segment.buffer === samples.buffer)).toBe(true);
    expect(segments.reduce((sum, segment) => sum + segment.length, 0)).toBe(byteLength);
  });

  it("[VALUE-5] joinSegments gives an array that is nobody else's", () => {
    for (const value of [
      undefined,
      { a: "x".repeat(200) },
      new Float64Array(1_000),
      new Uint8Array(8),
      "x".repeat(20_000),
    ]) {
      const joined = joinSegments(encodeValue(value));
      expect(joined.length).toBe(joined.buffer.byteLength);
      structuredClone(joined, { transfer: [joined.buffer] });
      expect(difference(value, copy(value))).toBeUndefined();
    }
  });

  it("[VALUE-5] payloads written one after another do not touch", () => {
    const payloads = Array.from({ length: 2_000 }, (_, i) => encodeValue({ i, text: "x".repeat(i % 300) }));
    for (const [i, payload] of payloads.entries()) {
      expect(decodeValue(joinSegments(payload))).toEqual({ i, text: "x".repeat(i % 300) });
    }
  });

  it("[VALUE-5] a view takes only its own bytes along, and nothing of its buffer's other bytes", () => {
    const pool = new Uint8Array(10_000).fill(0x5e);
    const payload = joinSegments(encodeValue([pool.subarray(100, 104).fill(1), pool.subarray(9_000, 9_010).fill(2)]));
    expect(payload.length).toBeLessThan(100);
    expect(payload.includes(0x5e)).toBe(false);
    expect(decodeValue(payload)).toEqual([new Uint8Array(4).fill(1), new Uint8Array(10).fill(2)]);
  });

  it("[VALUE-5] views of most of a buffer keep it whole, with zeros in the gaps", () => {
    const buffer = new Uint8Array(4_096).fill(0x5e).buffer;
    const views = [new Uint8Array(buffer, 0, 1_000).fill(1), new Float64Array(buffer, 1_024, 384).fill(2)];
    const payload = joinSegments(encodeValue(views));
    expect(payload.includes(0x5e)).toBe(false);
    const [a, b] = decodeValue(payload) as [Uint8Array, Float64Array];
    expect(b.buffer).toBe(a.buffer);
    expect([a.byteOffset, a.length, b.byteOffset, b.length, a.buffer.byteLength]).toEqual([
      0, 1_000, 1_024, 384, 4_096,
    ]);
    expect(b.every((number) => number === 2)).toBe(true);
  });

  it("[VALUE-5] views that overlap keep sharing memory, however small their part of the buffer", () => {
    const buffer = new ArrayBuffer(100_000);
    const bytes = new Uint8Array(buffer, 50_003, 29);
    const doubles = new Float64Array(buffer, 50_008, 3);
    const far = new Uint8Array(buffer, 0, 4);
    doubles[1] = 7;
    const payload = joinSegments(encodeValue([doubles, bytes, far]));
    expect(payload.length).toBeLessThan(200);
    const [d, b, f] = decodeValue(payload) as [Float64Array, Uint8Array, Uint8Array];
    expect(difference([doubles, bytes, far], [d, b, f])).toBeUndefined();
    b.fill(0);
    expect(d[1]).toBe(0);
    expect(f.buffer).not.toBe(b.buffer);
  });

  it("[VALUE-5] any views of any buffer keep their bytes, and share memory when they did", () => {
    const view = fc.record({ kind: fc.nat(3), at: fc.nat(200), length: fc.nat(40) });
    fc.assert(
      fc.property(fc.array(view, { maxLength: 8 }), fc.boolean(), (views, withBuffer) => {
        const buffer = Uint8Array.from({ length: 2_048 }, (_, i) => i * 7).buffer;
        const classes: readonly (new (of: ArrayBuffer, at: number, length: number) => ArrayBufferView)[] = [
          Uint8Array,
          Float64Array,
          Int16Array,
          DataView,
        ];
        const all: (ArrayBuffer | ArrayBufferView)[] = views.map(({ kind, at, length }) => {
          const Class = classes[kind] ?? Uint8Array;
          return new Class(buffer, at * 8, length);
        });
        if (withBuffer) all.push(buffer);
        const copied = copyOf(all);
        expect(difference(all, copied)).toBeUndefined();
        // Written through one view, seen through the others as in the original.
        for (const [i, one] of all.entries()) {
          const other = copied[i];
          if (!ArrayBuffer.isView(one) || !ArrayBuffer.isView(other) || one.byteLength === 0) continue;
          new Uint8Array(one.buffer, one.byteOffset, one.byteLength).fill(i);
          new Uint8Array(other.buffer, other.byteOffset, other.byteLength).fill(i);
        }
        expect(difference(all, copied)).toBeUndefined();
      }),
      { numRuns: 300 },
    );
  });

  it("[VALUE-5] a Node Buffer arrives as Uint8Array, shared memory as its copy", () => {
    const copied = copy(Buffer.from("hello")) as Uint8Array;
    expect(Object.getPrototypeOf(copied)).toBe(Uint8Array.prototype);
    expect(copied).toEqual(new Uint8Array([104, 101, 108, 108, 111]));
    const shared = new SharedArrayBuffer(2_048);
    const [buffer, view] = copy([shared, new Uint8Array(shared)]) as [ArrayBuffer, Uint8Array];
    expect(buffer).toBeInstanceOf(ArrayBuffer);
    expect(view.buffer).toBe(buffer);
    expect(encodeValue(shared).segments.every((segment) => segment.buffer instanceof ArrayBuffer)).toBe(true);
  });

  it("[VALUE-5] by default the copy owns its buffers, exactly as long as they were", () => {
    const payload = joinSegments(encodeValue(new Float64Array(1_000).fill(3)));
    const copied = decodeValue(payload) as Float64Array;
    expect([copied.byteOffset, copied.buffer.byteLength]).toEqual([0, 8_000]);
    payload.fill(0);
    expect(copied[999]).toBe(3);
  });

  it("[VALUE-5] without copyBuffers large views are windows on aligned input, and copies on any other", () => {
    const value = {
      large: new Float64Array(1_000).fill(3),
      small: new Uint8Array(4).fill(1),
      buffer: new ArrayBuffer(2_000),
    };
    const payload = joinSegments(encodeValue(value));
    const windows = decodeValue(payload, { copyBuffers: false }) as typeof value;
    expect(difference(value, windows)).toBeUndefined();
    expect([windows.large.buffer, windows.small.buffer === payload.buffer, windows.buffer === payload.buffer]).toEqual([
      payload.buffer,
      false,
      false,
    ]);
    for (let shift = 1; shift < 8; shift++) {
      const shifted = new Uint8Array(payload.length + 8).subarray(shift, shift + payload.length);
      shifted.set(payload);
      const copied = decodeValue(shifted, { copyBuffers: false }) as typeof value;
      expect(difference(value, copied)).toBeUndefined();
    }
  });

  it("[VALUE-5] input in a Node Buffer of the pool decodes the same", () => {
    const value = { bytes: new Uint8Array(2_000).fill(9), text: "x".repeat(100) };
    const pooled = Buffer.from(joinSegments(encodeValue(value)));
    const copied = decodeValue(pooled) as typeof value;
    expect(difference(value, copied)).toBeUndefined();
    expect(copied.bytes.buffer.byteLength).toBe(2_000);
  });
});

describe("tokens", () => {
  class Ref {
    readonly id: string;
    constructor(id: string) {
      this.id = id;
    }
  }
  const hooks: PayloadHooks = {
    tokenOf: (value) => {
      if (value instanceof Ref) return { kind: "ref", id: value.id };
      if (typeof value === "function") return { kind: "function", name: value.name, of: [1, { deep: true }] };
      return undefined;
    },
    fromToken: (token) => (token.kind === "ref" ? new Ref(String(token["id"])) : token),
  };

  it("[VALUE-6] things travel as themselves, anywhere, and stay one", () => {
    const ref = new Ref("o1");
    const copied = copy({ a: ref, b: [ref], c: new Map([[ref, ref]]), d: new Error("e", { cause: ref }) }, hooks) as {
      a: Ref;
      b: Ref[];
      c: Map<Ref, Ref>;
      d: Error;
    };
    expect(copied.a).toBeInstanceOf(Ref);
    expect(copied.a.id).toBe("o1");
    expect(
      [copied.b[0], ...copied.c.keys(), ...copied.c.values(), copied.d.cause].every((one) => one === copied.a),
    ).toBe(true);
  });

  it("[VALUE-6] functions too, and proxies of them", () => {
    function train(): void {}
    const handle = new Proxy(train, { get: (_, name) => (name === "name" ? "proxied" : undefined) });
    expect(copy([train, train, handle], hooks)).toMatchObject([
      { name: "train" },
      { name: "train", of: [1, { deep: true }] },
      { name: "proxied" },
    ]);
  });

  it("[VALUE-6] only functions and objects of classes that are no built-ins are asked about, once each", () => {
    const asked: object[] = [];
    const point = new (class Empty {})();
    class Sub extends Map {}
    const sub = new Sub();
    encodeValue(
      [
        {},
        [],
        new Map(),
        new Set(),
        new Date(),
        /a/,
        new Error("e"),
        new Uint8Array(1),
        Object(1),
        Object.create(null),
        point,
        point,
        sub,
      ],
      {
        hooks: { tokenOf: (value) => void asked.push(value) },
      },
    );
    expect(asked).toEqual([point, sub]);
  });

  it("[VALUE-6] even a thing that could not be copied may have a token", () => {
    class Later extends Promise<unknown> {}
    const copied = copy([Promise.resolve(), Later.resolve()], {
      tokenOf: () => ({ kind: "p" }),
      fromToken: ({ kind }) => kind,
    });
    expect(copied).toEqual(["p", "p"]);
  });

  it("[VALUE-6] what fromToken throws is thrown; a token that nobody understands is refused", () => {
    const payload = joinSegments(encodeValue([new Ref("o1")], { hooks }));
    const failure = new TypeError("no such object");
    expect(() =>
      decodeValue(payload, {
        hooks: {
          fromToken: () => {
            throw failure;
          },
        },
      }),
    ).toThrow(failure);
    expect(() => decodeValue(payload)).toThrow(/Cannot decode value: it holds a token of kind "ref"/);
  });

  it("[VALUE-6] the method of a hooks object keeps its this", () => {
    const owner = {
      made: 0,
      tokenOf: () => ({ kind: "x" }),
      fromToken() {
        return ++this.made;
      },
    };
    expect(copy(() => {}, owner)).toBe(1);
    expect(owner.made).toBe(1);
  });
});

describe("nesting", () => {
  const nesting: Readonly<Record<string, (inner: unknown) => unknown>> = {
    arrays: (inner) => [inner],
    objects: (inner) => ({ inner, after: 1 }),
    "class instances": (inner) => Object.assign(new (class Node {})(), { inner }),
    dictionaries: (inner) => ({ ["k".repeat(100)]: inner }),
    maps: (inner) => new Map([["inner", inner]]),
    "map keys": (inner) => new Map([[inner, 1]]),
    sets: (inner) => new Set([inner]),
    errors: (inner) => new Error("e", { cause: inner }),
    matches: (inner) => Object.assign([inner], { index: 0, extra: "x" }),
    "sparse arrays": (inner) => sparse(1_000, { 3: 1, 500: inner, 501: 2 }),
  };
  for (const [name, wrap] of Object.entries(nesting)) {
    it(`[VALUE-7] ${name} nest as deep as the limit, and no deeper`, () => {
      const shared = { shared: true };
      let value: unknown = shared;
      for (let i = 1; i < limits.valueDepth; i++) value = wrap(value);
      expect(difference([value, shared].slice(0, 1)[0], copy(value))).toBeUndefined();
      expect(() => encodeValue(wrap(value))).toThrow(/nested deeper than the limit valueDepth \(1000\)/);
    });
  }

  it("[VALUE-7] contents written later keep order, shapes, keys and identity", () => {
    const shared = { a: 1 };
    let value: unknown = [shared];
    for (let i = 0; i < 450; i++) {
      value = {
        a: i,
        left: [i, { i, shared }],
        value,
        right: new Map([["k", { b: i, shared }]]),
        doubles: Array.from({ length: 9 }, () => i / 2),
      };
    }
    expect(difference([value, shared], copy([value, shared]))).toBeUndefined();
  });

  it("[VALUE-7] a list of a million links is refused in a moment, and the codec goes on", () => {
    let list: unknown;
    for (let i = 0; i < 1_000_000; i++) list = { list };
    expect(() => encodeValue(list)).toThrow(/valueDepth/);
    expect(copy({ fine: [1] })).toEqual({ fine: [1] });
  });
});

/**
 * Where `actual` is not the exact copy that `expected` should become, or undefined. Leaves by Object.is; identities,
 * holes, key order and classes count.
 */
function difference(expected: unknown, actual: unknown): string | undefined {
  const copies = new Map<object, object>();
  const originals = new Map<object, object>();
  const todo: [unknown, unknown, string][] = [[expected, actual, "value"]];
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    const [a, b, path] = next;
    if (typeof a !== "object" || a === null || typeof b !== "object" || b === null) {
      if (!Object.is(a, b)) return `${path}: ${String(a)} became ${String(b)}`;
      continue;
    }
    if (copies.has(a) || originals.has(b)) {
      if (copies.get(a) !== b || originals.get(b) !== a) return `${path}: identity`;
      continue;
    }
    copies.set(a, b);
    originals.set(b, a);
    const found = differsItself(a, b);
    if (found !== undefined) return `${path}: ${found}`;
    for (const [step, inA, inB] of parts(a, b)) todo.push([inA, inB, `${path}${step}`]);
  }
  return undefined;
}

function differsItself(a: object, b: object): string | undefined {
  const builtIns = [
    Map,
    Set,
    Date,
    RegExp,
    AggregateError,
    RangeError,
    TypeError,
    SyntaxError,
    EvalError,
    ReferenceError,
    URIError,
    Error,
  ];
  const boxed = [Number, String, Boolean, BigInt];
  const kind = [...builtIns, ...boxed, Array, ArrayBuffer].find((Class) => a instanceof Class);
  if (ArrayBuffer.isView(a)) {
    if (!ArrayBuffer.isView(b) || Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return "class of view";
    const bytes = (view: ArrayBufferView): string =>
      Buffer.from(view.buffer, view.byteOffset, view.byteLength).toString("hex");
    return bytes(a) === bytes(b) ? undefined : "bytes";
  }
  const prototype: unknown = Object.getPrototypeOf(b);
  if (prototype !== (kind?.prototype ?? Object.prototype)) return "prototype";
  if (a instanceof ArrayBuffer) return Buffer.from(a).equals(Buffer.from(b as ArrayBuffer)) ? undefined : "bytes";
  if (a instanceof Date) return Object.is(a.getTime(), (b as Date).getTime()) ? undefined : "time";
  if (a instanceof RegExp) {
    const { source, flags, lastIndex } = b as RegExp;
    return a.source === source && a.flags === flags && lastIndex === 0 ? undefined : "pattern";
  }
  if (kind !== undefined && boxed.some((Class) => Class === kind))
    return Object.is(a.valueOf(), b.valueOf()) ? undefined : "boxed";
  if (a instanceof Map || a instanceof Set) return a.size === (b as Map<unknown, unknown>).size ? undefined : "size";
  if (Array.isArray(a) && a.length !== (b as unknown[]).length) return "length";
  const keys = (object: object): string =>
    JSON.stringify(Object.keys(object).filter((key) => !(a instanceof Error && key === "name")));
  return keys(a) === keys(b) ? undefined : `keys ${keys(a)} became ${keys(b)}`;
}

function* parts(a: object, b: object): Generator<[string, unknown, unknown]> {
  if (ArrayBuffer.isView(a) || a instanceof ArrayBuffer || Object.prototype.toString.call(a) === "[object String]")
    return;
  if (a instanceof Map || a instanceof Set) {
    const entries = [...(b as Map<unknown, unknown>).entries()];
    for (const [i, [key, value]] of [...a.entries()].entries()) {
      yield [`.key(${i})`, key, entries[i]?.[0]];
      yield [`.value(${i})`, value, entries[i]?.[1]];
    }
    return;
  }
  const hidden = a instanceof Error ? ["name", "message", "stack", "cause", "errors"] : [];
  for (const key of [...Object.keys(a), ...hidden]) {
    if (Object.hasOwn(a, key) !== Object.hasOwn(b, key) && key === "cause") yield [".cause", "present", "absent"];
    yield [`.${key}`, (a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]];
  }
}
