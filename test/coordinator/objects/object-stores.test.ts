import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fileObjects } from "../../../coordinator/objects/file-objects.ts";
import { memoryObjects } from "../../../coordinator/objects/memory-objects.ts";
import { objectStoreContract } from "../../contracts/object-store.ts";

let root: string;
let folders = 0;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "tabgrid-objects-"));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));
const aFolder = (): string => join(root, String(folders++));

async function* once(...bytes: number[]): AsyncIterable<Uint8Array> {
  yield Uint8Array.from(bytes);
}

describe("objects in memory", () => objectStoreContract({ open: () => Promise.resolve(memoryObjects()) }));

describe("objects in files", () => {
  const folderOf = new Map<unknown, string>();
  objectStoreContract({
    async open() {
      const folder = aFolder();
      const store = await fileObjects(folder);
      folderOf.set(store, folder);
      return store;
    },
    async again(store) {
      await store.close();
      return fileObjects(folderOf.get(store) ?? "");
    },
  });

  it("[STORE-5] takes away what was begun and never finished, and leaves alone what is not its own", async () => {
    const folder = aFolder();
    mkdirSync(folder);
    writeFileSync(join(folder, "part-0123456789abcdef"), "half");
    writeFileSync(join(folder, "notes.txt"), "somebody's");
    const store = await fileObjects(folder);
    expect(readdirSync(folder)).toEqual(["notes.txt"]);
    await store.close();
  });

  it("[STORE-5] of two files of one object, which a crash may leave, the newer one counts", async () => {
    const folder = aFolder();
    const first = await fileObjects(folder);
    const { sha256 } = await first.put("a", once(1), 10);
    await first.close();
    const [name = ""] = readdirSync(folder);
    const older = join(folder, name.replace(sha256, "0".repeat(64)));
    writeFileSync(older, "older");
    utimesSync(older, 1, 1);
    const second = await fileObjects(folder);
    expect(second.find("a")).toMatchObject({ sizeBytes: 1, sha256 });
    expect(readdirSync(folder)).toEqual([name]);
    await second.close();
  });

  it("[STORE-6] counts age from when it was stored, by whichever process", async () => {
    const folder = aFolder();
    const first = await fileObjects(folder);
    await first.put("a", once(1), 10);
    await first.put("b", once(2), 10);
    await first.close();
    for (const name of readdirSync(folder)) utimesSync(join(folder, name), 1_000, 1_000);
    const second = await fileObjects(folder);
    await second.put("c", once(3), 10);
    expect(await second.retain(["b"], 3_600_000)).toBe(1);
    expect([second.find("a"), second.find("b")?.sizeBytes, second.find("c")?.sizeBytes]).toEqual([undefined, 1, 1]);
    await second.close();
  });
});
