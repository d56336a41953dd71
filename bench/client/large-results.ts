/**
 * The workload of 10 MB results, in Node only: a task's whole way, fetching what is ready, and for reference the same
 * bytes over plain HTTP from and to the same coordinator, under the client's own key.
 */
import { once } from "node:events";
import { Agent, type IncomingMessage, request } from "node:http";
import type { Grid } from "../../sdk/index.ts";
import { check } from "./workloads.ts";

/** Milliseconds of each round. */
export interface LargeResultTimes {
  readonly whole: number[];
  readonly ready: number[];
  readonly rawDown: number[];
  readonly rawUpAndDown: number[];
}

export interface LargeResults {
  readonly rounds: number;
  readonly sizeBytes: number;
}

export async function largeResults(grid: Grid, { rounds, sizeBytes }: LargeResults): Promise<LargeResultTimes> {
  const make = grid.remote((bytes: number, seed: number) => new Uint8Array(bytes).fill(seed), { name: "large" });
  const times: LargeResultTimes = { whole: [], ready: [], rawDown: [], rawUpAndDown: [] };
  const seen = watchFetch();
  const agent = new Agent({ keepAlive: true });
  const transferMs = (method: "GET" | "PUT", of: Transfer): Promise<number> => transfer(agent, method, of, sizeBytes);
  try {
    // In turns, so that all meet the same noise; round 0 is for warmth.
    for (let round = 0; round <= rounds; round++) {
      using first = make.remote(sizeBytes, round);
      const begin = performance.now();
      const value = await grid.get(first);
      const wholeMs = performance.now() - begin;
      checkBytes(value, sizeBytes, round);
      const known = seen.last();

      using second = make.remote(sizeBytes, 100 + round);
      await grid.wait([second]);
      let readyMs = 0;
      let downMs = 0;
      const getReady = async (): Promise<void> => {
        const readyAt = performance.now();
        const again = await grid.get(second);
        readyMs = performance.now() - readyAt;
        checkBytes(again, sizeBytes, 100 + round);
      };
      const getRaw = async (): Promise<void> => {
        downMs = await transferMs("GET", known);
      };
      // Whoever comes second may find things warmer.
      for (const get of round % 2 === 0 ? [getReady, getRaw] : [getRaw, getReady]) await get();
      const own = new URL(known.url);
      own.pathname = `/objects/${encodeURIComponent(`${grid.jobId}.${1_000_000 + round}:0`)}`;
      const upMs = await transferMs("PUT", { ...known, url: own.href });
      if (round === 0) continue;
      times.whole.push(wholeMs);
      times.ready.push(readyMs);
      times.rawDown.push(downMs);
      times.rawUpAndDown.push(upMs + downMs);
    }
    return times;
  } finally {
    seen.stop();
    agent.destroy();
  }
}

function checkBytes(value: Uint8Array, sizeBytes: number, seed: number): void {
  const isSame = value instanceof Uint8Array && Buffer.compare(Buffer.alloc(sizeBytes, seed), value) === 0;
  check(isSame, () => `${sizeBytes} bytes of ${seed} came back as something else`);
}

interface Transfer {
  readonly url: string;
  readonly authorization: string;
}

/** The SDK's own transfers tell where the bytes are and under which key. */
function watchFetch(): { last(): Transfer; stop(): void } {
  const { fetch } = globalThis;
  let last: Transfer | undefined;
  globalThis.fetch = (input, init) => {
    const url = input instanceof Request ? input.url : String(input);
    const authorization = new Headers(init?.headers).get("authorization");
    if (url.includes("/objects/") && authorization !== null) last = { url, authorization };
    return fetch(input, init);
  };
  return {
    last() {
      if (last === undefined) throw new Error("Cannot find the reference: the client fetched nothing over HTTP");
      return last;
    },
    stop() {
      globalThis.fetch = fetch;
    },
  };
}

/** Plain node:http; what comes is counted and dropped. Gives milliseconds. */
async function transfer(
  agent: Agent,
  method: "GET" | "PUT",
  { url, authorization }: Transfer,
  sizeBytes: number,
): Promise<number> {
  const body = method === "PUT" ? Buffer.alloc(sizeBytes) : undefined;
  const begin = performance.now();
  const outgoing = request(url, {
    method,
    agent,
    headers: { authorization, ...(body && { "content-length": body.length }) },
  });
  outgoing.end(body);
  const [response] = (await once(outgoing, "response")) as [IncomingMessage];
  let received = 0;
  for await (const chunk of response) received += (chunk as Buffer).length;
  const ms = performance.now() - begin;
  const { statusCode = 0 } = response;
  check(statusCode >= 200 && statusCode < 300, () => `${method} ${url} answered ${statusCode}`);
  // The stored form of the value is a little longer than its bytes.
  check(method === "PUT" || received >= sizeBytes, () => `GET ${url} gave ${received} bytes`);
  return ms;
}
