/** Runs one example as `tabgrid run` does, in a process of its own that has an end: its own, a timeout's or the demo's. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

export interface ExampleOptions {
  readonly script: string;
  readonly args: readonly string[];
  /** The coordinator. */
  readonly url: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** How it ended, and why if it was not well. */
export type Outcome = { readonly type: "passed" } | { readonly type: "failed"; readonly why: string };

const killAfterMs = 3_000;

/** Both lie in the package's root: this file is built into dist/bin/ or dist/chunks/. */
const command = fileURLToPath(new URL("../bin/cli.js", import.meta.url));
const examples = fileURLToPath(new URL("../../examples/", import.meta.url));

export function pathOf(script: string): string {
  return `${examples}${script}`;
}

/** Resolves when its process has ended, whatever ended it. */
export async function runExample({ script, args, url, timeoutMs, signal }: ExampleOptions): Promise<Outcome> {
  signal.throwIfAborted();
  const child = spawn(process.execPath, [command, "run", pathOf(script), ...args], {
    stdio: "inherit",
    env: { ...process.env, TABGRID_URL: url },
  });
  let isLate = false;
  const timers: NodeJS.Timeout[] = [];
  const stop = (): void => {
    child.kill("SIGTERM");
    timers.push(setTimeout(() => child.kill("SIGKILL"), killAfterMs));
  };
  const stopLate = (): void => {
    isLate = true;
    stop();
  };
  timers.push(setTimeout(stopLate, timeoutMs));
  signal.addEventListener("abort", stop);
  const stopAtExit = (): void => void child.kill("SIGTERM");
  process.on("exit", stopAtExit);
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", resolve);
    });
    signal.throwIfAborted();
    if (isLate) return { type: "failed", why: `it had not ended after ${timeoutMs / 1000} s` };
    return code === 0 ? { type: "passed" } : { type: "failed", why: "see its error above" };
  } finally {
    for (const timer of timers) clearTimeout(timer);
    signal.removeEventListener("abort", stop);
    process.off("exit", stopAtExit);
  }
}
