/**
 * Keeps dist/ as new as the sources beside it. In an installed package there are none, and nothing happens.
 * Plain JavaScript, because it runs before anything is built; its types are in ensure-built.d.ts.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const projectRoot = dirname(dirname(fileURLToPath(import.meta.url)));

/** What a build reads. */
const sources = [
  "build.ts",
  "vite.config.ts",
  "package-lock.json",
  "protocol",
  "transport",
  "grid",
  "coordinator",
  "worker-page",
  "sdk",
  "notebook-page",
  "dashboard-page",
  "bin",
];

export function ensureBuilt(root = projectRoot) {
  if (!isStale(root)) return;
  console.error("tabgrid: building dist/ from the sources");
  try {
    // Standard output belongs to the command that follows.
    execFileSync(process.execPath, ["--import", "tsx", "build.ts"], { cwd: root, stdio: ["ignore", 2, 2] });
  } catch (cause) {
    throw new Error("tabgrid: cannot build dist/: see above", { cause });
  }
}

export function isStale(root) {
  if (!existsSync(join(root, "build.ts"))) return false;
  const stamp = statSync(join(root, "dist/.built"), { throwIfNoEntry: false });
  return stamp === undefined || sources.some((source) => newestChange(join(root, source)) > stamp.mtimeMs);
}

/** Folders count too: removing a file changes nothing but its folder. */
function newestChange(path) {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return 0;
  if (!stats.isDirectory()) return stats.mtimeMs;
  return Math.max(stats.mtimeMs, ...readdirSync(path).map((name) => newestChange(join(path, name))));
}
