/**
 * Objects as files in one folder. A file is written under another name first and renamed when whole, so a reader never
 * meets half an object. Names are hashes of ids: no id can name a path.
 */
import { createHash, randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { ObjectTooLargeError } from "../../protocol/errors.ts";
import type { ObjectStore, StoredObject } from "./object-store.ts";

/** Starts empty: what an earlier process left is of no use without its records. */
export async function fileObjects(folder: string): Promise<ObjectStore> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const objects = new Map<string, StoredObject>();
  const pathOf = (id: string): string => join(folder, createHash("sha256").update(id).digest("hex"));
  return {
    async put(id, chunks, maxBytes) {
      const part = join(folder, `part-${randomBytes(8).toString("hex")}`);
      const hash = createHash("sha256");
      let sizeBytes = 0;
      const file = await open(part, "w");
      try {
        for await (const chunk of chunks) {
          sizeBytes += chunk.length;
          if (sizeBytes > maxBytes)
            throw new ObjectTooLargeError(`Cannot keep object "${id}": it is over the limit of ${maxBytes} bytes`);
          hash.update(chunk);
          await file.write(chunk);
        }
        await file.close();
        await rename(part, pathOf(id));
      } catch (error) {
        await file.close().catch(() => {});
        await rm(part, { force: true });
        throw error;
      }
      const stored = { sizeBytes, sha256: hash.digest("hex") };
      objects.set(id, stored);
      return stored;
    },
    find: (id) => objects.get(id),
    read(id, start = 0, end) {
      const found = objects.get(id);
      if (found === undefined) return undefined;
      const last = Math.min(end ?? found.sizeBytes, found.sizeBytes) - 1;
      if (last < start) return nothing();
      return createReadStream(pathOf(id), { start, end: last, highWaterMark: 256 * 1024 });
    },
    async delete(id) {
      if (objects.delete(id)) await rm(pathOf(id), { force: true });
    },
    async close() {
      objects.clear();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function* nothing(): AsyncIterable<Uint8Array> {}
