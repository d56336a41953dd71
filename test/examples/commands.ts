/** Runs `tabgrid` as a person would, in a process of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));

export interface RunningCommand {
  readonly child: ChildProcess;
  /** Resolves with everything printed so far, once `text` is in it; rejects when the command ends without. */
  printed(text: string): Promise<string>;
  /** What it printed, and its exit code. */
  readonly ended: Promise<{ readonly output: string; readonly code: number | null }>;
}

/** Paths in `args` are from the root of the project. */
export function tabgrid(args: readonly string[], environment: Readonly<Record<string, string>> = {}): RunningCommand {
  const child = spawn(process.execPath, ["bin/tabgrid.js", ...args], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...environment },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const ended = once(child, "close").then(() => ({ output, code: child.exitCode }));
  return {
    child,
    ended,
    printed: (text) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (!output.includes(text)) return;
          child.stdout.off("data", look);
          resolve(output);
        };
        child.stdout.on("data", look);
        look();
        void ended.then(() => reject(new Error(`tabgrid ${args.join(" ")} ended without "${text}":\n${output}`)));
      }),
  };
}
