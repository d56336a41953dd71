import { expect, test } from "vitest";
import type { Grid } from "../../../grid/types.ts";
import type { ThreadCall } from "../../../worker-page/threads/thread-api.ts";
import { aStillClock, aThread, notes, nth, sleep } from "./a-thread.ts";

declare const grid: Grid;

class Counter {
  count = 0;
  add() {
    return ++this.count;
  }
  addLarge() {
    globalThis.note(Reflect.get(globalThis, "reported"));
    globalThis.pass(5);
    return ++this.count;
  }
  fail() {
    this.count++;
    throw new RangeError("no");
  }
  async addLater(ms = 1) {
    this.count++;
    await new Promise((resolve) => setTimeout(resolve, ms));
    return ++this.count;
  }
  /** Now and then it has to wait for something. */
  addPerhapsLater(ref?: object) {
    this.count++;
    if (ref === undefined) return this.count;
    return (async () => {
      await grid.wait([grid.put(0)]);
      return ++this.count;
    })();
  }
  async checkpoint() {
    this.count++;
    await grid.context().checkpoint();
    return ++this.count;
  }
  holdFunction() {
    Object.assign(this, { callback: () => 1 });
  }
}

async function aCounter(options: Record<string, unknown> = {}) {
  const thread = aThread(aStillClock());
  const { actor, call, id } = thread.actorOf(Counter, options);
  thread.api.startActor(actor);
  await thread.until(() => thread.of("actor-started")[0]);
  const commit = (number: number): void => thread.api.committed(id, 1, number);
  const ended = (calls: readonly ThreadCall[]) => Promise.all(calls.map((one) => thread.outcomeOf(one.attemptId)));
  return { thread, call, id, commit, ended };
}

/** Whoever waits for the grid hears that what it waits for is there. */
async function answerWant(thread: ReturnType<typeof aThread>): Promise<void> {
  const { attemptId, message } = await thread.until(() =>
    thread.of("relay").find((relay) => relay.message.type === "want"),
  );
  if (message.type !== "want") throw new Error("not a want");
  thread.api.receive(attemptId, { type: "ready", objects: message.ids.map((id) => ({ type: "exists", id })) });
}

test("[THREAD-22] a call alone is followed by its state at once, in the same report", async () => {
  const { thread, call, ended } = await aCounter();
  await sleep(5);
  const calls = [call("add")];
  thread.api.call(calls);
  await ended(calls);
  expect(thread.story(calls)).toEqual(["actor-started", "done 1", 'saved 1 {"count":1}']);
  expect(thread.batches.at(-1)?.map(({ type }) => type)).toEqual(["done", "saved"]);
});

test("[THREAD-23] calls that end while a state becomes durable share the next one", async () => {
  const { thread, call, ended, commit } = await aCounter();
  const calls = Array.from({ length: 1_000 }, () => call("add"));
  thread.api.call(calls);
  await ended(calls);
  expect(thread.of("saved").map(({ number }) => number)).toEqual([1]);
  commit(1);
  expect(thread.story(calls).at(-1)).toBe('saved 2 {"count":1000}');
  commit(2);
  await sleep(5);
  expect(thread.of("saved")).toHaveLength(2);
});

test("[THREAD-23] what is durable already, or was never saved, changes nothing", async () => {
  const { thread, call, ended, commit, id } = await aCounter();
  const calls = [call("add"), call("add")];
  thread.api.call(calls);
  await ended(calls);
  commit(7);
  thread.api.committed(id, 2, 1);
  thread.api.committed("jother.1" as typeof id, 1, 1);
  expect(thread.of("saved")).toHaveLength(1);
  commit(1);
  commit(1);
  expect(thread.of("saved")).toHaveLength(2);
});

test("[THREAD-22] a state that is what it was is reported all the same", async () => {
  const { thread, call, ended, commit } = await aCounter();
  const calls = [call("add"), { ...call("add"), method: "none" }];
  thread.api.call(calls.slice(0, 1));
  await ended(calls.slice(0, 1));
  commit(1);
  thread.api.call(calls.slice(1));
  await ended(calls);
  expect(thread.story(calls).slice(-2)).toEqual(["failed 2", 'saved 2 {"count":1}']);
});

test("[THREAD-22] a call that failed has changed the state too", async () => {
  const { thread, call, ended } = await aCounter();
  const calls = [call("fail")];
  thread.api.call(calls);
  await ended(calls);
  expect(thread.story(calls).slice(1)).toEqual(["failed 1", 'saved 1 {"count":1}']);
});

test("[THREAD-24] before a call that may wait, what ended before it is saved, durable states or not", async () => {
  const { thread, call, ended } = await aCounter();
  const calls = [call("add"), call("add"), call("addLater"), call("add"), call("addLater")];
  thread.api.call(calls);
  await ended(calls);
  expect(thread.story(calls).slice(1)).toEqual([
    "done 1",
    "done 2",
    // Before the third, which nobody knows yet, with what the first was to have; and before the fifth, which is known.
    'saved 2 {"count":2}',
    "done 3",
    "done 4",
    'saved 3 {"count":5}',
    "done 5",
  ]);
});

test("[THREAD-24] a state shows no call half way", async () => {
  const { thread, call, ended } = await aCounter();
  thread.commitsAfter(0);
  const calls = Array.from({ length: 10 }, () => call("addLater"));
  thread.api.call(calls);
  await ended(calls);
  await thread.until(() => thread.story(calls).find((line) => line.endsWith('{"count":20}')));
  for (const line of thread.story(calls).filter((one) => one.startsWith("saved"))) {
    const { count } = JSON.parse(line.split(" ")[2] ?? "") as { count: number };
    expect(count % 2).toBe(0);
  }
});

test("[THREAD-24] no outcome waits for a call that waits for it", async () => {
  const thread = aThread(aStillClock());
  const { actor, call } = thread.actorOf(
    class Pair {
      first = false;
      makeFirst() {
        this.first = true;
      }
      async second() {
        // Resolved by whoever hears that the first is over.
        await grid.wait([grid.put("an answer that comes later")]);
        return "second";
      }
    },
  );
  thread.api.startActor(actor);
  const calls = [call("makeFirst"), call("makeFirst"), call("second")];
  thread.api.call(calls);
  await thread.until(() => thread.of("blocked")[0]);
  // Both are in a state that has left before the third begins: a shell that releases them at its commit gets on.
  expect(thread.story(calls).slice(1)).toEqual(["done 1", "done 2", 'saved 2 {"first":true}']);
  const before = thread.batches.findIndex((batch) => batch.some(({ type }) => type === "saved"));
  expect(before).toBeLessThan(thread.batches.findIndex((batch) => batch.some(({ type }) => type === "blocked")));
  await answerWant(thread);
  expect(await thread.valueOf(nth(calls, 2))).toBe("second");
});

test("[THREAD-24] one that was quick until now and waits for the grid is not waited for", async () => {
  const { thread, call, ended } = await aCounter();
  const first = [call("addPerhapsLater"), call("addPerhapsLater"), call("addPerhapsLater", [{}]), call("add")];
  thread.api.call(first);
  await thread.until(() => thread.of("blocked")[0]);
  expect(thread.story(first).slice(1)).toEqual(["done 1", "done 2", 'saved 2 {"count":3}']);
  await answerWant(thread);
  await ended(first);
});

test("[THREAD-24] nor is one that was quick until now and waits for something else, for long", async () => {
  const thread = aThread(aStillClock());
  const { actor, call } = thread.actorOf(
    class Door {
      opened = 0;
      open() {
        this.opened++;
      }
      enter(later = false) {
        this.opened++;
        return later ? new Promise((resolve) => Object.assign(globalThis, { letIn: resolve })) : undefined;
      }
    },
  );
  thread.api.startActor(actor);
  const calls = [call("enter"), call("open"), call("enter", [true])];
  thread.api.call(calls);
  await sleep(20);
  expect(thread.story(calls).slice(1)).toEqual(["done 1", 'saved 1 {"opened":1}', "done 2"]);
  await thread.until(() => thread.of("saved")[1]);
  expect(thread.story(calls).slice(-1)).toEqual(['saved 2 {"opened":3}']);
  (Reflect.get(globalThis, "letIn") as () => void)();
  await thread.outcomeOf(nth(calls, 2).attemptId);
});

test("[THREAD-16] what ended before a call that may take long has left when it begins", async () => {
  const { thread, call, ended } = await aCounter();
  const kept = notes();
  Object.defineProperty(globalThis, "reported", { configurable: true, get: () => thread.story(calls).slice(1) });
  const calls = [call("add"), call("add"), call("addLarge")];
  thread.api.call(calls);
  await ended(calls);
  expect(kept).toEqual([["done 1", "done 2", 'saved 2 {"count":2}']]);
});

test("[THREAD-22] a state that has not left when the next is taken never does", async () => {
  const thread = aThread(aStillClock());
  const { actor, call } = thread.actorOf(
    class Light {
      count = 0;
      async add() {
        return ++this.count;
      }
    },
  );
  thread.api.startActor(actor);
  const calls = Array.from({ length: 100 }, () => call("add"));
  thread.api.call(calls);
  await thread.until(() => (thread.of("done").length === 100 ? true : undefined));
  const lines = thread.story(calls);
  expect(thread.of("saved").length).toBeLessThan(20);
  // The last is owed nothing yet: a state is on its way.
  const at = lines.findLastIndex((line) => line.startsWith("saved"));
  expect(lines[at]).toBe(
    `saved ${thread.of("saved").at(-1)?.number} {"count":${lines.slice(0, at).filter((line) => line.startsWith("done")).length}}`,
  );
});

test("[THREAD-24] a method that takes long counts as one that waits", async () => {
  const { thread, call, ended } = await aCounter();
  notes();
  const calls = [call("addLarge"), call("addLarge"), call("addLarge")];
  thread.api.call(calls);
  await ended(calls);
  expect(thread.story(calls).slice(1)).toEqual([
    "done 1",
    'saved 1 {"count":1}',
    "done 2",
    'saved 2 {"count":2}',
    "done 3",
  ]);
});

test("[THREAD-25] where calls interleave, a state is saved while others are in progress", async () => {
  const { thread, call, ended, commit } = await aCounter({ maxConcurrency: 2 });
  const calls = [call("addLater", [50]), call("add"), call("add")];
  thread.api.call(calls);
  await ended(calls.slice(1));
  await thread.until(() => thread.of("saved")[0]);
  expect(thread.story(calls).slice(1)).toEqual(["done 2", "done 3", 'saved 1 {"count":3}']);
  commit(1);
  await ended(calls);
  await thread.until(() => thread.of("saved")[1]);
  expect(thread.story(calls).slice(-2)).toEqual(["done 1", 'saved 2 {"count":4}']);
});

test("[THREAD-25] a call that has done its work and only returns is not caught half way", async () => {
  const thread = aThread();
  const { actor, call } = thread.actorOf(
    class Log {
      lines: number[] = [];
      async append(line: number) {
        await Promise.resolve();
        this.lines.push(line);
        await Promise.resolve();
        return line;
      }
    },
    { maxConcurrency: 10 },
  );
  thread.api.startActor(actor);
  thread.commitsAfter(0);
  const calls = Array.from({ length: 50 }, (_, line) => call("append", [line]));
  for (const [line, one] of calls.entries()) {
    thread.api.call([one]);
    if (line % 3 === 0) await sleep(0);
  }
  await thread.until(() => (thread.of("done").length === 50 ? true : undefined));
  await thread.until(() => thread.story().find((line) => line.includes(",49")));
  let done = 0;
  for (const report of thread.all()) {
    if (report.type === "done") done++;
    if (report.type !== "saved") continue;
    expect((thread.decoded(report.state.bytes) as { lines: number[] }).lines).toHaveLength(done);
  }
});

test("[THREAD-26] { everyCalls } saves after that many, one state at a time", async () => {
  const { thread, call, ended, commit } = await aCounter({ checkpoint: { everyCalls: 3 } });
  const calls = Array.from({ length: 8 }, () => call("add"));
  thread.api.call(calls);
  await ended(calls);
  const lines = thread.story(calls);
  expect(lines.filter((line) => line.startsWith("saved"))).toEqual(['saved 1 {"count":3}']);
  expect(lines.indexOf('saved 1 {"count":3}')).toBe(lines.indexOf("done 3") + 1);
  commit(1);
  expect(thread.story(calls).at(-1)).toBe('saved 2 {"count":8}');
});

test("[THREAD-26] { everyMs } saves that long after the first call that is in no state", async () => {
  const { thread, call, ended, commit } = await aCounter({ checkpoint: { everyMs: 30 } });
  const calls = [call("add"), call("add")];
  thread.api.call(calls);
  await ended(calls);
  await sleep(10);
  expect(thread.of("saved")).toEqual([]);
  await thread.until(() => thread.of("saved")[0]);
  expect(thread.story(calls).at(-1)).toBe('saved 1 {"count":2}');
  commit(1);
  await sleep(50);
  // Nothing has ended since.
  expect(thread.of("saved")).toHaveLength(1);
});

test("[THREAD-26] when the time is up within a call, its end is waited for", async () => {
  const { thread, call, ended } = await aCounter({ checkpoint: { everyMs: 10 } });
  const calls = [call("add"), call("addLater", [40])];
  thread.api.call(calls);
  await ended(calls);
  await thread.until(() => thread.of("saved")[0]);
  expect(thread.story(calls).slice(1)).toEqual(["done 1", "done 2", 'saved 1 {"count":3}']);
});

test('[THREAD-27] "manual" saves at checkpoint() alone, in the middle of the call that asks', async () => {
  const { thread, call, ended, commit } = await aCounter({ checkpoint: "manual" });
  const calls = [call("add"), call("checkpoint")];
  thread.api.call(calls);
  await thread.until(() => thread.of("saved")[0]);
  expect(thread.story(calls).slice(1)).toEqual(["done 1", 'saved 1 {"count":2}']);
  await sleep(5);
  expect(thread.of("done")).toHaveLength(1);
  commit(1);
  await ended(calls);
  expect(thread.story(calls).slice(-1)).toEqual(["done 2"]);
});

test('[THREAD-27] checkpoint() of an actor with checkpoint "call" saves then and there', async () => {
  const { thread, call, ended, commit } = await aCounter();
  const calls = [call("checkpoint")];
  thread.api.call(calls);
  await thread.until(() => thread.of("saved")[0]);
  commit(1);
  await ended(calls);
  expect(thread.story(calls).slice(1)).toEqual(['saved 1 {"count":1}', "done 1", 'saved 2 {"count":2}']);
});

test('[THREAD-27] with checkpoint "off" nothing is saved, and checkpoint() says so', async () => {
  const { thread, call } = await aCounter({ checkpoint: "off" });
  const one = call("checkpoint");
  thread.api.call([call("add"), one]);
  expect((await thread.failureOf(one)).message).toContain('Cannot checkpoint actor "Counter": it has checkpoint "off"');
  expect(thread.of("saved")).toEqual([]);
});

test("[THREAD-27] checkpoint() rejects when the actor is stopped", async () => {
  const thread = aThread();
  const kept = notes();
  const { actor, call, id } = thread.actorOf(
    class Saver {
      async save() {
        await grid
          .context()
          .checkpoint()
          .catch((error: Error) => globalThis.note(error.name));
      }
    },
  );
  thread.api.startActor(actor);
  thread.api.call([call("save")]);
  await thread.until(() => thread.of("saved")[0]);
  thread.api.stopActor(id);
  await sleep(5);
  expect(kept).toEqual(["ActorDiedError"]);
});

test("[THREAD-27] checkpoint() that cannot be made rejects with the reason, and the actor goes on", async () => {
  const { thread, call, ended } = await aCounter({ checkpoint: "manual" });
  const calls = [call("holdFunction"), call("checkpoint"), call("add")];
  thread.api.call(calls);
  await ended(calls);
  expect((await thread.failureOf(nth(calls, 1))).message).toContain("this.callback");
  expect(await thread.valueOf(nth(calls, 2))).toBe(2);
});

test("[THREAD-27] checkpoint() while the actor is being made, or from saveState, is refused", async () => {
  const thread = aThread();
  const kept = notes();
  const { actor, call } = thread.actorOf(
    class Hasty {
      constructor() {
        grid
          .context()
          .checkpoint()
          .catch((error: Error) => globalThis.note(error.message));
      }
      saveState() {
        grid
          .context()
          .checkpoint()
          .catch((error: Error) => globalThis.note(error.message));
        return {};
      }
      restoreState() {}
      go() {}
    },
  );
  thread.api.startActor(actor);
  await thread.until(() => thread.of("actor-started")[0]);
  thread.api.call([call("go")]);
  await thread.until(() => thread.of("saved")[0]);
  await sleep(1);
  expect(kept[0]).toBe('Cannot checkpoint actor "Hasty": it is still being made');
  expect(kept.at(-1)).toBe("Cannot checkpoint: this is called while the state is being saved");
});

test("[THREAD-28] while saveState resolves no call begins", async () => {
  const thread = aThread();
  const kept = notes();
  const { actor, call } = thread.actorOf(
    class Slow {
      count = 0;
      add() {
        globalThis.note("add");
        return ++this.count;
      }
      async saveState() {
        const { count } = this;
        await new Promise((resolve) => setTimeout(resolve, 10));
        globalThis.note("saved");
        return { count };
      }
      restoreState() {}
    },
  );
  thread.api.startActor(actor);
  await thread.until(() => thread.of("actor-started")[0]);
  const calls = [call("add"), call("add")];
  thread.api.call(calls);
  await thread.outcomeOf(nth(calls, 1).attemptId);
  expect(kept).toEqual(["saved", "add", "saved", "add"]);
  expect(thread.story(calls).slice(1)).toEqual(["done 1", 'saved 1 {"count":1}', "done 2"]);
});

test("[THREAD-28] an outcome that comes while a state is being taken is reported after it", async () => {
  const thread = aThread();
  const { actor, call } = thread.actorOf(
    class Slow {
      count = 0;
      async add() {
        return ++this.count;
      }
      async saveState() {
        await new Promise((resolve) => setTimeout(resolve, 10));
        return this.count;
      }
      restoreState() {}
    },
    { maxConcurrency: 4 },
  );
  thread.api.startActor(actor);
  await thread.until(() => thread.of("actor-started")[0]);
  const calls = [call("add"), call("add"), call("add")];
  thread.api.call(calls.slice(0, 1));
  await sleep(3);
  thread.api.call(calls.slice(1));
  await thread.outcomeOf(nth(calls, 2).attemptId);
  const lines = thread.story(calls).slice(1);
  expect(lines.slice(0, 2)).toEqual(["done 1", "saved 1 3"]);
  expect(lines.slice(2)).toEqual(["done 2", "done 3"]);
});

test("[THREAD-29] a new actor whose state cannot be copied is not made, and is told what to do", async () => {
  const thread = aThread();
  const { actor } = thread.actorOf(
    class Chat {
      room = { socket: new WeakMap() };
      say() {}
    },
  );
  thread.api.startActor(actor);
  const { failure } = await thread.until(() => thread.of("actor-ended")[0]);
  expect(failure).toMatchObject({ code: "SERIALIZATION", path: "this.room.socket", actorId: actor.actorId });
  expect(failure?.message).toMatch(
    /^Cannot save actor "Chat" \(.+\): Cannot copy this\.room\.socket: .+\. Add saveState\(\) and restoreState\(\) to the class, or use checkpoint: "off"$/,
  );
  expect(thread.of("saved")).toEqual([]);
});

test("[THREAD-29] nor is one whose saveState throws; with checkpoint off nobody asks", async () => {
  const thread = aThread();
  class Broken {
    saveState() {
      throw new RangeError("not now");
    }
    restoreState() {}
  }
  thread.api.startActor(thread.actorOf(Broken).actor);
  const { failure } = await thread.until(() => thread.of("actor-ended")[0]);
  expect(failure).toMatchObject({ code: "TASK_ERROR", errorName: "RangeError" });
  thread.api.startActor(thread.actorOf(Broken, { checkpoint: "off" }).actor);
  await thread.until(() => thread.of("actor-started")[0]);
});

test("[THREAD-29] an actor whose state cannot be saved any more ends, and so do its calls", async () => {
  const { thread, call, id } = await aCounter();
  const calls = [call("holdFunction"), call("add")];
  thread.api.call(calls);
  const { failure } = await thread.until(() => thread.of("actor-ended")[0]);
  expect(failure).toMatchObject({
    code: "ACTOR_DIED",
    actorId: id,
    because: { code: "SERIALIZATION", path: "this.callback" },
  });
  expect(failure?.message).toContain("Add saveState() and restoreState() to the class");
  expect(await thread.failureOf(nth(calls, 1))).toMatchObject({ code: "ACTOR_DIED" });
  expect(thread.of("saved")).toEqual([]);
});

test("[THREAD-29] what saveState gives and cannot be copied is named, too", async () => {
  const thread = aThread();
  const { actor } = thread.actorOf(
    class Wrong {
      saveState() {
        return { fn: () => 1 };
      }
      restoreState() {}
    },
  );
  thread.api.startActor(actor);
  const { failure } = await thread.until(() => thread.of("actor-ended")[0]);
  expect(failure).toMatchObject({ code: "SERIALIZATION", path: "state.fn" });
  expect(failure?.message).toContain("Let saveState() give plain data");
});

test("[THREAD-22] refs and handles in a state are listed, and the actor keeps its buffers", async () => {
  const thread = aThread();
  const { actor, call } = thread.actorOf(
    class Holder {
      data = new Float64Array(100_000);
      kept: unknown[] = [];
      keep() {
        this.kept.push(grid.put(1));
        return this.data.length;
      }
    },
  );
  thread.api.startActor(actor);
  const one = call("keep");
  thread.api.call([one]);
  expect(await thread.valueOf(one)).toBe(100_000);
  const { state } = await thread.until(() => thread.of("saved")[0]);
  expect(state.refs).toEqual([`${one.attemptId.split("#")[0]}.0:0`]);
  expect(state.bytes.length).toBeGreaterThan(800_000);
});

test("[THREAD-18] an actor that exits saves no more", async () => {
  const thread = aThread();
  const { actor, call } = thread.actorOf(
    class Short {
      go() {}
      quit() {
        grid.context().exit();
      }
    },
  );
  thread.api.startActor(actor);
  const calls = [call("go"), call("quit")];
  thread.api.call(calls);
  await thread.until(() => thread.of("actor-ended")[0]);
  expect(thread.story(calls).slice(1)).toEqual(["done 1", "saved 1 {}", "failed 2", "actor-ended"]);
});

test("[THREAD-9] a queued call that is cancelled is followed by a state as well", async () => {
  const { thread, call, ended } = await aCounter();
  const calls = [call("addLater", [20]), call("add")];
  thread.api.call(calls);
  thread.api.cancel([nth(calls, 1).attemptId]);
  await ended(calls);
  expect(thread.story(calls).slice(1)).toEqual(["failed 2", "done 1", 'saved 1 {"count":2}']);
});
