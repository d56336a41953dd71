import { spawn } from "node:child_process";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { readAddress } from "../../sdk/address.ts";
import { AuthenticationError, connect, DisconnectedError, type ConnectOptions, type Grid } from "../../sdk/index.ts";
import type { AttemptId } from "../../protocol/ids.ts";
import { CoordinatorServer, type ServerOptions } from "./coordinator-server.ts";

const servers: CoordinatorServer[] = [];
const grids: Grid[] = [];

async function started(options?: ServerOptions): Promise<CoordinatorServer> {
  const server = await CoordinatorServer.start(options);
  servers.push(server);
  return server;
}
async function connected(server: CoordinatorServer, options?: ConnectOptions): Promise<Grid> {
  const grid = await connect(server.url, options);
  grids.push(grid);
  return grid;
}
async function unusedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
const square = (n: number): number => n * n;

afterEach(async () => {
  for (const grid of grids.splice(0)) await grid.close();
  for (const server of servers.splice(0)) await server.stop();
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

describe("connect", () => {
  it("[SDK-41] opens a session and says who it is", async () => {
    const server = await started({ token: "secret" });
    const grid = await connected(server, {
      token: "secret",
      jobName: "survey",
      namespace: "ours",
      reconnectMs: 1_000,
      logs: false,
    });
    expect(grid.jobId).toBe("jserver");
    expect(grid.context()).toMatchObject({ jobId: "jserver", namespace: "ours", wasRestored: false });
    expect(server.hellos).toEqual([
      {
        role: "client",
        version: 1,
        token: "secret",
        jobName: "survey",
        namespace: "ours",
        reconnectMs: 1_000,
        logs: false,
      },
    ]);
    expect(await grid.get(grid.remote(square).map([1, 2, 3]))).toEqual([1, 4, 9]);
  });

  it("[SDK-41] takes the address and the token from the environment, or from the address itself", async () => {
    const server = await started({ token: "secret" });
    vi.stubEnv("TABGRID_URL", server.url);
    vi.stubEnv("TABGRID_TOKEN", "secret");
    grids.push(await connect());
    vi.stubEnv("TABGRID_TOKEN", "");
    grids.push(await connect(`${server.url}/worker?token=secret`));
    grids.push(await connect(new URL(`${server.url}/#token=secret`)));
    expect(server.hellos).toHaveLength(3);
  });

  it.each([
    ["http://host:7070", "http://host:7070", "ws://host:7070/session"],
    ["https://host/", "https://host", "wss://host/session"],
    ["ws://host:1/", "http://host:1", "ws://host:1/session"],
    ["https://host/grid/notebook?x=1", "https://host/grid", "wss://host/grid/session"],
  ])("[SDK-41] %s", (url, base, sessionUrl) => {
    expect(readAddress(url)).toEqual({ base, sessionUrl, token: undefined });
  });

  it("[SDK-42] a refused token is an AuthenticationError", async () => {
    const server = await started({ token: "secret" });
    await expect(connect(server.url, { token: "wrong" })).rejects.toBeInstanceOf(AuthenticationError);
    await expect(connect(server.url)).rejects.toThrow(/does not allow/);
  });

  it("[SDK-42] nobody there: DisconnectedError that names the address and what to check, and a signal ends the trying", async () => {
    const url = `http://127.0.0.1:${await unusedPort()}`;
    const controller = new AbortController();
    const connecting = connect(url, { signal: controller.signal });
    setTimeout(() => controller.abort(new Error("enough")), 50);
    await expect(connecting).rejects.toThrow("enough");
    await expect(connect(url, { signal: AbortSignal.abort(new Error("before")) })).rejects.toThrow("before");
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const trying = connect(url);
      const outcome = expect(trying).rejects.toThrow(
        new RegExp(`^Cannot connect to ${url}: no answer for 10000 ms.*tabgrid start`),
      );
      for (let second = 0; second < 11; second++) await vi.advanceTimersByTimeAsync(1_000);
      await outcome;
      await expect(trying).rejects.toBeInstanceOf(DisconnectedError);
    } finally {
      vi.useRealTimers();
    }
  });

  it.each([
    ["not a url", {}, TypeError],
    ["ftp://host", {}, TypeError],
    ["http://host", { tokn: "x" }, TypeError],
    ["http://host", { token: 1 }, TypeError],
    ["http://host", { reconnectMs: -1 }, RangeError],
    ["http://host", { reconnectMs: "1" }, TypeError],
    ["http://host", { namespace: "" }, RangeError],
  ])("[SDK-43] %s %j is refused", async (url, options, type) => {
    await expect(connect(url, options as ConnectOptions)).rejects.toBeInstanceOf(type);
  });

  it("[SDK-44] logs are printed by level with the task's and the worker's name, unless they are off", async () => {
    const server = await started();
    await connected(server);
    const printed: unknown[] = [];
    for (const level of ["debug", "info", "warn", "error"] as const)
      vi.spyOn(console, level).mockImplementation((text) => void printed.push([level, text]));
    const line = (level: "info" | "error", text: string) => ({
      taskName: "square",
      workerName: "lab-3",
      line: { attemptId: "j.1#1" as AttemptId, level, text },
    });
    server.send({ type: "log", lines: [line("info", "one\ntwo"), line("error", "bad")] });
    await expect
      .poll(() => printed)
      .toEqual([
        ["info", "(square, lab-3) one\n(square, lab-3) two"],
        ["error", "(square, lab-3) bad"],
      ]);
  });
});

describe("large values", () => {
  it("[SDK-45] travel over HTTP with the session's key, and are tried again", async () => {
    const server = await started();
    const grid = await connected(server);
    server.failures = 1;
    const table = grid.put(new Float64Array(50_000).fill(2));
    const sum = grid.remote((rows: Float64Array) => rows.map((n) => n * 2));
    const doubled = await grid.get(sum.remote(table));
    expect([doubled.length, doubled[7]]).toEqual([50_000, 4]);
    expect(server.requests.map(({ method, id }) => [method, id])).toEqual([
      ["PUT", "jserver.1:0"],
      ["PUT", "jserver.1:0"],
      ["GET", "jserver.2:0"],
    ]);
    expect(server.requests.every(({ authorization }) => authorization === "Bearer key-of-jserver")).toBe(true);
  });
});

describe("a link that drops", () => {
  it("[SDK-46] calls queue until it is back, and nothing is lost or done twice", async () => {
    const server = await started();
    const grid = await connected(server);
    const remote = grid.remote(square);
    await grid.get(remote.remote(1));
    server.cut();
    const refs = remote.map(Array.from({ length: 100 }, (_, n) => n));
    expect(await grid.get(refs)).toHaveLength(100);
    expect(server.running.said.flatMap((message) => (message.type === "submit" ? message.tasks : []))).toHaveLength(
      101,
    );
    expect(server.events).toContain("link-lost");
  });

  it("[SDK-46] a coordinator that was restarted hears what it had not kept, and what is awaited", async () => {
    const first = await started({ job: "jsame" });
    const grid = await connected(first);
    const remote = grid.remote(square);
    const never = grid.remote(async () => await new Promise<number>(() => {}));
    const pending = never.remote();
    const awaited = grid.get(pending);
    awaited.catch(() => {});
    await expect.poll(() => first.messages).toContain("want");
    await first.stop();
    const late = remote.remote(3);
    await grid.cancel(late);
    const second = await started({ job: "jsame", port: first.port, kept: first.received });
    expect(await grid.get(remote.remote(4))).toBe(16);
    expect(
      second.running.said
        .flatMap((message) => (message.type === "submit" ? message.tasks.map(({ id }) => id) : []))
        .toSorted(),
    ).toEqual(["jsame.2", "jsame.3"]);
    expect(second.messages.filter((type) => type === "cancel")).toHaveLength(1);
    expect(second.running.said.flatMap((message) => (message.type === "want" ? message.ids : []))).toContain(
      pending.id,
    );
    second.send({ type: "refused", code: "WORKER_CRASHED", message: "it is over", about: pending.id });
    await expect(awaited).rejects.toMatchObject({ code: "WORKER_CRASHED" });
  });

  it("[SDK-54] with its ticket a job goes on, and its objects are found by their ids", async () => {
    const server = await started({ job: "jsame" });
    const grid = await connected(server);
    const made = grid.remote(square).remote(5);
    await grid.get(made);
    const again = await connect(server.url, { ticket: grid.ticket ?? "" });
    expect(server.hellos.at(-1)).toMatchObject({ ticket: "ticket-of-jsame" });
    expect(again.jobId).toBe(grid.jobId);
    expect(await again.ref(made.id).get()).toBe(25);
    expect(() => again.ref("nonsense")).toThrow("is no id of an object");
    await again.close();
  });

  it("[SDK-47] after reconnectMs everything fails, and nothing hangs", async () => {
    const server = await started();
    const grid = await connected(server, { reconnectMs: 200 });
    const never = grid.remote(async () => await new Promise<number>(() => {})).remote();
    const awaited: Promise<unknown>[] = [grid.get(never), grid.wait([never])];
    await expect.poll(() => server.messages).toContain("want");
    await server.stop();
    awaited.push(grid.put(new Uint8Array(100_000)).get(), grid.state.listTasks());
    for (const outcome of await Promise.allSettled(awaited))
      expect(outcome).toMatchObject({ status: "rejected", reason: { code: "DISCONNECTED" } });
    expect(() => grid.put(1)).toThrow(DisconnectedError);
    await grid.close();
  });

  it("[SDK-47] a job that the coordinator no longer knows is over at once", async () => {
    const first = await started({ job: "jold" });
    const grid = await connected(first);
    await first.stop();
    await started({ port: first.port, job: "jother" });
    await expect(grid.get(grid.remote(square).remote(1))).rejects.toThrow(/no longer knows this job/);
  });
});

describe("close", () => {
  it("[SDK-48] resolves when the coordinator has heard, and what is awaited rejects", async () => {
    const server = await started();
    const grid = await connect(server.url);
    const never = grid.remote(async () => await new Promise<number>(() => {})).remote();
    const awaited = grid.get(never);
    awaited.catch(() => {});
    await grid.close();
    expect(server.messages.at(-1)).toBe("close-job");
    expect(server.events).toContain("said-goodbye");
    await expect(awaited).rejects.toThrow(new DisconnectedError("Cannot use the grid: it was closed"));
    await grid.close();
  });

  it("[SDK-48] is bounded while the coordinator is away", async () => {
    const server = await started();
    const grid = await connect(server.url);
    await server.stop();
    const begin = Date.now();
    await grid.close();
    expect(Date.now() - begin).toBeLessThan(3_000);
  });

  it("[SDK-48] lets the process exit", async () => {
    const server = await started();
    const script = `
      import { connect } from ${JSON.stringify(join(import.meta.dirname, "../../sdk/index.ts"))};
      const grid = await connect(${JSON.stringify(server.url)});
      console.log(await grid.remote((n) => n * n).remote(4).get());
      await grid.close();
    `;
    const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script], {
      cwd: join(import.meta.dirname, "../.."),
      stdio: ["ignore", "pipe", "inherit"],
    });
    let out = "";
    child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
    const code = await new Promise((resolve) => child.once("close", resolve));
    expect([code, out.trim()]).toEqual([0, "16"]);
  }, 20_000);
});
