/** A loopback site with the page, the frame and the scripts of the sandbox's tests, under the policies they have in use. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { build } from "vite";

const root = join(import.meta.dirname, "../../..");

export interface Site {
  readonly url: string;
  /** Paths that were asked for and that only a leak would ask for. */
  readonly leaks: readonly string[];
  close(): Promise<void>;
}

export async function openSite(): Promise<Site> {
  const here = (name: string): string => join(import.meta.dirname, name);
  const [page, frame, standIn, ticking] = await Promise.all([
    bundle(here("page.ts"), "es"),
    bundle(join(root, "worker-page/threads/frame.ts"), "iife"),
    bundle(here("stand-in-thread.ts"), "iife"),
    bundle(here("ticking-thread.ts"), "iife"),
  ]);
  const leaks: string[] = [];
  let origin = "";
  const server = createServer((request, response) => {
    const path = request.url ?? "/";
    const send = (type: string, body: string, policy?: string): void => {
      response.writeHead(200, {
        "content-type": type,
        ...(policy !== undefined && { "content-security-policy": policy }),
      });
      response.end(body);
    };
    switch (path) {
      case "/":
        return send(
          "text/html",
          `<!doctype html><script type="module">import * as page from "/page.js"; globalThis.page = page;</script>`,
        );
      case "/page.js":
        return send("text/javascript", page);
      case "/stand-in-thread.js":
        return send("text/javascript", standIn);
      case "/ticking-thread.js":
        return send("text/javascript", ticking);
      case "/broken-thread.js":
        return send("text/javascript", "throw new Error('broken at load')");
      case "/sandbox":
        return send(
          "text/html",
          `<!doctype html><meta charset="utf-8"><script>${frame}</script>`,
          sandboxPolicy(origin),
        );
      default:
        if (path !== "/favicon.ico") leaks.push(path);
        response.writeHead(404).end();
    }
  });
  server.on("upgrade", (request, socket) => {
    leaks.push(request.url ?? "");
    socket.destroy();
  });
  origin = await listen(server);
  return { url: origin, leaks, close: () => closed(server) };
}

/** As the coordinator serves it. */
function sandboxPolicy(origin: string): string {
  return [
    "sandbox allow-scripts",
    "default-src 'none'",
    `script-src 'unsafe-inline' 'unsafe-eval' blob: ${origin}/npm/`,
    "worker-src blob:",
    "connect-src 'none'",
  ].join("; ");
}

async function bundle(entry: string, format: "es" | "iife"): Promise<string> {
  const built = await build({
    root,
    configFile: false,
    publicDir: false,
    logLevel: "error",
    build: {
      write: false,
      minify: false,
      rolldownOptions: { input: entry, preserveEntrySignatures: "strict", output: { format, codeSplitting: false } },
    },
  });
  const output = Array.isArray(built) ? built[0]?.output : "output" in built ? built.output : undefined;
  const chunk = output?.find((one) => one.type === "chunk");
  if (chunk?.type !== "chunk") throw new Error(`Cannot bundle ${entry}`);
  return chunk.code;
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}
