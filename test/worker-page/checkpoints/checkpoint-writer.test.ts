import { afterEach, describe, expect, test, vi } from "vitest";
import type { WorkerId } from "../../../protocol/ids.ts";
import type { CheckpointRecord } from "../../../worker-page/checkpoints/checkpoint-store.ts";
import { CheckpointWriter } from "../../../worker-page/checkpoints/checkpoint-writer.ts";
import { MemoryCheckpoints } from "../../../worker-page/checkpoints/memory-checkpoints.ts";
import { outdated } from "../../../worker-page/checkpoints/sweep.ts";
import { aRecord } from "../../contracts/checkpoint-store.ts";

afterEach(() => void vi.useRealTimers());

/** A store whose transactions end when they are told to, and of which some are refused. */
class SlowStore extends MemoryCheckpoints {
  readonly transactions: (readonly string[])[] = [];
  readonly #ends: (() => void)[] = [];
  refuses: (record: CheckpointRecord) => boolean = () => false;

  override async save(records: readonly CheckpointRecord[]): Promise<void> {
    this.transactions.push(records.map(({ actorId, number }) => `${actorId} ${number}`));
    await new Promise<void>((resolve) => this.#ends.push(resolve));
    if (records.some((record) => this.refuses(record))) throw new Error("the disk is full");
    await super.save(records);
  }

  async end(): Promise<void> {
    await vi.waitFor(() => expect(this.#ends.length).toBeGreaterThan(0));
    this.#ends.shift()?.();
    // Whoever waits for it takes a few turns.
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  }
}

const settled = async (saves: readonly Promise<void>[]): Promise<readonly string[]> =>
  (await Promise.allSettled(saves)).map((one) => (one.status === "fulfilled" ? "saved" : one.reason.message));

describe("gathering what is to be saved", () => {
  test("[CKPT-10] what one turn saves is one transaction, and what comes during it is the next", async () => {
    const store = new SlowStore();
    const writer = new CheckpointWriter(store);
    const saves = [writer.save(aRecord("ja.1", 1)), writer.save(aRecord("ja.2", 1))];
    await Promise.resolve();
    saves.push(writer.save(aRecord("ja.3", 1)), writer.save(aRecord("ja.4", 1)));
    await store.end();
    await store.end();
    expect(await settled(saves)).toEqual(["saved", "saved", "saved", "saved"]);
    expect(store.transactions).toEqual([
      ["ja.1 1", "ja.2 1"],
      ["ja.3 1", "ja.4 1"],
    ]);
  });

  test("[CKPT-11] one that cannot be stored does not spoil the others of its transaction", async () => {
    const store = new SlowStore();
    store.refuses = ({ actorId }) => actorId === "ja.2";
    const writer = new CheckpointWriter(store);
    const saves = ["ja.1", "ja.2", "ja.3"].map((actor) => writer.save(aRecord(actor, 1)));
    for (let transaction = 0; transaction < 4; transaction++) await store.end();
    expect(await settled(saves)).toEqual(["saved", "the disk is full", "saved"]);
  });

  test("[CKPT-12] what is forgotten while it waits is not written, and what was written goes", async () => {
    const store = new SlowStore();
    const writer = new CheckpointWriter(store);
    const saves = [writer.save(aRecord("ja.1", 1))];
    await Promise.resolve();
    saves.push(writer.save(aRecord("ja.2", 1)));
    const forgotten = writer.forget([aRecord("ja.2", 1)]);
    await store.end();
    expect(await settled(saves)).toEqual(["saved", "it is not needed any more"]);
    await forgotten;
    await writer.forget([aRecord("ja.1", 1)]);
    expect(await store.list()).toEqual([]);
  });

  test("[CKPT-13] nobody waits longer than ten seconds for a browser that does not answer", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const store = new SlowStore();
    const writer = new CheckpointWriter(store);
    const first = settled([writer.save(aRecord("ja.1", 1))]);
    await Promise.resolve();
    const second = settled([writer.save(aRecord("ja.2", 1))]);
    await vi.advanceTimersByTimeAsync(10_000);
    expect([...(await first), ...(await second)]).toEqual(Array(2).fill(expect.stringContaining("has not answered")));
    expect(await settled([writer.save(aRecord("ja.3", 1))])).toEqual([expect.stringContaining("has not answered")]);
    vi.useRealTimers();
    await store.end();
    const later = writer.save(aRecord("ja.4", 1));
    await store.end();
    expect(await settled([later])).toEqual(["saved"]);
  });
});

describe("old records", () => {
  const day = 24 * 3_600_000;
  const at = 100 * day;
  const about = (actor: string, worker: string, ageMs: number) => ({
    ...aRecord(actor, 1, { workerId: worker as WorkerId, savedAt: at - ageMs }),
    sizeBytes: 3,
  });
  const mine = "w1" as WorkerId;
  const all = [
    about("mine", mine, 6 * day),
    about("mine, old", mine, 8 * day),
    about("a living tab's", "w2", 2 * day),
    about("a closed tab's", "w3", 1_000),
    about("a closed tab's, old", "w3", 2 * day),
  ];

  test("[CKPT-14] after a week, and of tabs that are closed, they are deleted", () => {
    const gone = outdated(all, { at, workerId: mine, living: new Set([mine, "w2" as WorkerId]) });
    expect(gone.map(({ actorId }) => actorId)).toEqual(["mine, old", "a closed tab's", "a closed tab's, old"]);
  });

  test("[CKPT-14] where nobody knows which tabs there are, another tab's stay for a day", () => {
    const gone = outdated(all, { at, workerId: mine, living: undefined });
    expect(gone.map(({ actorId }) => actorId)).toEqual(["mine, old", "a living tab's", "a closed tab's, old"]);
  });
});
