import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { launchBrowser } from "../../../bin/browser.ts";
import type { CheckpointStore } from "../../../worker-page/checkpoints/checkpoint-store.ts";
import { aRecord, checkpointStoreContract } from "../../contracts/checkpoint-store.ts";
import { fromPlain, toPlain } from "./page.ts";

declare const page: typeof import("./page.ts");

let server: Server;
let browser: Browser;
let tab: Page;
let databases = 0;

beforeAll(async () => {
  const script = await bundled();
  server = createServer((request, response) => {
    const isScript = request.url === "/page.js";
    response.writeHead(200, { "content-type": isScript ? "text/javascript" : "text/html" });
    response.end(
      isScript
        ? script
        : `<!doctype html><script type="module">import * as page from "/page.js"; globalThis.page = page;</script>`,
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  browser = await launchBrowser({ headless: true });
  tab = await browser.newPage();
  await tab.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  await isReady();
});
afterAll(async () => {
  await browser.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const isReady = () => tab.waitForFunction(() => "page" in globalThis);

async function bundled(): Promise<string> {
  const built = await build({
    root: join(import.meta.dirname, "../../.."),
    configFile: false,
    publicDir: false,
    logLevel: "error",
    build: {
      write: false,
      minify: false,
      rolldownOptions: {
        input: join(import.meta.dirname, "page.ts"),
        preserveEntrySignatures: "strict",
        output: { format: "es", codeSplitting: false },
      },
    },
  });
  const output = Array.isArray(built) ? built[0]?.output : "output" in built ? built.output : undefined;
  const chunk = output?.find((one) => one.type === "chunk");
  if (chunk?.type !== "chunk") throw new Error("Cannot bundle the page");
  return chunk.code;
}

/** A database of its own, in the tab. */
function aStore(): CheckpointStore & { readonly name: string } {
  const name = `checkpoints-${++databases}`;
  return {
    name,
    save: (records) => tab.evaluate(([name, plain]) => page.save(name, plain), [name, records.map(toPlain)] as const),
    load: async (of) => {
      const plain = await tab.evaluate(([name, of]) => page.load(name, of), [name, of] as const);
      return plain && fromPlain(plain);
    },
    delete: (names) => tab.evaluate(([name, names]) => page.remove(name, names), [name, names] as const),
    list: () => tab.evaluate((name) => page.list(name), name),
    close: () => void tab.evaluate((name) => page.close(name), name),
  };
}

describe("checkpoints in IndexedDB", () => {
  checkpointStoreContract(async () => aStore());

  test("[CKPT-7] they are there after a reload", async () => {
    const store = aStore();
    const one = aRecord("ja.1", 1);
    await store.save([one]);
    await tab.reload();
    await isReady();
    expect(await store.load(one)).toEqual(one);
  });

  test("[CKPT-8] a connection that the browser closes is opened again", async () => {
    const store = aStore();
    const one = aRecord("ja.1", 1);
    await store.save([one]);
    await tab.evaluate((name) => page.clearSite(name), store.name);
    expect(await store.load(one)).toBeUndefined();
    await store.save([one]);
    expect(await store.load(one)).toEqual(one);
  });

  test("[CKPT-9] a small state is saved within some milliseconds, and a hundred together in few transactions", async () => {
    const small = median(await tab.evaluate(() => page.oneAfterAnother(200, 1_000)));
    const large = median(await tab.evaluate(() => page.oneAfterAnother(20, 5_000_000)));
    const alone = await tab.evaluate(() => page.together(1, 200, 1_000));
    const together = await tab.evaluate(() => page.together(100, 20, 1_000));
    // Bounds for a busy machine; the figures are far from them.
    expect(small).toBeLessThan(50);
    expect(large).toBeLessThan(2_000);
    expect(together).toBeGreaterThan(2 * alone);
  });
});

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
