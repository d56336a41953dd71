/**
 * The journal in a folder, by SQLite in a thread of its own. What is appended is encoded at once and gathered; while one
 * row of entries is being written the next one fills, so a busy journal writes few long rows and an idle one keeps each
 * entry at once. Owns the order of rows, what waits, and when it is tried again.
 *
 * Rows are numbered here. A row that nobody knows to be kept can thus be written again, by another thread if need be,
 * and a picture can have numbers of its own, below those of what is appended while it is taken.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { Writer } from "../../protocol/schema.ts";
import { entryFormat, entrySchema, readEntries } from "./entry-codec.ts";
import { JournalError } from "./journal-error.ts";
import type { Journal, JournalEntry } from "./journal.ts";
import { SqliteOrders } from "./sqlite-orders.ts";
import type { Opened } from "./sqlite-thread.js";

export interface SqliteJournalOptions {
  /** Of the program, named to whoever opens the folder with another one. */
  readonly version: string;
  /** What a kept entry survives: the end of the process, or that of the machine's power too. */
  readonly durability?: "process" | "power";
  /** Rows at the end were damaged and had to be left out: says how much. */
  readonly onCut?: (message: string) => void;
  /** For tests: whenever the thread is started. */
  readonly onThread?: (orders: SqliteOrders) => void;
}

export interface SqliteJournal extends Journal {
  /** How the process before this one ended; undefined when there was none. */
  readonly wasClosed: boolean | undefined;
}

/** A row that has come to this takes no more. */
const rowBytes = 1024 * 1024;
/** A row of a picture: small, because what is appended meanwhile waits for it. */
const pictureRowBytes = 256 * 1024;
/** More rows than any picture has. */
const pictureRows = 2 ** 32;
const retryMs = 1_000;

/** Rejects with a JournalError: the folder is in use, of another version, damaged, or cannot be written. */
export async function sqliteJournal(folder: string, options: SqliteJournalOptions): Promise<SqliteJournal> {
  const file = join(folder, "journal.sqlite");
  await mkdir(folder, { recursive: true }).catch((cause: unknown) => {
    throw new JournalError("JOURNAL_UNAVAILABLE", `Cannot open journal ${file}: its folder cannot be made`, { cause });
  });
  const { orders, opened } = await openThread(file, options);
  if (opened.cutRows > 0) {
    const { cutRows: rows, cutBytes: bytes } = opened;
    options.onCut?.(`Damaged rows at the end of journal ${file} were left out (rows: ${rows}, bytes: ${bytes})`);
  }
  return new OpenJournal(file, options, orders, opened);
}

async function openThread(file: string, options: SqliteJournalOptions) {
  const orders = new SqliteOrders();
  const { version, durability = "process" } = options;
  try {
    const opened = await orders.give({ type: "open", file, format: entryFormat, program: version, durability });
    options.onThread?.(orders);
    return { orders, opened };
  } catch (error) {
    await orders.end();
    throw error;
  }
}

/** A row of entries that waits to be kept; `last` is the position of the last of them. */
interface Row {
  readonly number: number;
  readonly bytes: Uint8Array;
  readonly last: number;
}

interface Flush {
  readonly position: number;
  /** Told of trouble at once, instead of when it is over. */
  readonly isImpatient: boolean;
  readonly done: () => void;
  readonly failed: (error: Error) => void;
}

class OpenJournal implements SqliteJournal {
  onKept: (kept: number) => void = () => {};
  onTrouble: (error: Error | undefined) => void = () => {};
  kept = 0;
  sizeBytes: number;
  compactedBytes: number;
  readonly wasClosed: boolean | undefined;
  readonly #file: string;
  readonly #options: SqliteJournalOptions;
  readonly #lastRowBefore: number;
  #orders: SqliteOrders;
  #nextRow: number;
  /** Entries since the last row, encoded. */
  #open = new Writer(64 * 1024);
  #isRowEnding = false;
  #appended = 0;
  /** The last position that is in a row, or in the one being gathered. */
  #encoded = 0;
  readonly #rows: Row[] = [];
  #flushes: Flush[] = [];
  #writing: Promise<void> | undefined;
  #isCompacting = false;
  #trouble: Error | undefined;
  /** Ends the pause before the next try. */
  #tryNow: () => void = () => {};
  /** An entry could not be encoded: what follows it would be nonsense without it. */
  #broken: JournalError | undefined;
  #isClosing = false;
  #closing: Promise<void> | undefined;

  constructor(file: string, options: SqliteJournalOptions, orders: SqliteOrders, opened: Opened) {
    this.#file = file;
    this.#options = options;
    this.#orders = orders;
    this.#lastRowBefore = opened.lastRow;
    this.#nextRow = opened.lastRow + 1;
    this.sizeBytes = opened.sizeBytes;
    this.compactedBytes = opened.pictureBytes;
    this.wasClosed = opened.wasClosed;
  }

  append(entry: JournalEntry): number {
    const position = ++this.#appended;
    if (this.#broken !== undefined || this.#isClosing) return position;
    const start = this.#open.at;
    try {
      entrySchema.write(entry, this.#open);
    } catch (cause) {
      this.#open.at = start;
      this.#break(position, cause);
      return position;
    }
    this.#encoded = position;
    if (this.#open.at >= rowBytes) this.#endRowSoon();
    this.#writeSoon();
    return position;
  }

  flushed(): Promise<void> {
    return this.#flush(this.#appended, false);
  }

  async *replay(): AsyncGenerator<JournalEntry> {
    const to = this.#lastRowBefore;
    const read = (after: number) => {
      const reading = this.#orders.give({ type: "read", after, to });
      // It is asked for ahead of time, and whoever stops early never comes for it.
      reading.catch(() => {});
      return reading;
    };
    let after = 0;
    for (let next = read(after); ;) {
      const { last, bytes } = await next;
      if (last === 0) return;
      next = read(last);
      let entries: JournalEntry[];
      try {
        entries = readEntries(bytes);
      } catch (cause) {
        const where = `rows ${after + 1} to ${last}`;
        throw new JournalError("JOURNAL_CORRUPT", `Cannot read journal ${this.#file}: ${where} make no sense`, {
          cause,
        });
      }
      after = last;
      yield* entries;
    }
  }

  async compact(entries: Iterable<JournalEntry>): Promise<void> {
    if (this.#isCompacting) throw new Error("Cannot compact the journal: it is being compacted");
    this.#isCompacting = true;
    try {
      // 1. What has been appended gets the numbers before the picture's, what will be those after.
      this.#endRow();
      const from = this.#nextRow;
      this.#nextRow += pictureRows;
      // 2. None of it may be written after the picture has taken its place.
      await this.#flush(this.#appended, true);
      const replacedBytes = this.sizeBytes;
      // 3. Row by row, between the rows that are appended meanwhile. Nothing of it counts yet.
      const orders = this.#orders;
      await orders.give({ type: "begin-picture", from, to: from + pictureRows });
      const pictureBytes = await writePicture(entries, from, orders);
      // 4. All of it counts, and what it replaces is gone.
      await orders.give({ type: "end-picture" });
      this.sizeBytes += pictureBytes - replacedBytes;
      this.compactedBytes = pictureBytes;
    } finally {
      this.#isCompacting = false;
    }
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  #flush(position: number, isImpatient: boolean): Promise<void> {
    if (this.kept >= position) return Promise.resolve();
    const hopeless = this.#hopeless() ?? (isImpatient ? this.#trouble : undefined);
    if (hopeless !== undefined) return Promise.reject(hopeless);
    return new Promise((done, failed) => this.#flushes.push({ position, isImpatient, done, failed }));
  }

  /** What waits now will never be kept, and why. */
  #hopeless(): Error | undefined {
    if (this.#broken !== undefined) return this.#broken;
    return this.#isClosing && this.#writing === undefined ? this.#closedError() : undefined;
  }

  #closedError(): JournalError {
    return new JournalError("JOURNAL_UNAVAILABLE", `Journal ${this.#file} was closed`);
  }

  #writeSoon(): void {
    // What one turn appends goes in one row.
    this.#writing ??= new Promise<void>((resolve) => setImmediate(resolve)).then(() => this.#writeAll());
  }

  /** Ends when nothing waits. */
  async #writeAll(): Promise<void> {
    for (let row = this.#oldestRow(); row !== undefined; row = this.#oldestRow()) {
      try {
        if (this.#orders.isDead) await this.#restart();
        await this.#orders.give({ type: "write", row: row.number, bytes: row.bytes });
      } catch (error) {
        this.#setTrouble(error instanceof Error ? error : new Error(String(error)));
        if (this.#isClosing) break;
        await this.#pause();
        continue;
      }
      this.#rows.shift();
      this.sizeBytes += row.bytes.length;
      this.#setTrouble(undefined);
      this.#setKept(row.last);
    }
    this.#writing = undefined;
  }

  #oldestRow(): Row | undefined {
    if (this.#rows.length === 0) this.#endRow();
    return this.#rows[0];
  }

  /** What one turn appends is kept together or not at all, so a row ends between turns, however long it has become. */
  #endRowSoon(): void {
    if (this.#isRowEnding) return;
    this.#isRowEnding = true;
    setImmediate(() => {
      this.#isRowEnding = false;
      this.#endRow();
    });
  }

  /** What has been gathered becomes a row. */
  #endRow(): void {
    if (this.#open.at === 0) return;
    this.#rows.push({ number: this.#nextRow++, bytes: this.#open.bytes.slice(0, this.#open.at), last: this.#encoded });
    // The room that one large turn needed is not kept for ever.
    if (this.#open.bytes.length > 4 * rowBytes) this.#open = new Writer(64 * 1024);
    this.#open.at = 0;
  }

  async #restart(): Promise<void> {
    const { orders, opened } = await openThread(this.#file, this.#options);
    this.#orders = orders;
    this.sizeBytes = opened.sizeBytes;
    this.compactedBytes = opened.pictureBytes;
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, retryMs);
      timer.unref();
      this.#tryNow = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #setKept(kept: number): void {
    this.kept = kept;
    this.#flushes = this.#flushes.filter((flush) => {
      if (flush.position <= kept) flush.done();
      return flush.position > kept;
    });
    this.onKept(kept);
  }

  /** Tells a trouble once, and its end. */
  #setTrouble(trouble: Error | undefined): void {
    const isNews = (this.#trouble === undefined) !== (trouble === undefined);
    this.#trouble = trouble;
    if (trouble !== undefined) this.#failFlushes(trouble, ({ isImpatient }) => isImpatient);
    if (isNews) this.onTrouble(trouble);
  }

  #failFlushes(error: Error, isMeant: (flush: Flush) => boolean): void {
    const failing = this.#flushes.filter(isMeant);
    this.#flushes = this.#flushes.filter((flush) => !isMeant(flush));
    for (const flush of failing) flush.failed(error);
  }

  #break(position: number, cause: unknown): void {
    const broken = new JournalError(
      "JOURNAL_UNAVAILABLE",
      `Cannot keep entry ${position} in journal ${this.#file}, nor what follows it: it cannot be encoded`,
      { cause },
    );
    this.#broken = broken;
    this.#failFlushes(broken, (flush) => flush.position >= position);
    // Not from inside append, whose caller has not finished what it is doing.
    queueMicrotask(() => this.onTrouble(broken));
  }

  async #close(): Promise<void> {
    this.#isClosing = true;
    this.#tryNow();
    await this.#writing;
    this.#failFlushes(this.#closedError(), () => true);
    // A disk that does not even take the mark of a clean end has been told of, or will be at the next opening.
    await this.#orders.give({ type: "close" }).catch(() => {});
    await this.#orders.end();
  }
}

/** Gives its size. Where that fails nothing of it stays. */
async function writePicture(entries: Iterable<JournalEntry>, from: number, orders: SqliteOrders): Promise<number> {
  const row = new Writer(64 * 1024);
  let number = from;
  let pictureBytes = 0;
  const write = async (): Promise<void> => {
    pictureBytes += row.at;
    await orders.give({ type: "write", row: number++, bytes: row.bytes.slice(0, row.at) });
    row.at = 0;
  };
  try {
    for (const entry of entries) {
      entrySchema.write(entry, row);
      if (row.at >= pictureRowBytes) await write();
    }
    if (row.at > 0) await write();
    return pictureBytes;
  } catch (error) {
    // Where this fails too, the next opening does it.
    await orders.give({ type: "drop-picture" }).catch(() => {});
    throw error;
  }
}
