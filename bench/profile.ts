/**
 * `tsx bench/profile.ts`: where the time of a no-op task goes, in microseconds a task, for every process it passes
 * through: client, coordinator, page, thread. Builds everything unminified, with source maps, into a folder of its own;
 * the profilers cost time themselves, so the shares count and not the sums.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { Session } from "node:inspector/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { build } from "vite";
import type { Grid } from "../sdk/index.ts";
import { targets } from "../vite.config.ts";
import { openLab, within } from "./lab.ts";
import { runTasks } from "./measurements/tasks.ts";
import { type CpuProfile, sourcePlaces, spent } from "./profile/cpu-profile.ts";
import { type NamedProfile, profileTab } from "./profile/tab-profilers.ts";
import { perSecond } from "./statistics.ts";

const help = `tsx bench/profile.ts [options]

  --tasks N       how many no-op tasks (20000)
  --at-once       all submitted at once, instead of 1,000 in flight
  --top N         functions of each process that are listed (25)
  --keep FOLDER   also write the profiles there, for Chrome's DevTools or speedscope
`;

const root = join(import.meta.dirname, "..");
/** Inside the checkout, where Node finds the packages; of this run alone. */
const caches = join(root, "node_modules/.cache");
mkdirSync(caches, { recursive: true });
const dist = mkdtempSync(join(caches, "tabgrid-profile-"));
process.once("exit", () => rmSync(dist, { recursive: true, force: true }));
const totalMs = 300_000;
const limitMs = 60_000;

async function buildReadable(): Promise<void> {
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

async function load(grid: Grid, count: number, isAtOnce: boolean): Promise<number> {
  if (!isAtOnce) {
    const done = await runTasks(grid, count, limitMs);
    return perSecond(done.count, done.ms);
  }
  const same = grid.remote((n: number) => n, { name: "noop" });
  const begin = performance.now();
  await grid.get(same.map(Array.from({ length: count }, (_, n) => n)));
  return perSecond(count, performance.now() - begin);
}

/** Of the clock that V8 stamps profiles with. */
function nowUs(): number {
  return Number(process.hrtime.bigint() / 1_000n);
}

/** Where a bundle that a process ran lies on disk. */
function fileOf(url: string): string | undefined {
  if (url.startsWith("file:")) return url.includes("/tabgrid-profile-") ? fileURLToPath(url) : undefined;
  if (/^https?:/.test(url)) {
    const { pathname } = new URL(url);
    return pathname.startsWith("/sandbox") ? join(dist, pathname) : join(dist, "pages", pathname);
  }
  // Threads run a blob.
  return url.startsWith("blob:") ? join(dist, "sandbox/thread.js") : undefined;
}

async function profile(
  count: number,
  isAtOnce: boolean,
): Promise<{ readonly profiles: readonly Timed[]; readonly rate: number }> {
  const folder = mkdtempSync(join(tmpdir(), "tabgrid-profile-"));
  const lab = await openLab({
    tabs: 2,
    distFolder: dist,
    nodeOptions: ["--cpu-prof", `--cpu-prof-dir=${folder}`, "--cpu-prof-interval=200"],
  });
  try {
    await load(lab.grid, 5_000, isAtOnce);
    const pages = lab.browser.contexts().flatMap((context) => context.pages());
    const tabs = await Promise.all(pages.map((page, i) => profileTab(page, `tab ${i + 1}`)));
    const inspector = new Session();
    inspector.connect();
    await inspector.post("Profiler.enable");
    await inspector.post("Profiler.setSamplingInterval", { interval: 200 });
    await inspector.post("Profiler.start");
    const from = nowUs();
    const rate = await load(lab.grid, count, isAtOnce);
    const to = nowUs();
    const { profile: client } = await inspector.post("Profiler.stop");
    inspector.disconnect();
    const inTabs = (await Promise.all(tabs.map((stop) => stop()))).flat();
    // The coordinator writes its own when it ends.
    await lab.close();
    const [file] = readdirSync(folder);
    if (file === undefined) throw new Error("Cannot profile the coordinator: it wrote no profile");
    const coordinator = JSON.parse(readFileSync(join(folder, file), "utf8")) as CpuProfile;
    const named: NamedProfile[] = [
      { name: "client", profile: client as CpuProfile },
      { name: "coordinator", profile: coordinator },
      ...inTabs,
    ];
    return { rate, profiles: named.map((each) => ({ ...each, from, to })) };
  } finally {
    await lab.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Timed extends NamedProfile {
  readonly from: number;
  readonly to: number;
}

function print({ name, profile, from, to }: Timed, count: number, top: number): void {
  const { busyUs, byFunction, withCallees, byFile } = spent(profile, sourcePlaces(root, fileOf), from, to);
  const perTask = (us: number): string => (us / count).toFixed(2).padStart(7);
  console.log(
    `\n=== ${name}: ${perTask(busyUs).trim()} µs a task, busy ${Math.round((busyUs / (to - from)) * 100)} % of the time`,
  );
  console.log("by file");
  for (const { file, us } of byFile.slice(0, 15)) console.log(`${perTask(us)}  ${file}`);
  console.log("in the function itself");
  for (const { what, where, us } of byFunction.slice(0, top)) console.log(`${perTask(us)}  ${what}  ${where}`);
  console.log("with what it called");
  for (const { what, where, us } of withCallees.filter(({ what }) => what !== "(root)").slice(0, top)) {
    console.log(`${perTask(us)}  ${what}  ${where}`);
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      tasks: { type: "string", default: "20000" },
      "at-once": { type: "boolean", default: false },
      top: { type: "string", default: "25" },
      keep: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return;
  }
  const count = Number(values.tasks);
  await buildReadable();
  const { profiles, rate } = await within(totalMs, profile(count, values["at-once"]), "Profiling");
  console.log(`${Math.round(rate)} tasks/s while profiled`);
  for (const each of profiles) print(each, count, Number(values.top));
  if (values.keep === undefined) return;
  mkdirSync(values.keep, { recursive: true });
  for (const { name, profile } of profiles) {
    writeFileSync(join(values.keep, `${name.replaceAll(/\W+/g, "-")}.cpuprofile`), JSON.stringify(profile));
  }
}

main().then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
