/** Starts the Node client and speaks to it. Owns its process. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { bundle } from "../bundle.ts";
import { within } from "../within.ts";
import type { NodeWorkloads, Order, Reply } from "./node.ts";

type ParametersOf<W extends keyof NodeWorkloads> = Parameters<NodeWorkloads[W]>[1];
type ResultOf<W extends keyof NodeWorkloads> = Awaited<ReturnType<NodeWorkloads[W]>>;

export interface NodeClient {
  readonly pid: number;
  /** Rejects with what went wrong there, or when the process ends. */
  run<W extends keyof NodeWorkloads>(workload: W, parameters: ParametersOf<W>): Promise<ResultOf<W>>;
  /** Ends the job, then the process. */
  close(): Promise<void>;
}

export interface NodeClientOptions {
  readonly url: string;
  /** The built SDK. */
  readonly sdkFile: string;
  readonly nodeOptions?: readonly string[];
}

const startMs = 20_000;
const stopMs = 10_000;

/** Resolves once it has connected. */
export async function startNodeClient({ url, sdkFile, nodeOptions = [] }: NodeClientOptions): Promise<NodeClient> {
  const folder = mkdtempSync(join(tmpdir(), "tabgrid-bench-"));
  const script = join(folder, "client.mjs");
  writeFileSync(script, await bundle(join(import.meta.dirname, "node.ts"), "node"));
  const child = fork(script, [pathToFileURL(sdkFile).href, url], { execArgv: [...nodeOptions] });
  const orphan = (): boolean => child.kill("SIGKILL");
  process.once("exit", orphan);
  const answers = new Answers(child);
  const close = async (): Promise<void> => {
    await end(child);
    process.off("exit", orphan);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await within(startMs, answers.to(0), "Connecting the Node client");
  } catch (error) {
    await close();
    throw error;
  }
  let lastId = 0;
  return {
    pid: child.pid ?? 0,
    close,
    async run<W extends keyof NodeWorkloads>(workload: W, parameters: ParametersOf<W>): Promise<ResultOf<W>> {
      const id = ++lastId;
      const order: Order = { id, workload, parameters };
      child.send(order);
      // The workload of that name runs there, and its result is JSON-able.
      return (await answers.to(id)) as ResultOf<W>;
    },
  };
}

class Answers {
  readonly #waiting = new Map<number, { resolve(result: unknown): void; reject(error: Error): void }>();
  #ended: Error | undefined;

  constructor(child: ChildProcess) {
    child.on("message", (reply: Reply) => {
      const waiting = this.#waiting.get(reply.id);
      this.#waiting.delete(reply.id);
      if (reply.type === "done") waiting?.resolve(reply.result);
      else waiting?.reject(new Error(reply.why));
    });
    child.once("exit", (code) => {
      this.#ended = new Error(`The Node client ended with code ${code}`);
      for (const { reject } of this.#waiting.values()) reject(this.#ended);
    });
  }

  to(id: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#ended === undefined) this.#waiting.set(id, { resolve, reject });
      else reject(this.#ended);
    });
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, "exit");
  if (child.connected) child.disconnect();
  await within(stopMs, exit, "Ending the Node client").catch(() => child.kill("SIGKILL"));
}
