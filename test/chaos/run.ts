/**
 * One run from nothing to a summary: a coordinator, browsers and clients, their networks, the workloads, the faults, and
 * in the end what is right. Everything it opened is closed again on every path.
 */
import { setMaxListeners } from "node:events";
import { join } from "node:path";
import { within } from "../../bench/within.ts";
import type { Grid } from "../../sdk/index.ts";
import { random } from "../simulation/random.ts";
import { ChaosBrowser } from "./browsers.ts";
import { CoordinatorProcess } from "./coordinator-process.ts";
import { Faults } from "./faults.ts";
import { Network } from "./network.ts";
import { pause, until } from "./pause.ts";
import {
  browserName,
  clientName,
  drawSchedule,
  type FaultKind,
  nameOf,
  type PlannedFault,
  tabName,
} from "./schedule.ts";
import { sentenceOf, type Summary } from "./summary.ts";
import type { Finding } from "./verdict.ts";
import { Bank } from "./workload/bank.ts";
import { Counting } from "./workload/counters.ts";
import { Ledger } from "./workload/ledger.ts";
import { Names } from "./workload/names.ts";
import { TaskGraph } from "./workload/task-graph.ts";
import type { Client, Workload, WorkloadOptions } from "./workload/workload.ts";

export interface ChaosOptions {
  readonly seed: number;
  readonly minutes: number;
  readonly browsers: number;
  readonly tabs: number;
  /** How long everything may take to end after the last fault. */
  readonly settleMs?: number;
  /** Only these faults. Default: all. */
  readonly kinds?: readonly FaultKind[];
  readonly signal?: AbortSignal;
  /** A line for people. */
  say(line: string): void;
}

const clients = 2;
const threads = 2;
const joinMs = 30_000;
const warmUpMs = 60_000;
const healMs = 30_000;
/** Work goes on this long after everything is healed. */
const afterMs = 3_000;
const progressMs = 5_000;
const storyMs = 5_000;
const storiesTold = 6;
/** Longer than any fault and every settling. */
const reconnectMs = 600_000;

const sdkFile = join(import.meta.dirname, "../../dist/sdk/index.js");

export async function runChaos(options: ChaosOptions): Promise<Summary> {
  const closers: (() => unknown)[] = [];
  try {
    return await run(options, closers);
  } finally {
    for (const close of closers.reverse()) {
      try {
        await close();
      } catch (error) {
        options.say(`while closing: ${String(error)}`);
      }
    }
  }
}

async function run(options: ChaosOptions, closers: (() => unknown)[]): Promise<Summary> {
  const { seed, say, settleMs = 120_000, signal = new AbortController().signal } = options;
  const size = { ...options, clients, totalMs: options.minutes * 60_000 };
  const planned = drawSchedule(seed, size);

  const coordinator = await CoordinatorProcess.start();
  closers.push(() => coordinator.close());
  const openNetwork = async (): Promise<Network> => {
    const network = await Network.open({ tcpPort: coordinator.port, udpPort: coordinator.udpPort });
    closers.push(() => network.close());
    return network;
  };
  const browsers: ChaosBrowser[] = [];
  for (let i = 0; i < options.browsers; i++) {
    signal.throwIfAborted();
    const tabs = Array.from({ length: options.tabs }, (_, j) => tabName(i, j));
    const browser = new ChaosBrowser({ network: await openNetwork(), tabs, threads });
    closers.push(() => browser.close());
    browsers.push(browser);
    await browser.start();
    say(`${browserName(i)} with ${tabs.join(", ")}`);
  }
  const late = await heal(browsers, joinMs, signal);
  if (late.length > 0 && !signal.aborted) throw new Error(`Cannot begin: ${late.join(", ")} did not join`);

  const networks: Network[] = [];
  const connected: Client[] = [];
  for (let i = 0; i < clients; i++) {
    const network = await openNetwork();
    networks.push(network);
    const grid = await connectTo(network.url);
    closers.push(() => grid.close());
    connected.push({ name: clientName(i), grid });
  }
  const ledger = new Ledger();
  const workloads = makeWorkloads(connected, ledger, seed);
  const stopping = new AbortController();
  const stop = (): void => stopping.abort();
  signal.addEventListener("abort", stop, { once: true });
  closers.push(stop);
  // One listener for each workload that waits.
  setMaxListeners(0, stopping.signal, signal);
  const brokenOff: Finding[] = [];
  for (const workload of workloads) {
    workload.run(stopping.signal).catch((error: unknown) => {
      const what = `it broke off: ${error instanceof Error ? error.message : String(error)}`;
      say(`${workload.name}: ${what}`);
      brokenOff.push({ kind: "wrong", workload: workload.name, count: 1, what, ids: [] });
    });
  }
  await warmUp(workloads, ledger, signal);
  signal.throwIfAborted();

  ledger.forgetGaps();
  const startedAt = performance.now();
  const sinceStart = (): number => performance.now() - startedAt;
  const wentOn = noteRestarts(coordinator, ledger);
  const faults = new Faults({ coordinator, browsers, networks }, signal);
  const progress = setInterval(() => say(progressLine(sinceStart(), ledger, faults)), progressMs);
  closers.push(() => clearInterval(progress));
  say(`${planned.length} faults in ${options.minutes} minutes; seed ${seed}`);
  await bringAbout(planned, faults, sinceStart, options, signal);
  await pause(size.totalMs - sinceStart(), signal);
  await faults.ended();
  signal.throwIfAborted();

  say(`${at(sinceStart())} every fault is undone`);
  const tabsHelped = await heal(browsers, healMs, signal);
  for (const name of tabsHelped) say(`${at(sinceStart())} ${name} did not come back by itself`);
  const healedAt = performance.now();
  await pause(afterMs, signal);
  stopping.abort();
  const hasEnded = async (): Promise<boolean> => ledger.pending.size === 0;
  const isSettled = await until(settleMs, hasEnded, signal);
  const settledMs = performance.now() - healedAt;
  signal.throwIfAborted();
  say(`${at(sinceStart())} ${isSettled ? "everything has ended" : `${ledger.pending.size} operations have not ended`}`);
  const { ms: longestGapMs, endedAt } = ledger.longestGap;
  const acknowledged = Object.fromEntries(ledger.acknowledged);

  const judgements = await Promise.all(workloads.map((workload) => workload.judge()));
  const findings = [...brokenOff, ...judgements.flatMap(({ findings }) => findings)];
  if (findings.length > 0) await tell(findings, coordinator, options);
  return {
    seed,
    minutes: options.minutes,
    browsers: options.browsers,
    tabs: options.tabs,
    clients,
    faults: countFaults(planned, faults),
    troubles: faults.outcomes.flatMap(({ fault, trouble }) =>
      trouble === undefined ? [] : [`${wordsOf(fault)}: ${trouble}`],
    ),
    acknowledged,
    findings,
    forgotten: judgements.flatMap(({ forgotten }) => forgotten ?? []),
    settleMs,
    settledMs,
    longestGapMs,
    longestGapEndedMs: endedAt === 0 ? 0 : endedAt - startedAt,
    restarts: coordinator.restarts.map(({ startedAt, acceptedAt }, i) => ({
      acceptingMs: acceptedAt - startedAt,
      wentOnMs: [...(wentOn[i]?.values() ?? [])],
    })),
    tabsHelped,
  };
}

async function connectTo(url: string): Promise<Grid> {
  const { connect } = (await import(sdkFile)) as typeof import("../../sdk/index.ts");
  return connect(url, { logs: false, reconnectMs, jobName: "chaos" });
}

/** The first client has the bank, the tasks and a counter; the second has the others. */
function makeWorkloads(connected: readonly Client[], ledger: Ledger, seed: number): readonly Workload[] {
  const [first, second] = connected;
  if (first === undefined || second === undefined) throw new Error("Cannot begin: two clients are needed");
  let made = 0;
  const options = (client: Client): WorkloadOptions => ({ client, ledger, chance: random(seed + ++made) });
  return [
    new Bank(options(first)),
    new TaskGraph(options(first)),
    new Counting("counter, each call", "call", options(first)),
    new Counting("counter, each call, other client", "call", options(second)),
    new Counting("counter, every 10 calls", { everyCalls: 10 }, options(second)),
    new Counting("counter, manual", "manual", options(second)),
    new Names(options(second)),
  ];
}

async function warmUp(workloads: readonly Workload[], ledger: Ledger, signal: AbortSignal): Promise<void> {
  const missing = (): readonly string[] =>
    workloads.filter(({ name }) => !ledger.acknowledged.has(name)).map(({ name }) => name);
  const isWarm = await until(warmUpMs, async () => missing().length === 0, signal);
  if (!isWarm && !signal.aborted) throw new Error(`Cannot begin: nothing of ${missing().join(", ")} was acknowledged`);
}

/** Resolves when the last fault has begun. */
async function bringAbout(
  planned: readonly PlannedFault[],
  faults: Faults,
  sinceStart: () => number,
  { say }: ChaosOptions,
  signal: AbortSignal,
): Promise<void> {
  for (const fault of planned) {
    await pause(fault.atMs - sinceStart(), signal);
    if (signal.aborted) return;
    say(`${at(sinceStart())} #${fault.number} ${wordsOf(fault)}`);
    faults.begin(fault, ({ trouble }) => {
      if (trouble !== undefined) say(`${at(sinceStart())} #${fault.number} troubled: ${trouble}`);
    });
  }
}

/** Gives the names of tabs that had not joined by themselves in time and were opened anew. */
async function heal(browsers: readonly ChaosBrowser[], ms: number, signal: AbortSignal): Promise<readonly string[]> {
  const helped: string[] = [];
  await Promise.all(
    browsers.flatMap(({ tabs }) =>
      tabs.map(async (tab) => {
        const hasJoined = async (): Promise<boolean> => {
          const look = await tab.look();
          return look !== undefined && look.workerId !== "" && (look.state === "ready" || look.state === "working");
        };
        if ((await until(ms, hasJoined, signal)) || signal.aborted) return;
        const look = await tab.look().catch(() => undefined);
        helped.push(`${tab.name} (${look === undefined ? "no page" : `${look.state}, link ${look.link}`})`);
        await tab.close().catch(() => {});
        await tab.open().catch(() => {});
      }),
    ),
  );
  return helped;
}

/** For each restart, how long after it each client's first acknowledgement came. */
function noteRestarts(coordinator: CoordinatorProcess, ledger: Ledger): readonly Map<string, number>[] {
  const wentOn: Map<string, number>[] = [];
  ledger.onAcknowledged(({ client }) => {
    for (const [i, { acceptedAt }] of coordinator.restarts.entries()) {
      const clients = (wentOn[i] ??= new Map());
      if (!clients.has(client)) clients.set(client, performance.now() - acceptedAt);
    }
  });
  return wentOn;
}

/** The last that is known of what went wrong. */
async function tell(
  findings: readonly Finding[],
  coordinator: CoordinatorProcess,
  { seed, say }: ChaosOptions,
): Promise<void> {
  say(`\nseed ${seed} found:`);
  for (const finding of findings) say(`  ${sentenceOf(finding)}`);
  if (coordinator.said.length > 0) say(`\nthe coordinator said\n  ${coordinator.said.slice(-20).join("\n  ")}`);
  // One that has seen no trouble.
  const grid = await connectTo(coordinator.url).catch((error: unknown) => say(`\nno stories: ${String(error)}`));
  if (grid === undefined) return;
  const ids = [...new Set(findings.flatMap((finding) => finding.ids))].slice(0, storiesTold);
  for (const id of ids) {
    say(`\nstory of ${id}`);
    try {
      const entries = await within(storyMs, grid.state.story(id), "The story");
      for (const entry of entries.slice(-20)) say(`  ${JSON.stringify(entry)}`);
    } catch (error) {
      say(`  ${String(error)}`);
    }
  }
  for (const [what, list] of [
    ["actors", () => grid.state.listActors()],
    ["workers", () => grid.state.listWorkers()],
  ] as const) {
    say(`\n${what}`);
    const rows = await within(storyMs, list(), "The list").catch(() => []);
    for (const row of rows) say(`  ${JSON.stringify(row)}`);
  }
  await grid.close();
}

function countFaults(planned: readonly PlannedFault[], { outcomes }: Faults): Summary["faults"] {
  const counts: Record<string, { planned: number; done: number; troubled: number }> = {};
  for (const { kind } of planned) (counts[kind] ??= { planned: 0, done: 0, troubled: 0 }).planned++;
  for (const { fault, trouble } of outcomes) {
    const count = counts[fault.kind];
    if (count === undefined) continue;
    if (trouble === undefined) count.done++;
    else count.troubled++;
  }
  return Object.fromEntries(Object.entries(counts).sort(([a], [b]) => a.localeCompare(b)));
}

function wordsOf({ kind, target, durationMs, amount }: PlannedFault): string {
  const lasts = durationMs === 0 ? "" : `, ${(durationMs / 1_000).toFixed(1)} s`;
  const by =
    kind === "tab-slowed" ? ` ${amount} times` : kind === "clock-jumped" ? ` by ${Math.round(amount / 1_000)} s` : "";
  return `${kind} ${nameOf(target)}${by}${lasts}`;
}

function progressLine(sinceStartMs: number, ledger: Ledger, { outcomes }: Faults): string {
  const oldest = [...ledger.pending][0];
  const waits =
    oldest === undefined
      ? ""
      : `, oldest waits ${((performance.now() - oldest.submittedAt) / 1_000).toFixed(1)} s (${oldest.workload})`;
  const { total, pending } = ledger;
  return `${at(sinceStartMs)} ${total} acknowledged, ${pending.size} pending${waits}, ${outcomes.length} faults undone`;
}

function at(ms: number): string {
  return `[${(ms / 1_000).toFixed(1).padStart(6)} s]`;
}
