/** THREAD-22, THREAD-30 and THREAD-32 in real threads, under the real policy. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { submitterOf } from "../../../grid/submitter.ts";
import type { ThreadActor, ThreadCall, ThreadReport } from "../../../worker-page/threads/thread-api.ts";
import { sandboxedThreads } from "../../security/sandboxed-threads.ts";
import { aThread, nth } from "./a-thread.ts";

let threads: Awaited<ReturnType<typeof sandboxedThreads>>;

beforeAll(async () => {
  threads = await sandboxedThreads();
}, 60_000);
afterAll(async () => {
  await threads?.close();
});

type ReportOf<Type extends ThreadReport["type"]> = Extract<ThreadReport, { type: Type }>;

/** A thread of the browser, and a client that ships to it. */
async function aRealThread() {
  const threadId = await threads.startThread();
  const { client, actorOf, restored, decoded } = aThread();
  const reports = (): readonly ThreadReport[] => threads.reportsOf(threadId);
  const of = <Type extends ThreadReport["type"]>(type: Type): ReportOf<Type>[] =>
    reports().filter((report): report is ReportOf<Type> => report.type === type);
  return {
    threadId,
    actorOf,
    restored,
    decoded,
    reports,
    of,
    async start(actor: ThreadActor): Promise<void> {
      for (const message of client.said) {
        if (message.type !== "define" || message.bytes === undefined) continue;
        await threads.carryOut({
          type: "define",
          threadId,
          functionId: message.functionId,
          bytes: message.bytes.slice(),
        });
      }
      await threads.carryOut({ type: "start-actor", threadId, actor });
    },
    async call(one: ThreadCall): Promise<unknown> {
      await threads.carryOut({ type: "call", threadId, calls: [one] });
      const outcome = await threads.until(
        () => [...of("done"), ...of("failed")].find(({ attemptId }) => attemptId === one.attemptId),
        `the outcome of ${one.attemptId}`,
      );
      if (outcome.type === "failed") throw new Error(outcome.failure.message);
      return submitterOf(client.grid).decode((outcome.values[0]?.bytes ?? new Uint8Array()).slice());
    },
  };
}

class Vault {
  #items: Map<string, number>;
  #opened = 0;
  constructor(first: string) {
    this.#items = new Map([[first, 1]]);
  }
  get #size() {
    return this.#items.size;
  }
  put(item: string) {
    this.#items.set(item, (this.#items.get(item) ?? 0) + 1);
  }
  open() {
    return [[...this.#items.keys()], ++this.#opened, this.#size];
  }
  saveState() {
    return { items: this.#items };
  }
  restoreState({ items }: { items: Map<string, number> }) {
    this.#items = items;
  }
}
class Box extends Vault {
  #label = "none";
  data = new Float64Array(100_000);
  peek = () => [this.#label, this.data.length, new Box("other", { label: "new" }).#label];
  constructor(first: string, { label = "no label" } = {}) {
    super(first);
    this.#label = label;
  }
  override saveState() {
    return { ...super.saveState(), label: this.#label, data: this.data };
  }
  override restoreState(state: { items: Map<string, number>; label: string; data: Float64Array<ArrayBuffer> }) {
    super.restoreState(state);
    this.#label = state.label;
    this.data = state.data;
  }
}

test("[THREAD-30] an actor with #private fields moves to another thread with all it has", async () => {
  const thread = await aRealThread();
  const { actor, call, id } = thread.actorOf(Box, { captures: { Vault } }, ["a", { label: "mine" }]);
  await thread.start(actor);
  await thread.call(call("put", ["b"]));
  expect(await thread.call(call("open"))).toEqual([["a", "b"], 1, 2]);
  await threads.carryOut({ type: "retire-actor", threadId: thread.threadId, actorId: id });
  const { returned } = await threads.until(() => thread.of("retired")[0], "the end of it");
  expect(returned).toEqual([]);

  const saved = thread.of("saved");
  expect(thread.reports().map(({ type }) => type)).toEqual([
    "actor-started",
    "done",
    "saved",
    // While the first state is not durable, there is no other before the last.
    "done",
    "saved",
    "retired",
  ]);
  const other = await aRealThread();
  const second = other.actorOf(Box, { captures: { Vault } }, ["a", { label: "mine" }]);
  expect(second.actor.spec.functionId).toBe(actor.spec.functionId);
  await other.start(thread.restored(second.actor, nth(saved, saved.length - 1).state));
  const again = (method: string): ThreadCall => ({ ...second.call(method), epoch: 2 });
  expect(await other.call(again("open"))).toEqual([["a", "b"], 1, 2]);
  expect(await other.call(again("peek"))).toEqual(["mine", 100_000, "new"]);
});
