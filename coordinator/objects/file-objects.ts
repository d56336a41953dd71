/**
 * Objects as files in one folder, which a later process finds again. A file is written under another name first, and is
 * on the disk when it is renamed, so nobody ever meets half an object. Names are hashes, of the id and of the bytes: no
 * id can name a path, and a folder's listing and sizes are all there is to know.
 */
import { createHash, randomBytes } from "node:crypto";
import { createReadStream, statSync } from "node:fs";
import { mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { ObjectTooLargeError } from "../../protocol/errors.ts";
import type { ObjectStore, StoredObject } from "./object-store.ts";

interface StoredFile extends StoredObject {
  readonly path: string;
  readonly storedAt: number;
}

const hashOf = (id: string): string => createHash("sha256").update(id).digest("hex");

/** With everything an earlier process put there. Rejects when the folder cannot be made or read. */
export async function fileObjects(folder: string): Promise<ObjectStore> {
  await mkdir(folder, { recursive: true });
  /** By the hash of the id: the ids themselves are in no file's name. */
  const objects = await filesIn(folder);

  const forget = async (idHash: string): Promise<void> => {
    const found = objects.get(idHash);
    objects.delete(idHash);
    if (found !== undefined) await rm(found.path, { force: true });
  };

  return {
    async put(id, chunks, maxBytes) {
      const part = join(folder, `part-${randomBytes(8).toString("hex")}`);
      const hash = createHash("sha256");
      let sizeBytes = 0;
      let stored: StoredFile;
      const idHash = hashOf(id);
      const file = await open(part, "w");
      try {
        for await (const chunk of chunks) {
          sizeBytes += chunk.length;
          if (sizeBytes > maxBytes)
            throw new ObjectTooLargeError(`Cannot keep object "${id}": it is over the limit of ${maxBytes} bytes`);
          hash.update(chunk);
          await file.writeFile(chunk);
        }
        // 1. The bytes, 2. their name, 3. the folder that has the name: after a power cut there is all of it or none.
        await file.sync();
        await file.close();
        const sha256 = hash.digest("hex");
        stored = { sizeBytes, sha256, path: join(folder, `${idHash}-${sha256}`), storedAt: Date.now() };
        await rename(part, stored.path);
        await syncFolder(folder);
      } catch (error) {
        await file.close().catch(() => {});
        await rm(part, { force: true });
        throw error;
      }
      const before = objects.get(idHash);
      objects.set(idHash, stored);
      if (before !== undefined && before.path !== stored.path) await rm(before.path, { force: true });
      return stored;
    },
    find: (id) => objects.get(hashOf(id)),
    read(id, start = 0, end) {
      const found = objects.get(hashOf(id));
      if (found === undefined) return undefined;
      const last = Math.min(end ?? found.sizeBytes, found.sizeBytes) - 1;
      if (last < start) return nothing();
      return createReadStream(found.path, { start, end: last, highWaterMark: 256 * 1024 });
    },
    delete: (id) => forget(hashOf(id)),
    async retain(ids, olderThanMs) {
      const kept = new Set<string>();
      for (const id of ids) kept.add(hashOf(id));
      const before = Date.now() - olderThanMs;
      const unwanted = [...objects].filter(([idHash, { storedAt }]) => !kept.has(idHash) && storedAt < before);
      await Promise.all(unwanted.map(([idHash]) => forget(idHash)));
      return unwanted.length;
    },
    async close() {
      objects.clear();
    },
  };
}

/**
 * Takes away what was begun and never finished. Of two files of one id, which a crash may leave, the newer one counts.
 * Looks at each file synchronously: with thousands of them that is several times faster, and nobody waits yet.
 */
async function filesIn(folder: string): Promise<Map<string, StoredFile>> {
  const objects = new Map<string, StoredFile>();
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    if (/^part-[0-9a-f]{16}$/.test(name)) await rm(path, { force: true });
    const [, idHash, sha256] = /^([0-9a-f]{64})-([0-9a-f]{64})$/.exec(name) ?? [];
    if (idHash === undefined || sha256 === undefined) continue;
    const { size, mtimeMs } = statSync(path);
    const other = objects.get(idHash);
    const isNewer = other === undefined || other.storedAt <= mtimeMs;
    if (isNewer) objects.set(idHash, { sizeBytes: size, sha256, path, storedAt: mtimeMs });
    if (other !== undefined) await rm(isNewer ? other.path : path, { force: true });
  }
  return objects;
}

/** Windows has no such thing, and does not need it. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function* nothing(): AsyncIterable<Uint8Array> {}
