/** Flags as every command reads them: unknown ones are refused with the command's own help. */
import { parseArgs, type ParseArgsConfig } from "node:util";

export class UsageError extends Error {
  readonly help: string;
  constructor(message: string, help: string) {
    super(message);
    this.help = help;
  }
}

type Options = NonNullable<ParseArgsConfig["options"]>;

/** `undefined` when help was asked for, and printed. */
export function readArgs<O extends Options>(args: readonly string[], options: O, help: string) {
  try {
    const config = {
      args: [...args],
      options: { ...options, help: { type: "boolean", short: "h" } },
      allowPositionals: true,
    } as const;
    const parsed = parseArgs<typeof config & { options: O & { help: { type: "boolean" } } }>(config);
    if ((parsed.values as { help?: boolean }).help === true) {
      process.stdout.write(help);
      return undefined;
    }
    return { values: parsed.values, positionals: parsed.positionals };
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), help);
  }
}

/** A whole number of at least `least`, or a usage error that names the flag. */
export function wholeNumber(text: string, flag: string, least: number, help: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least)
    throw new UsageError(`${flag} takes a whole number of at least ${least}, not "${text}"`, help);
  return value;
}

/** Resolves at the first SIGINT or SIGTERM. A second one ends the process at once. */
export function untilStopped(): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    const stop = (): void => {
      if (asked) process.exit(130);
      asked = true;
      resolve();
    };
    process.on("SIGINT", stop);
    process.on("SIGTERM", stop);
  });
}
