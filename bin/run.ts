/** `tabgrid run`: a driver script in a process of its own, told where the grid is. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { UsageError } from "./usage.ts";

const help = `tabgrid run SCRIPT [args...]: run a driver script

  The script connects with \`await connect()\`, which reads TABGRID_URL (http://127.0.0.1:7070) and TABGRID_TOKEN.
  \`import { connect } from "tabgrid"\` works in it whether the package is installed beside it or not.
`;

export async function run(args: readonly string[]): Promise<number> {
  const [script, ...rest] = args;
  if (script === "--help" || script === "-h") {
    process.stdout.write(help);
    return 0;
  }
  if (script === undefined) throw new UsageError("A script is needed", help);
  if (!existsSync(script)) throw new UsageError(`There is no script at ${resolve(script)}`, help);
  const imports = ["--import", new URL("../../bin/resolve-tabgrid.js", import.meta.url).href];
  if (/\.[mc]?tsx?$/.test(script)) imports.push("--import", import.meta.resolve("tsx"));
  const child = spawn(process.execPath, [...imports, script, ...rest], {
    stdio: "inherit",
    env: { TABGRID_URL: "http://127.0.0.1:7070", ...process.env },
  });
  // The terminal's signals reach the child by themselves; ours are passed on, and its end is ours.
  const pass = (signal: NodeJS.Signals): void => void child.kill(signal);
  process.on("SIGTERM", pass);
  process.on("SIGINT", () => {});
  return new Promise((done, fail) => {
    child.once("error", fail);
    child.once("exit", (code, signal) => done(code ?? (signal === null ? 1 : 128)));
  });
}
