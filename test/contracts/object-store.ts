import { expect, it } from "vitest";
import { ObjectTooLargeError } from "../../protocol/errors.ts";
import type { ObjectStore } from "../../coordinator/objects/object-store.ts";

/** What every store of objects does. */
export function objectStoreContract(open: () => Promise<ObjectStore>): void {
  const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
  async function* chunks(...parts: Uint8Array[]): AsyncIterable<Uint8Array> {
    yield* parts;
  }
  async function readAll(found: AsyncIterable<Uint8Array> | undefined): Promise<number[] | undefined> {
    if (found === undefined) return undefined;
    const all: number[] = [];
    for await (const chunk of found) all.push(...chunk);
    return all;
  }

  it("[STORE-1] gives back the bytes it was given, whole and in part, with their size and hash", async () => {
    const store = await open();
    const stored = await store.put("j1.1:0", chunks(bytes(1, 2), bytes(), bytes(3)), 100);
    expect(stored).toMatchObject({
      sizeBytes: 3,
      sha256: "039058c6f2c0cb492c533b0a4d14ef77cc0f78abccced5287d84a1a2011cfb81",
    });
    expect(store.find("j1.1:0")).toMatchObject({ sizeBytes: 3 });
    expect(await readAll(store.read("j1.1:0"))).toEqual([1, 2, 3]);
    expect(await readAll(store.read("j1.1:0", 1))).toEqual([2, 3]);
    expect(await readAll(store.read("j1.1:0", 1, 2))).toEqual([2]);
    expect(await readAll(store.read("j1.1:0", 3))).toEqual([]);
    await store.close();
  });

  it("[STORE-2] has nothing under a name that names nothing, a path least of all", async () => {
    const store = await open();
    expect(store.find("../../etc/passwd")).toBeUndefined();
    expect(store.read("../../etc/passwd")).toBeUndefined();
    await store.put("../escape", chunks(bytes(7)), 100);
    expect(await readAll(store.read("../escape"))).toEqual([7]);
    await store.close();
  });

  it("[STORE-3] over the limit nothing is kept, and what was there stays", async () => {
    const store = await open();
    await store.put("a", chunks(bytes(1)), 10);
    await expect(store.put("a", chunks(bytes(1, 2, 3)), 2)).rejects.toBeInstanceOf(ObjectTooLargeError);
    expect(await readAll(store.read("a"))).toEqual([1]);
    await expect(store.put("b", chunks(bytes(1, 2, 3)), 2)).rejects.toBeInstanceOf(ObjectTooLargeError);
    expect(store.find("b")).toBeUndefined();
    await store.close();
  });

  it("[STORE-4] forgets what is deleted, and deleting nothing is no trouble", async () => {
    const store = await open();
    await store.put("a", chunks(bytes(1)), 10);
    await store.delete("a");
    await store.delete("a");
    expect(store.read("a")).toBeUndefined();
    await store.close();
  });
}
