import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ProtocolError } from "../../protocol/errors.ts";
import { envelope } from "../../protocol/envelope.ts";
import { limits } from "../../protocol/limits.ts";
import {
  clientMessageSchema,
  toWorkerMessageSchema,
  workerMessageSchema,
  type ClientMessage,
} from "../../protocol/messages.ts";
import { failureSchema, type Failure } from "../../protocol/nouns.ts";
import {
  bytes,
  count,
  dictionary,
  flag,
  list,
  optional,
  Reader,
  real,
  record,
  text,
  union,
  Writer,
  type Schema,
} from "../../protocol/schema.ts";
import { aSpec, aSubmission, anActorSpec, aValue, objectOf } from "../simulation/builders.ts";
import { random } from "../simulation/random.ts";

function roundTrip<T>(schema: Schema<T>, value: T): T {
  const out = new Writer(8);
  schema.write(value, out);
  const input = new Reader(out.bytes.subarray(0, out.at));
  const read = schema.read(input);
  expect(input.remaining).toBe(0);
  return read;
}

describe("a schema", () => {
  it("[WIRE-1] gives back what it was given", () => {
    const schema = record({
      name: text(1_000),
      size: count,
      ratio: real,
      flag,
      items: list(optional(text(20)), 10),
      body: bytes(100),
      extra: dictionary(count, 5),
      kind: union({ a: {}, b: { n: count } }),
    });
    fc.assert(
      fc.property(
        fc.record({
          name: fc.string({ unit: "grapheme", maxLength: 200 }),
          size: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
          ratio: fc.double({ noNaN: true, noDefaultInfinity: true }),
          flag: fc.boolean(),
          items: fc.array(fc.option(fc.string({ maxLength: 5 }), { nil: undefined }), { maxLength: 10 }),
          body: fc.uint8Array({ maxLength: 100 }),
          extra: fc.dictionary(
            fc.string({ maxLength: 8 }).filter((key) => key !== "__proto__"),
            fc.nat(),
            { maxKeys: 5 },
          ),
          kind: fc.oneof(
            fc.constant({ type: "a" as const }),
            fc.record({ type: fc.constant("b" as const), n: fc.nat() }),
          ),
        }),
        (value) => {
          expect(roundTrip(schema, value)).toEqual({ ...value, extra: { ...value.extra } });
        },
      ),
    );
  });

  it.each([
    ["a text over its limit", text(3), [4, 97, 98, 99, 100]],
    ["a text that ends early", text(100), [5, 97]],
    ["a text that is not UTF-8", text(100), [2, 0xc3, 0x28]],
    ["a list longer than what remains", list(count, 1_000_000), [0xff, 0xff, 0x3f, 1]],
    ["a flag of two", flag, [2]],
    ["a number beyond 2^53", count, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]],
    ["an infinite number", real, [0x7f, 0xf0, 0, 0, 0, 0, 0, 0]],
    ["an unknown variant", union({ a: {} }), [7]],
  ] as [string, Schema<unknown>, number[]][])("[WIRE-2] refuses %s", (_, schema, raw) => {
    expect(() => schema.read(new Reader(Uint8Array.from(raw)))).toThrow(ProtocolError);
  });

  it("[WIRE-3] nesting beyond the limit is refused before the stack is", () => {
    const nest = (depth: number): Failure => {
      let problem: Failure = { code: "TASK_ERROR", message: "root" };
      for (let i = 0; i < depth; i++) problem = { code: "TASK_ERROR", message: "x", because: problem };
      return problem;
    };
    expect(roundTrip(failureSchema, nest(20))).toEqual(nest(20));
    const out = new Writer(8);
    failureSchema.write(nest(limits.envelopeDepth + 1), out);
    expect(() => failureSchema.read(new Reader(out.bytes.subarray(0, out.at)))).toThrow(/nested deeper/);
  });
});

const messages: ClientMessage[] = [
  {
    type: "submit",
    spec: aSpec(),
    tasks: [aSubmission("j1.1"), aSubmission("j1.2", { args: new Uint8Array([1, 2, 3]), inputs: [objectOf("j1.1")] })],
  },
  { type: "create-actor", spec: anActorSpec({ name: "n" }), creation: aSubmission("j1.3") },
  { type: "put", id: objectOf("j1.4"), value: aValue() },
  { type: "want", ids: [objectOf("j1.1")], values: true },
  { type: "close-job" },
];

describe("an envelope", () => {
  const codec = envelope(clientMessageSchema, clientMessageSchema, (error) => {
    throw error;
  });

  it("[WIRE-4] carries a batch behind room for the frame's header", () => {
    const encoded = codec.encode(messages, 9);
    expect([...encoded.subarray(0, 9)]).toEqual(Array.from({ length: 9 }, () => 0));
    expect(codec.decode(encoded.subarray(9))).toEqual(messages);
  });

  it("[WIRE-5] a message that cannot be read is refused alone; the rest of its batch is read", () => {
    const refused: ProtocolError[] = [];
    const lenient = envelope(clientMessageSchema, clientMessageSchema, (error) => refused.push(error));
    const encoded = lenient.encode(messages, 0);
    const first = 4 + (encoded[0] ?? 0) + 256 * (encoded[1] ?? 0);
    encoded[first + 4] = 250;
    expect(lenient.decode(encoded)).toEqual(messages.filter((_, i) => i !== 1));
    expect(refused).toHaveLength(1);
  });

  it("[WIRE-6] a batch over the limit is refused before it is read, and not sent", () => {
    expect(() => codec.decode(new Uint8Array(limits.messageBytes + 1))).toThrow(/over the limit/);
    const large: ClientMessage = {
      type: "define",
      functionId: "f1" as never,
      bytes: new Uint8Array(limits.messageBytes),
    };
    expect(() => codec.encode([large], 0)).toThrow(/over the limit/);
  });

  it("[WIRE-7] 100,000 mutated batches are read or refused, and nothing else happens", { timeout: 60_000 }, () => {
    const chance = random(1);
    const sources = [codec.encode(messages, 0), ...messages.map((message) => codec.encode([message], 0))];
    const readers = [clientMessageSchema, workerMessageSchema, toWorkerMessageSchema].map((schema) =>
      envelope(schema as Schema<unknown>, schema as Schema<unknown>, () => refused++),
    );
    let refused = 0;
    let read = 0;
    for (let i = 0; i < 100_000; i++) {
      const bytes = (chance.pick(sources) ?? new Uint8Array(0)).slice();
      const changes = 1 + chance.below(6);
      for (let c = 0; c < changes; c++) bytes[chance.below(bytes.length)] = chance.below(256);
      const cut = chance.chance(0.3) ? bytes.subarray(0, chance.below(bytes.length)) : bytes;
      try {
        read += readers[i % 3]?.decode(cut).length ?? 0;
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(10_000);
    expect(read).toBeGreaterThan(1_000);
  });
});
