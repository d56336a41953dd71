import { expect, test } from "vitest";
import { limits } from "../../../protocol/limits.ts";
import { inspect } from "../../../worker-page/threads/inspect.ts";
import { captureConsole, formatted } from "../../../worker-page/threads/thread-console.ts";
import { aThread, nth } from "./a-thread.ts";

/** A console of the thread's own: in this process `console` is the test runner's. */
function withConsole() {
  const thread = aThread();
  const scope = Object.assign(new EventTarget(), {
    console: { log() {}, warn() {}, error() {}, group() {}, groupEnd() {}, count() {}, assert() {}, profile() {} },
  });
  captureConsole(scope as unknown as typeof globalThis, thread.thread.console);
  Object.assign(globalThis, { threadConsole: scope.console, threadScope: scope });
  return { ...thread, lines: () => thread.of("log").flatMap(({ lines }) => lines) };
}
declare const threadConsole: Console;
declare const threadScope: EventTarget;

const run = async (thread: ReturnType<typeof withConsole>, source: string) => {
  const fn = new Function(`return ${source}`)() as () => unknown;
  const task = thread.tasksOf(fn)();
  thread.api.run([task]);
  await thread.outcomeOf(task.attemptId);
  return task;
};

test("[THREAD-21] what is logged becomes a line of the attempt that logs it", async () => {
  const thread = withConsole();
  const task = await run(thread, `() => { globalThis.threadConsole.warn("careful", { a: [1, 2] }, -0) }`);
  expect(thread.lines()).toEqual([{ attemptId: task.attemptId, level: "warn", text: "careful { a: [1, 2] } -0" }]);
});

test("[THREAD-21] line breaks are kept and groups indent", async () => {
  const thread = withConsole();
  await run(
    thread,
    `() => { const c = globalThis.threadConsole; c.group("outer"); c.log("a\\nb"); c.groupEnd(); c.log("c") }`,
  );
  expect(thread.lines().map(({ text }) => text)).toEqual(["outer", "  a\n  b", "c"]);
});

test("[THREAD-21] a line is at most 8 KiB", async () => {
  const thread = withConsole();
  await run(thread, `() => { globalThis.threadConsole.log("é".repeat(100_000)) }`);
  expect(new TextEncoder().encode(thread.lines()[0]?.text).length).toBeLessThanOrEqual(limits.logLineBytes);
});

test("[THREAD-21] over 1,000 lines a second are dropped, and said to be", async () => {
  const thread = withConsole();
  await run(thread, `() => { for (let i = 0; i < 1_500; i++) globalThis.threadConsole.log(i) }`);
  const lines = thread.lines();
  expect(lines).toHaveLength(1_001);
  expect(lines.at(-1)).toMatchObject({ level: "warn", text: expect.stringContaining("500 lines dropped") });
});

test("[THREAD-21] lines of two tasks that wait in turn are each their own where the task was entered by an answer", async () => {
  const thread = withConsole();
  const talks = thread.tasksOf(
    new Function(
      `return async (name) => { globalThis.threadConsole.log(name + " begins"); await grid.wait([grid.put(0)]); globalThis.threadConsole.log(name + " goes on") }`,
    )() as (name: string) => Promise<void>,
  );
  const tasks = [talks("a"), talks("b")];
  thread.api.run(tasks);
  const wants = await thread.until(() => {
    const found = thread.of("relay").filter(({ message }) => message.type === "want");
    return found.length === 2 ? found : undefined;
  });
  for (const { attemptId, message } of wants) {
    if (message.type === "want")
      thread.api.receive(attemptId, { type: "ready", objects: message.ids.map((id) => ({ type: "exists", id })) });
    await thread.outcomeOf(attemptId);
  }
  expect(thread.lines().map(({ attemptId, text }) => [attemptId, text])).toEqual([
    [nth(tasks, 0).attemptId, "a begins"],
    [nth(tasks, 1).attemptId, "b begins"],
    [nth(tasks, 0).attemptId, "a goes on"],
    [nth(tasks, 1).attemptId, "b goes on"],
  ]);
});

test("an error nobody caught is logged, and the thread goes on", async () => {
  const thread = withConsole();
  await run(
    thread,
    `async () => {
    const event = Object.assign(new Event("unhandledrejection", { cancelable: true }), { reason: new RangeError("forgotten") });
    globalThis.threadScope.dispatchEvent(event);
    if (!event.defaultPrevented) throw new Error("it would end the thread");
  }`,
  );
  expect(thread.lines()[0]).toMatchObject({
    level: "error",
    text: expect.stringContaining("Uncaught (in promise) RangeError: forgotten"),
  });
});

test("outside any attempt there is nobody to tell", () => {
  const thread = withConsole();
  threadConsole.log("hello");
  threadScope.dispatchEvent(Object.assign(new Event("error"), { error: new Error("x") }));
  expect(thread.all()).toEqual([]);
});

test.each([
  [["%s is %d", "x", 5, { a: 1 }], "x is 5 { a: 1 }"],
  [["100%", 5], "100% 5"],
  [["%i%%", 5.7], "5%"],
  [["%cstyled", "color: red"], "styled"],
  [["%o", [1]], "[1]"],
  [["%s"], "%s"],
  [[1n, Symbol("s"), undefined, null], "1n Symbol(s) undefined null"],
])("formats %#", (args, text) => {
  expect(formatted(args)).toBe(text);
});

test.each<[unknown, string]>([
  [new Map([["a", { b: 1 }]]), 'Map(1) { "a" => { b: 1 } }'],
  [new Set([1]), "Set(1) { 1 }"],
  [new Uint8Array([1, 2]), "Uint8Array(2) [1, 2]"],
  [
    {
      get a() {
        throw new Error("called");
      },
    },
    "{ a: [getter] }",
  ],
  [
    new (class Point {
      x = 1;
    })(),
    "Point { x: 1 }",
  ],
  [{ a: { b: { c: { d: 1 } } } }, "{ a: { b: { c: [Object] } } }"],
  [Object.create(null), "{}"],
  [
    new Proxy(
      {},
      {
        ownKeys() {
          throw new Error("no");
        },
      },
    ),
    "[cannot be shown]",
  ],
  [Array.from({ length: 102 }, () => 0), `[${"0, ".repeat(100)}… 2 more]`],
  [class A {}, "[class A]"],
  [new Date(0), "1970-01-01T00:00:00.000Z"],
])("shows %#", (value, text) => {
  expect(inspect(value)).toBe(text);
});

test("shows cycles and causes", () => {
  const cycle: Record<string, unknown> = {};
  cycle["self"] = cycle;
  expect(inspect(cycle)).toBe("{ self: [circular] }");
  expect(inspect(new Error("outer", { cause: new Error("inner") }))).toMatch(/Error: outer[^]*\[cause\]: Error: inner/);
});

test("a huge value costs no more than its line", () => {
  const row = Array.from({ length: 1_000 }, () => "x".repeat(100));
  const table = Array.from({ length: 100 }, () => Array.from({ length: 100 }, () => row));
  expect(inspect(table).length).toBeLessThan(40_000);
});
