/**
 * Shipped functions and classes by the hash of their content: kept once, whoever defined them, until no open job has
 * used them. The bytes are opaque. Knows nothing about workers or sessions.
 */
import { createHash } from "node:crypto";
import { functionId, type FunctionId, type JobId } from "../protocol/ids.ts";
import { limits } from "../protocol/limits.ts";
import type { ObjectStore } from "./objects/object-store.ts";

interface Definition {
  /** Undefined when they are in the object store. */
  readonly bytes: Uint8Array | undefined;
  readonly jobs: Set<JobId>;
}

export class Definitions {
  readonly #definitions = new Map<FunctionId, Definition>();
  readonly #objects: ObjectStore;

  constructor(objects: ObjectStore) {
    this.#objects = objects;
  }

  /** Says what is wrong with a definition, or nothing when it is kept. The name must be the hash of the bytes. */
  define(id: FunctionId, bytes: Uint8Array | undefined, jobId: JobId): string | undefined {
    const known = this.#definitions.get(id);
    if (known !== undefined) {
      known.jobs.add(jobId);
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
    this.#definitions.set(id, { bytes: bytes?.slice(), jobs: new Set([jobId]) });
    return undefined;
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
