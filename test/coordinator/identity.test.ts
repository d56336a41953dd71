import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { identityIn, newIdentity } from "../../coordinator/identity.ts";

const folders: string[] = [];
async function aFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "tabgrid-identity-"));
  folders.push(folder);
  return folder;
}
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

describe("who a coordinator is", () => {
  it("[RESTART-11] is the same after a restart on the same folder, and another one elsewhere", async () => {
    const folder = await aFolder();
    const first = await identityIn(folder);
    const again = await identityIn(folder);
    expect(again.tokens).toEqual(first.tokens);
    expect(again.sign("jsome")).toBe(first.sign("jsome"));
    for (const other of [await identityIn(await aFolder()), newIdentity()]) {
      expect(other.tokens.admin).not.toBe(first.tokens.admin);
      expect(other.sign("jsome")).not.toBe(first.sign("jsome"));
    }
  });

  it("[RESTART-11] is in a file that only its owner may read, and a damaged one is refused by name", async () => {
    const folder = await aFolder();
    await identityIn(folder);
    expect(await readdir(folder)).toEqual(["identity.json"]);
    const path = join(folder, "identity.json");
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    for (const damaged of ["{", '{"tokens":{}}']) {
      await writeFile(path, damaged);
      await expect(identityIn(folder)).rejects.toThrow(`Cannot read ${path}: it is damaged`);
    }
  });
});
