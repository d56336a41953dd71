/**
 * Checkpoints in IndexedDB. Each save is one transaction. A record is one entry, since twice as many take twice as long;
 * but for a large one, whose bytes are an entry of their own so that a list need not read them.
 */
import { delMany, getMany, keys, setMany } from "idb-keyval";
import type { ActorId, WorkerId } from "../../protocol/ids.ts";
import type { CheckpointName, CheckpointRecord, CheckpointStore, CheckpointSummary } from "./checkpoint-store.ts";
import { DurableStore } from "./durable-store.ts";

type Key = ["about" | "bytes", WorkerId, ActorId];
/** `bytes` absent: they are an entry of their own. */
type Entry = CheckpointSummary & { readonly bytes?: Uint8Array };

const largeBytes = 64 * 1024;

export class IndexedDbCheckpoints implements CheckpointStore {
  readonly #store: DurableStore;

  constructor(databaseName = "tabgrid-checkpoints") {
    this.#store = new DurableStore(databaseName);
  }

  async save(records: readonly CheckpointRecord[]): Promise<void> {
    const entries = records.flatMap((record): [IDBValidKey, unknown][] => {
      const bytes = alone(record.bytes);
      const { bytes: _, ...rest } = record;
      const about: Entry = { ...rest, sizeBytes: bytes.length };
      // Of a record that was large and is not any more the old bytes stay, unread, until it is deleted.
      if (bytes.length <= largeBytes) return [[key("about", record), { ...about, bytes }]];
      return [
        [key("about", record), about],
        [key("bytes", record), bytes],
      ];
    });
    await setMany(entries, this.#store.use);
  }

  async load(name: CheckpointName): Promise<CheckpointRecord | undefined> {
    // One transaction: both are of the same record.
    const [about, apart] = await getMany<unknown>([key("about", name), key("bytes", name)], this.#store.use);
    if (about === undefined) return undefined;
    const { sizeBytes: _, bytes = apart, ...rest } = about as Entry;
    return bytes instanceof Uint8Array ? { ...rest, bytes } : undefined;
  }

  async delete(names: readonly CheckpointName[]): Promise<void> {
    await delMany(
      names.flatMap((name) => [key("about", name), key("bytes", name)]),
      this.#store.use,
    );
  }

  async list(): Promise<readonly CheckpointSummary[]> {
    const all = await keys<Key>(this.#store.use);
    const abouts = all.filter(([what]) => what === "about");
    const found = await getMany<Entry | undefined>(abouts, this.#store.use);
    return found.flatMap((about) => {
      if (about === undefined) return [];
      const { bytes: _, ...summary } = about;
      return [summary];
    });
  }

  close(): void {
    this.#store.close();
  }
}

function key(what: Key[0], { workerId, actorId }: CheckpointName): Key {
  return [what, workerId, actorId];
}

/** Stored is the whole buffer behind a view. */
function alone(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice();
}
