/**
 * How long every thread of this process's descendants has run, as Linux counts it: unlike a profile this is not
 * stretched by what else the machine does, and it includes what is not JavaScript. Empty elsewhere.
 */
import { readdirSync, readFileSync } from "node:fs";

export interface CpuTime {
  readonly process: string;
  readonly thread: string;
  readonly us: number;
}

/** By process and thread id. */
export type CpuTimes = ReadonlyMap<string, CpuTime>;

/** `nameOf` may know a process by its id; of the others the command line says what they are. */
export function readCpuTimes(nameOf: (pid: number) => string | undefined): CpuTimes {
  const times = new Map<string, CpuTime>();
  for (const pid of descendantsOf(process.pid)) {
    const name = nameOf(pid) ?? nameIn(read(`/proc/${pid}/cmdline`));
    for (const tid of list(`/proc/${pid}/task`)) {
      const ns = Number(read(`/proc/${pid}/task/${tid}/schedstat`).split(" ")[0] ?? 0);
      const thread = Number(tid) === pid ? "main" : read(`/proc/${pid}/task/${tid}/comm`).trim();
      times.set(`${pid} ${tid}`, { process: `${name} (${pid})`, thread, us: ns / 1_000 });
    }
  }
  return times;
}

/** What was spent from one reading to the next, the most first. */
export function cpuTimeBetween(before: CpuTimes, after: CpuTimes): readonly CpuTime[] {
  return [...after]
    .map(([key, time]) => ({ ...time, us: time.us - (before.get(key)?.us ?? 0) }))
    .sort((a, b) => b.us - a.us);
}

function descendantsOf(root: number): readonly number[] {
  const children = new Map<number, number[]>();
  for (const entry of list("/proc")) {
    // The name in parentheses may contain anything; the parent is the second field after it.
    const parent = Number(
      read(`/proc/${entry}/stat`)
        .replace(/^.*\) /s, "")
        .split(" ")[1],
    );
    if (!/^\d+$/.test(entry) || Number.isNaN(parent)) continue;
    const siblings = children.get(parent);
    if (siblings === undefined) children.set(parent, [Number(entry)]);
    else siblings.push(Number(entry));
  }
  const found: number[] = [];
  const collect = (pid: number): void => {
    for (const child of children.get(pid) ?? []) {
      found.push(child);
      collect(child);
    }
  };
  collect(root);
  return found;
}

/** Chromium's children write their command line over with spaces. */
function nameIn(commandLine: string): string {
  const words = commandLine.split(/[\0 ]+/);
  const valueOf = (flag: string): string | undefined => words.find((word) => word.startsWith(flag))?.slice(flag.length);
  const kind = valueOf("--utility-sub-type=") ?? valueOf("--type=");
  if (kind === undefined) return words[0]?.split("/").at(-1) ?? "";
  return words.includes("--top-chrome-webui") ? `chromium ${kind} of its own pages` : `chromium ${kind}`;
}

/** A process may end while it is looked at. */
function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function list(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
