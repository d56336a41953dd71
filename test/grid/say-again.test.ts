import { describe, expect, it } from "vitest";
import { object, openGrid, ready, settled } from "./memory-host.ts";

const echo = (value: unknown): unknown => value;
class Counter {
  add(by: number): number {
    return by;
  }
}

describe("a coordinator that lost its memory", () => {
  it("[SDK-37] hears again of functions, of what is not known to be ready, in order, and of what is awaited", async () => {
    const { grid, host, receive, sayAgain } = openGrid();
    const value = grid.put("kept");
    const counter = grid.remote(Counter).remote();
    const done = grid.remote(echo).remote(1);
    const pending = grid.remote(echo).remote(value);
    const call = counter.add.remote(1);
    const dropped = grid.remote(echo).remote(2);
    const awaited = [grid.get(pending), grid.wait([call]), grid.get(done), grid.state.listJobs()];
    dropped[Symbol.dispose]();
    await settled();
    receive(ready.value(done.id, 1));
    await awaited[2];
    const before = host.said.length;
    host.defined.clear();
    sayAgain();
    const again = host.said.slice(before);
    expect(again.map(({ type }) => type)).toEqual([
      "define",
      "define",
      "put",
      "create-actor",
      "hold",
      "submit",
      "submit",
      "want",
      "want",
      "query",
    ]);
    expect(
      again.flatMap((message) => (message.type === "submit" ? message.tasks.map(({ id }) => `${id}:0`) : [])),
    ).toEqual([pending.id, call.id]);
    expect(again.flatMap((message) => (message.type === "hold" ? message.ids : []))).toEqual([done.id]);
    expect(again.flatMap((message) => (message.type === "want" ? [[message.ids, message.values]] : []))).toEqual([
      [[pending.id], true],
      [[call.id], false],
    ]);
    receive(ready.value(pending.id, "again"));
    expect(await awaited[0]).toBe("again");
  });

  it("[SDK-37] a task with several returns is submitted once more, not several times", async () => {
    const { grid, host, sayAgain } = openGrid();
    const refs = grid.remote((): [number, number] => [1, 2], { numReturns: 2 }).remote();
    expect(refs).toHaveLength(2);
    await settled();
    host.said.length = 0;
    sayAgain();
    expect(host.all("submit").flatMap(({ tasks }) => tasks)).toHaveLength(1);
  });

  it("[SDK-37] an upload that is under way is waited for", async () => {
    const { grid, host, sayAgain } = openGrid();
    const large = grid.put(new Uint8Array(100_000));
    grid.remote(echo).remote(large);
    await settled();
    sayAgain();
    expect(host.types).toEqual([]);
    host.uploads[0]?.resolve();
    await settled();
    expect(host.types.indexOf("put")).toBeLessThan(host.types.indexOf("submit"));
    expect(new Set(host.all("submit").flatMap(({ tasks }) => tasks.map(({ id }) => id)))).toEqual(new Set(["jtest.2"]));
    expect(large.id).toBe(object("jtest.1"));
  });
});
