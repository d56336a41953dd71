/**
 * A coordinator in a process of its own that can be killed without a word and started again on the same ports and the
 * same data, or stopped and continued. Knows the command line and nothing else of it.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { within } from "../../bench/within.ts";
import { pause } from "./pause.ts";

/** Times are of performance.now(). */
export interface Restart {
  readonly killedAt: number;
  readonly startedAt: number;
  readonly acceptedAt: number;
}

// Built once before the run: a restart must not build what somebody has changed meanwhile.
const command = join(import.meta.dirname, "../../dist/bin/cli.js");
const acceptMs = 20_000;
const closeMs = 10_000;
const linesKept = 100;
const host = "127.0.0.1";

export class CoordinatorProcess {
  readonly port: number;
  readonly udpPort: number;
  /** Every start after a kill. */
  readonly restarts: Restart[] = [];
  /** The last lines it wrote to standard error, of all its lives. */
  readonly said: string[] = [];
  readonly #folder: string;
  #child: ChildProcess | undefined;
  #killedAt = 0;
  readonly #orphan = (): void => {
    this.#child?.kill("SIGKILL");
    rmSync(this.#folder, { recursive: true, force: true });
  };

  private constructor(port: number, udpPort: number) {
    this.port = port;
    this.udpPort = udpPort;
    this.#folder = mkdtempSync(join(tmpdir(), "tabgrid-durability-"));
    // Should this process end early, nothing stays behind.
    process.once("exit", this.#orphan);
  }

  /** Resolves once it accepts connections. */
  static async start(): Promise<CoordinatorProcess> {
    const coordinator = new CoordinatorProcess(await freePort("tcp"), await freePort("udp"));
    try {
      await coordinator.start();
    } catch (error) {
      await coordinator.close();
      throw error;
    }
    return coordinator;
  }

  get url(): string {
    return `http://${host}:${this.port}`;
  }

  get isRunning(): boolean {
    return this.#child !== undefined;
  }

  /** Again, with what is in its folder. A port that is not free yet is waited for. */
  async start(): Promise<void> {
    const deadline = performance.now() + acceptMs;
    for (;;) {
      const startedAt = performance.now();
      try {
        await this.#spawn();
        if (this.#killedAt > 0)
          this.restarts.push({ killedAt: this.#killedAt, startedAt, acceptedAt: performance.now() });
        return;
      } catch (error) {
        if (performance.now() > deadline) throw error;
        await pause(200);
      }
    }
  }

  /** SIGKILL; resolves when it is gone. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#child = undefined;
    this.#killedAt = performance.now();
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }

  /** SIGSTOP: it keeps its sockets and does nothing. */
  stop(): void {
    this.#child?.kill("SIGSTOP");
  }

  continue(): void {
    this.#child?.kill("SIGCONT");
  }

  /** In an orderly way, with its folder removed. */
  async close(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      const gone = once(child, "exit");
      child.kill("SIGCONT");
      child.kill("SIGTERM");
      await within(closeMs, gone, "Stopping the coordinator").catch(() => child.kill("SIGKILL"));
    }
    process.off("exit", this.#orphan);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #spawn(): Promise<void> {
    const flags = [
      "--json",
      "--port",
      String(this.port),
      "--udp-port",
      String(this.udpPort),
      "--data",
      join(this.#folder, "data"),
    ];
    // Whoever is killed leaves temporary files behind: here they go with the rest.
    const env = { ...process.env, TMPDIR: this.#folder };
    const child = spawn(process.execPath, [command, "start", ...flags], { stdio: ["ignore", "pipe", "pipe"], env });
    this.#child = child;
    createInterface({ input: child.stderr }).on("line", (line) => {
      this.said.push(line);
      if (this.said.length > linesKept) this.said.shift();
    });
    child.once("exit", (code, signal) => {
      if (this.#child !== child) return;
      this.#child = undefined;
      this.said.push(`the coordinator ended by itself: code ${code}, signal ${signal}`);
    });
    const ended = once(child, "exit").then((): never => {
      throw new Error(`Cannot start the coordinator: ${this.said.slice(-3).join("\n")}`);
    });
    const lines = createInterface({ input: child.stdout });
    try {
      await within(acceptMs, Promise.race([once(lines, "line"), ended]), "Starting the coordinator");
    } catch (error) {
      child.kill("SIGKILL");
      throw error;
    }
  }
}

/** Free now, which on a machine at peace is free in a moment. */
async function freePort(kind: "tcp" | "udp"): Promise<number> {
  if (kind === "udp") {
    const socket = createSocket("udp4").bind(0, host);
    await once(socket, "listening");
    const { port } = socket.address();
    await new Promise<void>((resolve) => socket.close(resolve));
    return port;
  }
  const server = createServer().listen(0, host);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
