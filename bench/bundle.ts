/** Bundles the benchmarks' own scripts when they run: nothing of them is in dist/. */
import { build } from "vite";

type Target =
  /** A module for a page. */
  | "page"
  /** One classic script that needs nothing else, for the sandbox. */
  | "script"
  /** A module for Node. */
  | "node";

/** The bundle of `entry` (a path) as one text, not minified, so that a profile can be read. */
export async function bundle(entry: string, target: Target): Promise<string> {
  const built = await build({
    configFile: false,
    publicDir: false,
    logLevel: "error",
    resolve: { alias: { "simple-peer": "simple-peer/simplepeer.min.js" } },
    build: {
      write: false,
      minify: false,
      ...(target === "node" && { ssr: true, target: "node20" }),
      rolldownOptions: {
        input: entry,
        preserveEntrySignatures: "strict",
        output: { format: target === "script" ? "iife" : "es", codeSplitting: false },
      },
    },
  });
  const outputs = Array.isArray(built) ? built : [built];
  const chunk = outputs.flatMap((each) => ("output" in each ? each.output : [])).find((each) => each.type === "chunk");
  if (chunk?.type !== "chunk") throw new Error(`Cannot bundle ${entry}: it gave no script`);
  return chunk.code;
}
