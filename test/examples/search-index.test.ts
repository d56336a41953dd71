import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  indexDocuments,
  type InvertedIndex,
  mergeIndexes,
  search,
  topTerms,
} from "../../examples/search-index/inverted-index.js";
import { batchesOf, readTextFiles, type TextFile } from "../../examples/search-index/text-files.js";

const corpus = [
  "The tab lends a thread; the thread runs a task.",
  "A task_2 returns: THE value of a task.",
  "",
  "9 1 2 é",
  "thread thread thread",
];

describe("an inverted index", () => {
  test("counts words of two letters and more, in lower case, and the documents they are in", () => {
    expect(topTerms(indexOf(corpus), 4)).toEqual([
      { word: "thread", count: 5, documents: 2 },
      { word: "the", count: 3, documents: 2 },
      { word: "task", count: 2, documents: 2 },
      { word: "lends", count: 1, documents: 1 },
    ]);
  });

  test("finds the documents with all words asked for", () => {
    const index = indexOf(corpus);
    expect(search(index, ["thread"])).toEqual([0, 4]);
    expect(search(index, ["task", "the"])).toEqual([0, 1]);
    expect(search(index, ["task", "absent"])).toEqual([]);
  });

  test.each([1, 20, 60, 1_000])("made of batches of %i bytes and merged is the one made at once", (batchBytes) => {
    expect(merged(batchesOf(filesOf(corpus), batchBytes).map(indexDocuments))).toEqual(indexOf(corpus));
  });

  test("of documents without a word is empty, and merges as such", () => {
    const empty = indexOf(["", "9"]);
    expect(topTerms(empty, 3)).toEqual([]);
    expect(mergeIndexes(empty, empty)).toEqual(empty);
  });
});

describe("reading text files", () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "tabgrid-"));
    mkdirSync(join(root, "b"));
    mkdirSync(join(root, ".cache"));
    for (const path of ["c.md", "b/a.txt", "b/z.d.ts", "a.json"]) writeFileSync(join(root, path), "ten bytes!");
    for (const path of [".cache/hidden.md", "picture.png"]) writeFileSync(join(root, path), "no");
    writeFileSync(join(root, "empty.md"), "");
    writeFileSync(join(root, "large.md"), "x".repeat(1024 * 1024 + 1));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  test("takes them in the order of their names, and leaves out what is hidden, empty, large or no text", () => {
    expect(namesOf(readTextFiles(root, 1_000))).toEqual(["a.json", "b/a.txt", "b/z.d.ts", "c.md"]);
  });

  test("stops before the limit is passed", () => {
    expect(namesOf(readTextFiles(root, 29))).toEqual(["a.json", "b/a.txt"]);
  });

  test("batches hold every byte once, and say where each document ends", () => {
    expect(batchesOf(filesOf(["abc", "de", "fghi"]), 4)).toEqual([
      { bytes: new TextEncoder().encode("abcde"), ends: Uint32Array.of(3, 5), firstDocument: 0 },
      { bytes: new TextEncoder().encode("fghi"), ends: Uint32Array.of(4), firstDocument: 2 },
    ]);
  });

  function namesOf(files: readonly TextFile[]): string[] {
    return files.map(({ path }) => path.slice(root.length + 1).replaceAll("\\", "/"));
  }
});

function filesOf(texts: readonly string[]): TextFile[] {
  return texts.map((text, i) => ({ path: `${i}.txt`, bytes: new TextEncoder().encode(text) }));
}

/** All in one batch. */
function indexOf(texts: readonly string[]): InvertedIndex {
  return merged(batchesOf(filesOf(texts), Infinity).map(indexDocuments));
}

/** Four at a time, as long as there is more than one. */
function merged(indexes: readonly InvertedIndex[]): InvertedIndex {
  const [only, ...others] = indexes;
  if (only === undefined) throw new Error("There is nothing to merge");
  if (others.length === 0) return only;
  const groups = Array.from({ length: Math.ceil(indexes.length / 4) }, (_, i) => indexes.slice(i * 4, i * 4 + 4));
  return merged(groups.map((group) => mergeIndexes(...group)));
}
