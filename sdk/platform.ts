/**
 * Where the SDK runs, a page or Node and its like, reduced to what connecting depends on. Owns the reading of globals and
 * environment; nothing else in the SDK does.
 */
import type { WebSocketLike } from "../transport/websocket-channel.ts";

/** What differs between runtimes; absent members are absent here as well. */
interface Globals {
  readonly process?: {
    readonly versions?: { readonly node?: string };
    readonly env?: Readonly<Record<string, string | undefined>>;
    readonly argv?: readonly string[];
  };
  readonly Deno?: unknown;
  readonly Bun?: unknown;
  readonly location?: { readonly href: string; readonly protocol: string };
  readonly document?: { readonly title?: string };
  readonly WebSocket?: new (url: string) => WebSocketLike;
}
const globals = globalThis as unknown as Globals;

const fallbackUrl = "http://127.0.0.1:7070";

/** The page's own address where there is one, else TABGRID_URL or the default port on this machine. */
export function defaultUrl(): string {
  const { location } = globals;
  if (location !== undefined && /^https?:$/.test(location.protocol)) return location.href;
  return globals.process?.env?.["TABGRID_URL"] || fallbackUrl;
}

export function defaultToken(): string | undefined {
  return globals.process?.env?.["TABGRID_TOKEN"] || undefined;
}

/** The page's title or the script's file name. */
export function defaultJobName(): string {
  const script = globals.process?.argv?.[1]?.split(/[/\\]/).at(-1);
  return globals.document?.title || script || "job";
}

/** Node's own WebSocket is young and slower than `ws`; elsewhere the platform's is the only one. */
export async function openSocket(url: string): Promise<WebSocketLike> {
  const isNode =
    globals.process?.versions?.node !== undefined && globals.Deno === undefined && globals.Bun === undefined;
  if (isNode && globals.document === undefined) {
    const { openNodeSocket } = await import("./node-socket.ts");
    return await openNodeSocket(url);
  }
  const { WebSocket } = globals;
  if (WebSocket === undefined) throw new TypeError("Cannot connect: this runtime has no WebSocket");
  return new WebSocket(url);
}
