/** What one submission costs in this process: microseconds for a no-op with one small argument, coordinator left out. */
import { createGrid } from "../grid/grid.ts";
import type { GridHost } from "../grid/host.ts";
import { childId, type FunctionId, type JobId } from "../protocol/ids.ts";

const jobId = "jbench" as JobId;
let children = 0;
let said = 0;
const host: GridHost = {
  jobId,
  namespace: "default",
  isLasting: true,
  defined: new Set<FunctionId>(),
  nextChild: () => childId(jobId, ++children),
  send: () => void said++,
  upload: async () => {},
  download: async () => new Uint8Array(),
  waiting: () => {},
  context: () => {
    throw new Error("not used here");
  },
  close: async () => {},
};

const rounds = 20;
const each = 10_000;

async function measure(what: string, submit: () => void): Promise<void> {
  const micros: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const begin = performance.now();
    submit();
    await Promise.resolve();
    micros.push(((performance.now() - begin) * 1000) / each);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const sorted = micros.slice(3).toSorted((a, b) => a - b);
  console.log(`${what}: ${(sorted[sorted.length >> 1] ?? 0).toFixed(2)} us (best ${(sorted[0] ?? 0).toFixed(2)})`);
}

const { grid } = createGrid(host);
const noop = grid.remote((n: number) => n);
await measure("remote()", () => {
  for (let i = 0; i < each; i++) noop.remote(i);
});
const items = Array.from({ length: each }, (_, i) => i);
await measure("map()", () => {
  noop.map(items);
});
class Counter {
  add(n: number): number {
    return n;
  }
}
const counter = grid.remote(Counter).remote();
await measure("actor call", () => {
  for (let i = 0; i < each; i++) counter.add.remote(i);
});
await measure("createGrid()", () => {
  for (let i = 0; i < each; i++) createGrid(host);
});
console.log(`${said} messages`);
process.exit(0);
