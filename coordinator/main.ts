/**
 * The coordinator's composition root: takes a configuration, picks the adapters, opens the ports. The only file here
 * that knows which journal, store and endpoint are real.
 */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { fileURLToPath } from "node:url";
import { getRequestListener } from "@hono/node-server";
import { pino } from "pino";
import { WebSocketServer } from "ws";
import { protocolVersion } from "../protocol/version.ts";
import { webSocketChannel, webSocketFrameBytes } from "../transport/websocket-channel.ts";
import { openWebRtcEndpoint } from "../transport/webrtc-node.ts";
import { type Config, lanAddresses } from "./config.ts";
import { Coordinator } from "./coordinator.ts";
import { callerOf, httpApp } from "./http.ts";
import { type Identity, identityIn, newIdentity } from "./identity.ts";
import type { Journal } from "./journal/journal.ts";
import { memoryJournal } from "./journal/memory-journal.ts";
import { sqliteJournal } from "./journal/sqlite-journal.ts";
import { fileObjects } from "./objects/file-objects.ts";
import type { ObjectStore } from "./objects/object-store.ts";
import { selfSignedCertificate } from "./self-signed.ts";
import { Sessions } from "./sessions.ts";
import { isLoopback, mayEnter, type Tokens } from "./tokens.ts";

export { readConfig } from "./config.ts";

export interface RunningCoordinator {
  readonly url: string;
  readonly workerUrl: string;
  readonly notebookUrl: string;
  readonly dashboardUrl: string;
  readonly tokens: Tokens;
  /** URLs for other devices to join by. */
  readonly joinUrls: readonly string[];
  /** False where the data channels cannot be had here: tabs work over their WebSocket. */
  readonly hasWebRtc: boolean;
  /** What an earlier process left in the data folder: entries of its journal, and how long reading them took. */
  readonly restored: { readonly entries: number; readonly ms: number };
  close(): Promise<void>;
}

/** Resolves once connections are accepted; rejects when a port is taken or the folder cannot be written. */
export async function startCoordinator(config: Config): Promise<RunningCoordinator> {
  const log = pino({ level: config.logLevel }, pino.destination(2));
  const kept = await openKept(config, (message) => log.warn(message));
  const { objects, journal, identity } = kept;
  const { tokens } = identity;
  const coordinator = new Coordinator({
    journal,
    objects,
    now: () => Math.floor(performance.timeOrigin + performance.now()),
    onTrouble: (error) => log.error({ err: error }, "internal trouble"),
  });
  const restored = await coordinator.restore();
  const isOpen = isLoopback(config.host);

  const server = config.https
    ? createSecureServer(await selfSignedCertificate([config.host, ...lanAddresses()]))
    : createServer();
  const port = await listen(server, config.port, config.host);
  const webRtc = await openWebRtcEndpoint({
    udpPort: config.udpPort ?? port,
    ...(config.host === "0.0.0.0" || config.host === "::" ? {} : { bindAddress: config.host }),
    ...(config.publicAddress === undefined ? {} : { publicAddress: config.publicAddress }),
  }).catch((error: unknown) => {
    log.warn({ err: error }, "no UDP port: tabs will work over their WebSocket");
    return undefined;
  });
  const sessions = new Sessions({
    coordinator,
    identity,
    isOpen,
    webRtc,
    onTrouble: (what, error) => log.warn({ err: error }, what),
  });
  sessions.expectBack(coordinator.sessions.values());

  const scheme = config.https ? "https" : "http";
  const urls = urlsOf(scheme, config, port, isOpen ? undefined : tokens);
  const app = httpApp({
    coordinator,
    distFolder: fileURLToPath(new URL("..", import.meta.url)).replace(/[/\\]$/, ""),
    ownerOf: (key) => sessions.ownerOf(key),
    mayEnter: (caller, wanted) => mayEnter(tokens, isOpen, caller, wanted),
    joinUrls: urls.joinUrls.map((url) => url.replace(/#.*/, "")),
    isLocal: isOpen,
  });
  server.on("request", () => coordinator.traffic.requests++);
  const listener = getRequestListener(app.fetch);
  server.on("request", (request, response) => void listener(request, response));

  const sockets = new WebSocketServer({ noServer: true, maxPayload: webSocketFrameBytes, perMessageDeflate: false });
  server.on("upgrade", (request, socket: Duplex, head: Buffer) => {
    coordinator.traffic.upgrades++;
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    if (pathname !== "/session") {
      socket.end("HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n");
      return;
    }
    const header = (name: string): string | undefined => {
      const value = request.headers[name];
      return typeof value === "string" ? value : undefined;
    };
    const caller = callerOf({ url: request.url ?? "/", header });
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      sessions.accept(webSocketChannel(webSocket), request.socket.remoteAddress ?? "unknown", caller);
    });
  });

  let closing: Promise<void> | undefined;
  return {
    ...urls,
    tokens,
    hasWebRtc: webRtc !== undefined,
    restored,
    close: () => (closing ??= closeAll()),
  };

  async function closeAll(): Promise<void> {
    sessions.close();
    coordinator.close();
    webRtc?.close();
    sockets.close();
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
    await journal.close();
    await objects.close();
    await kept.remove();
  }
}

interface Kept {
  readonly journal: Journal;
  readonly objects: ObjectStore;
  readonly identity: Identity;
  /** Removes what was only for this process. */
  remove(): Promise<void>;
}

/** What outlives this process, in the data folder; or nothing, when there is none. */
async function openKept({ dataFolder, durability }: Config, warn: (message: string) => void): Promise<Kept> {
  if (dataFolder === undefined) {
    const folder = await mkdtemp(join(tmpdir(), "tabgrid-"));
    return {
      journal: memoryJournal(),
      objects: await fileObjects(folder),
      identity: newIdentity(),
      remove: () => rm(folder, { recursive: true, force: true }),
    };
  }
  await mkdir(dataFolder, { recursive: true }).catch((error: unknown) => {
    throw new Error(`Cannot start: the data folder ${dataFolder} cannot be made. Choose another with --data`, {
      cause: error,
    });
  });
  // The journal first: it is what two coordinators on one folder cannot both have.
  const journal = await sqliteJournal(dataFolder, { version: `protocol ${protocolVersion}`, durability, onCut: warn });
  return {
    journal,
    objects: await fileObjects(join(dataFolder, "objects")),
    identity: await identityIn(dataFolder),
    remove: () => Promise.resolve(),
  };
}

function listen(server: ReturnType<typeof createServer>, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const why =
        error.code === "EADDRINUSE"
          ? `port ${port} is in use; choose another with --port, or --port 0 for any`
          : error.message;
      reject(new Error(`Cannot start on ${host}: ${why}`, { cause: error }));
    });
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port));
  });
}

function urlsOf(scheme: string, { host, publicAddress }: Config, port: number, tokens: Tokens | undefined) {
  const everywhere = host === "0.0.0.0" || host === "::";
  const names = everywhere ? [...(publicAddress === undefined ? [] : [publicAddress]), ...lanAddresses()] : [host];
  const base = (name: string): string => `${scheme}://${name.includes(":") ? `[${name}]` : name}:${port}`;
  const url = base(everywhere ? "127.0.0.1" : host);
  const hash = (scope: keyof Tokens): string => (tokens === undefined ? "" : `#token=${tokens[scope]}`);
  return {
    url,
    workerUrl: `${url}/worker${hash("join")}`,
    notebookUrl: `${url}/notebook${hash("submit")}`,
    dashboardUrl: `${url}/dashboard${hash("observe")}`,
    joinUrls: names.map((name) => `${base(name)}/worker${hash("join")}`),
  };
}
