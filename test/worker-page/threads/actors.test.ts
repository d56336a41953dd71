import { expect, test } from "vitest";
import type { Grid } from "../../../grid/types.ts";
import type { ThreadCall } from "../../../worker-page/threads/thread-api.ts";
import { aThread, notes, nth, sleep } from "./a-thread.ts";

declare const grid: Grid;

class Counter {
  count: number;
  constructor(from: number) {
    this.count = from;
  }
  add(by: number) {
    return (this.count += by);
  }
  async addSlowly(by: number) {
    const before = this.count;
    await new Promise((resolve) => setTimeout(resolve, 5));
    this.count = before + by;
    return this.count;
  }
  who() {
    const { actorId, actorName, taskId, wasRestored } = grid.context();
    return { actorId, actorName, taskId, wasRestored };
  }
  *upTo(n: number) {
    for (let i = 0; i < n; i++) yield (this.count += 1);
  }
  quit() {
    grid.context().exit();
  }
  quitQuietly() {
    try {
      grid.context().exit();
    } catch {
      return "still here";
    }
  }
}

async function aCounter(options: Record<string, unknown> = {}, restored = false) {
  const thread = aThread();
  const { actor, call, id } = thread.actorOf(Counter, options, [10], restored);
  thread.api.startActor(actor);
  await thread.until(() => thread.of("actor-started")[0]);
  return { thread, actor, call, id };
}

test("an actor is made by its constructor and keeps its state between calls", async () => {
  const { thread, call, id } = await aCounter();
  expect(thread.of("actor-started")).toEqual([{ type: "actor-started", actorId: id, epoch: 1 }]);
  const calls = [call("add", [1]), call("add", [2])];
  thread.api.call(calls);
  expect(await Promise.all(calls.map((one) => thread.valueOf(one)))).toEqual([11, 13]);
});

test("an actor whose constructor throws has ended, with that failure", async () => {
  const thread = aThread();
  const { actor, call } = thread.actorOf(
    class Broken {
      constructor() {
        throw new RangeError("no");
      }
      go() {}
    },
  );
  thread.api.startActor(actor);
  const ended = await thread.until(() => thread.of("actor-ended")[0]);
  expect(ended.failure).toMatchObject({ code: "TASK_ERROR", errorName: "RangeError", actorId: actor.actorId });
  const late = call("go");
  thread.api.call([late]);
  expect(await thread.failureOf(late)).toMatchObject({ code: "ACTOR_DIED" });
});

test("[THREAD-17] calls are turn-based, async methods included", async () => {
  const { thread, call } = await aCounter();
  const calls = [call("addSlowly", [1]), call("addSlowly", [1]), call("add", [1])];
  thread.api.call(calls);
  expect(await Promise.all(calls.map((one) => thread.valueOf(one)))).toEqual([11, 12, 13]);
});

test("[THREAD-17] a call that awaits the grid keeps its turn", async () => {
  const thread = aThread();
  const kept = notes();
  const { actor, call } = thread.actorOf(
    class Waiter {
      async wait() {
        await grid.wait([grid.put(0)], { timeoutMs: 10 });
        globalThis.note("waited");
      }
      next() {
        globalThis.note("next");
      }
    },
  );
  thread.api.startActor(actor);
  const calls = [call("wait"), call("next")];
  thread.api.call(calls);
  await thread.outcomeOf(nth(calls, 1).attemptId);
  expect(kept).toEqual(["waited", "next"]);
});

test("[THREAD-17] maxConcurrency lets that many be in progress", async () => {
  const { thread, call } = await aCounter({ maxConcurrency: 2 });
  const calls = [call("addSlowly", [1]), call("addSlowly", [1]), call("addSlowly", [1])];
  thread.api.call(calls);
  expect(await Promise.all(calls.map((one) => thread.valueOf(one)))).toEqual([11, 11, 12]);
});

test("[THREAD-17] a group's calls do not wait for those of another", async () => {
  const { thread, call } = await aCounter({ concurrencyGroups: { io: 1 } });
  const calls = [call("addSlowly", [5]), call("add", [1], { concurrencyGroup: "io" })];
  thread.api.call(calls);
  await Promise.all(calls.map((one) => thread.outcomeOf(one.attemptId)));
  expect(thread.of("done").map(({ attemptId }) => attemptId)).toEqual([
    nth(calls, 1).attemptId,
    nth(calls, 0).attemptId,
  ]);
});

test("[THREAD-17] a call of a group that is not there fails with those that are", async () => {
  const { thread, call } = await aCounter({ concurrencyGroups: { io: 1 } });
  const lost: ThreadCall = { ...call("add", [1]), concurrencyGroup: "gpu" };
  thread.api.call([lost]);
  expect((await thread.failureOf(lost)).message).toContain('has no concurrency group "gpu"; it has: io');
});

test("[THREAD-18] exit() fails the current call and the queued ones, and the actor has ended itself", async () => {
  const { thread, call, id } = await aCounter();
  const calls = [call("addSlowly", [1]), call("quit"), call("add", [1])];
  thread.api.call(calls);
  expect(await thread.valueOf(nth(calls, 0))).toBe(11);
  expect(await thread.failureOf(nth(calls, 1))).toMatchObject({ code: "ACTOR_DIED", actorId: id });
  expect(await thread.failureOf(nth(calls, 2))).toMatchObject({ code: "ACTOR_DIED", actorId: id });
  const ended = await thread.until(() => thread.of("actor-ended")[0]);
  expect(ended).toEqual({ type: "actor-ended", actorId: id, epoch: 1 });
  expect(thread.all().at(-1)?.type).toBe("actor-ended");
});

test("[THREAD-18] exit() cannot be caught", async () => {
  const { thread, call } = await aCounter();
  const one = call("quitQuietly");
  thread.api.call([one]);
  expect(await thread.failureOf(one)).toMatchObject({ code: "ACTOR_DIED" });
  await thread.until(() => thread.of("actor-ended")[0]);
});

test("[THREAD-18] exit() in the constructor ends the actor without a failure", async () => {
  const thread = aThread();
  const { actor } = thread.actorOf(
    class Short {
      constructor() {
        grid.context().exit();
      }
      go() {}
    },
  );
  thread.api.startActor(actor);
  expect(await thread.until(() => thread.of("actor-ended")[0])).not.toHaveProperty("failure");
});

test("[THREAD-19] a method that is not there fails with those that are", async () => {
  const { thread, call } = await aCounter();
  for (const method of ["subtract", "constructor", "toString", "__proto__", "count"]) {
    const one: ThreadCall = { ...call("add", [1]), method };
    thread.api.call([one]);
    const failure = await thread.failureOf(one);
    expect(failure.code).toBe("TASK_ERROR");
    expect(failure.message).toContain(`has no method "${method}"; it has: add, addSlowly`);
  }
});

test("[THREAD-20] a call of another activation, or of an actor that is not here, fails with ACTOR_DIED", async () => {
  const { thread, call } = await aCounter();
  const old: ThreadCall = { ...call("add", [1]), epoch: 0 };
  const foreign: ThreadCall = { ...call("add", [1]), actorId: "jother.1" as ThreadCall["actorId"] };
  thread.api.call([old, foreign]);
  expect(await thread.failureOf(old)).toMatchObject({ code: "ACTOR_DIED" });
  expect(await thread.failureOf(foreign)).toMatchObject({ code: "ACTOR_DIED" });
});

test("a stopped actor is gone, and its calls end unheard", async () => {
  const { thread, call, id } = await aCounter();
  const running = call("addSlowly", [1]);
  const queued = call("add", [1]);
  thread.api.call([running, queued]);
  thread.api.stopActor(id);
  await sleep(15);
  expect(thread.of("done")).toEqual([]);
  expect(thread.of("failed")).toEqual([]);
  expect(thread.of("actor-ended")).toEqual([{ type: "actor-ended", actorId: id, epoch: 1 }]);
});

test("[THREAD-9] a call in progress is cancelled by its own signal", async () => {
  const thread = aThread();
  const { actor, call } = thread.actorOf(
    class Waiter {
      async wait() {
        const { signal } = grid.context();
        await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      }
      next() {
        return "next";
      }
    },
  );
  thread.api.startActor(actor);
  const calls = [call("wait"), call("next")];
  thread.api.call(calls);
  thread.api.cancel([nth(calls, 0).attemptId]);
  expect(await thread.failureOf(nth(calls, 0))).toMatchObject({ code: "TASK_CANCELLED" });
  expect(await thread.valueOf(nth(calls, 1))).toBe("next");
});

test("[THREAD-9] a queued call that is cancelled never begins", async () => {
  const { thread, call } = await aCounter();
  const calls = [call("addSlowly", [1]), call("add", [5]), call("add", [1])];
  thread.api.call(calls);
  thread.api.cancel([nth(calls, 1).attemptId]);
  expect(await thread.failureOf(nth(calls, 1))).toMatchObject({ code: "TASK_CANCELLED" });
  expect(await thread.valueOf(nth(calls, 2))).toBe(12);
});

test("[THREAD-13] a generator method yields with the actor's state", async () => {
  const { thread, call } = await aCounter();
  const calls = [call("upTo", [2]), call("add", [1])];
  thread.api.call(calls);
  expect(await thread.valueOf(nth(calls, 1))).toBe(13);
  expect(thread.of("produced").map(({ value }) => thread.decoded(value.bytes))).toEqual([11, 12]);
});

test("[THREAD-10] context() tells which actor and which call", async () => {
  const { thread, call, id } = await aCounter({ name: "visits" }, true);
  const one = call("who");
  thread.api.call([one]);
  expect(await thread.valueOf(one)).toEqual({
    actorId: id,
    actorName: "visits",
    taskId: one.attemptId.split("#")[0],
    wasRestored: true,
  });
});

test("[THREAD-10] what a call submits is named after the call, and between calls after the creation", async () => {
  const thread = aThread();
  const { actor, call } = thread.actorOf(
    class Putter {
      constructor() {
        grid.put("at first");
      }
      put() {
        grid.put("in a call");
      }
      later() {
        setTimeout(() => grid.put("later"), 5);
      }
    },
  );
  thread.api.startActor(actor);
  const calls = [call("put"), call("later")];
  thread.api.call(calls);
  await thread.until(() => (thread.of("relay").length === 3 ? true : undefined));
  const task = (id: string) => id.split("#")[0];
  expect(thread.of("relay").map(({ message }) => message.type === "put" && message.id)).toEqual([
    `${task(actor.creation.attemptId)}.0:0`,
    `${task(nth(calls, 0).attemptId)}.0:0`,
    `${task(actor.creation.attemptId)}.1:0`,
  ]);
});

test("[THREAD-10] interleaved calls that wait for the grid go on in their own names", async () => {
  const thread = aThread();
  const { actor, call } = thread.actorOf(
    class Asker {
      async ask() {
        await grid.wait([grid.put("a question")]);
        grid.put("an afterthought");
        return grid.context().taskId;
      }
    },
    { maxConcurrency: 2 },
  );
  thread.api.startActor(actor);
  const calls = [call("ask"), call("ask")];
  thread.api.call(calls);
  const wants = await thread.until(() => {
    const found = thread.of("relay").filter(({ message }) => message.type === "want");
    return found.length === 2 ? found : undefined;
  });
  for (const { attemptId, message } of wants) {
    if (message.type !== "want") continue;
    thread.api.receive(attemptId, { type: "ready", objects: message.ids.map((id) => ({ type: "exists", id })) });
    await thread.outcomeOf(attemptId);
  }
  for (const one of calls) {
    const id = one.attemptId.split("#")[0];
    expect(await thread.valueOf(one)).toBe(id);
    const puts = thread
      .of("relay")
      .filter(({ attemptId, message }) => attemptId === one.attemptId && message.type === "put");
    expect(puts.map(({ message }) => message.type === "put" && message.id)).toEqual([`${id}.0:0`, `${id}.1:0`]);
  }
  expect(thread.of("unblocked")).toHaveLength(2);
});

test("[THREAD-10] what a call has gathered to say is said in its own name when another begins", async () => {
  const thread = aThread();
  const { actor, call } = thread.actorOf(
    class Parent {
      async submit() {
        grid.remote((n: number) => n).remote(1);
        await Promise.resolve();
      }
    },
    { maxConcurrency: 2 },
  );
  thread.api.startActor(actor);
  const calls = [call("submit"), call("submit")];
  thread.api.call(calls);
  await Promise.all(calls.map(({ attemptId }) => thread.outcomeOf(attemptId)));
  const submits = thread
    .of("relay")
    .flatMap(({ attemptId, message }) =>
      message.type === "submit" ? message.tasks.map(({ id }) => [attemptId, id]) : [],
    );
  expect(submits).toEqual(calls.map(({ attemptId }) => [attemptId, `${attemptId.split("#")[0]}.0`]));
});

test("a call with a timeoutMs is said to begin before it does", async () => {
  const { thread, call } = await aCounter();
  const kept = notes();
  Object.assign(globalThis, { begunSoFar: () => thread.of("began").length });
  const timed = thread.actorOf(
    class Timed {
      go() {
        globalThis.note(Reflect.get(globalThis, "begunSoFar"));
      }
    },
  );
  thread.api.startActor(timed.actor);
  const one = timed.call("go", [], { timeoutMs: 1_000 });
  thread.api.call([call("add", [1]), one]);
  await thread.outcomeOf(one.attemptId);
  expect(kept).toEqual([1]);
});

test("a busy actor does not starve another of the same thread", async () => {
  const { thread, call } = await aCounter();
  const other = thread.actorOf(Counter, {}, [0]);
  thread.api.startActor(other.actor);
  const many = Array.from({ length: 200 }, () => call("add", [1]));
  const one = other.call("add", [1]);
  thread.api.call([...many, one]);
  await Promise.all([one, ...many].map(({ attemptId }) => thread.outcomeOf(attemptId)));
  expect(thread.of("done").findIndex(({ attemptId }) => attemptId === one.attemptId)).toBeLessThan(5);
});
