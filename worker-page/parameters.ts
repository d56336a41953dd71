/**
 * What the URL of the page asks for. Whatever cannot be used is said in a sentence and replaced by something sensible.
 * Knows nothing about the page.
 */
import { limits } from "../protocol/limits.ts";

export interface Parameters {
  /** Begin without a click. */
  readonly start: boolean;
  readonly threads: number;
  readonly name: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly resources: {
    readonly gpus: number;
    readonly memoryBytes: number | undefined;
    readonly custom: Readonly<Record<string, number>>;
  };
  readonly token: string | undefined;
  /** What was asked for and is not done, for the person who made the URL. */
  readonly problems: readonly string[];
}

export interface Place {
  /** The page's own address. */
  readonly url: URL;
  /** How many threads this machine runs at once. */
  readonly processors: number;
}

/** More threads than this in one tab is a mistake in the URL. */
export const mostThreads = 128;

export function readParameters({ url, processors }: Place): Parameters {
  const query = url.searchParams;
  // After a "#" a token is not sent to any server, and not written to its log.
  const token = new URLSearchParams(url.hash.slice(1)).get("token") ?? query.get("token") ?? undefined;
  const problems: string[] = [];
  const name = query.get("name") ?? undefined;
  const threads = readThreads(query.get("threads"), Math.max(1, processors - 1), problems);
  const { gpus = 0, memoryBytes, ...custom } = readResources(query, problems);
  return {
    start: readStart(query.get("start"), isLoopback(url.hostname) || token !== undefined, problems),
    threads,
    name: name === undefined || name === "" ? undefined : name.slice(0, limits.nameLength),
    labels: readLabels(query),
    resources: { gpus, memoryBytes, custom },
    token: token === "" ? undefined : token,
    problems,
  };
}

function readThreads(text: string | null, usual: number, problems: string[]): number {
  if (text === null) return usual;
  const threads = Number(text);
  if (/^\d+$/.test(text) && threads >= 1 && threads <= mostThreads) return threads;
  problems.push(`threads=${text} is not a whole number from 1 to ${mostThreads}: ${usual} are lent instead.`);
  return usual;
}

/** Nobody's machine works for others by surprise: a link on some page alone must not start it. */
function readStart(text: string | null, isTrusted: boolean, problems: string[]): boolean {
  if (text === null || text === "0") return false;
  if (text !== "1") {
    problems.push(`start=${text} means nothing: start=1 begins without a click.`);
    return false;
  }
  if (!isTrusted) problems.push("start=1 works with a join token only. Please press Start.");
  return isTrusted;
}

function readLabels(query: URLSearchParams): Readonly<Record<string, string>> {
  return Object.fromEntries(
    [...query].flatMap(([key, value]) => (key.startsWith("label.") ? [[key.slice("label.".length), value]] : [])),
  );
}

function readResources(query: URLSearchParams, problems: string[]): Readonly<Record<string, number>> {
  return Object.fromEntries(
    [...query].flatMap(([key, text]) => {
      if (!key.startsWith("resource.")) return [];
      const amount = text === "" ? Number.NaN : Number(text);
      if (Number.isFinite(amount) && amount >= 0) return [[key.slice("resource.".length), amount]];
      problems.push(`${key}=${text} is not an amount: it is not offered.`);
      return [];
    }),
  );
}

function isLoopback(hostname: string): boolean {
  return (
    hostname === "localhost" ||
    hostname === "[::1]" ||
    /^127(\.\d+){3}$/.test(hostname) ||
    hostname.endsWith(".localhost")
  );
}
