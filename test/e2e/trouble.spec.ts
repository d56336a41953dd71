import { expect, sdk, test, TestCoordinator } from "../support/grid.ts";

test("[GRID-20] a tab closed in the middle: its task runs elsewhere within a second", async ({ grid }) => {
  const first = await grid.tab({ name: "first" });
  const client = await grid.connect();
  const where = client.remote(
    async () => {
      const { attempt, workerId } = grid_.context();
      // The first attempt does not end by itself.
      if (attempt === 1) await new Promise(() => {});
      return workerId;
    },
    { captures: { grid_: client } },
  );
  const ref = where.remote();
  await expect
    .poll(async () => (await client.state.listTasks()).map((task) => (task as { state: string }).state))
    .toEqual(["running"]);
  const [lost] = (await client.state.listWorkers()) as { workerId: string }[];
  await grid.tab({ name: "second" });
  const at = Date.now();
  await first.close();
  await expect
    .poll(async () => ((await client.state.listTasks()) as { workerId: string; attempt: number }[])[0]?.attempt, {
      intervals: [20],
    })
    .toBe(2);
  expect(Date.now() - at).toBeLessThan(1_000);
  expect(await client.get(ref)).not.toBe(lost?.workerId);
});

test("[GRID-21] a tab reloaded in the middle: its task runs again", async ({ grid }) => {
  const tab = await grid.tab();
  const client = await grid.connect();
  const slow = client.remote(async (n: number) => {
    await new Promise((resolve) => setTimeout(resolve, 300));
    return n;
  });
  const refs = slow.map([1, 2, 3]);
  await tab.reload();
  expect(await client.get(refs, { timeoutMs: 20_000 })).toEqual([1, 2, 3]);
});

test("[GRID-22] who stops the coordinator sees clients fail with DisconnectedError after reconnectMs, never hang", async ({
  browser,
}) => {
  const coordinator = await TestCoordinator.start();
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${coordinator.url}/worker?start=1`);
  await expect(page.locator("html")).toHaveAttribute("data-worker-id", /^w/);
  const client = await sdk.connect(coordinator.url, { reconnectMs: 500, logs: false });
  const never = client.remote(() => new Promise<void>(() => {}));
  const waiting = client.get(never.remote());
  waiting.catch(() => {});
  expect(await coordinator.stop()).toBe(0);
  await expect(waiting).rejects.toMatchObject({ code: "DISCONNECTED", name: "DisconnectedError" });
  await expect(client.get(never.remote())).rejects.toMatchObject({ code: "DISCONNECTED" });
  await context.close();
});

test("[GRID-23] each kind of bad input gets its typed error and harms nobody else", async ({ grid }) => {
  await grid.tab({ threads: 2 });
  const client = await grid.connect();
  const outside = 3;
  expect(() => client.remote(() => outside)).toThrow(
    expect.objectContaining({ code: "CAPTURE", variables: ["outside"] }),
  );

  const add = client.remote((a: number, b: number) => a + b);
  expect(() => (add.remote as (...args: unknown[]) => unknown)(1)).toThrow(/2 arguments/);
  expect(() => add.remote(1, { rows: [() => 1] } as never)).toThrow(
    expect.objectContaining({ code: "SERIALIZATION", path: "argument 2.rows[0]" }),
  );

  const ref = add.remote(1, 2);
  await expect(client.wait([ref, ref])).rejects.toBeInstanceOf(Error);
  await expect(client.wait(ref as never)).rejects.toBeInstanceOf(TypeError);

  const throws = client.remote((what: string) => {
    if (what === "error") throw Object.assign(new RangeError("too far", { cause: new Error("first") }), { limit: 7 });
    if (what === "text") throw "just text";
    throw Object.assign(new Error("odd"), { odd: () => 1 });
  });
  const failed = await client.get(throws.remote("error")).catch((error: unknown) => error);
  expect(failed).toBeInstanceOf(sdk.TaskError);
  expect(failed).toMatchObject({
    code: "TASK_ERROR",
    cause: { name: "RangeError", message: "too far", limit: 7, cause: { message: "first" } },
  });
  await expect(client.get(throws.remote("text"))).rejects.toMatchObject({
    code: "TASK_ERROR",
    message: expect.stringContaining("just text"),
  });
  await expect(client.get(throws.remote("odd"))).rejects.toMatchObject({
    code: "TASK_ERROR",
    cause: { message: "odd" },
  });
  const after = client.remote((x: unknown) => x).remote(throws.remote("error"));
  const chain = (await client.get(after).catch((error: unknown) => error)) as Error;
  expect((chain.cause as Error).cause).toMatchObject({ name: "RangeError" });

  const uncopyable = client.remote(() => ({ list: [1, Symbol("no")] }));
  await expect(client.get(uncopyable.remote())).rejects.toMatchObject({
    code: "SERIALIZATION",
    path: "result.list[1]",
  });

  const forever = client.remote(
    () => {
      for (;;);
    },
    { timeoutMs: 300 },
  );
  await expect(client.get(forever.remote())).rejects.toMatchObject({ code: "TASK_TIMEOUT" });
  const stuck = client.remote(() => {
    for (;;);
  });
  const stuckRef = stuck.remote();
  await expect
    .poll(async () => ((await client.state.listTasks({ filters: [["state", "=", "running"]] })) as unknown[]).length)
    .toBe(1);
  await client.cancel(stuckRef, { force: true });
  await expect(client.get(stuckRef)).rejects.toMatchObject({ code: "TASK_CANCELLED" });

  const suicide = client.remote(() => self.close(), { maxRetries: 1 });
  await expect(client.get(suicide.remote(), { timeoutMs: 20_000 })).rejects.toMatchObject({ code: "WORKER_CRASHED" });

  await expect(client.get(ref)).resolves.toBe(3);
  await expect(client.get(add.remote(2, 2))).resolves.toBe(4);
});
declare const self: { close(): void };
declare const grid_: Awaited<ReturnType<typeof sdk.connect>>;

test("[GRID-24] a wrong token is refused with a reason, on an address where tokens are needed", async () => {
  const coordinator = await TestCoordinator.start("--host", "0.0.0.0");
  try {
    await expect(sdk.connect(coordinator.url, { token: "wrong" })).rejects.toMatchObject({ code: "AUTHENTICATION" });
    await expect(sdk.connect(coordinator.url)).rejects.toMatchObject({ code: "AUTHENTICATION" });
    const client = await sdk.connect(coordinator.url, { token: coordinator.said.tokens["submit"] ?? "" });
    await client.close();
    expect((await fetch(`${coordinator.url}/api/tasks`)).status).toBe(401);
  } finally {
    await coordinator.stop();
  }
});

test("[GRID-25] a browser killed without a word: its tasks run elsewhere within two seconds", async ({
  grid,
  playwright,
}) => {
  const { launchOptions, requireBrowser } = await import("../../bin/browser.ts");
  const server = await playwright.chromium.launchServer(launchOptions(await requireBrowser()));
  const doomed = await playwright.chromium.connect(server.wsEndpoint());
  const page = await doomed.newPage();
  await page.goto(`${grid.url}/worker?start=1&threads=1&name=doomed`);
  await expect(page.locator("html")).toHaveAttribute("data-link", "webrtc", { timeout: 15_000 });
  const client = await grid.connect();
  const slow = client.remote(
    async () => {
      if (grid_.context().attempt === 1) await new Promise(() => {});
      return "done";
    },
    { captures: { grid_: client } },
  );
  const ref = slow.remote();
  await expect
    .poll(async () => ((await client.state.listTasks({ filters: [["state", "=", "running"]] })) as unknown[]).length)
    .toBe(1);
  await grid.tab({ name: "other" });
  const at = Date.now();
  server.process().kill("SIGKILL");
  await expect
    .poll(async () => ((await client.state.listTasks()) as { attempt: number }[])[0]?.attempt, { intervals: [20] })
    .toBe(2);
  expect(Date.now() - at).toBeLessThan(2_000);
  expect(await client.get(ref)).toBe("done");
});

test("[GRID-26] with UDP blocked the tab works over the WebSocket, and says so", async ({ grid, playwright }) => {
  const { launchOptions, requireBrowser } = await import("../../bin/browser.ts");
  const options = launchOptions(await requireBrowser());
  const browser = await playwright.chromium.launch(options);
  try {
    const page = await browser.newPage();
    // A network that lets no UDP through: whatever address the page is told, nobody answers there.
    await page.addInitScript(() => {
      const { setRemoteDescription } = RTCPeerConnection.prototype;
      RTCPeerConnection.prototype.setRemoteDescription = function (
        this: RTCPeerConnection,
        description: RTCSessionDescriptionInit,
      ) {
        const sdp = description.sdp?.replace(/^a=candidate:.*\r\n/gm, "") ?? "";
        return Reflect.apply(setRemoteDescription, this, [{ ...description, sdp }]) as Promise<void>;
      };
      RTCPeerConnection.prototype.addIceCandidate = () => Promise.resolve();
    });
    await page.goto(`${grid.url}/worker?start=1&threads=1`);
    await expect(page.locator("html")).toHaveAttribute("data-worker-id", /^w/);
    const client = await grid.connect();
    expect(await client.get(client.remote((n: number) => n * 2).map([1, 2, 3]))).toEqual([2, 4, 6]);
    await expect(page.locator("html")).toHaveAttribute("data-link", "websocket");
    await expect(page.getByText(/UDP/)).toBeVisible({ timeout: 20_000 });
    expect(await client.get(client.remote((n: number) => n * 2).remote(21))).toBe(42);
  } finally {
    await browser.close();
  }
});
