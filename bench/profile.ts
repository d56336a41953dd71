/**
 * `tsx bench/profile.ts`: where the time of a no-op task goes, in microseconds a task, for every process it passes
 * through: client, coordinator, page, thread. Two runs: one undisturbed, for the processor time of each process and
 * thread; one under profilers, whose shares count and not their sums. Everything is built unminified, with source maps,
 * into a folder of its own.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { build } from "vite";
import { targets } from "../vite.config.ts";
import type { NodeClient } from "./client/node-client.ts";
import type { Done } from "./in-flight.ts";
import { openLab } from "./lab.ts";
import { tasksInFlight } from "./measurements/measurement.ts";
import { type CpuProfile, sourcePlaces, spent } from "./profile/cpu-profile.ts";
import { type CpuTime, cpuTimeBetween, readCpuTimes } from "./profile/cpu-time.ts";
import { type NamedProfile, profileTab } from "./profile/tab-profilers.ts";
import { perSecond } from "./statistics.ts";
import { within } from "./within.ts";

const help = `tsx bench/profile.ts [options]

  --tasks N         how many (20000)
  --load NAME       tasks: no-op tasks, 1,000 in flight; at-once: all submitted together; actor: calls of one actor (tasks)
  --top N           functions of each process that are listed (25)
  --keep FOLDER     also write the profiles there, for Chrome's DevTools or speedscope
  --help
`;

const root = join(import.meta.dirname, "..");
/** Inside the checkout, where Node finds the packages; of this run alone. */
const caches = join(root, "node_modules/.cache");
const totalMs = 300_000;
const limitMs = 60_000;
const warmUpTasks = 5_000;
const tabs = 2;

const loads = {
  tasks: (client, total) => client.run("tasks", { total, inFlight: tasksInFlight, limitMs }),
  "at-once": (client, total) => client.run("tasksAtOnce", { total }),
  actor: (client, total) => calls(client, total, "off"),
  saved: (client, total) => calls(client, total, "call"),
} satisfies Record<string, (client: NodeClient, total: number) => Promise<Done>>;
async function calls(client: NodeClient, total: number, checkpoint: "off" | "call"): Promise<Done> {
  const loads = [{ total, inFlight: tasksInFlight, limitMs }];
  const { runs } = await client.run("actorCalls", { checkpoint, loads, roundTrips: { total: 0, limitMs } });
  return runs[0] ?? { count: 0, ms: 0 };
}
type LoadName = keyof typeof loads;

interface Findings {
  /** Undisturbed. */
  readonly rate: number;
  readonly cpuTimes: readonly CpuTime[];
  readonly profiledRate: number;
  readonly profiles: readonly Timed[];
}

interface Timed extends NamedProfile {
  /** Of the load, on the profile's clock. */
  readonly from: number;
  readonly to: number;
}

async function buildReadable(dist: string): Promise<void> {
  await Promise.all(
    targets(dist).map(({ build: options, ...target }) =>
      build({
        ...target,
        configFile: false,
        publicDir: false,
        logLevel: "error",
        build: { ...options, emptyOutDir: false, reportCompressedSize: false, minify: false, sourcemap: true },
      }),
    ),
  );
}

async function find(dist: string, name: LoadName, count: number): Promise<Findings> {
  const undisturbed = await openLab({ tabs, distFolder: dist });
  let before: Pick<Findings, "rate" | "cpuTimes">;
  try {
    await loads[name](undisturbed.client, warmUpTasks);
    const names = new Map([
      [undisturbed.pids.coordinator, "coordinator"],
      [undisturbed.pids.client, "client"],
    ]);
    const begin = readCpuTimes((pid) => names.get(pid));
    const done = await loads[name](undisturbed.client, count);
    const cpuTimes = cpuTimeBetween(
      begin,
      readCpuTimes((pid) => names.get(pid)),
    );
    before = { rate: perSecond(done.count, done.ms), cpuTimes };
  } finally {
    await undisturbed.close();
  }
  return { ...before, ...(await profile(dist, name, count)) };
}

async function profile(
  dist: string,
  name: LoadName,
  count: number,
): Promise<Pick<Findings, "profiledRate" | "profiles">> {
  const folder = mkdtempSync(join(tmpdir(), "tabgrid-profile-"));
  const options = (of: string): string[] => [
    "--cpu-prof",
    `--cpu-prof-dir=${folder}`,
    `--cpu-prof-name=${of}.cpuprofile`,
    "--cpu-prof-interval=200",
  ];
  const lab = await openLab({
    tabs,
    distFolder: dist,
    nodeOptions: { coordinator: options("coordinator"), client: options("client") },
  });
  try {
    await loads[name](lab.client, warmUpTasks);
    const pages = lab.browser.contexts().flatMap((context) => context.pages());
    const profiling = await Promise.all(pages.map((page, i) => profileTab(page, `tab ${i + 1}`)));
    const from = nowUs();
    const done = await loads[name](lab.client, count);
    const to = nowUs();
    const inTabs = (await Promise.all(profiling.map((stop) => stop()))).flat();
    // The two write theirs when they end.
    await lab.close();
    const inNode = readdirSync(folder).map((file) => ({
      name: file.replace(".cpuprofile", ""),
      profile: JSON.parse(readFileSync(join(folder, file), "utf8")) as CpuProfile,
    }));
    const profiles = [...inNode, ...inTabs].map((each) => ({ ...each, from, to }));
    return { profiledRate: perSecond(done.count, done.ms), profiles };
  } finally {
    await lab.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Of the clock that V8 stamps profiles with. */
function nowUs(): number {
  return Number(process.hrtime.bigint() / 1_000n);
}

/** Where a bundle that a process ran lies on disk. */
function fileOf(dist: string, url: string): string | undefined {
  if (url.startsWith("file:")) {
    const path = fileURLToPath(url);
    return path.startsWith(dist) ? path : undefined;
  }
  if (/^https?:/.test(url)) {
    const { pathname } = new URL(url);
    return pathname === "/sandbox" ? join(dist, "sandbox/frame.js") : join(dist, "pages", pathname);
  }
  // Threads run a blob.
  return url.startsWith("blob:") ? join(dist, "sandbox/thread.js") : undefined;
}

function printCpuTimes(times: readonly CpuTime[], count: number): void {
  const processes = new Map<string, number>();
  for (const { process, us } of times) processes.set(process, (processes.get(process) ?? 0) + us);
  const inAll = times.reduce((sum, { us }) => sum + us, 0);
  console.log(`processor time: ${(inAll / count).toFixed(1)} µs a task in all`);
  for (const [process, us] of [...processes].sort(([, a], [, b]) => b - a)) {
    if (us / count < 0.5) continue;
    const threads = times.filter((time) => time.process === process && time.us / count >= 0.3);
    const parts = threads.map(({ thread, us }) => `${thread} ${(us / count).toFixed(1)}`).join(", ");
    console.log(`${(us / count).toFixed(1).padStart(8)}  ${process}: ${parts}`);
  }
}

function print({ name, profile, from, to }: Timed, dist: string, count: number, top: number): void {
  const places = sourcePlaces(root, (url) => fileOf(dist, url));
  const { busyUs, byFunction, withCallees, byFile } = spent(profile, places, from, to);
  if (busyUs / count < 0.5) return;
  const line = (us: number, what: string): void => console.log(`${(us / count).toFixed(2).padStart(8)}  ${what}`);
  const share = Math.round((busyUs / (to - from)) * 100);
  console.log(`\n=== ${name}: ${(busyUs / count).toFixed(1)} µs a task, busy ${share} % of the time`);
  console.log("by file");
  for (const { file, us } of byFile.slice(0, 15)) line(us, file);
  console.log("in the function itself");
  for (const { what, where, us } of byFunction.slice(0, top)) line(us, `${what}  ${where}`);
  console.log("with what it called");
  for (const { what, where, us } of withCallees.filter(({ what }) => what !== "(root)").slice(0, top)) {
    line(us, `${what}  ${where}`);
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      tasks: { type: "string", default: "20000" },
      load: { type: "string", default: "tasks" },
      top: { type: "string", default: "25" },
      keep: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  const { load } = values;
  if (values.help || !Object.hasOwn(loads, load)) {
    process.stdout.write(help);
    return;
  }
  const count = Number(values.tasks);
  mkdirSync(caches, { recursive: true });
  const dist = mkdtempSync(join(caches, "tabgrid-profile-"));
  try {
    await buildReadable(dist);
    const { rate, cpuTimes, profiledRate, profiles } = await within(
      totalMs,
      find(dist, load as LoadName, count),
      "Profiling",
    );
    console.log(`${load}: ${Math.round(rate)}/s undisturbed, ${Math.round(profiledRate)}/s under profilers`);
    printCpuTimes(cpuTimes, count);
    for (const each of profiles) print(each, dist, count, Number(values.top));
    if (values.keep === undefined) return;
    mkdirSync(values.keep, { recursive: true });
    for (const { name, profile } of profiles) {
      writeFileSync(join(values.keep, `${name.replaceAll(/\W+/g, "-")}.cpuprofile`), JSON.stringify(profile));
    }
  } finally {
    rmSync(dist, { recursive: true, force: true });
  }
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
