/**
 * Results of 10 MB to the Node client: fetching one that is ready, and a task's whole way. The references are the same
 * bytes over plain HTTP from and to the same coordinator, under the client's own key.
 */
import { once } from "node:events";
import { Agent, type IncomingMessage, request } from "node:http";
import { median } from "../statistics.ts";
import { check, type Measurement, repeat } from "./measurement.ts";

const readyRate = "10 MB result that is ready, to the Node client";
const wholeRate = "10 MB result, from submission to the Node client";
const rawDown = "raw HTTP download of 10 MB";
const rawUpAndDown = "raw HTTP upload and download of 10 MB";

const sizeBytes = 10_000_000;
const times = 8;

export const largeResult: Measurement = {
  name: "large-result",
  figures: [
    { name: rawDown, unit: "MB/s", goals: [] },
    { name: readyRate, unit: "MB/s", reference: rawDown, goals: [{ of: "ratio", is: "at least", limit: 0.8 }] },
    { name: rawUpAndDown, unit: "MB/s", goals: [] },
    { name: wholeRate, unit: "MB/s", reference: rawUpAndDown, goals: [{ of: "ratio", is: "at least", limit: 0.8 }] },
  ],
  async run({ lab }) {
    const { grid } = await lab();
    const make = grid.remote((bytes: number, seed: number) => new Uint8Array(bytes).fill(seed), { name: "large" });
    const seen = watchFetch();
    const agent = new Agent({ keepAlive: true });
    try {
      const ready: number[] = [];
      const whole: number[] = [];
      const down: number[] = [];
      const upAndDown: number[] = [];
      // In turns, so that all meet the same noise; the first round is for warmth.
      await repeat(times + 1, async (n) => {
        using first = make.remote(sizeBytes, n);
        const begin = performance.now();
        const value = await grid.get(first);
        const wholeMs = performance.now() - begin;
        checkBytes(value, n);
        const { url, authorization } = seen.last();

        using second = make.remote(sizeBytes, 100 + n);
        await grid.wait([second]);
        let readyMs = 0;
        let downMs = 0;
        const getReady = async (): Promise<void> => {
          const begin = performance.now();
          const value = await grid.get(second);
          readyMs = performance.now() - begin;
          checkBytes(value, 100 + n);
        };
        const getRaw = async (): Promise<void> => {
          downMs = await transferMs(agent, "GET", url, authorization);
        };
        // Whoever comes second may find things warmer.
        for (const get of n % 2 === 0 ? [getReady, getRaw] : [getRaw, getReady]) await get();
        const own = new URL(url);
        own.pathname = `/objects/${encodeURIComponent(`${grid.jobId}.${1_000_000 + n}:0`)}`;
        const upMs = await transferMs(agent, "PUT", own.href, authorization);
        if (n === 0) return;
        whole.push(wholeMs);
        ready.push(readyMs);
        down.push(downMs);
        upAndDown.push(upMs + downMs);
      });
      const reading = (ms: readonly number[]) => ({ value: rate(median(ms)), samples: ms.map(rate) });
      return {
        [rawDown]: reading(down),
        [readyRate]: reading(ready),
        [rawUpAndDown]: reading(upAndDown),
        [wholeRate]: { ...reading(whole), note: "made in the tab, kept by the coordinator, fetched by the client" },
      };
    } finally {
      seen.stop();
      agent.destroy();
    }
  },
};

function rate(ms: number): number {
  return sizeBytes / 1_000 / ms;
}

function checkBytes(value: Uint8Array, seed: number): void {
  const expected = Buffer.alloc(sizeBytes, seed);
  check(
    value instanceof Uint8Array && Buffer.compare(expected, value) === 0,
    () => `10 MB of ${seed} came back as something else`,
  );
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

/** Plain node:http; what comes is counted and dropped. */
async function transferMs(agent: Agent, method: "GET" | "PUT", url: string, authorization: string): Promise<number> {
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
