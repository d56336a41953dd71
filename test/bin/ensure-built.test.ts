import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { isStale } from "../../bin/ensure-built.js";

describe("isStale", () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "tabgrid-"));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  test("a checkout without dist/ is stale", () => {
    touch("build.ts", 1);
    expect(isStale(root)).toBe(true);
  });

  test("a checkout built after its last change is fresh", () => {
    touch("build.ts", 1);
    touch("sdk/connect.ts", 2);
    touch("dist/.built", 3);
    expect(isStale(root)).toBe(false);
  });

  test("a source changed since the build makes it stale, a test does not", () => {
    touch("build.ts", 1);
    touch("dist/.built", 3);
    touch("test/sdk/connect.test.ts", 4);
    expect(isStale(root)).toBe(false);
    touch("worker-page/threads/frame.ts", 4);
    expect(isStale(root)).toBe(true);
  });

  test("a source removed since the build makes it stale", () => {
    touch("build.ts", 1);
    touch("sdk/connect.ts", 2);
    touch("sdk/old.ts", 2);
    touch("dist/.built", 3);
    rmSync(join(root, "sdk/old.ts"));
    expect(isStale(root)).toBe(true);
  });

  test("an installed package, which has no sources, is never stale", () => {
    touch("bin/tabgrid.js", 1);
    expect(isStale(root)).toBe(false);
  });

  /** Writes a file as of `second`, and its folder with it. */
  function touch(file: string, second: number): void {
    const path = join(root, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, "");
    utimesSync(path, second, second);
    utimesSync(dirname(path), second, second);
  }
});
