/** THREAD-1, THREAD-3 and THREAD-4 in a real browser, under the real policy: see attacks.ts for what is tried. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { AttemptId } from "../../protocol/ids.ts";
import type { ThreadReport, ThreadTask } from "../../worker-page/threads/thread-api.ts";
import { aClient, taskOf } from "../worker-page/threads/a-thread.ts";
import { submitterOf } from "../../grid/submitter.ts";
import { type Attack, attacks, type Target } from "./attacks.ts";
import { sandboxedThreads } from "./sandboxed-threads.ts";
import { aVictim, type Victim } from "./victim.ts";

let victim: Victim;
let threads: Awaited<ReturnType<typeof sandboxedThreads>>;

beforeAll(async () => {
  victim = await aVictim();
  threads = await sandboxedThreads();
}, 60_000);

afterAll(async () => {
  await threads?.close();
  await victim?.close();
});

type Shipped = (...args: never[]) => unknown;

/** What a task with this function looks like to a thread, and its definition. */
function shipped(fn: Shipped, ...args: unknown[]) {
  const client = aClient();
  const remote = client.remote(fn, {});
  const task = taskOf(client.submitted(() => remote.remote(...args)));
  const definition = client.said.find((message) => message.type === "define");
  if (definition?.bytes === undefined) throw new Error("no definition");
  return {
    task,
    functionId: definition.functionId,
    bytes: definition.bytes.slice(),
    decoded: (bytes: Uint8Array) => submitterOf(client.grid).decode(bytes),
  };
}

async function begin(threadId: number, fn: Shipped, ...args: unknown[]) {
  const { task: given, functionId, bytes, decoded } = shipped(fn, ...args);
  // Each client counts from 0, and the shell's tasks have names of their own.
  const task: ThreadTask = { ...given, attemptId: `jtest.${lastTask++}#1` as AttemptId };
  await threads.carryOut({ type: "define", threadId, functionId, bytes });
  await threads.carryOut({ type: "run", threadId, tasks: [task] });
  const outcome = async (): Promise<Extract<ThreadReport, { type: "done" | "failed" }>> =>
    threads.until(
      () =>
        threads
          .reportsOf(threadId)
          .find(
            (report): report is Extract<ThreadReport, { type: "done" | "failed" }> =>
              (report.type === "done" || report.type === "failed") && report.attemptId === task.attemptId,
          ),
      `the outcome of ${task.attemptId}`,
    );
  return {
    task,
    outcome,
    async value(): Promise<unknown> {
      const end = await outcome();
      if (end.type === "failed") throw new Error(end.failure.message);
      return decoded(end.values[0]?.bytes ?? new Uint8Array());
    },
  };
}
let lastTask = 1_000;

describe("what should work does", () => {
  test("a thread runs what it is given", async () => {
    const threadId = await threads.startThread();
    const { value } = await begin(
      threadId,
      async (n: number) => ({
        squared: n * n,
        strict: (function (this: unknown) {
          return this === undefined;
        })(),
      }),
      7,
    );
    expect(await value()).toEqual({ squared: 49, strict: true });
  });

  test("the victim hears whoever is free to speak, so silence means something", async () => {
    await threads.page.evaluate((url) => fetch(`${url}/control`), victim.http);
    expect(victim.noted).toContain("GET /control");
    victim.noted.length = 0;
  });

  test("[THREAD-7] a thread sees a cancel while it runs quick tasks one after another", async () => {
    const threadId = await threads.startThread();
    const { task, functionId, bytes } = shipped(async () => {
      const until = performance.now() + 5;
      while (performance.now() < until);
    });
    // Two seconds of them, of which the cancel is given most to come through a machine that has other things to do.
    const many = 400;
    const tasks = Array.from({ length: many }, (_, i) => ({ ...task, attemptId: `jcancel.${i}#1` as AttemptId }));
    await threads.carryOut({ type: "define", threadId, functionId, bytes });
    await threads.carryOut({ type: "run", threadId, tasks });
    await threads.carryOut({ type: "cancel", threadId, attemptIds: tasks.map(({ attemptId }) => attemptId) });
    const ended = await threads.until(() => {
      const ends = threads.reportsOf(threadId).filter(({ type }) => type === "done" || type === "failed");
      return ends.length === many ? ends : undefined;
    }, "all ends");
    expect(ended.filter(({ type }) => type === "failed").length).toBeGreaterThan(50);
  });

  test("[THREAD-2] close() is told, after everything else, and then the thread is gone", async () => {
    const threadId = await threads.startThread();
    await begin(threadId, () => {
      console.log("good bye");
      self.close();
    });
    await threads.until(
      () => threads.reportsOf(threadId).find(({ type }) => type === "closed"),
      "the news of its closing",
    );
    const types = threads.reportsOf(threadId).map(({ type }) => type);
    expect(types.indexOf("log")).toBeLessThan(types.indexOf("closed"));
  });

  test("[THREAD-5] a task that seeds Math.random has the numbers to itself", async () => {
    const threadId = await threads.startThread();
    const { value } = await begin(threadId, async () => {
      let drawn = 0;
      Math.random = () => {
        drawn++;
        return 0.5;
      };
      console.log("report this");
      await new Promise((resolve) => setTimeout(resolve, 20));
      return drawn;
    });
    expect(await value()).toBe(0);
  });

  test("[THREAD-21] an error nobody caught becomes a line of log and the thread goes on", async () => {
    const threadId = await threads.startThread();
    const { value } = await begin(threadId, async () => {
      void Promise.reject(new RangeError("forgotten"));
      setTimeout(() => {
        throw new Error("too late");
      }, 1);
      await new Promise((resolve) => setTimeout(resolve, 50));
      return "on";
    });
    expect(await value()).toBe("on");
    const lines = threads.reportsOf(threadId).flatMap((report) => (report.type === "log" ? report.lines : []));
    expect(lines.map(({ text }) => text.split("\n")[0])).toEqual([
      expect.stringContaining("RangeError: forgotten"),
      expect.stringContaining("Error: too late"),
    ]);
    expect(threads.told.filter((one) => one.type === "death" && one.threadId === threadId)).toEqual([]);
  });
});

describe("what should not work does not", () => {
  test.each(attacks.map((attack): [string, Attack] => [attack.name, attack]))("[THREAD-4] %s", async (_, { run }) => {
    const threadId = await threads.startThread();
    const before = threads.requested.length;
    // Somebody else's task waits in the same thread.
    const other = await begin(threadId, async () => grid.get(grid.put(1)));
    await threads.until(() => threads.reportsOf(threadId).find(({ type }) => type === "blocked"), "the other task");
    const target: Target = {
      http: victim.http,
      udpPort: victim.udpPort,
      shell: threads.url,
      otherAttemptId: other.task.attemptId,
    };
    const attack = await begin(threadId, run, target);
    const end = await attack.outcome();
    // One that throws did not get through either.
    const says = end.type === "done" ? String(await attack.value()) : `blocked: ${end.failure.message}`;
    expect(says).toMatch(/^blocked/);
    expect(victim.noted).toEqual([]);
    expect(threads.requested.slice(before).filter((url) => url === "/fetch")).toEqual([]);
    const forged = threads
      .reportsOf(threadId)
      .filter(
        (report) =>
          "attemptId" in report &&
          report.attemptId === other.task.attemptId &&
          (report.type === "done" || report.type === "failed"),
      );
    expect(forged).toEqual([]);
    await threads.carryOut({ type: "end-thread", threadId });
  });

  test("nothing has arrived late", async () => {
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(victim.noted).toEqual([]);
  });
});

declare const grid: { put(value: unknown): object; get(ref: object): Promise<unknown> };
