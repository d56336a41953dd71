/**
 * A thread that stands in for the real one: it obeys a few orders through comlink and does what the name of a task's
 * function says. It locks nothing down, so that tests see what the sandbox alone denies.
 */
import { expose, wrap } from "comlink";
import type {
  ThreadApi,
  ThreadPorts,
  ThreadReport,
  ThreadShell,
  ThreadTask,
} from "../../../worker-page/threads/thread-api.ts";

addEventListener("message", ({ data }: MessageEvent<ThreadPorts>) => {
  const shell = wrap<ThreadShell>(data.reports);
  const report = (...reports: readonly ThreadReport[]): void => void shell.report(reports);
  const api: ThreadApi = {
    define: () => {},
    run: (tasks) => {
      const done = tasks.map(run);
      if (done.every((one) => one !== undefined)) report(...done);
    },
    startActor: () => {},
    call: () => {},
    stopActor: () => {},
    cancel: () => {},
    receive: (attemptId, message) =>
      report({ type: "progress", attemptId, fraction: 1, note: JSON.stringify(message) }),
    consumed: () => {},
    committed: () => {},
    retireActor: () => {},
    askAgain: () => {},
  };
  expose(api, data.orders);

  function run(task: ThreadTask): ThreadReport | undefined {
    const { attemptId } = task;
    switch (String(task.functionId)) {
      case "sizes": {
        // What came along: the length of the view, and of the buffer behind it.
        const sizes = new Float64Array([task.args.length, task.args.buffer.byteLength]);
        return { type: "done", attemptId, values: [{ bytes: new Uint8Array(sizes.buffer), refs: [] }], ranMs: 1 };
      }
      case "forge":
        report({ type: "relay", attemptId, message: { type: "put", id: "jz.9:0", value: {} } as never });
        return undefined;
      case "garbage":
        report({ type: "done", attemptId, values: "none" } as never);
        return undefined;
      case "escape":
        // Whatever comlink would follow beyond the three methods.
        data.reports.postMessage({ id: "1", type: "SET", path: ["report"], value: { type: "RAW", value: 1 } });
        data.reports.postMessage({
          id: "2",
          type: "APPLY",
          path: ["report", "constructor"],
          argumentList: [{ type: "RAW", value: "document.title='out'" }],
        });
        data.reports.postMessage({ id: "3", type: "ENDPOINT" });
        return { type: "done", attemptId, values: [], ranMs: 1 };
      case "reach":
        void reach(new TextDecoder().decode(task.args)).then((found) =>
          report({
            type: "done",
            attemptId,
            values: [{ bytes: new TextEncoder().encode(JSON.stringify(found)), refs: [] }],
            ranMs: 1,
          }),
        );
        return undefined;
      default:
        return { type: "done", attemptId, values: [{ bytes: task.args.slice(), refs: [] }], ranMs: 1 };
    }
  }
});

/** Every way out that a script might try; which of them led anywhere. */
async function reach(origin: string): Promise<readonly string[]> {
  const ways: Record<string, () => unknown> = {
    fetch: () => fetch(`${origin}/leak`),
    "fetch without cors": () => fetch(`${origin}/leak`, { mode: "no-cors" }),
    XMLHttpRequest: () =>
      new Promise((resolve, reject) => {
        const request = new XMLHttpRequest();
        request.onload = resolve;
        request.onerror = reject;
        request.open("GET", `${origin}/leak`);
        request.send();
      }),
    WebSocket: () => opens(new WebSocket(`${origin.replace("http", "ws")}/leak`), "open"),
    EventSource: () => opens(new EventSource(`${origin}/leak`), "open"),
    importScripts: () => importScripts(`${origin}/leak.js`),
    import: () => import(/* @vite-ignore */ `${origin}/leak.js`),
    Worker: () => opens(new Worker(`${origin}/leak.js`), "message"),
    RTCPeerConnection: () => new RTCPeerConnection(),
    indexedDB: () => opens(indexedDB.open("leak"), "success"),
    caches: () => caches.open("leak"),
  };
  const found: string[] = [];
  for (const [name, way] of Object.entries(ways)) {
    try {
      await way();
      found.push(name);
    } catch {
      // Denied, as it should be.
    }
  }
  return found;
}

function opens(target: EventTarget, event: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    target.addEventListener(event, resolve);
    target.addEventListener("error", reject);
    setTimeout(reject, 1_000);
  });
}

declare function importScripts(url: string): void;
