import { describe, expect, it } from "vitest";
import { ProtocolError } from "../../protocol/errors.ts";
import { Tag, TagBase } from "../../protocol/payload-format.ts";
import { decodeValue, encodeValue, joinSegments } from "../../protocol/payload.ts";

const plain = (...bytes: (number | readonly number[])[]): Uint8Array => Uint8Array.from([1, ...bytes].flat());
const times = (count: number, ...bytes: number[]): number[] => Array.from({ length: count }, () => bytes).flat();
const text = (value: string): number[] => [TagBase.text | value.length, ...Buffer.from(value, "latin1")];
const largest = [0xff, 0xff, 0xff, 0xff, 0x7f];
const key = (name: string): number[] => [name.length * 2, ...Buffer.from(name)];

describe("bytes that are no payload", () => {
  const refused: Readonly<Record<string, Uint8Array>> = {
    nothing: new Uint8Array(0),
    "an unknown format": Uint8Array.of(7, 0),
    "a format and no value": plain(),
    "bytes left over": plain(1, 2),
    "a text longer than the bytes": plain(TagBase.text | 5, 65),
    "UTF-8 of 4 GB": plain(Tag.utf8, 0xff, 0xff, 0xff, 0xff),
    "UTF-16 of 8 GB": plain(Tag.utf16, 0xff, 0xff, 0xff, 0xff),
    "an array of 34 billion": plain(Tag.array, ...largest),
    "numbers of 34 billion": plain(Tag.numbers, 3, ...largest),
    "numbers of an unknown element": plain(Tag.numbers, 9, 1, 1),
    "a count that does not end": plain(Tag.array, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f),
    "a dictionary of 34 billion": plain(Tag.object, ...largest),
    "a shape of 34 billion": plain(Tag.newShape, ...largest),
    "a shape that is not there": plain(TagBase.shape | 3),
    "a numbered shape that is not there": plain(Tag.shaped, ...largest),
    "a key that is not there": plain(Tag.object, 1, 3, 0),
    "a key that is no text": plain(Tag.object, 1, 2, 0xff, 0),
    "a reference to nothing": plain(Tag.reference, 0),
    "a reference ahead": plain(TagBase.array | 2, Tag.reference, 1, TagBase.array),
    "a reference to a token that is being read": plain(
      Tag.token,
      Tag.newShape,
      2,
      ...key("kind"),
      ...key("it"),
      ...text("x"),
      Tag.reference,
      0,
    ),
    "a token without a kind": plain(Tag.token, 5),
    "a token whose kind is no text": plain(Tag.token, Tag.newShape, 1, ...key("kind"), 5),
    "a hole alone": plain(Tag.hole),
    "a map that does not end": plain(Tag.map, 1, 2),
    "a map with a key only": plain(Tag.map, 1, Tag.hole),
    "a set that does not end": plain(Tag.set, 1),
    "a sparse array longer than arrays can be": plain(Tag.sparseArray, ...largest, Tag.hole, 0),
    "a sparse array with an element outside": plain(Tag.sparseArray, 5, Tag.hole, 1, 5, 1),
    "a sparse array with too many elements": plain(Tag.sparseArray, 1, 1, 2, Tag.hole, 0),
    "a match that is no array": plain(Tag.match, 1),
    "a match with a length of its own": plain(Tag.match, TagBase.array, 1, ...key("length"), Tag.int32, 0, 0, 0, 1),
    "a BigInt without digits": plain(Tag.bigint, 0, ...text("")),
    "a BigInt of other digits": plain(Tag.bigint, 0, ...text("12x")),
    "a BigInt inside a BigInt": plain(times(100_000, Tag.bigint, 0)),
    "a RegExp that does not compile": plain(Tag.regexp, ...text("("), ...text("")),
    "a RegExp with unknown flags": plain(Tag.regexp, ...text("a"), ...text("q")),
    "a RegExp made of objects": plain(Tag.regexp, TagBase.array, TagBase.array),
    "a boxed object": plain(Tag.boxed, TagBase.array),
    "a boxed nothing": plain(Tag.boxed, Tag.null),
    "100,000 boxes": plain(times(100_000, Tag.boxed)),
    "100,000 arrays": plain(times(100_000, TagBase.array | 1)),
    "100,000 maps": plain(times(100_000, Tag.map)),
    "100,000 tokens": plain(times(100_000, Tag.token)),
    "100,000 matches": plain(times(100_000, Tag.match, TagBase.array | 1)),
    "an error of an unknown class": plain(Tag.error, 99, 0, Tag.undefined),
    "a view without a table": plain(Tag.view, 1),
    "a buffer without a table": plain(Tag.buffer),
    "contents later, of a number": plain(Tag.later, 5),
    "contents later, which do not come": plain(Tag.later, TagBase.array | 1),
    "contents later, inside a token": plain(Tag.token, Tag.later, Tag.newShape, 1, ...key("kind"), ...text("x")),
    "contents later, nested without end": plain(times(5_000, Tag.later, TagBase.array | 1)),
    "a table outside": Uint8Array.of(2, 0, 0, 0, 200, 0, 0, 0, 1),
    "a table inside the header": Uint8Array.of(2, 0, 0, 0, 4, 0, 0, 0, 1),
    "a table of 34 billion regions": Uint8Array.of(2, 0, 0, 0, 9, 0, 0, 0, Tag.null, ...largest),
    "a region longer than the bytes": withTable([Tag.view, 1], [1, ...largest, 1, 0, 0, 1], []),
    "a slice outside its region": withTable([Tag.view, 1], [1, 16, 1, 0, 4, 8], [1, 2, 3, 4, 5, 6, 7, 8]),
    "a slice of a region that is not there": withTable([Tag.view, 1], [1, 16, 1, 1, 0, 8], [1, 2, 3, 4, 5, 6, 7, 8]),
    "a view out of step": withTable([Tag.view, 9], [1, 16, 1, 0, 1, 4], [1, 2, 3, 4, 5, 6, 7, 8]),
    "a view of an unknown class": withTable([Tag.view, 99], [1, 16, 1, 0, 0, 8], [1, 2, 3, 4, 5, 6, 7, 8]),
    "a buffer of a region that is not whole": withTable([Tag.buffer], [1, 16, 1, 0, 0, 8], [1, 2, 3, 4, 5, 6, 7, 8]),
    "a slice that nobody takes": withTable([Tag.null], [1, 16, 1, 0, 0, 8], [1, 2, 3, 4, 5, 6, 7, 8]),
    "a slice too few": withTable(
      [TagBase.array | 2, Tag.view, 1, Tag.view, 1],
      [1, 16, 1, 0, 0, 8],
      [1, 2, 3, 4, 5, 6, 7, 8],
    ),
    "bytes after the last region": withTable([Tag.view, 1], [1, 8, 1, 0, 0, 4], [1, 2, 3, 4, 5, 6, 7, 8]),
  };
  for (const [name, bytes] of Object.entries(refused)) {
    it(`[VALUE-11] ${name}`, () => {
      const start = performance.now();
      expect(() => decodeValue(bytes, { hooks: { fromToken: (token) => token } })).toThrow(ProtocolError);
      expect(() => decodeValue(bytes)).toThrow(/^Cannot decode value: /);
      expect(performance.now() - start).toBeLessThan(500);
    });
  }

  it("[VALUE-11] every payload cut short", () => {
    for (const payload of corpus) {
      for (let length = 0; length < Math.min(payload.length, 2_000); length++) {
        expect(() => decodeValue(payload.subarray(0, length), { hooks: { fromToken: (token) => token } })).toThrow(
          ProtocolError,
        );
      }
    }
  });
});

describe("little bytes, little memory", () => {
  it("[VALUE-12] lists inside lists cannot each announce all the bytes", () => {
    const nested = plain(times(90, Tag.array, 0xe8, 0x07), times(1_000, 1));
    expect(() => decodeValue(nested)).toThrow(/announces more than it holds/);
  });

  it("[VALUE-12] long sparse arrays take no room", () => {
    const before = process.memoryUsage().heapUsed;
    const arrays = decodeValue(
      plain(Tag.array, 0x90, 0x4e, times(10_000, Tag.sparseArray, 0x80, 0x87, 0xa7, 0x0e, Tag.hole, 0)),
    );
    expect((arrays as unknown[][])[9_999]?.length).toBe(30_000_000);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(50_000_000);
  });
});

describe("no way out", () => {
  it("[VALUE-13] no bytes reach a prototype", () => {
    const proto = [Tag.newShape, 1, ...key("__proto__"), Tag.newShape, 1, ...key("polluted"), Tag.true];
    const constructor = [
      Tag.object,
      1,
      ...key("constructor"),
      Tag.object,
      1,
      ...key("prototype"),
      Tag.object,
      1,
      ...key("polluted"),
      Tag.true,
    ];
    for (const bytes of [
      proto,
      constructor,
      [Tag.error, 0, 16, Tag.undefined, 1, ...key("__proto__"), Tag.object, 1, ...key("polluted"), Tag.true],
      [Tag.match, TagBase.array, 1, ...key("__proto__"), Tag.object, 1, ...key("polluted"), Tag.true],
    ]) {
      const value = decodeValue(plain(...bytes)) as { polluted?: boolean };
      expect(value.polluted).toBeUndefined();
      expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
    }
  });

  it("[VALUE-13] nothing is evaluated", () => {
    const real = globalThis.Function;
    let calls = 0;
    globalThis.Function = new Proxy(real, {
      construct: (...args) => (calls++, Reflect.construct(...args)),
      apply: (...args) => (calls++, Reflect.apply(...args)),
    });
    try {
      for (const payload of corpus) decodeValue(payload, { hooks: { fromToken: (token) => token } });
    } finally {
      globalThis.Function = real;
    }
    expect(calls).toBe(0);
  });

  it("[VALUE-11] 100,000 mutated payloads decode or are refused, in less than 5 s", () => {
    const random = generator(20_261_122);
    const start = process.cpuUsage();
    let decoded = 0;
    for (let i = 0; i < 100_000; i++) {
      const bytes = mutated(corpus, random);
      try {
        decodeValue(bytes, { hooks: { fromToken: (token) => token }, copyBuffers: i % 2 === 0 });
        decoded++;
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw new Error(`seed step ${i}: [${bytes.join()}]`, { cause: error });
      }
    }
    // Of the processor, not of the clock: other suites run beside this one.
    expect(process.cpuUsage(start).user).toBeLessThan(5_000_000);
    expect(decoded).toBeGreaterThan(1_000);
    expect(Object.keys(Object.prototype)).toEqual([]);
  });
});

const corpus: readonly Uint8Array[] = corpusValues().map((value) =>
  joinSegments(
    encodeValue(value, {
      hooks: { tokenOf: (of) => (typeof of === "function" ? { kind: "f", name: of.name } : undefined) },
    }),
  ),
);

function corpusValues(): unknown[] {
  const cycle: Record<string, unknown> = { a: 1 };
  cycle["self"] = [cycle];
  let deep: unknown = "bottom";
  for (let i = 0; i < 150; i++) deep = i % 2 ? { deep } : [deep, new Map([[i, deep]])].slice(0, 1);
  const buffer = new ArrayBuffer(64);
  return [
    undefined,
    12_345,
    -0,
    "text",
    "λόγος".repeat(20),
    `\ud800${"x".repeat(50)}`,
    10n ** 40n,
    { id: 7, name: "lab-3", tags: ["a", "b"], pos: { x: 1.5, y: -2 }, ok: true, at: null },
    Array.from({ length: 10 }, (_, id) => ({ id, name: `user ${id}`, score: id / 3, [`k${id % 3}`]: [id] })),
    Array.from({ length: 30 }, Math.sqrt),
    Array.from({ length: 30 }, (_, i) => i * 1_000),
    Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`key ${i}`, i])),
    new Map<unknown, unknown>([
      ["a", new Set([1, 2])],
      [{ k: 1 }, new Date(5)],
    ]),
    // oxlint-disable-next-line no-sparse-arrays -- holes are what is tested
    [/a(b)/gi, Object(5), Object("x"), [1, , 3], Object.assign([], { length: 500, 400: "x" })],
    "2026-11-22".match(/(?<year>\d+)-(\d+)/d),
    Object.assign(new TypeError("m", { cause: new AggregateError([1], "a") }), { code: "E", name: "Mine" }),
    cycle,
    deep,
    [
      new Float64Array(200),
      new Uint8Array(buffer, 8, 8),
      new Float64Array(buffer, 8, 1),
      new DataView(buffer, 3, 5),
      new Uint8Array(3).buffer,
    ],
    [function named() {}, () => 1],
  ];
}

function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function mutated(payloads: readonly Uint8Array[], random: (below: number) => number): Uint8Array {
  const pick = (): Uint8Array => payloads[random(payloads.length)] ?? new Uint8Array(0);
  let bytes = pick().slice(0, 600);
  for (let changes = 1 + random(3); changes > 0; changes--) {
    const at = random(bytes.length);
    switch (random(6)) {
      case 0:
        bytes[at] = random(256);
        break;
      case 1:
        bytes[at] = (bytes[at] ?? 0) ^ (1 << random(8));
        break;
      case 2:
        bytes[at] = 0xe0 + random(32);
        break;
      case 3:
        bytes = joined(bytes.subarray(0, at), Uint8Array.of(random(256)), bytes.subarray(at));
        break;
      case 4:
        bytes = joined(bytes.subarray(0, at), bytes.subarray(at + 1 + random(4)));
        break;
      default: {
        const other = pick();
        const from = random(other.length);
        bytes = joined(bytes.subarray(0, at), other.subarray(from, from + 50), bytes.subarray(at));
      }
    }
  }
  return bytes;
}

function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** A payload with binary data: its value, its table, and the bytes of one region. */
function withTable(value: readonly number[], table: readonly number[], region: readonly number[]): Uint8Array {
  const tableAt = 8 + value.length;
  const head = [2, 0, 0, 0, tableAt, 0, 0, 0, ...value, ...table];
  while (head.length % 8 !== 0) head.push(0);
  return Uint8Array.of(...head, ...region);
}
