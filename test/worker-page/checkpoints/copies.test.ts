import { describe, expect, test } from "vitest";
import type { ActorId, WorkerId } from "../../../protocol/ids.ts";
import { Copies } from "../../../worker-page/checkpoints/copies.ts";
import { MemoryCheckpoints } from "../../../worker-page/checkpoints/memory-checkpoints.ts";
import { aRecord } from "../../contracts/checkpoint-store.ts";

const mine = "w1" as WorkerId;
const other = "w2" as WorkerId;
const actorId = "ja.1" as ActorId;
const state = { actorId, epoch: 3, number: 7 };
const bytes = Uint8Array.of(1, 2);

function someCopies(living: readonly WorkerId[] = [mine]) {
  const store = new MemoryCheckpoints();
  const copies = new Copies({ store, now: () => 50_000, livingWorkers: async () => new Set(living) });
  copies.workerId = mine;
  return { store, copies };
}

describe("this browser's copies", () => {
  test("[CKPT-15] serve only where they are exactly the state that is named", async () => {
    const { copies } = someCopies();
    await copies.save(state, bytes);
    expect(await copies.load(state)).toEqual(bytes);
    expect(await copies.load({ ...state, number: 6 })).toBeUndefined();
    expect(await copies.load({ ...state, number: 8 })).toBeUndefined();
    expect(await copies.load({ ...state, epoch: 2 })).toBeUndefined();
    expect(await copies.load({ ...state, actorId: "ja.2" as ActorId })).toBeUndefined();
  });

  test("[CKPT-15] of another worker do not serve, and forgetting leaves them alone", async () => {
    const { store, copies } = someCopies();
    await store.save([aRecord(actorId, 7, { epoch: 3, workerId: other })]);
    expect(await copies.load(state)).toBeUndefined();
    await copies.forget([actorId]);
    expect(await store.list()).toHaveLength(1);
  });

  test("[CKPT-14] a sweep leaves what is of a tab that is there", async () => {
    const { store, copies } = someCopies([mine, other]);
    await copies.save(state, bytes);
    await store.save(
      ["w2", "w3"].map((worker) => aRecord(actorId, 1, { workerId: worker as WorkerId, savedAt: 49_000 })),
    );
    await copies.sweep();
    expect((await store.list()).map(({ workerId }) => workerId)).toEqual(["w1", "w2"]);
  });
});
