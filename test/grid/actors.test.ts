import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { ActorNotFoundError, CaptureError, PendingCallsLimitExceededError } from "../../protocol/errors.ts";
import type { ActorId } from "../../protocol/ids.ts";
import { submitterOf } from "../../grid/submitter.ts";
import { encodeResult } from "../../grid/values.ts";
import { object, openGrid, ready, settled } from "./memory-host.ts";

class Base {
  total = 0;
  reset(): void {
    this.total = 0;
  }
}
class Counter extends Base {
  constructor(start: number) {
    super();
    this.total = start;
  }
  add(by: number): number {
    return (this.total += by);
  }
  pair(): [number, number] {
    return [this.total, 1];
  }
  *history(): Generator<number> {
    yield this.total;
  }
  // oxlint-disable-next-line unicorn/no-thenable -- a user may write this class
  then(): string {
    return "not a promise";
  }
}

describe("actors", () => {
  it("[SDK-22] remote() returns a handle at once, named after its creation", async () => {
    const { grid, host } = openGrid();
    const counter = grid
      .remote(Counter, { captures: { Base }, name: "visits", maxRestarts: 2, checkpoint: "off" })
      .remote(5);
    expect(counter.$actorId).toBe("jtest.1");
    expect(counter.$ready().id).toBe("jtest.1:0");
    await settled();
    expect(host.types).toEqual(["define", "create-actor"]);
    expect(host.last("create-actor")).toMatchObject({
      creation: { id: "jtest.1" },
      spec: {
        className: "Counter",
        name: "visits",
        namespace: "default",
        maxRestarts: 2,
        maxTaskRetries: 0,
        checkpoint: { type: "off" },
        maxConcurrency: 1,
      },
    });
    expect(host.last("create-actor").spec.methods).toContainEqual({ name: "history", generator: true, required: 0 });
  });

  it("[SDK-22] has one member for each public method, inherited ones too, and never `then`", async () => {
    const { grid } = openGrid();
    const counter = grid.remote(Counter, { captures: { Base } }).remote(5);
    expect(Object.keys(counter).toSorted()).toEqual(["add", "history", "pair", "reset"]);
    expect(await Promise.resolve(counter)).toBe(counter);
    const loose = counter as unknown as Record<string | symbol, unknown>;
    for (const key of ["then", "toJSON", "constructor", "asymmetricMatch", Symbol.iterator])
      expect(loose[key]).toBeUndefined();
    expect(() => loose["subtract"]).toThrow(
      new TypeError('Cannot use "subtract" of actor Counter: its methods are add, pair, history, reset'),
    );
    expect(() => {
      loose["add"] = 1;
    }).toThrow(TypeError);
    expect(inspect(counter)).toBe("ActorHandle(Counter, jtest.1)");
  });

  it("[SDK-23] calls go to the actor in order, neighbours of one method in one message", async () => {
    const { grid, host } = openGrid();
    const counter = grid.remote(Counter, { captures: { Base } }).remote(5);
    const refs = [counter.add.remote(1), counter.add.remote(2)];
    counter.reset.remote();
    expect(refs.map(({ id }) => id)).toEqual(["jtest.2:0", "jtest.3:0"]);
    await settled();
    expect(host.all("submit").map(({ spec, tasks }) => [spec.name, tasks.length])).toEqual([
      ["Counter.add", 2],
      ["Counter.reset", 1],
    ]);
    expect(host.all("submit")[0]?.spec).toMatchObject({
      type: "call",
      actorId: "jtest.1",
      method: "add",
      maxRetries: 0,
      returns: 1,
    });
  });

  it("[SDK-23] too few arguments throw, of the constructor too", () => {
    const { grid } = openGrid();
    const cls = grid.remote(Counter, { captures: { Base } }) as unknown as {
      remote(...args: unknown[]): { add: { remote(): unknown } };
    };
    expect(() => cls.remote()).toThrow('Cannot submit "Counter": it takes 1 argument and got 0');
    expect(() => cls.remote(1).add.remote()).toThrow('Cannot submit "Counter.add": it takes 1 argument and got 0');
  });

  it("[SDK-23] methods have options: returns, retries, time, groups", async () => {
    const { grid, host } = openGrid();
    const counter = grid.remote(Counter, { captures: { Base }, maxTaskRetries: -1 }).remote(5);
    const refs = counter.pair.options({ numReturns: 2 }).remote();
    expect(refs.map(({ id }) => id)).toEqual(["jtest.2:0", "jtest.2:1"]);
    counter.add.options({ maxTaskRetries: 3, timeoutMs: 10, concurrencyGroup: "io" }).remote(1);
    const stream = counter.history.remote();
    expect(stream.completed.id).toBe("jtest.4:0");
    await settled();
    const specs = host.all("submit").map(({ spec }) => spec);
    expect(specs[0]).not.toHaveProperty("maxRetries");
    expect(specs[1]).toMatchObject({ maxRetries: 3, timeoutMs: 10, concurrencyGroup: "io" });
    expect(specs[2]).toMatchObject({ kind: "generator" });
    expect(() => counter.add.options({ numCpus: 1 } as never)).toThrow(/numReturns|maxTaskRetries/);
  });

  it("[SDK-24] maxPendingCalls bounds the calls of a handle that are not ready", async () => {
    const { grid, receive } = openGrid();
    const counter = grid.remote(Counter, { captures: { Base }, maxPendingCalls: 2 }).remote(5);
    counter.add.remote(1);
    counter.add.remote(2);
    expect(() => counter.add.remote(3)).toThrow(PendingCallsLimitExceededError);
    expect(() => counter.add.remote(3)).toThrow(
      expect.objectContaining({ actorId: "jtest.1", code: "PENDING_CALLS_LIMIT" }),
    );
    await settled();
    receive(ready.exists(object("jtest.2")));
    expect(() => counter.add.remote(3)).not.toThrow();
    receive(ready.failed(object("jtest.3"), { code: "ACTOR_DIED", message: "gone" }));
    expect(() => counter.add.remote(3)).not.toThrow();
    expect(() => counter.add.remote(3)).toThrow(PendingCallsLimitExceededError);
  });

  it("[SDK-25] a handle travels as itself", async () => {
    const { grid, host, receive } = openGrid();
    const counter = grid.remote(Counter, { captures: { Base }, maxPendingCalls: 1 }).remote(5);
    const { bytes, refs } = encodeResult(grid, { counter }, "result");
    expect(refs).toEqual([]);
    const ref = grid.remote((): unknown => 0).remote();
    const got = grid.get(ref);
    await settled();
    receive({
      type: "ready",
      objects: [{ type: "value", id: ref.id as never, value: { type: "inline", bytes, refs } }],
    });
    const { counter: same } = (await got) as { counter: typeof counter };
    expect(same.$actorId).toBe(counter.$actorId);
    same.add.remote(1);
    expect(() => same.add.remote(1)).toThrow(PendingCallsLimitExceededError);
    same.$ready();
    await settled();
    expect(host.all("hold")).toEqual([]);
  });

  it("[SDK-26] getActor finds by name, and throws when nobody has it", async () => {
    const { grid, host, receive } = openGrid();
    const missing = grid.getActor("visits");
    await settled();
    expect(host.last("find-actor")).toMatchObject({ name: "visits", namespace: "default" });
    receive({ type: "actor-found", request: host.last("find-actor").request });
    await expect(missing).rejects.toBeInstanceOf(ActorNotFoundError);
    const other = openGrid();
    other.grid.remote(Counter, { captures: { Base } }).remote(1);
    const found = grid.getActor<Counter>("visits", { namespace: "ours" });
    await settled();
    const { request } = host.last("find-actor");
    receive({
      type: "actor-found",
      request,
      actorId: "jother.4" as ActorId,
      spec: other.host.last("create-actor").spec,
    });
    const counter = await found;
    counter.add.remote(1);
    expect(counter.$ready().id).toBe("jother.4:0");
    await settled();
    expect(host.last("hold").ids).toEqual(["jother.4:0"]);
    expect(host.last("submit").spec).toMatchObject({ actorId: "jother.4", name: "Counter.add" });
  });

  it("[SDK-26] getIfExists: calls go on under the id asked for, $actorId tells the actor's own", async () => {
    const { grid, host, receive } = openGrid();
    const cls = grid.remote(Counter, { captures: { Base }, getIfExists: true });
    expect(() => cls.remote(1)).toThrow(TypeError);
    const counter = cls.options({ name: "visits" }).remote(1);
    counter.add.remote(1);
    await settled();
    receive({ type: "actor-is", asked: counter.$actorId as ActorId, actorId: "jother.4" as ActorId });
    expect(counter.$actorId).toBe("jother.4");
    counter.add.remote(2);
    await settled();
    expect(host.last("submit").spec).toMatchObject({ actorId: "jtest.1" });
    await grid.kill(counter);
    expect(host.last("kill")).toEqual({ type: "kill", actorId: "jother.4", restart: false });
    await grid.kill(counter, { noRestart: false });
    expect(host.last("kill").restart).toBe(true);
  });

  it("[SDK-25] what is no handle cannot be killed", async () => {
    const { grid } = openGrid();
    await expect(grid.kill({ $actorId: "x" } as never)).rejects.toThrow(TypeError);
  });

  it("[SDK-27] a class that uses what cannot travel throws CaptureError at remote", () => {
    const { grid } = openGrid();
    const secret = new WeakMap();
    class Keeper {
      keep(): unknown {
        return secret;
      }
    }
    expect(() => grid.remote(Keeper)).toThrow(CaptureError);
    expect(() => grid.remote(Keeper, { captures: { secret } })).toThrow(
      expect.objectContaining({ variables: ["secret"] }),
    );
  });

  describe("whose state is to be saved", () => {
    class Vault {
      #items: string[] = [];
      add(item: string): number {
        return this.#items.push(item);
      }
    }

    it("[SDK-52] are refused at creation when part of it is private: the error says where, and what to do", () => {
      const { grid, host } = openGrid();
      const refused = [
        {},
        { checkpoint: "call" },
        { checkpoint: "manual" },
        { checkpoint: { everyCalls: 2 } },
      ] as const;
      for (const options of refused) {
        const remote = grid.remote(Vault, options);
        expect(() => remote.remote()).toThrow(
          expect.objectContaining({
            name: "SerializationError",
            code: "SERIALIZATION",
            path: "this.#items",
            message:
              'Cannot save actors of "Vault": the field #items is private, so only the class can read it. ' +
              'Add saveState() and restoreState() to the class, or use checkpoint: "off"',
          }),
        );
      }
      expect(host.said).toEqual([]);
    });

    it("[SDK-52] are not when nobody saves it, or the class does", () => {
      const { grid } = openGrid();
      expect(grid.remote(Vault).options({ checkpoint: "off" }).remote().$actorId).toBe("jtest.1");
      class Saved extends Vault {
        saveState(): number {
          return 1;
        }
        restoreState(): void {}
      }
      expect(grid.remote(Saved, { captures: { Vault } }).remote().$actorId).toBe("jtest.2");
    });

    it("[SDK-52] are refused by a task that was given the class, too", () => {
      const { grid } = openGrid();
      const { bytes } = encodeResult(grid, grid.remote(Vault, { checkpoint: "off" }), "result");
      const task = openGrid({ jobId: "jtask" });
      const given = submitterOf(task.grid).decode(bytes) as ReturnType<typeof grid.remote<typeof Vault>>;
      expect(given.remote().$actorId).toBe("jtask.1");
      expect(() => given.options({ checkpoint: "call" }).remote()).toThrow("#items is private");
    });
  });
});
