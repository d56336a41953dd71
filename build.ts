/**
 * Builds dist/ from the sources: every target of vite.config.ts. Everything is written to a folder of its own first and
 * moved into place at the end, so a build that fails changes nothing and whoever serves dist/ meanwhile does not wait for
 * it.
 */
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "vite";
import { targets } from "./vite.config.ts";

const dist = join(import.meta.dirname, "dist");
mkdirSync(dist, { recursive: true });
const next = mkdtempSync(join(dist, ".next-"));

/** The stamp goes last, and says when reading began: a source that changed during the build is newer than it. */
function moveIntoPlace(startedAt: Date): void {
  for (const name of readdirSync(dist)) {
    if (!name.startsWith(".next-")) rmSync(join(dist, name), { recursive: true, force: true });
  }
  for (const name of readdirSync(next)) renameSync(join(next, name), join(dist, name));
  const stamp = join(dist, ".built");
  writeFileSync(stamp, "");
  utimesSync(stamp, startedAt, startedAt);
}

const startedAt = new Date();
try {
  await Promise.all(
    targets(next).map(({ build: options, ...target }) =>
      build({
        ...target,
        configFile: false,
        publicDir: false,
        logLevel: "warn",
        build: { ...options, emptyOutDir: false, reportCompressedSize: false },
      }),
    ),
  );
  moveIntoPlace(startedAt);
} finally {
  rmSync(next, { recursive: true, force: true });
}
