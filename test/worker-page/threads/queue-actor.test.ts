/** A Queue's actor under the default checkpoint: its calls wait for one another, so they interleave. */
import { expect, test } from "vitest";
import { QueueActor } from "../../../grid/queue-actor.ts";
import { aThread, sleep } from "./a-thread.ts";

async function aQueue(maxSize: number) {
  const thread = aThread();
  const { actor, call } = thread.actorOf(QueueActor, { concurrencyGroups: { giving: 1_000, taking: 1_000 } }, [
    maxSize,
  ]);
  thread.api.startActor(actor);
  await thread.until(() => thread.of("actor-started")[0]);
  const put = (item: number) => call("put", [[item], 1_000], { concurrencyGroup: "giving" });
  const take = () => call("take", [1_000], { concurrencyGroup: "taking" });
  return { thread, put, take };
}

test.each([0, 3])("[THREAD-25] puts and takes that wait for each other end in order (maxSize %i)", async (maxSize) => {
  const { thread, put, take } = await aQueue(maxSize);
  thread.commitsAfter(1);
  const items = Array.from({ length: 100 }, (_, item) => item);
  const takes = items.map(() => take());
  const puts = items.map((item) => put(item));
  thread.api.call(takes.slice(0, 50));
  thread.api.call(puts);
  thread.api.call(takes.slice(50));
  await thread.until(() => (thread.of("done").length === 200 ? true : undefined), "the end of every call");
  expect(await Promise.all(takes.map((one) => thread.valueOf(one)))).toEqual(items.map((item) => [item]));
  expect(await Promise.all(puts.map((one) => thread.valueOf(one)))).toEqual(items.map(() => true));
});

test("[THREAD-25] a state has the items whose put was reported and whose take was not, and no others", async () => {
  const { thread, put, take } = await aQueue(5);
  thread.commitsAfter(0);
  const puts = Array.from({ length: 200 }, (_, item) => put(item));
  const takes = puts.map(() => take());
  // Now the ones are ahead, now the others: queues fill up, and run empty.
  for (let from = 0; from < 200; from += 20) {
    thread.api.call(puts.slice(from, from + 10));
    await sleep(0);
    thread.api.call(takes.slice(from, from + 20));
    await sleep(from % 3);
    thread.api.call(puts.slice(from + 10, from + 20));
  }
  await thread.until(() => (thread.of("done").length === 400 ? true : undefined), "the end of every call");
  await thread.until(() => thread.of("saved").find(({ state }) => itemsIn(state.bytes).length === 0));

  const itemOf = new Map(puts.map((one, item) => [one.attemptId, item]));
  const reported = new Map<number, number>();
  const count = (item: number, by: number): void => void reported.set(item, (reported.get(item) ?? 0) + by);
  let states = 0;
  for (const report of thread.all()) {
    if (report.type === "done") {
      const value = thread.decoded(report.values[0]?.bytes ?? new Uint8Array());
      const item = itemOf.get(report.attemptId);
      if (item !== undefined) count(item, 1);
      else for (const taken of value as number[]) count(taken, -1);
    }
    if (report.type !== "saved") continue;
    states++;
    expect(itemsIn(report.state.bytes).length).toBeLessThanOrEqual(5);
    const held = [...reported].filter(([, times]) => times !== 0);
    expect(new Map(held)).toEqual(new Map(itemsIn(report.state.bytes).map((item) => [item, 1])));
  }
  expect(states).toBeGreaterThan(5);

  function itemsIn(bytes: Uint8Array): number[] {
    return (thread.decoded(bytes) as { items: number[] }).items;
  }
});
