/** Objects in memory: for tests, and for a coordinator without a data folder. */
import { createHash } from "node:crypto";
import { ObjectTooLargeError } from "../../protocol/errors.ts";
import type { ObjectStore, StoredObject } from "./object-store.ts";

export function memoryObjects(): ObjectStore {
  const objects = new Map<string, StoredObject & { readonly bytes: Buffer; readonly storedAt: number }>();
  return {
    async put(id, chunks, maxBytes) {
      const parts: Uint8Array[] = [];
      const hash = createHash("sha256");
      let sizeBytes = 0;
      for await (const chunk of chunks) {
        sizeBytes += chunk.length;
        if (sizeBytes > maxBytes)
          throw new ObjectTooLargeError(`Cannot keep object "${id}": it is over the limit of ${maxBytes} bytes`);
        hash.update(chunk);
        parts.push(chunk);
      }
      const stored = { sizeBytes, sha256: hash.digest("hex"), bytes: Buffer.concat(parts), storedAt: Date.now() };
      objects.set(id, stored);
      return stored;
    },
    find: (id) => objects.get(id),
    read(id, start = 0, end) {
      const found = objects.get(id);
      return found === undefined ? undefined : once(found.bytes.subarray(start, end));
    },
    async delete(id) {
      objects.delete(id);
    },
    async retain(ids, olderThanMs) {
      const kept = new Set(ids);
      const before = Date.now() - olderThanMs;
      let deleted = 0;
      for (const [id, { storedAt }] of objects) {
        if (kept.has(id) || storedAt >= before) continue;
        objects.delete(id);
        deleted++;
      }
      return deleted;
    },
    async close() {
      objects.clear();
    },
  };
}

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}
