/** The command line: finds the command, reads its flags, and gives the exit code. Each command is in a file of its own. */
import { UsageError } from "./usage.ts";

type Command = (args: readonly string[]) => Promise<number>;

/** Each is loaded when it is asked for: a browser's driver or a coordinator takes longer to load than a script to run. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  start: async () => (await import("./start.ts")).start,
  worker: async () => (await import("./worker.ts")).worker,
  run: async () => (await import("./run.ts")).run,
  status: async () => (await import("./status.ts")).status,
  demo: async () => (await import("./demo.ts")).demo,
};

const help = `tabgrid: Ray for browser tabs

  tabgrid start [--host 127.0.0.1] [--port 7070]   start a coordinator; tabs join at the URL it prints
  tabgrid worker URL [--tabs 1] [--threads n]      lend headless tabs of this machine, for a lab or a server
  tabgrid run SCRIPT [args...]                     run a driver script, connected by TABGRID_URL
  tabgrid status [URL]                             who is there and what runs
  tabgrid demo [--keep]                            a grid on this machine, and what it can do

  tabgrid COMMAND --help                           a command's options
`;

async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    process.stdout.write(help);
    return name === undefined ? 2 : 0;
  }
  const command = commands[name];
  if (command === undefined) throw new UsageError(`Unknown command "${name}"`, help);
  return (await command())(rest);
}

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    const isUsage = error instanceof UsageError;
    process.stderr.write(`tabgrid: ${error instanceof Error ? error.message : String(error)}\n`);
    if (isUsage) process.stderr.write(`\n${error.help}`);
    if (!isUsage && process.env["TABGRID_LOG"] === "debug" && error instanceof Error)
      process.stderr.write(`${error.stack ?? ""}\n`);
    process.exit(isUsage ? 2 : 1);
  },
);
