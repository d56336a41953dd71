import { describe, expect, it } from "vitest";
import { SerializationError, TaskError } from "../../protocol/errors.ts";
import type { ObjectRef } from "../../grid/types.ts";
import { object, openGrid, type Opened, ready, settled } from "./memory-host.ts";

function* counting(to: number): Generator<number> {
  for (let i = 0; i < to; i++) yield i;
}
const item = (index: number): string => object("jtest.1", index);

/** Answers `want` for items as a generator that yields `count` and then ends would. */
function producing(
  { host, receive }: Opened,
  count: number,
  end: () => void = () => receive(ready.value(item(0), undefined)),
): void {
  host.onSaid = (message) => {
    if (message.type !== "want") return;
    queueMicrotask(() => {
      for (const id of message.ids) {
        const index = Number(id.split(":")[1]);
        if (index === 0) end();
        else if (index <= count) receive(message.values ? ready.value(id, index - 1) : ready.exists(id));
        else receive(ready.ended(id));
      }
    });
  };
}

describe("ObjectRefGenerator", () => {
  it("[SDK-19] yields refs to items 1, 2, … as they are ready, and ends", async () => {
    const opened = openGrid();
    producing(opened, 20);
    const { grid, host } = opened;
    const stream = grid.remote(counting).remote(20);
    const refs: ObjectRef<number>[] = [];
    for await (const ref of stream) refs.push(ref);
    expect(refs.map(({ id }) => id)).toEqual(Array.from({ length: 20 }, (_, i) => item(i + 1)));
    expect(await grid.get(refs)).toEqual(Array.from({ length: 20 }, (_, i) => i));
    expect(host.all("want").filter(({ values }) => !values).length).toBeLessThan(6);
    expect(host.all("cancel")).toEqual([]);
    expect(host.last("submit").spec).toMatchObject({ kind: "generator", returns: 1 });
    expect(stream.completed.id).toBe(item(0));
    expect(await grid.get(stream.completed)).toBeUndefined();
  });

  it("[SDK-19] a producer that fails: the good items first, then its error", async () => {
    const opened = openGrid();
    const { grid, receive } = opened;
    producing(opened, 2, () =>
      receive(ready.failed(item(0), { code: "TASK_ERROR", message: "it broke", taskName: "counting" })),
    );
    const taken: string[] = [];
    const iterate = async (): Promise<void> => {
      for await (const ref of grid.remote(counting).remote(9)) taken.push(ref.id);
    };
    await expect(iterate()).rejects.toBeInstanceOf(TaskError);
    expect(taken).toEqual([item(1), item(2)]);
  });

  it("[SDK-20] leaving the loop cancels the producer and releases what was not taken", async () => {
    const opened = openGrid();
    producing(opened, 100);
    const { grid, host } = opened;
    for await (const ref of grid.remote(counting).remote(100)) {
      expect(ref.id).toBe(item(1));
      break;
    }
    await settled();
    expect(host.last("cancel")).toEqual({ type: "cancel", id: "jtest.1", force: false, recursive: true });
    expect(host.last("release").ids).toContain(item(2));
    expect(host.last("release").ids).not.toContain(item(1));
  });

  it("[SDK-21] with backpressure each item taken is credited at once, without it now and then", async () => {
    const opened = openGrid();
    producing(opened, 40);
    const { grid, host } = opened;
    const remote = grid.remote(counting).options({ backpressure: 2 });
    for await (const _ of remote.remote(40)) if (host.all("consume").length === 3) break;
    expect(host.all("consume")).toEqual([1, 2, 3].map((taken) => ({ type: "consume", id: "jtest.1", taken })));
    expect(host.last("submit").spec).toMatchObject({ backpressure: 2 });

    const other = openGrid();
    producing(other, 40);
    for await (const _ of other.grid.remote(counting).remote(40));
    expect(other.host.all("consume").map(({ taken }) => taken)).toEqual([32]);
  });

  it("[SDK-19] all iterators share one position", async () => {
    const opened = openGrid();
    producing(opened, 3);
    const stream = opened.grid.remote(counting).remote(3);
    const [a, b] = [stream[Symbol.asyncIterator](), stream[Symbol.asyncIterator]()];
    const taken = await Promise.all([a.next(), b.next(), a.next(), b.next(), a.next()]);
    expect(taken.map(({ value }) => (value as ObjectRef<number> | undefined)?.id)).toEqual([
      item(1),
      item(2),
      item(3),
      undefined,
      undefined,
    ]);
  });

  it("[SDK-19] does not travel", () => {
    const { grid } = openGrid();
    const stream = grid.remote(counting).remote(3);
    const echo = grid.remote((value: unknown) => value);
    expect(() => echo.remote([stream])).toThrow(SerializationError);
  });

  it("cancel takes a generator", async () => {
    const { grid, host } = openGrid();
    const stream = grid.remote(counting).remote(3);
    await grid.cancel(stream, { force: true, recursive: false });
    expect(host.last("cancel")).toEqual({ type: "cancel", id: "jtest.1", force: true, recursive: false });
  });
});
