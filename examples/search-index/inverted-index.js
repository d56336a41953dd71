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

/** Of two indexes, the documents of `right` numbered after those of `left`. */
export function mergeIndexes(left, right) {
  const words = [];
  const counts = [];
  const ends = [];
  const documents = new Uint32Array(left.documents.length + right.documents.length);
  let written = 0;
  let l = 0;
  let r = 0;
  while (l < left.words.length || r < right.words.length) {
    const isInLeft = r === right.words.length || left.words[l] <= right.words[r];
    const isInRight = l === left.words.length || right.words[r] <= left.words[l];
    words.push(isInLeft ? left.words[l] : right.words[r]);
    counts.push((isInLeft ? left.counts[l] : 0) + (isInRight ? right.counts[r] : 0));
    if (isInLeft) append(left, l++);
    if (isInRight) append(right, r++);
    ends.push(written);
  }
  return { words, counts: Uint32Array.from(counts), ends: Uint32Array.from(ends), documents };

  function append(index, i) {
    const some = index.documents.subarray(index.ends[i - 1] ?? 0, index.ends[i]);
    documents.set(some, written);
    written += some.length;
  }
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
