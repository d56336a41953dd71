/** `connect`: from an address and options to a Grid. Owns the defaults and what is said when it cannot be done. */
import { createGrid } from "../grid/grid.ts";
import type { Grid } from "../grid/types.ts";
import { DisconnectedError, type GridError } from "../protocol/errors.ts";
import { limits } from "../protocol/limits.ts";
import { protocolVersion } from "../protocol/version.ts";
import type { Channel } from "../transport/channel.ts";
import type { DialEnding } from "../transport/dial.ts";
import { openWebSocket, type WebSocketLike } from "../transport/websocket-channel.ts";
import { readAddress } from "./address.ts";
import { ClientHost, refusalError } from "./client-host.ts";
import { defaultJobName, defaultToken, defaultUrl, openSocket } from "./platform.ts";

export interface ConnectOptions {
  /** Default: TABGRID_TOKEN, or `token` in the URL's query or fragment. */
  readonly token?: string;
  /** Shown on the dashboard. Default: the page's title or the script's file name. */
  readonly jobName?: string;
  /** Names of actors are looked up in here. Default "default". */
  readonly namespace?: string;
  /** How long a dropped session may take to come back before its job's refs and actors are released. Default 30_000. */
  readonly reconnectMs?: number;
  /** Print what tasks and actors log, prefixed with their name and worker. Default true. */
  readonly logs?: boolean;
  /**
   * `ticket` of a grid that this connection goes on for: a page that was reloaded, or a script that was started again,
   * within its `reconnectMs`. The other connection, if it still lives, is ended. What its job holds stays held.
   */
  readonly ticket?: string;
  /** Aborts connecting; the grid itself is ended by `close`. */
  readonly signal?: AbortSignal;
}

/** The first answer must come within this time. */
const connectMs = 10_000;
const longestReconnectMs = 24 * 3_600_000;

/**
 * Connects to a coordinator. In a page `url` defaults to its origin, in Node to TABGRID_URL or http://127.0.0.1:7070.
 * Rejects with AuthenticationError when the token is refused, and with DisconnectedError when nobody answers within ten
 * seconds.
 * @example
 * await using grid = await connect("http://127.0.0.1:7070");
 * const square = grid.remote((n: number) => n * n);
 * console.log(await grid.get(square.remote(4))); // 16
 */
export async function connect(url?: string | URL, options: ConnectOptions = {}): Promise<Grid> {
  checkConnectOptions(options);
  const { jobName = defaultJobName(), namespace = "default", reconnectMs = 30_000, logs = true, signal } = options;
  signal?.throwIfAborted();
  const address = readAddress(url ?? defaultUrl());
  const token = options.token ?? address.token ?? defaultToken();
  const host = new ClientHost({
    base: address.base,
    reconnectMs,
    connectMs,
    hello: () => ({
      role: "client",
      version: protocolVersion,
      ...(token !== undefined && { token }),
      jobName: jobName.slice(0, limits.nameLength),
      namespace,
      reconnectMs,
      logs,
      ...(options.ticket !== undefined && { ticket: options.ticket }),
    }),
    open: (onGone) => openChannel(address.sessionUrl, onGone),
  });
  const abort = (): void => host.abandon("aborted");
  signal?.addEventListener("abort", abort, { once: true });
  try {
    await host.opened;
  } catch (error) {
    signal?.throwIfAborted();
    throw connectError(address.base, error);
  } finally {
    signal?.removeEventListener("abort", abort);
  }
  const end = createGrid(host);
  host.serve(end);
  return end.grid;
}

async function openChannel(url: string, onGone: () => void): Promise<Channel> {
  const socket: WebSocketLike = await openSocket(url);
  socket.addEventListener("close", onGone);
  return await openWebSocket(socket);
}

function connectError(base: string, error: unknown): GridError {
  const ending = (error instanceof Error ? error.cause : undefined) as DialEnding | undefined;
  if (ending?.type === "refused") return refusalError(ending.code, ending.message);
  const why = error instanceof Error ? error.message : String(error);
  return new DisconnectedError(
    `Cannot connect to ${base}: ${why}. Check that the coordinator runs (tabgrid start), that this is its address, and that ` +
      "nothing between blocks WebSockets",
  );
}

function checkConnectOptions(options: ConnectOptions): void {
  const known = ["token", "jobName", "namespace", "reconnectMs", "logs", "ticket", "signal"];
  for (const key of Object.keys(options)) {
    if (!known.includes(key))
      throw new TypeError(`Cannot use option "${key}": the options of connect are ${known.join(", ")}`);
  }
  const { token, jobName, namespace, reconnectMs, logs, ticket } = options;
  for (const [key, value] of Object.entries({ token, jobName, namespace, ticket })) {
    if (value !== undefined && typeof value !== "string")
      throw new TypeError(`Cannot use option "${key}": it must be a text`);
  }
  if (namespace === "" || (namespace?.length ?? 0) > limits.nameLength) {
    throw new RangeError(`Cannot use option "namespace": it must be a text of 1 to ${limits.nameLength} characters`);
  }
  if (logs !== undefined && typeof logs !== "boolean")
    throw new TypeError('Cannot use option "logs": it must be true or false');
  if (reconnectMs === undefined) return;
  if (typeof reconnectMs !== "number") throw new TypeError('Cannot use option "reconnectMs": it must be a number');
  if (!(reconnectMs >= 0 && reconnectMs <= longestReconnectMs)) {
    throw new RangeError(`Cannot use option "reconnectMs" with ${reconnectMs}: it must be 0 to ${longestReconnectMs}`);
  }
}
