/**
 * Waves of tasks: a map and a tree of sums over its refs, values too large to travel inline, and tasks that submit
 * others. Every result is computed here as well.
 */
import type { Grid, ObjectRef } from "../../../sdk/index.ts";
import { pause } from "../pause.ts";
import { type Answer, judgeAnswers } from "../verdict.ts";
import type { Operation } from "./ledger.ts";
import { fetchInto, type Judgement, type Workload, type WorkloadOptions } from "./workload.ts";

const leaves = 16;
const blocks = 2;
const blockBytes = 200 * 1024;
const children = 3;
const mostMs = 60;
const paceMs = 250;

/** In scope where a task runs. */
declare const grid: Grid;

const squareOf = (n: number): number => (n * n) % 1_000_003;
const byteOf = (seed: number, i: number): number => (seed * 31 + i * 7) & 0xff;

interface Expectation {
  readonly operation: Operation;
  readonly what: string;
  readonly expected: unknown;
}

export class TaskGraph implements Workload {
  readonly name = "task graph";
  readonly #options: WorkloadOptions;
  readonly #expectations: Expectation[] = [];
  readonly #functions: ReturnType<typeof remoteFunctions>;
  #waves = 0;

  constructor(options: WorkloadOptions) {
    this.#options = options;
    this.#functions = remoteFunctions(options.client.grid);
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#wave(++this.#waves);
      await pause(paceMs, signal);
    }
  }

  async judge(): Promise<Judgement> {
    const answers = this.#expectations.map(({ operation: { id, ending }, what, expected }): Answer => ({
      id,
      ending,
      what,
      expected,
    }));
    return { findings: judgeAnswers(this.name, answers) };
  }

  async #wave(wave: number): Promise<void> {
    const { square, add, makeBlock, sumBlock, family } = this.#functions;
    const { chance } = this.#options;
    const numbers = Array.from({ length: leaves }, (_, i) => wave * leaves + i);
    const squares = numbers.map((n) => square.remote(n, chance.below(mostMs)));
    const ended = [
      this.#expect(
        `the sum of wave ${wave}`,
        treeOf(squares, (a, b) => add.remote(a, b)),
        sumOf(numbers.map(squareOf)),
      ),
      ...squares.map((ref, i) => this.#expect(`square ${numbers[i]}`, ref, squareOf(numbers[i] ?? 0))),
      this.#expect(`family ${wave}`, family.remote(wave), sumOf(upTo(children).map((i) => squareOf(wave + i)))),
    ];
    for (let i = 0; i < blocks; i++) {
      const seed = wave * blocks + i;
      const block = makeBlock.remote(seed, blockBytes);
      const sum = sumOf(upTo(blockBytes).map((at) => byteOf(seed, at)));
      ended.push(this.#expect(`the sum of block ${seed}`, sumBlock.remote(block), sum));
    }
    await Promise.all(ended);
  }

  async #expect(what: string, ref: ObjectRef<unknown>, expected: unknown): Promise<void> {
    const operation = fetchInto(this.#options, this.name, ref);
    this.#expectations.push({ operation, what, expected });
    await operation.ended;
  }
}

function remoteFunctions(client: Grid) {
  const square = client.remote(
    async (n: number, ms: number) => {
      await new Promise((resolve) => setTimeout(resolve, ms));
      return squareOf(n);
    },
    { captures: { squareOf }, name: "square" },
  );
  const add = client.remote((a: number, b: number) => a + b, { name: "add" });
  const makeBlock = client.remote(
    (seed: number, sizeBytes: number) => Uint8Array.from({ length: sizeBytes }, (_, i) => byteOf(seed, i)),
    { captures: { byteOf }, name: "makeBlock" },
  );
  const sumBlock = client.remote((block: Uint8Array) => block.reduce((sum, byte) => sum + byte, 0), {
    name: "sumBlock",
  });
  const family = client.remote(
    async (n: number) => {
      const refs = Array.from({ length: children }, (_, i) => square.remote(n + i, 20));
      const values = await grid.get(refs);
      return values.reduce((sum, value) => sum + value, 0);
    },
    { captures: { square, children }, name: "family" },
  );
  return { square, add, makeBlock, sumBlock, family };
}

function treeOf(
  refs: readonly ObjectRef<number>[],
  add: (a: ObjectRef<number>, b: ObjectRef<number>) => ObjectRef<number>,
) {
  let level = refs;
  while (level.length > 1) {
    level = upTo(Math.ceil(level.length / 2)).flatMap((i) => {
      const [a, b] = [level[2 * i], level[2 * i + 1]];
      return a === undefined ? [] : [b === undefined ? a : add(a, b)];
    });
  }
  const [root] = level;
  if (root === undefined) throw new Error("Cannot sum nothing");
  return root;
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, n) => sum + n, 0);
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}
