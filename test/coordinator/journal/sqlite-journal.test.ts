import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "@photostructure/sqlite";
import { afterAll, afterEach, beforeAll, expect, it, vi } from "vitest";
import type { JournalError } from "../../../coordinator/journal/journal-error.ts";
import type { JournalEntry } from "../../../coordinator/journal/journal.ts";
import {
  sqliteJournal,
  type SqliteJournal,
  type SqliteJournalOptions,
} from "../../../coordinator/journal/sqlite-journal.ts";
import type { SqliteOrders } from "../../../coordinator/journal/sqlite-orders.ts";
import { journalContract, passed, replayed } from "../../contracts/journal.ts";

let root: string;
let folders = 0;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "tabgrid-journal-"));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));
afterEach(() => void vi.useRealTimers());

const aFolder = (): string => join(root, String(folders++));
const fileOf = (folder: string): string => join(folder, "journal.sqlite");
const open = (folder: string, options: Partial<SqliteJournalOptions> = {}): Promise<SqliteJournal> =>
  sqliteJournal(folder, { version: "1.2.3", ...options });
const lasting = new Map<unknown, string>();

journalContract("SQLite", {
  async open() {
    const folder = aFolder();
    const journal = await open(folder);
    lasting.set(journal, folder);
    return journal;
  },
  async again(journal) {
    await journal.close();
    return open(lasting.get(journal) ?? "");
  },
});

/** An entry with text that can be found in the file. */
const marked = (mark: string): JournalEntry => ({
  type: "scheduler-state",
  bytes: Uint8Array.from(Buffer.from(`${mark}${"-".repeat(100)}`)),
});

async function appendEach(journal: SqliteJournal, entries: readonly JournalEntry[]): Promise<void> {
  for (const entry of entries) {
    journal.append(entry);
    await journal.flushed();
  }
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "no error",
    (error: JournalError) => error.code,
  );
}

function flip(file: string, mark: string): void {
  const bytes = readFileSync(file);
  const at = bytes.indexOf(mark);
  expect(at).toBeGreaterThan(0);
  bytes[at + 3] = (bytes[at + 3] ?? 0) ^ 1;
  writeFileSync(file, bytes);
}

it("[JOURNAL-5] everything kept is there after the process was killed; nobody else opens it before", async () => {
  const folder = aFolder();
  const script = join(import.meta.dirname, "appending-process.ts");
  const child = spawn(process.execPath, ["--import", "tsx", script, folder], { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  const lastKept = (): number => Number(said.slice(0, said.lastIndexOf("\n")).split("\n").at(-1));
  await new Promise<void>((resolve) => {
    child.stdout.on("data", (data: Buffer) => {
      said += data.toString();
      if (lastKept() >= 30) resolve();
    });
  });
  // [JOURNAL-7]
  await expect(open(folder)).rejects.toMatchObject({
    code: "JOURNAL_IN_USE",
    message: expect.stringContaining(fileOf(folder)),
  });
  const ended = new Promise((resolve) => child.once("close", resolve));
  child.kill("SIGKILL");
  await ended;
  const journal = await open(folder);
  const entries = await replayed(journal);
  expect(journal.wasClosed).toBe(false);
  expect(entries.length).toBeGreaterThanOrEqual(lastKept());
  expect(entries).toEqual(Array.from(entries, (_, i) => passed(i + 1)));
  await journal.close();
});

it("[JOURNAL-5] says how the process before ended", async () => {
  const folder = aFolder();
  const first = await open(folder);
  expect(first.wasClosed).toBeUndefined();
  await first.close();
  const second = await open(folder);
  expect(second.wasClosed).toBe(true);
  await second.close();
});

it("[JOURNAL-6] refuses the journal of another format by name, newer and older, and leaves it as it is", async () => {
  const folder = aFolder();
  const first = await open(folder);
  await appendEach(first, [passed(1)]);
  await first.close();
  for (const format of [7, 0]) {
    setMeta(folder, "format", format);
    const refused = open(folder, { version: "9.9.9" });
    await expect(refused).rejects.toMatchObject({ code: "JOURNAL_VERSION", name: "JournalError" });
    for (const part of [fileOf(folder), `format ${format}`, "format 1", "version 1.2.3", "version 9.9.9", "Start"])
      await expect(refused).rejects.toThrow(part);
  }
  setMeta(folder, "format", 1);
  const again = await open(folder);
  expect(await replayed(again)).toEqual([passed(1)]);
  await again.close();
});

function setMeta(folder: string, key: string, value: number): void {
  const database = new DatabaseSync(fileOf(folder));
  // A statement that is prepared would hold the file until it is collected.
  database.exec(`UPDATE meta SET value = ${value} WHERE key = '${key}'`);
  database.close();
}

it("[JOURNAL-7] refuses a folder that this process has open, until it is closed", async () => {
  const folder = aFolder();
  const journal = await open(folder);
  expect(await codeOf(open(folder))).toBe("JOURNAL_IN_USE");
  await journal.close();
  await (await open(folder)).close();
});

it("[JOURNAL-8] cuts damaged rows off the end, says so, and goes on", async () => {
  const folder = aFolder();
  const first = await open(folder);
  await appendEach(first, [passed(1), passed(2), marked("the third"), marked("the fourth")]);
  await first.close();
  flip(fileOf(folder), "the third");
  flip(fileOf(folder), "the fourth");
  const cuts: string[] = [];
  const second = await open(folder, { onCut: (message) => cuts.push(message) });
  expect(cuts).toEqual([expect.stringMatching(/rows: 2, bytes: 2\d\d\)/)]);
  expect(await replayed(second)).toEqual([passed(1), passed(2)]);
  await appendEach(second, [passed(3)]);
  await second.close();
  const third = await open(folder, { onCut: (message) => cuts.push(message) });
  expect(await replayed(third)).toEqual([passed(1), passed(2), passed(3)]);
  expect(cuts).toHaveLength(1);
  await third.close();
});

it("[JOURNAL-8] refuses a damaged row that is followed by good ones", async () => {
  const folder = aFolder();
  const first = await open(folder);
  await appendEach(first, [passed(1), marked("the second"), passed(3)]);
  await first.close();
  flip(fileOf(folder), "the second");
  const second = await open(folder);
  await expect(replayed(second)).rejects.toMatchObject({
    code: "JOURNAL_CORRUPT",
    message: expect.stringContaining("row 2 is damaged"),
  });
  await second.close();
});

it("[JOURNAL-8] cuts nothing off a picture, which is whole or worth nothing", async () => {
  const folder = aFolder();
  const first = await open(folder);
  await first.compact([passed(1), marked("the end of it")]);
  await first.close();
  flip(fileOf(folder), "the end of it");
  const second = await open(folder);
  expect(await codeOf(replayed(second))).toBe("JOURNAL_CORRUPT");
  await second.close();
});

it("[JOURNAL-8] a torn write-ahead log loses its end and nothing before it", async () => {
  const folder = aFolder();
  const journal = await open(folder);
  await appendEach(
    journal,
    Array.from({ length: 100 }, (_, at) => passed(at)),
  );
  const copy = aFolder();
  cpSync(folder, copy, { recursive: true });
  await journal.close();
  const log = `${fileOf(copy)}-wal`;
  truncateSync(log, Math.floor(statSync(log).size * 0.7));
  const torn = await open(copy);
  const entries = await replayed(torn);
  expect(entries.length).toBeGreaterThan(40);
  expect(entries.length).toBeLessThan(100);
  expect(entries).toEqual(Array.from(entries, (_, at) => passed(at)));
  await torn.close();
});

it("[JOURNAL-8] refuses what is not a journal", async () => {
  const folder = aFolder();
  await (await open(folder)).close();
  const database = new DatabaseSync(fileOf(folder));
  database.exec("DROP TABLE log");
  database.close();
  expect(await codeOf(open(folder))).toBe("JOURNAL_CORRUPT");
  writeFileSync(fileOf(folder), "no database at all, but some text ".repeat(100));
  expect(await codeOf(open(folder))).toBe("JOURNAL_CORRUPT");
});

it("[JOURNAL-9] a full disk drops nothing: it is told once, tried every second, and told to be over", async () => {
  const folder = aFolder();
  let orders: SqliteOrders | undefined;
  const journal = await open(folder, { onThread: (started) => (orders = started) });
  await appendEach(journal, [passed(1)]);
  await orders?.give({ type: "limit-pages", pages: 1 });
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const troubles: (string | undefined)[] = [];
  const troubled = new Promise<void>((resolve) => {
    journal.onTrouble = (error) => {
      troubles.push((error as JournalError | undefined)?.code);
      resolve();
    };
  });
  const large: JournalEntry = { type: "scheduler-state", bytes: new Uint8Array(100_000).fill(1) };
  journal.append(large);
  const flushed = journal.flushed();
  await troubled;
  journal.append(passed(2));
  expect(await codeOf(journal.compact([passed(0)]))).toBe("JOURNAL_FULL");
  await vi.advanceTimersByTimeAsync(1_000);
  await orders?.give({ type: "limit-pages", pages: 100_000 });
  expect(journal.kept).toBe(1);
  expect(troubles).toEqual(["JOURNAL_FULL"]);
  await vi.advanceTimersByTimeAsync(1_000);
  await flushed;
  await journal.flushed();
  expect(troubles).toEqual(["JOURNAL_FULL", undefined]);
  await journal.close();
  const again = await open(folder);
  expect(await replayed(again)).toEqual([passed(1), large, passed(2)]);
  await again.close();
});

it("[JOURNAL-9] compacting without the room for it fails, and what there was stays", async () => {
  const folder = aFolder();
  let orders: SqliteOrders | undefined;
  const journal = await open(folder, { onThread: (started) => (orders = started) });
  await appendEach(journal, [passed(1)]);
  await orders?.give({ type: "limit-pages", pages: 20 });
  const large: JournalEntry = { type: "scheduler-state", bytes: new Uint8Array(300_000) };
  expect(await codeOf(journal.compact([passed(0), large]))).toBe("JOURNAL_FULL");
  await appendEach(journal, [passed(2)]);
  await journal.close();
  const again = await open(folder);
  expect(await replayed(again)).toEqual([passed(1), passed(2)]);
  await again.close();
});

it("[JOURNAL-9] closing a journal that cannot write settles everything", async () => {
  let orders: SqliteOrders | undefined;
  const journal = await open(aFolder(), { onThread: (started) => (orders = started) });
  await orders?.give({ type: "limit-pages", pages: 1 });
  journal.append({ type: "scheduler-state", bytes: new Uint8Array(100_000) });
  const flushed = codeOf(journal.flushed());
  await new Promise<void>((resolve) => (journal.onTrouble = () => resolve()));
  await journal.close();
  expect(await flushed).toBe("JOURNAL_UNAVAILABLE");
});

it("[JOURNAL-9] when its thread dies it starts another, and keeps what waited", async () => {
  const folder = aFolder();
  const started: SqliteOrders[] = [];
  const journal = await open(folder, { onThread: (orders) => started.push(orders) });
  const troubles: (string | undefined)[] = [];
  journal.onTrouble = (error) => troubles.push((error as JournalError | undefined)?.code);
  await appendEach(journal, [passed(1)]);
  await started[0]?.end();
  await appendEach(journal, [passed(2)]);
  const compacting = codeOf(journal.compact([passed(0)]));
  void started[1]?.end();
  await journal.flushed();
  expect(await compacting).toBe("JOURNAL_UNAVAILABLE");
  await appendEach(journal, [passed(3)]);
  expect(started.length).toBeGreaterThan(1);
  await journal.close();
  const again = await open(folder);
  expect(await replayed(again)).toEqual([passed(1), passed(2), passed(3)]);
  await again.close();
});

it("[JOURNAL-9] an entry that cannot be encoded stops it there, and says so", async () => {
  const folder = aFolder();
  const journal = await open(folder);
  const troubled = new Promise((resolve) => (journal.onTrouble = resolve));
  journal.append(passed(1));
  journal.append({ type: "received", sessionId: undefined as never, received: 1 });
  journal.append(passed(3));
  expect(await troubled).toMatchObject({ code: "JOURNAL_UNAVAILABLE", message: expect.stringContaining("entry 2") });
  expect(await codeOf(journal.flushed())).toBe("JOURNAL_UNAVAILABLE");
  await journal.close();
  expect(journal.kept).toBe(1);
});

it("[JOURNAL-10] its file stays within twice its picture, however often it is compacted", async () => {
  const folder = aFolder();
  const journal = await open(folder);
  const part: JournalEntry = { type: "scheduler-state", bytes: new Uint8Array(100_000) };
  const picture = Array.from({ length: 10 }, () => part);
  for (let round = 0; round < 10; round++) {
    for (let i = 0; i < 5; i++) journal.append(part);
    await journal.compact(picture);
    expect(journal.sizeBytes).toBe(journal.compactedBytes);
    expect(journal.compactedBytes).toBe(1_000_040);
    expect(statSync(`${fileOf(folder)}-wal`).size).toBeLessThan(50_000);
  }
  expect(statSync(fileOf(folder)).size).toBeLessThan(3_000_000);
  journal.append(part);
  await journal.close();
  expect(journal.sizeBytes).toBe(1_100_044);
  const again = await open(folder);
  expect(again).toMatchObject({ sizeBytes: 1_100_044, compactedBytes: 1_000_040 });
  await again.close();
});

it("[JOURNAL-10] a picture that was being drawn when the process ended counts for nothing", async () => {
  const folder = aFolder();
  const copy = aFolder();
  const journal = await open(folder);
  await appendEach(journal, [passed(1), passed(2)]);
  const part: JournalEntry = { type: "scheduler-state", bytes: new Uint8Array(200_000) };
  const drawing = function* (): Iterable<JournalEntry> {
    for (let i = 0; i < 10; i++) yield part;
    cpSync(folder, copy, { recursive: true });
    yield part;
  };
  const compacting = journal.compact(drawing());
  await appendEach(journal, [passed(3)]);
  await compacting;
  await journal.close();
  const again = await open(copy);
  expect(await replayed(again)).toEqual([passed(1), passed(2), passed(3)]);
  await again.compact([passed(9)]);
  await again.close();
  const third = await open(copy);
  expect(await replayed(third)).toEqual([passed(9)]);
  await third.close();
});

it("[JOURNAL-10] takes a picture as it is drawn, and holds no more than a row of it", async () => {
  const journal = await open(aFolder());
  let drawn = 0;
  let drawnWhenKept = 0;
  const drawing = function* (): Iterable<JournalEntry> {
    for (; drawn < 40; drawn++) yield { type: "scheduler-state", bytes: new Uint8Array(100_000) };
  };
  journal.append(passed(1));
  await journal.flushed();
  journal.onKept = () => (drawnWhenKept = drawn);
  const compacting = journal.compact(drawing());
  journal.append(passed(2));
  await compacting;
  expect(drawnWhenKept).toBeLessThan(40);
  await journal.close();
});

it("[JOURNAL-8] refuses a folder that cannot be made", async () => {
  const folder = aFolder();
  writeFileSync(folder, "a file");
  expect(await codeOf(open(folder))).toBe("JOURNAL_UNAVAILABLE");
});
