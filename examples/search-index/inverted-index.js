/**
 * An inverted index: how often each word occurs, and in which documents. Every function here needs nothing from outside
 * itself, so it can run in a tab as it is.
 *
 * An index is four arrays, which travel faster than a Map: `words` in order, `counts[i]` of word i, and its documents,
 * `documents.slice(ends[i - 1] ?? 0, ends[i])`, ascending.
 */

/** Document i of the batch is `bytes` up to `ends[i]`, and has the number `firstDocument + i`. */
export function indexDocuments({ bytes, ends, firstDocument }) {
  const decoder = new TextDecoder();
  const entries = new Map();
  for (const [i, end] of ends.entries()) {
    const text = decoder.decode(bytes.subarray(ends[i - 1] ?? 0, end)).toLowerCase();
    for (const [word] of text.matchAll(/[a-z][a-z0-9_]+/g)) {
      let entry = entries.get(word);
      if (entry === undefined) entries.set(word, (entry = { count: 0, documents: [] }));
      entry.count += 1;
      if (entry.documents.at(-1) !== firstDocument + i) entry.documents.push(firstDocument + i);
    }
  }
  const words = [...entries.keys()].sort((a, b) => (a < b ? -1 : 1));
  const ordered = words.map((word) => entries.get(word));
  let end = 0;
  return {
    words,
    counts: Uint32Array.from(ordered, ({ count }) => count),
    ends: Uint32Array.from(ordered, ({ documents }) => (end += documents.length)),
    documents: Uint32Array.from(ordered.flatMap(({ documents }) => documents)),
  };
}

/** One index out of several, which are given in the order of their documents. */
export function mergeIndexes(...indexes) {
  const words = [];
  const counts = [];
  const ends = [];
  const documents = new Uint32Array(indexes.reduce((sum, index) => sum + index.documents.length, 0));
  let written = 0;
  const next = indexes.map(() => 0);
  for (;;) {
    let word;
    for (const [k, index] of indexes.entries()) {
      const candidate = index.words[next[k]];
      if (word === undefined || candidate < word) word = candidate;
    }
    if (word === undefined) break;
    let count = 0;
    for (const [k, index] of indexes.entries()) {
      const i = next[k];
      if (index.words[i] !== word) continue;
      count += index.counts[i];
      const some = index.documents.subarray(index.ends[i - 1] ?? 0, index.ends[i]);
      documents.set(some, written);
      written += some.length;
      next[k] += 1;
    }
    words.push(word);
    counts.push(count);
    ends.push(written);
  }
  return { words, counts: Uint32Array.from(counts), ends: Uint32Array.from(ends), documents };
}

/** The `amount` most frequent words, and in how many documents each occurs. */
export function topTerms({ words, counts, ends }, amount) {
  return words
    .map((word, i) => ({ word, count: counts[i], documents: ends[i] - (ends[i - 1] ?? 0) }))
    .sort((a, b) => b.count - a.count || (a.word < b.word ? -1 : 1))
    .slice(0, amount);
}

/** Numbers of the documents with all of `wanted`, ascending. */
export function search({ words, ends, documents }, wanted) {
  const found = wanted.map((word) => {
    const i = words.indexOf(word);
    return i < 0 ? [] : [...documents.subarray(ends[i - 1] ?? 0, ends[i])];
  });
  return found.reduce((both, some) => both.filter((document) => some.includes(document)));
}
