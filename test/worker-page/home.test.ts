import { describe, expect, test } from "vitest";
import type { WorkerId } from "../../protocol/ids.ts";
import { Home, type HomeOptions } from "../../worker-page/home.ts";

const origin = "http://grid.example";
const w1 = { workerId: "w1" as WorkerId, homeKey: "k1" };
const w2 = { workerId: "w2" as WorkerId, homeKey: "k2" };

/** What a tab remembers. A duplicated tab begins with a copy. */
function aMemory(kept = new Map<string, string>()) {
  return {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
    removeItem: (key: string) => void kept.delete(key),
    copy: () => aMemory(new Map(kept)),
  };
}

/** The locks of one browser: granted at once, when they are free, or when the time is over refused. */
class Locks {
  readonly #held = new Map<string, Promise<unknown>>();

  async request(name: string, { signal }: LockOptions, granted: () => Promise<unknown>): Promise<unknown> {
    while (this.#held.has(name)) {
      if (signal?.aborted === true) throw signal.reason;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const until = granted();
    this.#held.set(name, until);
    await until;
    this.#held.delete(name);
    return undefined;
  }

  async query(): Promise<LockManagerSnapshot> {
    return { held: [...this.#held.keys()].map((name) => ({ name })), pending: [] };
  }
}

function aHome(memory: ReturnType<typeof aMemory>, locks?: Locks): Home {
  return new Home({ memory, locks: locks as HomeOptions["locks"], origin });
}

describe("who a tab is", () => {
  test("[HOME-1] at first it is nobody; loaded anew it is who it was", async () => {
    const memory = aMemory();
    const before = aHome(memory);
    await before.return();
    expect(before.claim).toBeUndefined();
    before.keep(w1);
    expect(before.claim).toEqual(w1);
    const after = aHome(memory);
    await after.return();
    expect(after.claim).toEqual(w1);
  });

  test("[HOME-1] who has left, or was replaced, is nobody", async () => {
    const memory = aMemory();
    const home = aHome(memory);
    home.keep(w1);
    home.forget();
    expect(home.claim).toBeUndefined();
    await home.return();
    expect(home.claim).toBeUndefined();
  });

  test("[HOME-2] a duplicated tab is nobody while the other is there, and the other stays who it is", async () => {
    const locks = new Locks();
    const memory = aMemory();
    const original = aHome(memory, locks);
    original.keep(w1);
    const duplicate = aHome(memory.copy(), locks);
    await duplicate.return();
    expect(duplicate.claim).toBeUndefined();
    expect(original.claim).toEqual(w1);
    duplicate.keep(w2);
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(await original.livingWorkers()).toEqual(new Set(["w1", "w2"]));
  });

  test("[HOME-2] the page that was here before may need a moment to go", async () => {
    const locks = new Locks();
    const memory = aMemory();
    const before = aHome(memory, locks);
    before.keep(w1);
    const later = memory.copy();
    setTimeout(() => before.forget(), 100);
    const after = aHome(later, locks);
    await after.return();
    expect(after.claim).toEqual(w1);
  });

  test("[HOME-2] who gets another name lets go of the old one", async () => {
    const locks = new Locks();
    const home = aHome(aMemory(), locks);
    home.keep(w1);
    home.keep(w1);
    home.keep(w2);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await home.livingWorkers()).toEqual(new Set(["w2"]));
  });

  test("[HOME-3] without locks the coordinator is asked, and nobody knows which tabs there are", async () => {
    const memory = aMemory();
    aHome(memory).keep(w1);
    const duplicate = aHome(memory.copy());
    await duplicate.return();
    expect(duplicate.claim).toEqual(w1);
    expect(await duplicate.livingWorkers()).toBeUndefined();
  });

  test.each([
    "",
    "null",
    "7",
    "{}",
    '{"workerId":1,"homeKey":"k"}',
    `{"workerId":"w1","homeKey":"k","origin":"http://other"}`,
  ])("[HOME-4] at another coordinator, or with nonsense in its memory, it is nobody: %s", async (text) => {
    const memory = aMemory(new Map([["tabgrid.home", text]]));
    const home = aHome(memory);
    await home.return();
    expect(home.claim).toBeUndefined();
  });
});
