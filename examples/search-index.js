/**
 * A search index over the text files of a folder. The client reads the files; tabs index a batch each and merge the
 * indexes, four at a time. The finished index stays in a tab, which is then asked; what comes out is compared with the same
 * work done in this process alone.
 *
 *   tabgrid run examples/search-index.js [FOLDER]      (node_modules)
 */
import { deepEqual } from "node:assert/strict";
import { existsSync } from "node:fs";
import { relative } from "node:path";
import { connect } from "tabgrid";
import { indexDocuments, mergeIndexes, search, topTerms } from "./search-index/inverted-index.js";
import { batchesOf, readTextFiles } from "./search-index/text-files.js";
import { livePicture, progressBar } from "./terminal.js";

const limitBytes = 40e6;
const batchBytes = 1e6;
const wanted = ["promise", "worker"];

let folder = process.argv[2] ?? "node_modules";
if (!existsSync(folder)) {
  console.log(`There is no ${folder} here: indexing this package's own files instead`);
  folder = `${import.meta.dirname}/..`;
}
const files = readTextFiles(folder, limitBytes);
const batches = batchesOf(files, batchBytes);
const totalBytes = files.reduce((sum, { bytes }) => sum + bytes.length, 0);
console.log(`${files.length} files in ${folder}, ${megabytes(totalBytes)}, in ${batches.length} batches`);

const grid = await connect();
const remoteIndex = grid.remote(indexDocuments);
const remoteMerge = grid.remote(mergeIndexes);

const startedAt = performance.now();
const parts = batches.map((batch) => remoteIndex.remote(batch));
const merges = [];
let level = parts;
while (level.length > 1) {
  // A ref as an argument: the index travels from tab to tab, never through this process.
  level = groupsOf(level, 4).map((group) => remoteMerge.remote(...group));
  merges.push(...level);
}
const [index] = level;
const tasks = [...parts, ...merges];
await showProgress();
const terms = await grid.remote(topTerms).remote(index, 20).get();
const found = await grid.remote(search).remote(index, wanted).get();
const gridSeconds = secondsSince(startedAt);

const [everything] = batchesOf(files, Infinity);
const aloneStartedAt = performance.now();
const aloneIndex = indexDocuments(everything);
const aloneTerms = topTerms(aloneIndex, 20);
const aloneFound = search(aloneIndex, wanted);
const aloneSeconds = secondsSince(aloneStartedAt);

console.log(`top 20: ${terms.map(({ word, count }) => `${word} ${count}`).join(", ")}`);
console.log(`"${wanted.join(" ")}" is in ${found.length} files, such as ${found.slice(0, 3).map(nameOf).join(", ")}`);
console.log(
  `on the grid ${gridSeconds.toFixed(1)} s (tasks: ${tasks.length}, ${(tasks.length / gridSeconds).toFixed(0)} a second), ` +
    `in one process ${aloneSeconds.toFixed(1)} s: a speed-up of ${(aloneSeconds / gridSeconds).toFixed(2)}`,
);
deepEqual({ terms, found }, { terms: aloneTerms, found: aloneFound });
console.log("both give the same index, to the last count");

await grid.close();

async function showProgress() {
  const picture = livePicture(process.stdout);
  const bytesOf = new Map(parts.map((part, i) => [part, batches[i].bytes.length]));
  let doneBytes = 0;
  let pending = tasks;
  while (pending.length > 0) {
    const [ready, others] = await grid.wait(pending, { numReturns: pending.length, timeoutMs: 100 });
    for (const ref of ready) doneBytes += bytesOf.get(ref) ?? 0;
    pending = others;
    const done = tasks.length - pending.length;
    const seconds = secondsSince(startedAt);
    picture.show([
      `${progressBar(done / tasks.length)} ${megabytes(doneBytes)} of ${megabytes(totalBytes)} indexed, ` +
        `${done} of ${tasks.length} tasks, ${(done / seconds).toFixed(0)} a second`,
    ]);
  }
}

function groupsOf(refs, size) {
  return Array.from({ length: Math.ceil(refs.length / size) }, (_, i) => refs.slice(i * size, (i + 1) * size));
}

function nameOf(document) {
  return relative(folder, files[document].path);
}

function secondsSince(at) {
  return (performance.now() - at) / 1000;
}

function megabytes(bytes) {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
