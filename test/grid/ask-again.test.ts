import { describe, expect, it } from "vitest";
import { ObjectLostError } from "../../protocol/errors.ts";
import { openGrid, payload, ready, settled } from "./memory-host.ts";

const echo = (value: unknown): unknown => value;
describe("a coordinator that forgot what it was asked", () => {
  it("[SDK-53] is asked again for what is awaited, and told nothing again", async () => {
    const { grid, host, receive, askAgain } = openGrid();
    const value = grid.remote(echo).remote(1);
    const existence = grid.remote(echo).remote(2);
    const known = grid.remote(echo).remote(3);
    const awaited = [grid.get(value), grid.wait([existence]), grid.get(known)];
    const jobs = grid.state.listJobs();
    await settled();
    receive(ready.value(known.id, 3));
    await awaited[2];
    const before = host.said.length;
    askAgain();
    const again = host.said.slice(before);
    expect(again.map((message) => (message.type === "want" ? [message.ids, message.values] : message.type))).toEqual([
      [[value.id], true],
      [[existence.id], false],
      "query",
    ]);
    receive(ready.value(value.id, 1));
    // The first answer was on its way after all.
    receive(ready.value(value.id, 1));
    expect(await awaited[0]).toBe(1);
    receive(ready.exists(existence.id));
    await awaited[1];
    const query = host.last("query");
    receive({ type: "answer", request: query.request, json: "[]" });
    expect(await jobs).toEqual([]);
  });

  it("[SDK-53] is not asked for a value that is being downloaded", async () => {
    const { grid, host, receive, askAgain } = openGrid();
    const large = grid.remote(echo).remote(1);
    const got = grid.get(large);
    await settled();
    host.stored.set(large.id, payload("large"));
    receive(ready.stored(large.id, 100_000));
    const before = host.said.length;
    askAgain();
    expect(host.said.slice(before)).toEqual([]);
    expect(await got).toBe("large");
  });

  it("[SDK-53] is not asked by a Grid that has never spoken", () => {
    const { host, askAgain } = openGrid();
    askAgain();
    expect(host.said).toEqual([]);
  });
});

describe("a stored value whose bytes are gone", () => {
  it("[SDK-55] is asked for again, since its maker makes it again; not for ever", async () => {
    const { grid, host, receive } = openGrid();
    const lost = (): Promise<never> => Promise.reject(new ObjectLostError("not stored here"));
    host.download = lost;
    const ref = grid.remote(echo).remote("large");
    const got = grid.get(ref);
    await settled();
    receive(ready.stored(ref.id, 5));
    await settled();
    expect(host.all("want").map(({ ids, values }) => [ids, values])).toEqual([
      [[ref.id], true],
      [[ref.id], true],
    ]);
    host.download = async () => payload("made again");
    receive(ready.stored(ref.id, 5));
    expect(await got).toBe("made again");

    host.download = lost;
    const never = grid.remote(echo).remote("gone");
    const failed = expect(grid.get(never)).rejects.toThrow(ObjectLostError);
    await settled();
    for (let tries = 0; tries < 4; tries++) {
      receive(ready.stored(never.id, 5));
      await settled();
    }
    await failed;
  });
});
