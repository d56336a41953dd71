/** Checkpoints for as long as this object lives: for tests, and for a browser that stores nothing. */
import type { CheckpointName, CheckpointRecord, CheckpointStore, CheckpointSummary } from "./checkpoint-store.ts";

export class MemoryCheckpoints implements CheckpointStore {
  readonly #records = new Map<string, CheckpointRecord>();

  async save(records: readonly CheckpointRecord[]): Promise<void> {
    for (const record of records) this.#records.set(keyOf(record), { ...record, bytes: record.bytes.slice() });
  }

  async load(name: CheckpointName): Promise<CheckpointRecord | undefined> {
    const record = this.#records.get(keyOf(name));
    return record && { ...record, bytes: record.bytes.slice() };
  }

  async delete(names: readonly CheckpointName[]): Promise<void> {
    for (const name of names) this.#records.delete(keyOf(name));
  }

  async list(): Promise<readonly CheckpointSummary[]> {
    return [...this.#records.values()].map(({ bytes, ...rest }) => ({ ...rest, sizeBytes: bytes.length }));
  }

  close(): void {}
}

const keyOf = ({ workerId, actorId }: CheckpointName): string => JSON.stringify([workerId, actorId]);
