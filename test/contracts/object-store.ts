import { expect, it } from "vitest";
import { ObjectTooLargeError } from "../../protocol/errors.ts";
import type { ObjectStore } from "../../coordinator/objects/object-store.ts";

export interface ObjectStoreAdapter {
  open(): Promise<ObjectStore>;
  /** As the next process opens it; absent where the store ends with its process. */
  again?(store: ObjectStore): Promise<ObjectStore>;
}

/** What every store of objects does. */
export function objectStoreContract({ open, again }: ObjectStoreAdapter): void {
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

  if (again !== undefined)
    it("[STORE-5] finds what an earlier process stored, and nothing that it deleted", async () => {
      const first = await open();
      const stored = await first.put("a", chunks(bytes(1, 2, 3)), 10);
      await first.put("b", chunks(bytes(1)), 10);
      await first.put("b", chunks(bytes(2)), 10);
      await first.put("c", chunks(bytes(3)), 10);
      await first.delete("c");
      await expect(first.put("d", chunks(bytes(1, 2, 3)), 2)).rejects.toBeInstanceOf(ObjectTooLargeError);
      const second = await again(first);
      expect(second.find("a")).toMatchObject({ sizeBytes: stored.sizeBytes, sha256: stored.sha256 });
      expect(await readAll(second.read("a"))).toEqual([1, 2, 3]);
      expect(await readAll(second.read("b"))).toEqual([2]);
      expect(second.find("c")).toBeUndefined();
      expect(second.find("d")).toBeUndefined();
      await second.close();
    });

  it("[STORE-6] retains what is named and what is new, and deletes the rest", async () => {
    const store = await open();
    for (const id of ["a", "b", "c"]) await store.put(id, chunks(bytes(1)), 10);
    expect(await store.retain([], 60_000)).toBe(0);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await store.retain(new Set(["b", "never stored"]), 5)).toBe(2);
    expect(store.find("a")).toBeUndefined();
    expect(await readAll(store.read("b"))).toEqual([1]);
    expect(await store.retain(["b"], 0)).toBe(0);
    await store.close();
  });
}
