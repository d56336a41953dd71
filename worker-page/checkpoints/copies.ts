/**
 * This worker's copies of its actors' states, in this browser. A copy is never the truth: it serves only where it is
 * exactly the state that the coordinator names, and saves a download then. Knows nothing about where they are stored.
 */
import type { ActorId, WorkerId } from "../../protocol/ids.ts";
import type { CheckpointStore } from "./checkpoint-store.ts";
import { CheckpointWriter } from "./checkpoint-writer.ts";
import { outdated } from "./sweep.ts";

export interface CopiesOptions {
  readonly store: CheckpointStore;
  /** Wall time, ms. */
  now(): number;
  /** Workers that are tabs of this browser now; undefined where that cannot be known. */
  livingWorkers(): Promise<ReadonlySet<WorkerId> | undefined>;
}

/** A state by its name: the `number`th of the activation `epoch`. */
export interface StateName {
  readonly actorId: ActorId;
  readonly epoch: number;
  readonly number: number;
}

export class Copies {
  readonly #options: CopiesOptions;
  readonly #writer: CheckpointWriter;
  /** Whose they are; set before the first is made. */
  workerId: WorkerId | undefined;

  constructor(options: CopiesOptions) {
    this.#options = options;
    this.#writer = new CheckpointWriter(options.store);
  }

  /** Resolves when the copy survives a crash of the browser; rejects with an Error that says why there is none. */
  save({ actorId, epoch, number }: StateName, bytes: Uint8Array): Promise<void> {
    const savedAt = this.#options.now();
    return this.#writer.save({ workerId: this.#owner(), actorId, epoch, number, savedAt, bytes });
  }

  /** Undefined: what is here, if anything, is another state. */
  async load({ actorId, epoch, number }: StateName): Promise<Uint8Array | undefined> {
    const record = await this.#options.store.load({ workerId: this.#owner(), actorId });
    return record?.epoch === epoch && record.number === number ? record.bytes : undefined;
  }

  forget(actorIds: readonly ActorId[]): Promise<void> {
    const workerId = this.#owner();
    return this.#writer.forget(actorIds.map((actorId) => ({ workerId, actorId })));
  }

  /** Deletes what serves nobody any more, of this worker and of others. */
  async sweep(): Promise<void> {
    const { store } = this.#options;
    const workerId = this.#owner();
    const living = await this.#options.livingWorkers();
    const old = outdated(await store.list(), { at: this.#options.now(), workerId, living });
    if (old.length > 0) await store.delete(old);
  }

  #owner(): WorkerId {
    if (this.workerId === undefined) throw new Error("Cannot keep a copy: whose is not known");
    return this.workerId;
  }
}
