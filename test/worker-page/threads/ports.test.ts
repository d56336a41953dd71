import { expose, wrap } from "comlink";
import { expect, test } from "vitest";
import type { AttemptId, ObjectId } from "../../../protocol/ids.ts";
import { type SealedPort } from "../../../worker-page/threads/sealed-port.ts";
import { shellCalls } from "../../../worker-page/threads/shell-calls.ts";
import { obeyShell } from "../../../worker-page/threads/shell-orders.ts";
import type { ThreadApi, ThreadReport } from "../../../worker-page/threads/thread-api.ts";

type Listener = (event: { readonly data: unknown }) => void;

/** Two ends: one as a thread seals it, one as comlink takes it. Messages are cloned and come in a later turn. */
function aPair() {
  const inThread: ((data: unknown) => void)[] = [];
  const inShell: Listener[] = [];
  const later = (deliver: () => void): void => void setImmediate(deliver);
  const sealed: SealedPort = {
    post(message, transfer) {
      const data: unknown = structuredClone(message, { transfer: [...transfer] as ArrayBuffer[] });
      later(() => inShell.forEach((listener) => listener({ data })));
    },
    listen: (listener) => void inThread.push(listener),
  };
  const endpoint = {
    postMessage(message: unknown) {
      const data: unknown = structuredClone(message);
      later(() => inThread.forEach((listener) => listener(data)));
    },
    addEventListener: (_type: string, listener: unknown) => void inShell.push(listener as Listener),
    removeEventListener() {},
  };
  return { sealed, endpoint };
}

const attempt = "jtest.1#1" as AttemptId;
const object = "jtest.1:0" as ObjectId;

function anApi(obeyed: unknown[]): ThreadApi {
  const note =
    (name: keyof ThreadApi) =>
    (...args: unknown[]): void =>
      void obeyed.push([name, ...args]);
  return {
    define: note("define"),
    run: note("run"),
    startActor: note("startActor"),
    call: note("call"),
    stopActor: note("stopActor"),
    cancel: note("cancel"),
    receive: note("receive"),
    consumed: note("consumed"),
    committed: note("committed"),
    retireActor: note("retireActor"),
    askAgain: note("askAgain"),
  };
}

test("a shell that wraps its end with comlink is obeyed in order, and answered", async () => {
  const { sealed, endpoint } = aPair();
  const obeyed: unknown[] = [];
  obeyShell(sealed, anApi(obeyed));
  const thread = wrap<ThreadApi>(endpoint);
  await Promise.all([thread.cancel([attempt]), thread.consumed(attempt, 3), thread.run([])]);
  expect(obeyed).toEqual([
    ["cancel", [attempt]],
    ["consumed", attempt, 3],
    ["run", []],
  ]);
});

test("an order that throws is answered with its error", async () => {
  const { sealed, endpoint } = aPair();
  obeyShell(sealed, {
    ...anApi([]),
    run() {
      throw new RangeError("too many");
    },
  });
  await expect(wrap<ThreadApi>(endpoint).run([])).rejects.toMatchObject({ name: "RangeError", message: "too many" });
});

test.each([
  ["another name", { type: "APPLY", path: ["constructor"], argumentList: [] }],
  [
    "a path through the prototype",
    { type: "APPLY", path: ["run", "constructor"], argumentList: [{ type: "RAW", value: "return 1" }] },
  ],
  ["__proto__", { type: "APPLY", path: ["__proto__"], argumentList: [] }],
  ["an assignment", { type: "SET", path: ["run"], value: { type: "RAW", value: 1 } }],
  ["a construction", { type: "CONSTRUCT", path: ["run"], argumentList: [] }],
  ["a release", { type: "RELEASE" }],
  [
    "a proxy for an argument",
    { type: "APPLY", path: ["run"], argumentList: [{ type: "HANDLER", name: "proxy", value: {} }] },
  ],
  ["nonsense", "hello"],
])("[THREAD-4] %s is no order", async (_, message) => {
  const { sealed, endpoint } = aPair();
  const obeyed: unknown[] = [];
  obeyShell(sealed, anApi(obeyed));
  endpoint.postMessage(typeof message === "string" ? message : { id: "1", ...message });
  await wrap<ThreadApi>(endpoint).run([]);
  expect(obeyed).toEqual([["run", []]]);
});

test("a thread calls a shell that comlink exposes", async () => {
  const { sealed, endpoint } = aPair();
  const heard: unknown[] = [];
  expose(
    {
      report: (reports: readonly ThreadReport[]) => void heard.push(...reports),
      upload: (id: AttemptId, name: string, bytes: Uint8Array) => void heard.push([id, name, bytes.length]),
      download: () => new Uint8Array([1, 2, 3]),
    },
    endpoint,
  );
  const shell = shellCalls(sealed);
  shell.report([{ type: "closed" }]);
  await shell.upload(attempt, "x", new Uint8Array(5));
  expect(await shell.download(attempt, object)).toEqual(new Uint8Array([1, 2, 3]));
  expect(heard).toEqual([{ type: "closed" }, [attempt, "x", 5]]);
});

test("what the shell throws reaches the caller: a Failure as it is, an Error by name and message", async () => {
  const { sealed, endpoint } = aPair();
  const failure = { code: "OBJECT_LOST", message: "it is gone" };
  expose(
    {
      upload() {
        throw new RangeError("too large");
      },
      // oxlint-disable-next-line no-throw-literal, only-throw-error -- a Failure is data, and comlink keeps it whole
      download() {
        throw failure;
      },
    },
    endpoint,
  );
  const shell = shellCalls(sealed);
  await expect(shell.upload(attempt, "x", new Uint8Array(5))).rejects.toMatchObject({
    name: "RangeError",
    message: "too large",
  });
  await expect(shell.download(attempt, object)).rejects.toEqual(failure);
});

test("[THREAD-5] a constant Math.random neither mixes up answers nor is called", async () => {
  const { sealed, endpoint } = aPair();
  expose({ download: (_: AttemptId, id: ObjectId) => new TextEncoder().encode(id) }, endpoint);
  const shell = shellCalls(sealed);
  const { random } = Math;
  let called = 0;
  Math.random = () => {
    called++;
    return 0.5;
  };
  try {
    const ids = ["a", "b", "c"] as ObjectId[];
    const answers = await Promise.all(ids.map((id) => shell.download(attempt, id)));
    expect(answers.map((bytes) => new TextDecoder().decode(bytes))).toEqual(ids);
    expect(called).toBe(0);
  } finally {
    Math.random = random;
  }
});

test("a large value is moved, and a view is sent without what surrounds it", async () => {
  const { sealed, endpoint } = aPair();
  const heard: ThreadReport[] = [];
  const uploaded: number[] = [];
  expose(
    {
      report: (reports: readonly ThreadReport[]) => void heard.push(...reports),
      upload: (_: AttemptId, __: string, bytes: Uint8Array) => void uploaded.push(bytes.buffer.byteLength),
    },
    endpoint,
  );
  const shell = shellCalls(sealed);
  const large = new Uint8Array(200_000);
  const values = [
    { bytes: large, refs: [] },
    { bytes: large, refs: [] },
  ];
  shell.report([{ type: "done", attemptId: attempt, values, ranMs: 1 }]);
  expect(large.byteLength).toBe(0);
  await shell.upload(attempt, "x", new Uint8Array(1_000_000).subarray(10, 20));
  expect(heard).toHaveLength(1);
  expect(uploaded).toEqual([10]);
});
