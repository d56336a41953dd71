/** No-op tasks from a client in a web page of another origin. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { bundle } from "../bundle.ts";
import { type Measurement, rateOf, repetitions, taskCount, tasksInFlight, warmUpCount } from "./measurement.ts";
import { taskRate } from "./tasks.ts";

const pageRate = "no-op tasks, page client of another origin";

export const pageClient: Measurement = {
  name: "tasks-from-page",
  figures: [
    { name: pageRate, unit: "tasks/s", reference: taskRate, goals: [{ of: "value", is: "at least", limit: 10_000 }] },
  ],
  async run({ lab, limitMs }) {
    const script = await bundle(join(import.meta.dirname, "../client/page.ts"), "page");
    const { url, browser } = await lab();
    const server = createServer((request, response) => {
      const isScript = request.url === "/page.js";
      response.setHeader("content-type", isScript ? "text/javascript" : "text/html");
      response.end(isScript ? script : `<!doctype html><script type="module" src="/page.js"></script>`);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const context = await browser.newContext();
    try {
      const page = await context.newPage();
      await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
      await page.waitForFunction(() => "client" in window);
      const load = { inFlight: tasksInFlight, limitMs };
      const warmUp = { ...load, total: warmUpCount };
      const loads = [warmUp, ...Array.from({ length: repetitions }, () => ({ ...load, total: taskCount }))];
      const runs = await page.evaluate(([url, loads]) => window.client.tasks(url, loads), [url, loads] as const);
      return { [pageRate]: rateOf(runs.slice(1), `${tasksInFlight} in flight`) };
    } finally {
      await context.close();
      server.closeAllConnections();
      server.close();
    }
  },
};
