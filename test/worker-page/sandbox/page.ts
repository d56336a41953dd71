/** What the page of the sandbox's tests offers to them: a pool, a bare sandbox, and what both told. */
import type { WorkerId } from "../../../protocol/ids.ts";
import { Pool } from "../../../worker-page/threads/pool.ts";
import { Sandbox } from "../../../worker-page/threads/sandbox.ts";
import type { ThreadReport } from "../../../worker-page/threads/thread-api.ts";

const scripts: Record<string, string> = {};

async function script(name: string): Promise<string> {
  return (scripts[name] ??= await (await fetch(`/${name}`)).text());
}

export interface Told {
  readonly warm: number[];
  readonly dead: { threadId: number; reason: string }[];
  readonly reports: { threadId: number; report: ThreadReport }[];
}

export async function openPool(scriptName: string): Promise<{ pool: Pool; told: Told }> {
  const told: Told = { warm: [], dead: [], reports: [] };
  const pool = new Pool({
    frameUrl: "/sandbox",
    threadScript: await script(scriptName),
    parent: document.body,
    onWarm: (threadId) => told.warm.push(threadId),
    onReports: (threadId, reports) => told.reports.push(...reports.map((report) => ({ threadId, report }))),
    onDeath: (threadId, reason) => told.dead.push({ threadId, reason }),
    holds: () => true,
    upload: () => Promise.resolve(),
    download: () => Promise.resolve(new Uint8Array(1)),
  });
  pool.workerId = "w1" as WorkerId;
  return { pool, told };
}

/** How long a thread in an endless loop still ran, in ms, after its end was ordered, or after the sandbox was closed. */
export async function endEndless(how: "end-thread" | "close"): Promise<number> {
  const sandbox = new Sandbox({
    frameUrl: "/sandbox",
    threadScript: await script("ticking-thread.js"),
    parent: document.body,
    onThreadError: () => {},
    onDeath: () => {},
  });
  const orders = new MessageChannel();
  const reports = new MessageChannel();
  let ticks = 0;
  let last = 0;
  const ticking = new Promise<void>((resolve) => {
    reports.port1.addEventListener("message", ({ data }: MessageEvent<number>) => {
      last = data;
      if (++ticks === 20) resolve();
    });
  });
  reports.port1.start();
  sandbox.startThread(1, "w1" as WorkerId, { orders: orders.port2, reports: reports.port2 });
  await ticking;
  const orderedAt = performance.timeOrigin + performance.now();
  if (how === "close") sandbox.close();
  else sandbox.endThread(1);
  await new Promise((resolve) => setTimeout(resolve, how === "close" ? 500 : 3_000));
  sandbox.close();
  return last - orderedAt;
}

/** Takes the frame away behind the sandbox's back, and says what it then tells. */
export async function killFrame(): Promise<string> {
  const threadScript = await script("stand-in-thread.js");
  return new Promise((resolve) => {
    const sandbox = new Sandbox({
      frameUrl: "/sandbox",
      threadScript,
      parent: document.body,
      onThreadError: () => {},
      onDeath: resolve,
      pingMs: 50,
    });
    const channels = { orders: new MessageChannel().port2, reports: new MessageChannel().port2 };
    sandbox.startThread(1, "w1" as WorkerId, channels);
    for (const frame of document.querySelectorAll("iframe")) frame.remove();
  });
}
