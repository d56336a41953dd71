/**
 * `tabgrid demo`: a grid of this machine alone, and the examples run on it. The coordinator and the browser belong to this
 * process, not to children of it, so that nothing stays behind however it ends.
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readConfig, type RunningCoordinator, startCoordinator } from "../coordinator/main.ts";
import { pathOf, runExample } from "./demo/example.ts";
import { gatherTabs } from "./demo/joining.ts";
import { type Part, partsOf } from "./demo/parts.ts";
import { readArgs, untilStopped, UsageError, wholeNumber } from "./usage.ts";

const help = `tabgrid demo: a grid on this machine, and what it can do

  --tabs N        headless tabs that lend this machine (2)
  --threads N     threads in each tab (2)
  --port PORT     HTTP and WebSocket port on 127.0.0.1 (any free one)
  --keep          stay up after the last part, until Ctrl+C
`;

const closeTimeoutMs = 10_000;

export async function demo(args: readonly string[]): Promise<number> {
  const parsed = readArgs(
    args,
    { tabs: { type: "string" }, threads: { type: "string" }, port: { type: "string" }, keep: { type: "boolean" } },
    help,
  );
  if (parsed === undefined) return 0;
  const { values, positionals } = parsed;
  if (positionals.length > 0) throw new UsageError(`The demo takes no arguments, and "${positionals[0]}" is one`, help);
  const tabs = wholeNumber(values.tabs ?? "2", "--tabs", 1, help);
  const threads = wholeNumber(values.threads ?? "2", "--threads", 1, help);
  const port = String(wholeNumber(values.port ?? "0", "--port", 0, help));

  const stopping = new AbortController();
  const stopped = untilStopped().then(() => stopping.abort());
  const closers: (() => Promise<void>)[] = [];
  try {
    return await show({ tabs, threads, port, isKept: values.keep === true, stopped, signal: stopping.signal, closers });
  } catch (error) {
    if (!stopping.signal.aborted) throw error;
    return 130;
  } finally {
    await closeAll(closers);
  }
}

interface Show {
  readonly tabs: number;
  readonly threads: number;
  readonly port: string;
  readonly isKept: boolean;
  readonly stopped: Promise<void>;
  readonly signal: AbortSignal;
  /** What was opened, in order: closed last to first. */
  readonly closers: (() => Promise<void>)[];
}

async function show({ tabs, threads, port, isKept, stopped, signal, closers }: Show): Promise<number> {
  const startedAt = performance.now();
  const coordinator = await openCoordinator(port, closers);
  print(`Coordinator  ${coordinator.url}`);
  print(`Lend a tab   ${coordinator.workerUrl}\n`);

  const countWorkers = async (): Promise<number> => (await ask(coordinator, "workers")).length;
  const opened = await gatherTabs({ workerUrl: coordinator.workerUrl, tabs, threads, countWorkers, signal });
  if (opened !== undefined) closers.push(() => opened.close());
  signal.throwIfAborted();
  const workers = await ask(coordinator, "workers");
  print(`${plural(workers.length, "tab")} with ${plural(sumOf(workers, "threads"), "thread")} joined.`);

  const results: { readonly part: Part; readonly why: string | undefined; readonly seconds: number }[] = [];
  const parts = partsOf(textFolder());
  for (const [i, part] of parts.entries()) {
    print(`\n${i + 1} of ${parts.length}: ${part.name}\n${part.about}`);
    print(`$ TABGRID_URL=${coordinator.url} tabgrid run examples/${part.script}\n`);
    const partStartedAt = performance.now();
    const outcome = await runExample({ ...part, url: coordinator.url, signal });
    const why = outcome.type === "failed" ? outcome.why : undefined;
    if (why !== undefined) print(`\nThis part failed: ${why}`);
    results.push({ part, why, seconds: secondsSince(partStartedAt) });
  }

  print("\nSummary");
  for (const { part, why, seconds } of results) {
    print(
      `  ${why === undefined ? "ok    " : "FAILED"}  ${part.name.padEnd(14)}  ${seconds.toFixed(1).padStart(5)} s${why === undefined ? "" : `: ${why}`}`,
    );
  }
  const tasksDone = sumOf(await ask(coordinator, "workers"), "tasksDone");
  print(
    `${plural(tasksDone, "task")} and calls in ${plural(workers.length, "tab")}, ${secondsSince(startedAt).toFixed(0)} s in all.`,
  );

  if (isKept) {
    print(`\nThe grid stays up. Join it at ${coordinator.workerUrl}, or use it:`);
    print(`$ TABGRID_URL=${coordinator.url} tabgrid run ${pathOf("quick-start.js")}`);
    print("Stop with Ctrl+C.");
    await stopped;
  }
  return results.every(({ why }) => why === undefined) ? 0 : 1;
}

async function openCoordinator(port: string, closers: (() => Promise<void>)[]): Promise<RunningCoordinator> {
  const data = mkdtempSync(join(tmpdir(), "tabgrid-demo-"));
  // Also after a second Ctrl+C, which waits for nothing.
  process.once("exit", () => rmSync(data, { recursive: true, force: true }));
  const coordinator = await startCoordinator(readConfig({ host: "127.0.0.1", port, data }));
  closers.push(() => coordinator.close());
  return coordinator;
}

/** In a checkout its own npm installation, in an installed package the one that it is part of. */
function textFolder(): string {
  const own = fileURLToPath(new URL("../../node_modules", import.meta.url));
  return existsSync(own) ? own : "node_modules";
}

async function ask({ url }: RunningCoordinator, what: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const response = await fetch(new URL(`/api/${what}`, url), { signal: AbortSignal.timeout(10_000) });
  return (await response.json()) as readonly Readonly<Record<string, unknown>>[];
}

/** In order, and in bounded time: what does not close is left to the end of the process. */
async function closeAll(closers: readonly (() => Promise<void>)[]): Promise<void> {
  const timer = setTimeout(() => process.exit(process.exitCode ?? 1), closeTimeoutMs);
  for (const close of [...closers].reverse()) {
    await close().catch((error: unknown) => process.stderr.write(`tabgrid: while closing: ${String(error)}\n`));
  }
  clearTimeout(timer);
}

function sumOf(rows: readonly Readonly<Record<string, unknown>>[], column: string): number {
  return rows.reduce((sum, row) => sum + Number(row[column]), 0);
}

function plural(amount: number, what: string): string {
  return `${amount} ${what}${amount === 1 ? "" : "s"}`;
}

function secondsSince(at: number): number {
  return (performance.now() - at) / 1000;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
