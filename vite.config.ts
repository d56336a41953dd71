/**
 * What Vite builds and how: `targets` is the list, one Vite build each; `npm run build` runs them all (build.ts). By
 * itself, `npx vite` serves the worker page from its sources, with a coordinator on its usual port behind it.
 */
import { readFileSync } from "node:fs";
import { basename, isAbsolute, join } from "node:path";
import { dirname } from "node:path/posix";
import { defineConfig, type InlineConfig, type Plugin } from "vite";

const root = import.meta.dirname;

/** simple-peer expects Node's globals; its own bundle brings them along. */
const alias = { "simple-peer": "simple-peer/simplepeer.min.js" };

/** Everything that is built, into the folder `next`. */
export const targets = (next: string): readonly InlineConfig[] => [
  page(next, "worker"),
  browserModule(next, "sdk/index.ts", "pages/sdk.js"),
  sandboxScript(next, "worker-page/threads/frame.ts", "sandbox/frame.js"),
  sandboxScript(next, "worker-page/threads/thread.ts", "sandbox/thread.js"),
  nodeModules(next, {
    "bin/cli": "bin/cli.ts",
    "coordinator/main": "coordinator/main.ts",
    "sdk/index": "sdk/index.ts",
  }),
];

/** `<name>-page/index.html` and what it loads: dist/pages/<name>/, served at /<name>. */
function page(next: string, name: string): InlineConfig {
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
function browserModule(next: string, entry: string, file: string): InlineConfig {
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
function sandboxScript(next: string, entry: string, file: string): InlineConfig {
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
function nodeModules(next: string, entries: Record<string, string>): InlineConfig {
  return {
    root,
    plugins: [threadFile("coordinator/journal/sqlite-thread.js")],
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

/** Whoever starts a thread names its file as one beside it; so it is put beside the chunk where that has ended up. */
function threadFile(path: string): Plugin {
  const name = basename(path);
  return {
    name: `thread-file-${name}`,
    generateBundle(_, bundle) {
      for (const chunk of Object.values(bundle)) {
        if (chunk.type !== "chunk" || !chunk.code.includes(`new URL("./${name}"`)) continue;
        const source = readFileSync(join(root, path));
        this.emitFile({ type: "asset", fileName: `${dirname(chunk.fileName)}/${name}`, source });
      }
    },
  };
}

const coordinator = "http://127.0.0.1:7070";

export default defineConfig({
  root: join(root, "worker-page"),
  base: "/worker/",
  resolve: { alias },
  server: {
    proxy: {
      "/session": { target: coordinator, ws: true },
      "/objects": coordinator,
      "/sandbox": coordinator,
    },
  },
});
