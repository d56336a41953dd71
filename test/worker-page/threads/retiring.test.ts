import { expect, test } from "vitest";
import type { Grid } from "../../../grid/types.ts";
import { aThread, nth, sleep } from "./a-thread.ts";

declare const grid: Grid;

class Counter {
  count = 0;
  add() {
    return ++this.count;
  }
  async addLater() {
    await new Promise((resolve) => setTimeout(resolve, 10));
    return ++this.count;
  }
  async wait() {
    await grid.wait([grid.put(0)]);
    return ++this.count;
  }
  holdFunction() {
    Object.assign(this, { callback: () => 1 });
  }
}

async function aCounter(options: Record<string, unknown> = {}, cls: new () => object = Counter) {
  const thread = aThread();
  const { actor, call, id } = thread.actorOf(cls, options);
  thread.api.startActor(actor);
  await thread.until(() => thread.of("actor-started")[0]);
  return { thread, call, id };
}

test("[THREAD-32] an idle actor leaves its state behind and is gone, without an end", async () => {
  const { thread, call, id } = await aCounter();
  const one = call("add");
  thread.api.call([one]);
  await thread.outcomeOf(one.attemptId);
  thread.api.retireActor(id);
  expect(thread.story([one]).slice(1)).toEqual(["done 1", 'saved 1 {"count":1}', 'saved 2 {"count":1}', "retired"]);
  expect(thread.of("retired")).toEqual([{ type: "retired", actorId: id, epoch: 1, returned: [] }]);
  const late = call("add");
  thread.api.call([late]);
  expect(await thread.failureOf(late)).toMatchObject({ code: "ACTOR_DIED" });
});

test("[THREAD-32] what is in progress ends first; what has not begun is given back, unheard", async () => {
  const { thread, call, id } = await aCounter();
  const calls = [call("addLater"), call("add"), call("addLater")];
  thread.api.call(calls);
  thread.api.retireActor(id);
  thread.api.retireActor(id);
  const { returned } = await thread.until(() => thread.of("retired")[0]);
  expect(returned).toEqual(calls.slice(1).map(({ attemptId }) => attemptId));
  expect(thread.story(calls).slice(-2)).toEqual(['saved 2 {"count":1}', "retired"]);
  await sleep(15);
  expect(thread.of("done")).toHaveLength(1);
});

test("[THREAD-32] a call that waits for the grid is in progress", async () => {
  const { thread, call, id } = await aCounter();
  const one = call("wait");
  thread.api.call([one]);
  const want = await thread.until(() => thread.of("relay").find(({ message }) => message.type === "want"));
  thread.api.retireActor(id);
  await sleep(5);
  expect(thread.of("retired")).toEqual([]);
  if (want.message.type !== "want") throw new Error("not a want");
  const objects = want.message.ids.map((wanted) => ({ type: "exists", id: wanted }) as const);
  thread.api.receive(want.attemptId, { type: "ready", objects });
  await thread.until(() => thread.of("retired")[0]);
  expect(await thread.valueOf(one)).toBe(1);
});

test.each(["off", "manual"])('[THREAD-32] so does one with checkpoint "%s"', async (checkpoint) => {
  const { thread, call, id } = await aCounter({ checkpoint });
  const one = call("add");
  thread.api.call([one]);
  await thread.outcomeOf(one.attemptId);
  thread.api.retireActor(id);
  expect(thread.story([one]).slice(1)).toEqual(["done 1", 'saved 1 {"count":1}', "retired"]);
});

test("[THREAD-32] one that cannot be saved, or not as a whole, goes without", async () => {
  class Private {
    #count = 0;
    add() {
      return ++this.#count;
    }
  }
  for (const cls of [
    Private,
    class {
      fn = new WeakMap();
      add() {}
    },
  ]) {
    const { thread, id } = await aCounter({ checkpoint: "off" }, cls);
    thread.api.retireActor(id);
    expect(thread.story().slice(1)).toEqual(["retired"]);
  }
});

test("[THREAD-32] one that owes a state to calls that have ended, and cannot be saved, ends instead", async () => {
  const { thread, call, id } = await aCounter();
  const calls = [call("add"), call("holdFunction")];
  thread.api.call(calls.slice(0, 1));
  await thread.outcomeOf(nth(calls, 0).attemptId);
  thread.api.call(calls.slice(1));
  thread.api.retireActor(id);
  await thread.until(() => thread.of("actor-ended")[0]);
  expect(thread.of("retired")).toEqual([]);
});

test("[THREAD-32] an actor that is still being restored goes once it is there", async () => {
  const thread = aThread();
  const { actor, id } = thread.actorOf(
    class Slow {
      saveState() {
        return 7;
      }
      async restoreState() {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
  );
  thread.api.startActor(actor);
  thread.api.retireActor(id);
  const { state } = nth(thread.of("saved"), 0);
  thread.api.startActor(thread.restored(actor, state));
  thread.api.retireActor(id);
  expect(thread.of("retired")).toHaveLength(1);
  await thread.until(() => thread.of("retired")[1]);
  expect(thread.story().slice(-3)).toEqual(["actor-started", "saved 1 7", "retired"]);
});

test("[THREAD-32] an actor that is not here is not missed", () => {
  const thread = aThread();
  thread.api.retireActor("jother.1" as never);
  expect(thread.all()).toEqual([]);
});
