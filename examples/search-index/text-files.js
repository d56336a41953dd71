/** Finds text files and reads them into batches of documents, in an order that is the same on every machine. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

const textFile = /\.(md|txt|json|js|ts|mjs|cjs)$/;
const largestFileBytes = 1024 * 1024;

/** Paths and contents of the text files in `folder`, until their sizes add up to `limitBytes`. Hidden ones are left out. */
export function readTextFiles(folder, limitBytes) {
  const files = [];
  let totalBytes = 0;
  for (const path of textFilesIn(folder)) {
    const { size } = statSync(path);
    if (size === 0 || size > largestFileBytes) continue;
    if (totalBytes + size > limitBytes) break;
    totalBytes += size;
    files.push({ path, bytes: readFileSync(path) });
  }
  return files;
}

function* textFilesIn(folder) {
  const entries = readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.name.startsWith(".")) continue;
    if (entry.isDirectory()) yield* textFilesIn(path);
    if (entry.isFile() && textFile.test(entry.name)) yield path;
  }
}

/**
 * Runs of files of about `batchBytes`, each as one array: `bytes` of all its documents, where each of them ends, and the
 * number of the first. An array of bytes travels as it is, many strings would have to be taken apart.
 */
export function batchesOf(files, batchBytes) {
  const batches = [];
  let start = 0;
  while (start < files.length) {
    const ends = [];
    let sizeBytes = 0;
    for (let i = start; i < files.length && sizeBytes < batchBytes; i++)
      ends.push((sizeBytes += files[i].bytes.length));
    const bytes = new Uint8Array(sizeBytes);
    for (const [i, end] of ends.entries()) bytes.set(files[start + i].bytes, end - files[start + i].bytes.length);
    batches.push({ bytes, ends: Uint32Array.from(ends), firstDocument: start });
    start += ends.length;
  }
  return batches;
}
