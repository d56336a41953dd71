/**
 * Gathers what is to be saved: while one transaction is under way everything else waits, and then goes in the next. Owns
 * the order between saving and forgetting, and a browser that does not answer. Knows nothing about where records go.
 */
import type { CheckpointName, CheckpointRecord, CheckpointStore } from "./checkpoint-store.ts";

/** A transaction that takes longer has probably been forgotten by the browser: nobody waits behind it. */
const answerMs = 10_000;

interface Waiting {
  readonly record: CheckpointRecord;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class CheckpointWriter {
  readonly #store: CheckpointStore;
  #waiting: Waiting[] = [];
  #isWriting = false;
  #isStuck = false;

  constructor(store: CheckpointStore) {
    this.#store = store;
  }

  /** Resolves when it survives a crash of the browser; rejects with an Error that says why it will not. */
  save(record: CheckpointRecord): Promise<void> {
    if (this.#isStuck) return Promise.reject(noAnswer());
    return new Promise((resolve, reject) => {
      this.#waiting.push({ record, resolve, reject });
      // What else is saved in this turn comes along.
      if (!this.#isWriting && this.#waiting.length === 1) queueMicrotask(() => void this.#write());
    });
  }

  /** Those that wait are not written, and those written before are deleted. */
  forget(names: readonly CheckpointName[]): Promise<void> {
    const isMeant = ({ record }: Waiting): boolean =>
      names.some(({ workerId, actorId }) => workerId === record.workerId && actorId === record.actorId);
    for (const one of this.#waiting.filter(isMeant)) one.reject(new Error("it is not needed any more"));
    this.#waiting = this.#waiting.filter((one) => !isMeant(one));
    return this.#store.delete(names);
  }

  async #write(): Promise<void> {
    if (this.#isWriting) return;
    this.#isWriting = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      const timer = setTimeout(() => this.#giveUp(batch), answerMs);
      await this.#writeBatch(batch);
      clearTimeout(timer);
      this.#isStuck = false;
    }
    this.#isWriting = false;
  }

  #giveUp(batch: readonly Waiting[]): void {
    this.#isStuck = true;
    for (const { reject } of [...batch, ...this.#waiting]) reject(noAnswer());
    this.#waiting = [];
  }

  /** One too large for this browser does not spoil the others. */
  async #writeBatch(batch: readonly Waiting[]): Promise<void> {
    try {
      await this.#store.save(batch.map(({ record }) => record));
      for (const { resolve } of batch) resolve();
    } catch (error) {
      const [only, second] = batch;
      if (only !== undefined && second === undefined) only.reject(error);
      else for (const one of batch) await this.#writeBatch([one]);
    }
  }
}

function noAnswer(): Error {
  return new Error(`the browser's storage has not answered for ${answerMs} ms`);
}
