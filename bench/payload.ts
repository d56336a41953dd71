/**
 * The payload codec against msgpackr in one run: docs/decisions/0002-payload-codec.md quotes it. msgpackr is no
 * dependency of ours; install it somewhere (`npm install --no-save msgpackr@2.1.3`) and name its folder:
 *
 *     tsx bench/payload.ts [path to node_modules/msgpackr] [--markdown]
 */
import { pathToFileURL } from "node:url";
import { decodeValue, encodeValue, joinSegments } from "../protocol/payload.ts";

interface Codec {
  pack(value: unknown): Uint8Array;
  unpack(bytes: Uint8Array): unknown;
}

let seed = 1;
function random(): number {
  seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff;
  return seed / 0x7fffffff;
}

const colours = ["red", "green", "blue"];
const ring = Array.from({ length: 500 }, (_, id): { id: number; next?: unknown } => ({ id }));
for (const [i, node] of ring.entries()) node.next = ring[(i + 1) % ring.length];
class Point {
  x = random();
  y = random();
  name = "p";
}

const values: Readonly<Record<string, unknown>> = {
  undefined: undefined,
  "small int": 7,
  "short text": "hello world",
  "small object": { id: 7, name: "lab-3", tags: ["a", "b"], pos: { x: 1.5, y: -2 }, ok: true, at: null },
  "arguments of a call": [42, { learningRate: 0.01, epochs: 10, layers: [64, 32] }, "train"],
  "100 rows of 6 fields": Array.from({ length: 100 }, (_, id) => ({
    id,
    name: `user ${id}`,
    score: random(),
    active: id % 2 === 0,
    colour: colours[id % 3],
    count: id * 37,
  })),
  "200 rows, fields optional": Array.from({ length: 200 }, (_, i) => ({
    id: i,
    ...(i % 2 ? { email: `u${i}@example.com` } : {}),
    ...(i % 3 ? { age: i % 90 } : {}),
    ...(i % 5 ? { address: { city: "Berlin", zip: String(10_000 + i) } } : {}),
  })),
  "10,000 doubles": Array.from({ length: 10_000 }, random),
  "10,000 ints": Array.from({ length: 10_000 }, (_, i) => (i * 7) % 5_000),
  "100 x 100 matrix": Array.from({ length: 100 }, () => Array.from({ length: 100 }, random)),
  "1,000 strings": Array.from({ length: 1_000 }, (_, i) => `string number ${i}`),
  "6 KB of text": JSON.stringify(Array.from({ length: 300 }, random)),
  "1,000 words of Greek": Array.from({ length: 1_000 }, (_, i) => `λόγος ${i}`),
  "dictionary of 1,000": Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`key-${i}`, i])),
  "Map of 1,000": new Map(Array.from({ length: 1_000 }, (_, i) => [`key-${i}`, { i }])),
  "300 class instances": Array.from({ length: 300 }, () => new Point()),
  "ring of 500 objects": ring,
  "Float64Array, 10 MB": Float64Array.from({ length: 1_250_000 }, random),
  "8 floats": new Float32Array(8),
};

interface Measured {
  /** The best of the rounds, in microseconds a call. */
  readonly times: readonly number[];
  /** Of the first call to the last: the median of the rounds, in which they took turns and met the same noise. */
  readonly ratio: number;
}

/** Thirty rounds of batches of about 10 ms. */
function measure(calls: readonly (() => unknown)[]): Measured {
  const batches = calls.map((call) => {
    let size = 1;
    while (timed(call, size) < 10) size *= 2;
    return { call, size };
  });
  const rounds = Array.from({ length: 30 }, () => batches.map(({ call, size }) => (timed(call, size) * 1_000) / size));
  const ratios = rounds.map((round) => (round[0] ?? 0) / (round.at(-1) ?? 1)).toSorted((a, b) => a - b);
  const times = calls.map((_, i) => Math.min(...rounds.map((round) => round[i] ?? Infinity)));
  return { times, ratio: ratios[Math.floor(ratios.length / 2)] ?? NaN };
}

function timed(call: () => unknown, calls: number): number {
  const start = performance.now();
  for (let i = 0; i < calls; i++) call();
  return performance.now() - start;
}

const args = process.argv.slice(2);
const isMarkdown = args.includes("--markdown");
const path = args.find((arg) => !arg.startsWith("--"));
const other = path === undefined ? undefined : await msgpackrAt(path);

async function msgpackrAt(folder: string): Promise<Codec> {
  const { Packr } = (await import(pathToFileURL(`${folder}/node-index.js`).href)) as {
    Packr: new (options: object) => Codec;
  };
  return new Packr({ structuredClone: true, moreTypes: true });
}

const us = (time: number): string => (time < 10 ? time.toFixed(2) : time < 100 ? time.toFixed(1) : time.toFixed(0));
const line = (cells: readonly string[]): string =>
  isMarkdown
    ? `| ${cells.join(" | ")} |`
    : cells.map((cell, i) => (i === 0 ? cell.padEnd(28) : cell.padStart(13))).join("");

console.log(
  line([
    "value",
    "bytes",
    "encode µs",
    "decode µs",
    ...(other ? ["msgpackr bytes", "encode µs", "decode µs", "encode ratio", "decode ratio"] : []),
  ]),
);
if (isMarkdown) console.log(line(Array.from({ length: other ? 9 : 4 }, (_, i) => (i === 0 ? "---" : "---:"))));
for (const [name, value] of Object.entries(values)) {
  const bytes = joinSegments(encodeValue(value));
  const cells = [name, String(bytes.length)];
  if (other === undefined) {
    cells.push(...measure([() => encodeValue(value), () => decodeValue(bytes)]).times.map(us));
  } else {
    const theirs = Uint8Array.from(other.pack(value));
    const encode = measure([() => encodeValue(value), () => other.pack(value)]);
    const decode = measure([() => decodeValue(bytes), () => other.unpack(theirs)]);
    const [ourEncode = 0, theirEncode = 0] = encode.times;
    const [ourDecode = 0, theirDecode = 0] = decode.times;
    cells.push(us(ourEncode), us(ourDecode), String(theirs.length), us(theirEncode), us(theirDecode));
    cells.push(encode.ratio.toFixed(2), decode.ratio.toFixed(2));
  }
  console.log(line(cells));
}
