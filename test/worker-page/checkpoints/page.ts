/** What the page of the tests of IndexedDB offers: a store whose records travel as plain lists, and measurements. */
import type { ActorId, WorkerId } from "../../../protocol/ids.ts";
import type {
  CheckpointName,
  CheckpointRecord,
  CheckpointSummary,
} from "../../../worker-page/checkpoints/checkpoint-store.ts";
import { CheckpointWriter } from "../../../worker-page/checkpoints/checkpoint-writer.ts";
import { IndexedDbCheckpoints } from "../../../worker-page/checkpoints/indexeddb-checkpoints.ts";

/** A record with its bytes as a list, and where they lie in their buffer. */
export type PlainRecord = Omit<CheckpointRecord, "bytes"> & {
  readonly bytes: readonly number[];
  readonly offset: number;
  readonly bufferBytes: number;
};

const stores = new Map<string, IndexedDbCheckpoints>();
const storeOf = (name: string): IndexedDbCheckpoints => {
  const store = stores.get(name) ?? new IndexedDbCheckpoints(name);
  stores.set(name, store);
  return store;
};

export function save(name: string, records: readonly PlainRecord[]): Promise<void> {
  return storeOf(name).save(records.map(fromPlain));
}

export async function load(name: string, of: CheckpointName): Promise<PlainRecord | undefined> {
  const record = await storeOf(name).load(of);
  return record && toPlain(record);
}

export function remove(name: string, names: readonly CheckpointName[]): Promise<void> {
  return storeOf(name).delete(names);
}

export function list(name: string): Promise<readonly CheckpointSummary[]> {
  return storeOf(name).list();
}

export function close(name: string): void {
  storeOf(name).close();
}

/** As clearing the site's data does. */
export function clearSite(name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.deleteDatabase(name);
    request.addEventListener("success", () => resolve());
    request.addEventListener("error", () => reject(request.error));
  });
}

export function fromPlain({ bytes, offset, bufferBytes, ...rest }: PlainRecord): CheckpointRecord {
  const view = new Uint8Array(bufferBytes).subarray(offset, offset + bytes.length);
  view.set(bytes);
  return { ...rest, bytes: view };
}

export function toPlain({ bytes, ...rest }: CheckpointRecord): PlainRecord {
  return { ...rest, bytes: [...bytes], offset: bytes.byteOffset, bufferBytes: bytes.buffer.byteLength };
}

// ---------------------------------------------------------------------------------------------- measurements

const aRecord = (actor: number, number: number, sizeBytes: number): CheckpointRecord => ({
  workerId: "w1" as WorkerId,
  actorId: `ja.${actor}` as ActorId,
  epoch: 1,
  number,
  savedAt: number,
  bytes: crypto.getRandomValues(new Uint8Array(Math.min(sizeBytes, 65_536))).slice(0, sizeBytes),
});

/** How long each of `times` commits of one actor took, in ms, one after another. */
export async function oneAfterAnother(times: number, sizeBytes: number): Promise<readonly number[]> {
  const writer = new CheckpointWriter(storeOf("measured"));
  const took: number[] = [];
  for (let number = 0; number < times; number++) {
    const record = { ...aRecord(1, number, sizeBytes), bytes: new Uint8Array(sizeBytes).fill(number) };
    const begunAt = performance.now();
    await writer.save(record);
    took.push(performance.now() - begunAt);
  }
  return took;
}

/** Records a second when so many actors each save again as soon as they may. */
export async function together(actors: number, times: number, sizeBytes: number): Promise<number> {
  const writer = new CheckpointWriter(storeOf("measured"));
  const begunAt = performance.now();
  const busy = Array.from({ length: actors }, async (_, actor) => {
    for (let number = 0; number < times; number++) await writer.save(aRecord(actor, number, sizeBytes));
  });
  await Promise.all(busy);
  return (actors * times * 1_000) / (performance.now() - begunAt);
}
