/**
 * Shipped functions and classes by the hash of their content: kept once, whoever defined them, until no open job has
 * used them. The bytes are opaque. Knows nothing about workers or sessions.
 */
import { createHash } from "node:crypto";
import { functionId, type FunctionId, type JobId } from "../protocol/ids.ts";
import { limits } from "../protocol/limits.ts";
import type { JournalEntry } from "./journal/journal.ts";
import type { ObjectStore } from "./objects/object-store.ts";

type Defined = Extract<JournalEntry, { type: "function-defined" }>;

interface Definition {
  /** Undefined when they are in the object store. */
  readonly bytes: Uint8Array | undefined;
  readonly jobs: Set<JobId>;
}

export class Definitions {
  readonly #definitions = new Map<FunctionId, Definition>();
  readonly #objects: ObjectStore;
  readonly #onDefined: (entry: Defined) => void;

  /** `onDefined` hears of everything that is new and must be found again after a restart. */
  constructor(objects: ObjectStore, onDefined: (entry: Defined) => void) {
    this.#objects = objects;
    this.#onDefined = onDefined;
  }

  /** Says what is wrong with a definition, or nothing when it is kept. The name must be the hash of the bytes. */
  define(id: FunctionId, bytes: Uint8Array | undefined, jobId: JobId): string | undefined {
    const known = this.#definitions.get(id);
    if (known !== undefined) {
      if (known.jobs.has(jobId)) return undefined;
      known.jobs.add(jobId);
      this.#onDefined({ type: "function-defined", functionId: id, jobId, bytes: undefined });
      return undefined;
    }
    if (bytes === undefined) {
      const stored = this.#objects.find(id);
      if (stored === undefined) return `Cannot define "${id}": its bytes were not uploaded`;
      if (functionId(stored.sha256) !== id) return `Cannot define "${id}": its bytes have another hash`;
    } else {
      if (bytes.length > limits.functionBytes)
        return `Cannot define "${id}": ${bytes.length} bytes are over the limit of ${limits.functionBytes}`;
      if (functionId(createHash("sha256").update(bytes).digest("hex")) !== id)
        return `Cannot define "${id}": its bytes have another hash`;
    }
    // A view on a frame would keep the whole frame.
    const own = bytes?.slice();
    this.#definitions.set(id, { bytes: own, jobs: new Set([jobId]) });
    this.#onDefined({ type: "function-defined", functionId: id, jobId, bytes: own });
    return undefined;
  }

  /** As it was defined before. */
  restore(id: FunctionId, bytes: Uint8Array | undefined, jobId: JobId): void {
    const known = this.#definitions.get(id);
    if (known === undefined) this.#definitions.set(id, { bytes, jobs: new Set([jobId]) });
    else known.jobs.add(jobId);
  }

  /** What `restore` needs. */
  *entries(): Iterable<Defined> {
    for (const [functionId, { bytes, jobs }] of this.#definitions) {
      let first = bytes;
      for (const jobId of jobs) {
        yield { type: "function-defined", functionId, jobId, bytes: first };
        first = undefined;
      }
    }
  }

  /** Those whose bytes are in the object store. */
  *storedIds(): Iterable<FunctionId> {
    for (const [id, { bytes }] of this.#definitions) if (bytes === undefined) yield id;
  }

  find(id: FunctionId): Definition | undefined {
    return this.#definitions.get(id);
  }

  /** The job is over; gives the functions nobody uses any more. */
  forgetJob(jobId: JobId): FunctionId[] {
    const gone: FunctionId[] = [];
    for (const [id, definition] of this.#definitions) {
      definition.jobs.delete(jobId);
      if (definition.jobs.size > 0) continue;
      this.#definitions.delete(id);
      if (definition.bytes === undefined) void this.#objects.delete(id);
      gone.push(id);
    }
    return gone;
  }
}
