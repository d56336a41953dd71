/** How a coordinator is to run: flags over environment over defaults. The only file here that reads the environment. */
import { networkInterfaces } from "node:os";
import { resolve } from "node:path";
import * as v from "valibot";

const port = v.pipe(
  v.number("is not a number"),
  v.integer("is not a whole number"),
  v.minValue(0, "is below 0"),
  v.maxValue(65_535, "is above 65535"),
);

const config = v.object({
  host: v.pipe(v.string(), v.minLength(1, "is empty")),
  port,
  /** Undefined: the same number as the HTTP port has in the end. */
  udpPort: v.optional(port),
  publicAddress: v.optional(v.pipe(v.string(), v.ip("is not an IP address"))),
  /** Undefined: nothing outlives the process. */
  dataFolder: v.optional(v.string()),
  /** What a change survives once it is acknowledged: the end of this process, or a power cut too. */
  durability: v.picklist(["process", "power"], "is neither process nor power"),
  https: v.boolean(),
  logLevel: v.picklist(["trace", "debug", "info", "warn", "error", "fatal", "silent"], "is no log level"),
});
export type Config = v.InferOutput<typeof config>;

export const defaultPort = 7070;

export interface Flags {
  readonly host?: string | undefined;
  readonly port?: string | undefined;
  readonly "udp-port"?: string | undefined;
  readonly "public-address"?: string | undefined;
  readonly data?: string | undefined;
  readonly https?: boolean | undefined;
}

/** Throws TypeError naming the flag and what is wrong with it. */
export function readConfig(
  flags: Flags,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Config {
  const host = flags.host ?? environment["TABGRID_HOST"] ?? "127.0.0.1";
  const portText = flags.port ?? environment["TABGRID_PORT"] ?? String(defaultPort);
  const udpText = flags["udp-port"] ?? environment["TABGRID_UDP_PORT"];
  const publicAddress = flags["public-address"] ?? environment["TABGRID_PUBLIC_ADDRESS"];
  const data = flags.data ?? environment["TABGRID_DATA"] ?? ".tabgrid";
  const parsed = v.safeParse(config, {
    host,
    port: numberOf(portText),
    ...(udpText === undefined ? {} : { udpPort: numberOf(udpText) }),
    ...(publicAddress === undefined ? {} : { publicAddress }),
    ...(data === "memory" ? {} : { dataFolder: resolve(data) }),
    durability: environment["TABGRID_DURABILITY"] ?? "process",
    https: flags.https ?? false,
    logLevel: environment["TABGRID_LOG"] ?? "warn",
  });
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  const flag = flagNames[String(issue.path?.[0]?.key)] ?? "configuration";
  throw new TypeError(`Cannot start: ${flag} ${issue.message} (it is ${JSON.stringify(issue.input)})`);
}

const flagNames: Readonly<Record<string, string>> = {
  host: "--host",
  port: "--port",
  udpPort: "--udp-port",
  publicAddress: "--public-address",
  logLevel: "TABGRID_LOG",
  durability: "TABGRID_DURABILITY",
};

function numberOf(text: string): number | string {
  return /^\d+$/.test(text) ? Number(text) : text;
}

/** Addresses of this machine that others in its network may reach. */
export function lanAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((found) => found ?? [])
    .filter((found) => found.family === "IPv4" && !found.internal)
    .map((found) => found.address);
}
