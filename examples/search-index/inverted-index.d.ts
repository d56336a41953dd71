import type { Batch } from "./text-files.js";

export interface InvertedIndex {
  readonly words: readonly string[];
  readonly counts: Uint32Array;
  readonly ends: Uint32Array;
  readonly documents: Uint32Array;
}

export interface Term {
  readonly word: string;
  readonly count: number;
  readonly documents: number;
}

export function indexDocuments(batch: Batch): InvertedIndex;
export function mergeIndexes(...indexes: readonly InvertedIndex[]): InvertedIndex;
export function topTerms(index: InvertedIndex, amount: number): Term[];
export function search(index: InvertedIndex, wanted: readonly string[]): number[];
