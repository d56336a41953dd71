import { expect, test } from "vitest";
import type { Grid } from "../../../grid/types.ts";
import { aThread, nth } from "./a-thread.ts";

declare const grid: Grid;

type AThread = ReturnType<typeof aThread>;

/** What was relayed after that many reports, by whom. */
const relayed = (thread: AThread, from = 0) =>
  thread
    .of("relay")
    .slice(from)
    .map(({ attemptId, message }) => [attemptId, message.type]);

test("[THREAD-33] every task that waits asks again, and submits nothing again", async () => {
  const thread = aThread();
  const waits = thread.tasksOf(async () => await grid.get(grid.put("a question")));
  const asks = thread.tasksOf(async () => await grid.getActor("somebody"));
  const quiet = thread.tasksOf(async () => await new Promise((resolve) => setTimeout(resolve, 20)));
  const tasks = [waits(), asks(), quiet()];
  thread.api.run(tasks.slice(0, 1));
  thread.api.run(tasks.slice(1));
  await thread.until(() => (relayed(thread).length === 3 ? true : undefined));
  thread.api.askAgain();
  expect(relayed(thread, 3)).toEqual([
    [nth(tasks, 0).attemptId, "want"],
    [nth(tasks, 1).attemptId, "find-actor"],
  ]);
  const [, , question] = thread.of("relay");
  if (question?.message.type !== "find-actor") throw new Error("not a question");
  // Either answer will do, and the other is not missed.
  for (let i = 0; i < 2; i++)
    thread.api.receive(question.attemptId, { type: "actor-found", request: question.message.request });
  expect((await thread.failureOf(nth(tasks, 1))).message).toContain("somebody");
});

test("[THREAD-33] calls of an actor that interleave ask again, each for its own", async () => {
  const thread = aThread();
  const { actor, call } = thread.actorOf(
    class Asker {
      async ask() {
        await grid.wait([grid.put("a question")]);
        return grid.context().taskId;
      }
    },
    { maxConcurrency: 3 },
  );
  thread.api.startActor(actor);
  const calls = [call("ask"), call("ask"), call("ask")];
  thread.api.call(calls);
  const wants = () => thread.of("relay").filter(({ message }) => message.type === "want");
  const first = await thread.until(() => (wants().length === 3 ? wants() : undefined));
  thread.api.askAgain();
  const again = wants().slice(3);
  expect(again).toEqual(first);
  for (const { attemptId, message } of again.toReversed()) {
    if (message.type !== "want") continue;
    thread.api.receive(attemptId, { type: "ready", objects: message.ids.map((id) => ({ type: "exists", id })) });
    await thread.outcomeOf(attemptId);
  }
  for (const one of calls) expect(await thread.valueOf(one)).toBe(one.attemptId.split("#")[0]);
});

test("[THREAD-33] what an actor waits for outside of its calls it asks for as the activation it is", async () => {
  const thread = aThread();
  const { actor, call } = thread.actorOf(
    class Background {
      start() {
        void grid.get(grid.put(1));
      }
    },
  );
  thread.api.startActor(actor);
  const one = call("start");
  thread.api.call([one]);
  await thread.outcomeOf(one.attemptId);
  await thread.until(() => thread.of("relay").find(({ message }) => message.type === "want"));
  const before = thread.of("relay").length;
  thread.api.askAgain();
  expect(relayed(thread, before)).toEqual([[actor.creation.attemptId, "want"]]);
});
