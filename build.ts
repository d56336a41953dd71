/**
 * Builds dist/ from the sources. `targets` is the list of everything that is built; each entry is one Vite build.
 * Everything is written to a folder of its own first and moved into place at the end, so a build that fails changes
 * nothing and whoever serves dist/ meanwhile does not wait for it.
 */
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { build, type InlineConfig } from "vite";

const root = import.meta.dirname;
const dist = join(root, "dist");
mkdirSync(dist, { recursive: true });
const next = mkdtempSync(join(dist, ".next-"));

/** simple-peer expects Node's globals; its own bundle brings them along. */
const alias = { "simple-peer": "simple-peer/simplepeer.min.js" };

const targets: readonly InlineConfig[] = [
  page("worker"),
  browserModule("sdk/index.ts", "pages/sdk.js"),
  sandboxScript("worker-page/threads/frame.ts", "sandbox/frame.js"),
  sandboxScript("worker-page/threads/thread.ts", "sandbox/thread.js"),
  nodeModules({
    "bin/cli": "bin/cli.ts",
    "coordinator/main": "coordinator/main.ts",
    "sdk/index": "sdk/index.ts",
  }),
];

/** `<name>-page/index.html` and what it loads: dist/pages/<name>/, served at /<name>. */
function page(name: string): InlineConfig {
  return {
    root: join(root, `${name}-page`),
    base: `/${name}/`,
    resolve: { alias },
    build: {
      outDir: join(next, "pages", name),
      modulePreload: { polyfill: false },
      // Nothing becomes a data: URL, which the page's Content-Security-Policy would refuse.
      assetsInlineLimit: 0,
    },
  };
}

/** One ESM file with the entry's exports, for `import` in any web page. */
function browserModule(entry: string, file: string): InlineConfig {
  return {
    root,
    resolve: { alias },
    build: {
      outDir: next,
      lib: { entry: join(root, entry), formats: ["es"], fileName: () => file },
      rolldownOptions: {
        // What only Node has stays a dynamic import that no page ever reaches; ws brings a stub for browsers.
        external: [/^node:/, "node-datachannel"],
        output: { codeSplitting: false },
      },
    },
  };
}

/** One classic script that needs nothing else: the sandbox may load nothing. */
function sandboxScript(entry: string, file: string): InlineConfig {
  return {
    root,
    build: {
      outDir: next,
      rolldownOptions: {
        input: join(root, entry),
        output: { format: "iife", codeSplitting: false, entryFileNames: file },
      },
    },
  };
}

/** Entries for Node that share chunks, so a class is the same class in all of them. npm packages stay outside. */
function nodeModules(entries: Record<string, string>): InlineConfig {
  return {
    root,
    build: {
      ssr: true,
      outDir: next,
      target: "node20",
      minify: false,
      sourcemap: true,
      rolldownOptions: {
        input: Object.fromEntries(Object.entries(entries).map(([name, entry]) => [name, join(root, entry)])),
        external: (id: string) => !id.startsWith(".") && !isAbsolute(id),
        output: { format: "es", entryFileNames: "[name].js", chunkFileNames: "chunks/[name]-[hash].js" },
      },
    },
  };
}

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
    targets.map(({ build: options, ...target }) =>
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
