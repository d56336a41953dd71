/**
 * What the SQLite thread is ordered and what it answers: one answer to each order, in their order. The thread itself
 * exports nothing.
 */
import type { JournalErrorCode } from "./journal-error.ts";

export interface OpenOrder {
  readonly type: "open";
  readonly file: string;
  /** What the bytes of a row mean; another number than the file's is refused. */
  readonly format: number;
  /** Version of the program, for a person to read. */
  readonly program: string;
  readonly durability: "process" | "power";
}

export interface Orders {
  open: { order: OpenOrder; answer: Opened };
  /** Keeps a row. Said twice, it is kept once. */
  write: { order: { readonly type: "write"; readonly row: number; readonly bytes: Uint8Array }; answer: undefined };
  /** Some of the rows after `after` and up to `to`, their bytes joined; `last` is the last of them, 0 when there are none. */
  read: {
    order: { readonly type: "read"; readonly after: number; readonly to: number };
    answer: { readonly last: number; readonly bytes: Uint8Array<ArrayBuffer> };
  };
  /** The rows from `from` up to `to`, exclusive, are a picture that counts for nothing before `end-picture`. */
  "begin-picture": {
    order: { readonly type: "begin-picture"; readonly from: number; readonly to: number };
    answer: undefined;
  };
  /** The picture is whole: it takes the place of every row before it. */
  "end-picture": { order: { readonly type: "end-picture" }; answer: undefined };
  "drop-picture": { order: { readonly type: "drop-picture" }; answer: undefined };
  /** For tests: the file may have this many pages. */
  "limit-pages": { order: { readonly type: "limit-pages"; readonly pages: number }; answer: undefined };
  close: { order: { readonly type: "close" }; answer: undefined };
}
export type Order = Orders[keyof Orders]["order"];

export interface Opened {
  readonly lastRow: number;
  readonly sizeBytes: number;
  readonly pictureBytes: number;
  /** How the last process ended; undefined when there was none. */
  readonly wasClosed: boolean | undefined;
  /** Damaged rows at the end that were taken off. */
  readonly cutRows: number;
  readonly cutBytes: number;
}

export type Answer =
  | { readonly type: "done"; readonly value: unknown }
  | { readonly type: "failed"; readonly code: JournalErrorCode; readonly message: string };
