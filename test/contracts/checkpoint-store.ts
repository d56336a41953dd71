import { expect, it } from "vitest";
import type { ActorId, WorkerId } from "../../protocol/ids.ts";
import type { CheckpointRecord, CheckpointStore } from "../../worker-page/checkpoints/checkpoint-store.ts";

export const aRecord = (actor: string, number: number, over: Partial<CheckpointRecord> = {}): CheckpointRecord => ({
  workerId: "w1" as WorkerId,
  actorId: actor as ActorId,
  epoch: 1,
  number,
  savedAt: 1_000 + number,
  bytes: Uint8Array.of(number, 2, 3),
  ...over,
});

/** What every store of checkpoints does. */
export function checkpointStoreContract(open: () => Promise<CheckpointStore>): void {
  const one = aRecord("ja.1", 1);

  it("[CKPT-1] gives back the newest record of an actor, whole, and nothing for one it does not have", async () => {
    const store = await open();
    await store.save([one, aRecord("ja.2", 7, { bytes: new Uint8Array(0) })]);
    await store.save([aRecord("ja.1", 2, { epoch: 3 })]);
    expect(await store.load(one)).toEqual(aRecord("ja.1", 2, { epoch: 3 }));
    expect(await store.load(aRecord("ja.2", 7))).toEqual(aRecord("ja.2", 7, { bytes: new Uint8Array(0) }));
    expect(await store.load(aRecord("ja.3", 1))).toBeUndefined();
    store.close();
  });

  it("[CKPT-1] gives back a record that was small and is large, and the other way round", async () => {
    const store = await open();
    for (const size of [10, 70_000, 20]) {
      const record = { ...one, bytes: new Uint8Array(size).fill(size % 251) };
      await store.save([record]);
      expect(await store.load(one)).toEqual(record);
      expect(await store.list()).toMatchObject([{ sizeBytes: size }]);
    }
    store.close();
  });

  it("[CKPT-2] keeps the records of each worker apart, whatever their names", async () => {
    const store = await open();
    const other = { ...one, workerId: "w2" as WorkerId, number: 9 };
    const odd = aRecord('ja.1"],["', 4);
    await store.save([one, other, odd]);
    expect([await store.load(one), await store.load(other), await store.load(odd)]).toEqual([one, other, odd]);
    await store.delete([one]);
    expect(await store.load(other)).toEqual(other);
    store.close();
  });

  it("[CKPT-3] forgets what is deleted, and deleting nothing is no trouble", async () => {
    const store = await open();
    await store.save([one, aRecord("ja.2", 1)]);
    await store.delete([one, aRecord("ja.9", 1)]);
    await store.delete([one]);
    expect(await store.load(one)).toBeUndefined();
    expect((await store.list()).map(({ actorId }) => actorId)).toEqual(["ja.2"]);
    store.close();
  });

  it("[CKPT-4] lists what it has with its size", async () => {
    const store = await open();
    expect(await store.list()).toEqual([]);
    await store.save([one]);
    const { bytes: _, ...about } = one;
    expect(await store.list()).toEqual([{ ...about, sizeBytes: 3 }]);
    store.close();
  });

  it("[CKPT-5] keeps of a view only its part", async () => {
    const store = await open();
    const buffer = new Uint8Array(1024 * 1024);
    const view = buffer.subarray(10, 13);
    view.set([4, 5, 6]);
    await store.save([{ ...one, bytes: view }]);
    const loaded = await store.load(one);
    expect(loaded?.bytes).toEqual(Uint8Array.of(4, 5, 6));
    expect(loaded?.bytes.buffer.byteLength).toBe(3);
    store.close();
  });

  it("[CKPT-6] is used again after it was closed", async () => {
    const store = await open();
    await store.save([one]);
    store.close();
    expect(await store.load(one)).toEqual(one);
    store.close();
  });
}
