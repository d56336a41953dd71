/**
 * Real threads in the real sandbox frame of a real browser, led from here. Two servers: the shell's, which serves the
 * page and the frame with the policy that is under test, and, for the tests to bring, somebody else's.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { build } from "vite";
import { launchBrowser } from "../../bin/browser.ts";
import type { ThreadInstruction } from "../../worker-page/machine/instructions.ts";
import type { ThreadReport } from "../../worker-page/threads/thread-api.ts";
import { fromText, toText } from "./plain.ts";

const root = join(import.meta.dirname, "../..");

/** As the coordinator serves it, without the packages. */
export const sandboxPolicy =
  "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' blob:; worker-src blob:; connect-src 'none'";

type Told =
  | { readonly type: "warm"; readonly threadId: number }
  | { readonly type: "reports"; readonly threadId: number; readonly reports: readonly ThreadReport[] }
  | { readonly type: "death"; readonly threadId: number; readonly reason: string };

export async function sandboxedThreads() {
  const [frame, thread, shell] = await Promise.all([
    script("worker-page/threads/frame.ts"),
    script("worker-page/threads/thread.ts"),
    script("test/security/shell-page.ts"),
  ]);
  const requested: string[] = [];
  const server = createServer((request, response) => {
    requested.push(request.url ?? "");
    const serve = (type: string, body: string, headers = {}): void =>
      void response.writeHead(200, { "content-type": type, ...headers }).end(body);
    if (request.url === "/") serve("text/html", `<!doctype html><body><script src="/shell.js"></script>`);
    else if (request.url === "/shell.js") serve("text/javascript", shell);
    else if (request.url === "/sandbox")
      serve("text/html", `<!doctype html><script>${frame}</script>`, { "content-security-policy": sandboxPolicy });
    else serve("text/plain", "found", { "access-control-allow-origin": "*" });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const browser = await launchBrowser({ headless: true });
  const page = await browser.newPage();
  const told: Told[] = [];
  const looking = new Set<() => void>();
  await page.exposeFunction("tell", (text: string) => {
    told.push(fromText(text) as Told);
    for (const look of looking) look();
  });
  await page.goto(url);
  await page.evaluate((threadScript) => window.shell.open(threadScript), thread);

  const until = <T>(find: () => T | undefined, what: string): Promise<T> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const found = find();
        if (found === undefined) return;
        looking.delete(look);
        clearTimeout(timer);
        resolve(found);
      };
      const timer = setTimeout(() => {
        looking.delete(look);
        reject(new Error(`${what} did not come; told: ${JSON.stringify(told.slice(-5)).slice(0, 500)}`));
      }, 15_000);
      looking.add(look);
      look();
    });
  const carryOut = async (instruction: ThreadInstruction): Promise<void> =>
    page.evaluate((text) => window.shell.carryOut(text), toText(instruction));
  let lastThread = 0;

  return {
    url,
    page,
    told,
    thread,
    requested,
    until,
    carryOut,
    reportsOf: (threadId: number): readonly ThreadReport[] =>
      told.flatMap((one) => (one.type === "reports" && one.threadId === threadId ? one.reports : [])),
    async startThread(): Promise<number> {
      const threadId = ++lastThread;
      await carryOut({ type: "start-thread", threadId });
      await until(() => told.find((one) => one.type === "warm" && one.threadId === threadId), `thread ${threadId}`);
      return threadId;
    },
    async close() {
      await browser.close();
      server.closeAllConnections();
      server.close();
    },
  };
}

/** As build.ts makes the scripts of the sandbox. */
async function script(entry: string): Promise<string> {
  const built = await build({
    root,
    configFile: false,
    publicDir: false,
    logLevel: "warn",
    build: {
      write: false,
      rolldownOptions: { input: join(root, entry), output: { format: "iife", codeSplitting: false } },
    },
  });
  const outputs = Array.isArray(built) ? built : [built];
  for (const one of outputs) {
    if (!("output" in one)) continue;
    for (const file of one.output) if (file.type === "chunk") return file.code;
  }
  throw new Error(`Cannot build ${entry}`);
}
