/**
 * What the coordinator serves over HTTP: pages, the sandbox, the SDK, large values, state and health. Owns routes and
 * headers. Knows nothing about sessions but who owns a key.
 */
import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { extname, join, normalize, sep } from "node:path";
import { Readable } from "node:stream";
import { Hono } from "hono";
import { GridError } from "../protocol/errors.ts";
import { functionId, jobOf, type ObjectId, taskOfObject, type TaskId } from "../protocol/ids.ts";
import { limits } from "../protocol/limits.ts";
import type { Coordinator } from "./coordinator.ts";
import { homePage, homeStyle } from "./home-page.ts";
import { metrics } from "./metrics.ts";
import type { HttpOwner } from "./sessions.ts";
import type { Caller, Scope } from "./tokens.ts";
import { ask } from "./views.ts";

export interface HttpOptions {
  readonly coordinator: Coordinator;
  /** dist/: pages and sandbox scripts. */
  readonly distFolder: string;
  readonly ownerOf: (httpKey: string | undefined) => HttpOwner | undefined;
  readonly mayEnter: (caller: Caller, wanted: Scope) => boolean;
  /** URLs of the worker page, the one that most can open first; without tokens. */
  readonly joinUrls: readonly string[];
  /** Other devices cannot reach it. */
  readonly isLocal: boolean;
}

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".json": "application/json",
  ".map": "application/json",
  ".png": "image/png",
};

const shellPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self' ws: wss:",
  "frame-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** What user code may do: compute. An opaque origin, no network, no storage; workers only from the frame's own blobs. */
const sandboxPolicy = (origin: string): string =>
  [
    "sandbox allow-scripts",
    "default-src 'none'",
    `script-src 'unsafe-inline' 'unsafe-eval' blob: ${origin}/npm/`,
    "worker-src blob:",
    "connect-src 'none'",
  ].join("; ");

const pageHeaders = {
  "content-security-policy": shellPolicy,
  "cross-origin-opener-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "permissions-policy": "camera=(), microphone=(), geolocation=(), usb=(), hid=(), serial=(), payment=()",
  "cache-control": "no-cache",
};

const anyOrigin = { "access-control-allow-origin": "*", "cross-origin-resource-policy": "cross-origin" };

export function httpApp(options: HttpOptions): Hono {
  const { coordinator, distFolder } = options;
  const app = new Hono();

  app.get("/health", (c) => {
    const { journalTrouble, workers, clients } = coordinator;
    const counts = { workers: workers.size, clients: clients.size };
    if (journalTrouble === undefined) return c.json({ status: "ok", ...counts });
    return c.json({ status: "nothing new can be kept", error: journalTrouble.message, ...counts }, 503);
  });
  app.get("/", (c) => {
    const token = c.req.query("token");
    const mayJoin = options.mayEnter({ ...requestCaller(c.req.raw), token }, "join");
    const suffix = mayJoin && token !== undefined ? `#token=${encodeURIComponent(token)}` : "";
    const page = homePage({
      url: new URL(c.req.url).origin,
      joinUrls: options.joinUrls.map((url) => url + suffix),
      lacksToken: !mayJoin,
      isLocal: options.isLocal,
    });
    return c.html(page, 200, pageHeaders);
  });
  app.get("/home.css", (c) =>
    c.body(homeStyle, 200, { "content-type": "text/css; charset=utf-8", "cache-control": "no-cache" }),
  );
  app.get("/metrics", (c) => {
    if (!mayObserve(options, c.req.raw)) return c.json(denied("observe"), 401);
    return c.text(metrics(coordinator));
  });
  app.get("/api/:what", (c) => {
    if (!mayObserve(options, c.req.raw)) return c.json(denied("observe"), 401);
    const { limit, ...equal } = c.req.query();
    const filters = Object.entries(equal)
      .filter(([key]) => key !== "token" && key !== "id")
      .map(([key, value]) => [key, "=", value]);
    const parameters = JSON.stringify({
      filters,
      ...(limit === undefined ? {} : { limit: Number(limit) }),
      id: equal["id"],
    });
    return c.json(ask(coordinator, undefined, c.req.param("what"), parameters) as object);
  });

  app.get("/worker", () => file(join(distFolder, "pages", "worker", "index.html"), pageHeaders));
  app.get("/worker/*", (c) => inside(join(distFolder, "pages"), c.req.path, pageHeaders));
  app.get("/sdk.js", () => file(join(distFolder, "pages", "sdk.js"), { ...anyOrigin, "cache-control": "no-cache" }));
  app.get("/sandbox", async (c) => {
    // The frame's only script stands in the page: its policy lets it load nothing from here.
    const script = await readFile(join(distFolder, "sandbox", "frame.js"), "utf8");
    const headers = { ...pageHeaders, "content-security-policy": sandboxPolicy(new URL(c.req.url).origin) };
    const inline = script.replaceAll("</script", "<\\/script");
    return c.html(
      `<!doctype html><meta charset="utf-8"><title>tabgrid sandbox</title><script>${inline}</script>`,
      200,
      headers,
    );
  });
  app.get("/sandbox/*", (c) => inside(distFolder, c.req.path, { "cache-control": "no-cache", ...anyOrigin }));

  app.options("/objects/:id", (c) =>
    c.body(null, 204, {
      ...anyOrigin,
      "access-control-allow-methods": "GET, PUT",
      "access-control-allow-headers": "authorization, content-type, range",
      "access-control-max-age": "86400",
    }),
  );
  app.put("/objects/:id", (c) => putObject(options, c.req.param("id"), c.req.raw));
  app.get("/objects/:id", (c) => getObject(options, c.req.param("id"), c.req.raw));

  app.notFound((c) => c.json({ error: `Nothing is served at ${c.req.path}` }, 404));
  app.onError((error, c) => c.json({ error: error.message }, 500));
  return app;
}

export function callerOf(request: { readonly url: string; header(name: string): string | undefined }): Caller {
  const bearer = request.header("authorization")?.replace(/^Bearer /, "");
  const token = bearer ?? new URL(request.url, "http://localhost").searchParams.get("token") ?? undefined;
  return { token, origin: request.header("origin"), host: request.header("host") };
}

function requestCaller(request: Request): Caller {
  return callerOf({ url: request.url, header: (name) => request.headers.get(name) ?? undefined });
}

function mayObserve(options: HttpOptions, request: Request): boolean {
  return options.mayEnter(requestCaller(request), "observe");
}

function denied(scope: Scope): object {
  return { error: `Cannot show this: a token with the scope "${scope}" is needed`, code: "AUTHENTICATION" };
}

// ------------------------------------------------------------------------------------------ large values

function ownerOfRequest({ ownerOf }: HttpOptions, request: Request): HttpOwner | undefined {
  return ownerOf(request.headers.get("authorization")?.replace(/^Bearer /, ""));
}

async function putObject(options: HttpOptions, id: string, request: Request): Promise<Response> {
  const owner = ownerOfRequest(options, request);
  if (owner === undefined)
    return json(401, { error: "Cannot store object: the session's key is missing or over", code: "AUTHENTICATION" });
  if (!mayStore(options.coordinator, owner, id))
    return json(403, { error: `Cannot store "${id}": it is not yours`, code: "AUTHENTICATION" });
  const isFunction = id.startsWith("f");
  try {
    const body = request.body === null ? emptyBody() : Readable.fromWeb(request.body as never);
    const { objects } = options.coordinator;
    const stored = await objects.put(id, body, isFunction ? limits.functionBytes : limits.objectBytes);
    if (isFunction && functionId(stored.sha256) !== id) {
      await objects.delete(id);
      return json(400, { error: `Cannot store "${id}": its bytes have another hash`, code: "PROTOCOL" });
    }
    return json(201, { sizeBytes: stored.sizeBytes, sha256: stored.sha256 });
  } catch (error) {
    const code = error instanceof GridError ? error.code : "OBJECT_LOST";
    return json(code === "OBJECT_TOO_LARGE" ? 413 : 500, {
      error: error instanceof Error ? error.message : String(error),
      code,
    });
  }
}
async function* emptyBody(): AsyncIterable<Uint8Array> {}

/** A client stores for its own job; a worker what a task, call or actor that runs on it makes, or what that submits. */
function mayStore({ scheduler }: Coordinator, owner: HttpOwner, id: string): boolean {
  const { records } = scheduler;
  if (/^f[0-9a-f]{40}$/.test(id)) return true;
  if ("jobId" in owner) return jobOf(id as ObjectId) === owner.jobId;
  for (
    let task = taskOfObject(id as ObjectId) as string;
    task.includes(".");
    task = task.slice(0, task.lastIndexOf("."))
  ) {
    const state = records.tasks.get(task as TaskId)?.state;
    if (state?.name === "running" && state.attempt.worker.id === owner.workerId) return true;
    const actor = records.actors.get(task as never)?.state;
    if (actor !== undefined && "worker" in actor && actor.worker?.id === owner.workerId) return true;
  }
  return false;
}

function getObject(options: HttpOptions, id: string, request: Request): Response {
  if (ownerOfRequest(options, request) === undefined) {
    return json(401, { error: "Cannot read object: the session's key is missing or over", code: "AUTHENTICATION" });
  }
  const { objects, definitions } = options.coordinator;
  const inline = definitions.find(id as never)?.bytes;
  if (inline !== undefined)
    return new Response(inline as Uint8Array<ArrayBuffer>, { headers: bytesHeaders(inline.length) });
  const found = objects.find(id);
  if (found === undefined) {
    // If it should be, its maker makes it again, and whoever asks again has it.
    options.coordinator.lost([id as ObjectId]);
    return json(404, { error: `Cannot read "${id}": it is not stored here`, code: "OBJECT_LOST" });
  }
  const range = /^bytes=(\d+)-$/.exec(request.headers.get("range") ?? "");
  const start = Math.min(Number(range?.[1] ?? 0), found.sizeBytes);
  const chunks = objects.read(id, start);
  if (chunks === undefined)
    return json(404, { error: `Cannot read "${id}": it is not stored here`, code: "OBJECT_LOST" });
  const headers = bytesHeaders(found.sizeBytes - start);
  if (range === null) return new Response(streamOf(chunks), { headers });
  return new Response(streamOf(chunks), {
    status: 206,
    headers: { ...headers, "content-range": `bytes ${start}-${found.sizeBytes - 1}/${found.sizeBytes}` },
  });
}

function bytesHeaders(sizeBytes: number): Record<string, string> {
  return {
    ...anyOrigin,
    "content-type": "application/octet-stream",
    "content-length": String(sizeBytes),
    "accept-ranges": "bytes",
    "cache-control": "no-store",
  };
}

function streamOf(chunks: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array<ArrayBuffer>> {
  return Readable.toWeb(Readable.from(chunks, { objectMode: false })) as unknown as ReadableStream<
    Uint8Array<ArrayBuffer>
  >;
}

function json(status: number, body: object): Response {
  return new Response(JSON.stringify(body), { status, headers: { ...anyOrigin, "content-type": "application/json" } });
}

// ------------------------------------------------------------------------------------------ files

async function inside(folder: string, path: string, headers: Record<string, string>): Promise<Response> {
  const wanted = normalize(join(folder, decodeURIComponent(path)));
  if (!wanted.startsWith(folder + sep)) return json(404, { error: `Nothing is served at ${path}` });
  const caching = path.includes("/assets/") ? { "cache-control": "public, max-age=31536000, immutable" } : {};
  return file(wanted, { ...headers, ...caching });
}

async function file(path: string, headers: Record<string, string>): Promise<Response> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined || !found.isFile())
    return json(404, { error: "Nothing is served here. Was `npm run build` run?" });
  const body = Readable.toWeb(createReadStream(path)) as unknown as ReadableStream<Uint8Array<ArrayBuffer>>;
  const type = types[extname(path)] ?? "application/octet-stream";
  return new Response(body, {
    headers: {
      ...headers,
      "content-type": type,
      "content-length": String(found.size),
      "x-content-type-options": "nosniff",
    },
  });
}
