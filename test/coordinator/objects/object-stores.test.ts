import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe } from "vitest";
import { fileObjects } from "../../../coordinator/objects/file-objects.ts";
import { memoryObjects } from "../../../coordinator/objects/memory-objects.ts";
import { objectStoreContract } from "../../contracts/object-store.ts";

describe("objects in memory", () => objectStoreContract(() => Promise.resolve(memoryObjects())));
describe("objects in files", () => {
  objectStoreContract(async () => fileObjects(join(await mkdtemp(join(tmpdir(), "tabgrid-objects-")), "objects")));
});
