/**
 * The thread that has the journal's file open. Every call of SQLite is made here, so a slow disk makes nobody wait but
 * whoever asked. Knows rows and their checksums, and nothing about what is in them. Plain JavaScript, because Node 20
 * loads no other into a thread; what it is told and answers is in sqlite-thread.d.ts.
 */
import { parentPort } from "node:worker_threads";
import { crc32 } from "node:zlib";

// Node has SQLite from 22.13 on; before that the import fails.
const { DatabaseSync } = await import("node:sqlite").catch(() => import("@photostructure/sqlite"));

/** From the format a file has to the function that makes it the next one. */
const migrations = {};

/** Joined rows that are answered at once come to about this. */
const readBytes = 1024 * 1024;
/** How long another process may take to let go of the file. */
const busyMs = 250;

let file = "";
let db;
let insertRow;
let nextRow;

const carryOut = {
  open,
  write,
  read,
  "begin-picture": beginPicture,
  "end-picture": endPicture,
  "drop-picture": dropPicture,
  "limit-pages": limitPages,
  close,
};

parentPort.on("message", (order) => {
  try {
    const value = carryOut[order.type](order);
    parentPort.postMessage({ type: "done", value }, value?.bytes === undefined ? [] : [value.bytes.buffer]);
  } catch (error) {
    const code = codeOf(error);
    const message = `${verbs[order.type]} journal ${file}: ${error.message}${advice[code] ?? ""}`;
    parentPort.postMessage({ type: "failed", code, message });
  }
});

const verbs = {
  open: "Cannot open",
  read: "Cannot read",
  close: "Cannot close",
  write: "Cannot write to",
  "begin-picture": "Cannot compact",
  "end-picture": "Cannot compact",
  "drop-picture": "Cannot compact",
  "limit-pages": "Cannot limit",
};

const advice = {
  JOURNAL_IN_USE: ". Stop whoever uses it, or choose another folder",
  JOURNAL_CORRUPT: ". Put a copy in its place, or move it away and start anew",
};

class Refusal extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

/** By SQLite's primary result code. */
function codeOf(error) {
  if (error instanceof Refusal) return error.code;
  switch ((error.errcode ?? 0) & 0xff) {
    case 5: // SQLITE_BUSY
    case 6: // SQLITE_LOCKED
      return "JOURNAL_IN_USE";
    case 11: // SQLITE_CORRUPT
    case 26: // SQLITE_NOTADB
      return "JOURNAL_CORRUPT";
    case 10: // SQLITE_IOERR
    case 13: // SQLITE_FULL
      return "JOURNAL_FULL";
    default:
      return "JOURNAL_UNAVAILABLE";
  }
}

function open(order) {
  file = order.file;
  db = new DatabaseSync(file);
  try {
    return openJournal(order);
  } catch (error) {
    db.close();
    if (codeOf(error) === "JOURNAL_IN_USE") throw new Refusal("JOURNAL_IN_USE", "it is in use by another coordinator");
    throw error;
  }
}

function openJournal({ format, program, durability }) {
  db.exec(`PRAGMA busy_timeout = ${busyMs}`);
  // Held by the system until this process ends, however it ends; and nobody else reads, so no memory is shared.
  db.exec("PRAGMA locking_mode = EXCLUSIVE");
  db.exec("PRAGMA journal_mode = WAL");
  db.exec(`PRAGMA synchronous = ${durability === "power" ? "FULL" : "NORMAL"}`);
  db.exec("BEGIN IMMEDIATE; COMMIT");
  const isNew = db.prepare("SELECT count(*) AS tables FROM sqlite_master").get().tables === 0;
  if (isNew) create(format);
  else checkFormat(format, program);
  const closed = meta("closed");
  inTransaction(() => {
    setMeta("program", program);
    setMeta("closed", 0);
    deletePicture();
  });
  insertRow = db.prepare("INSERT OR REPLACE INTO log (row, crc, bytes) VALUES (?, ?, ?)");
  nextRow = db.prepare("SELECT row, crc, bytes FROM log WHERE row > ? AND row <= ? ORDER BY row LIMIT 1");
  const cut = cutTail();
  const sizeOf = (where) => db.prepare(`SELECT coalesce(sum(length(bytes)), 0) AS bytes FROM log ${where}`).get().bytes;
  return {
    lastRow: db.prepare("SELECT coalesce(max(row), 0) AS row FROM log").get().row,
    sizeBytes: sizeOf(""),
    pictureBytes: sizeOf(`WHERE row <= ${meta("picture_end") ?? 0}`),
    wasClosed: isNew ? undefined : closed === 1,
    ...cut,
  };
}

function create(format) {
  inTransaction(() => {
    db.exec("CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID");
    db.exec("CREATE TABLE log (row INTEGER PRIMARY KEY, crc INTEGER NOT NULL, bytes BLOB NOT NULL)");
    setMeta("format", format);
  });
}

function checkFormat(format, program) {
  const tables = db.prepare("SELECT name FROM sqlite_master WHERE name IN ('meta', 'log')").all();
  if (tables.length !== 2) throw new Refusal("JOURNAL_CORRUPT", "it is a database, and not a journal");
  for (let at = meta("format"); at !== format; at = meta("format")) {
    if (migrations[at] === undefined) {
      throw new Refusal(
        "JOURNAL_VERSION",
        `it has format ${at}, written by version ${meta("program")}, and this is version ${program}, which reads ` +
          `format ${format}. Start version ${meta("program")} with this folder, or choose another folder`,
      );
    }
    inTransaction(() => setMeta("format", migrations[at](db)));
  }
}

/**
 * Rows at the end that are not what was written go: a machine that lost its power may leave such. A picture is needed
 * whole, so nothing of it is ever cut.
 */
function cutTail() {
  const lastRow = db.prepare("SELECT row, crc, bytes FROM log WHERE row > ? ORDER BY row DESC LIMIT 1");
  const deleteRow = db.prepare("DELETE FROM log WHERE row = ?");
  let cutRows = 0;
  let cutBytes = 0;
  for (;;) {
    const last = lastRow.get(meta("picture_end") ?? 0);
    if (last === undefined || isWhole(last)) return { cutRows, cutBytes };
    deleteRow.run(last.row);
    cutRows++;
    cutBytes += last.bytes.length;
  }
}

function isWhole({ crc, bytes }) {
  return crc32(bytes) === crc;
}

function write({ row, bytes }) {
  insertRow.run(row, crc32(bytes), bytes);
}

function read({ after, to }) {
  const parts = [];
  let joinedBytes = 0;
  let last = 0;
  while (joinedBytes < readBytes) {
    const found = nextRow.get(last === 0 ? after : last, to);
    if (found === undefined) break;
    if (!isWhole(found))
      throw new Refusal("JOURNAL_CORRUPT", `row ${found.row} is damaged, and what was kept makes no sense without it`);
    parts.push(found.bytes);
    joinedBytes += found.bytes.length;
    last = found.row;
  }
  if (parts.length === 1) return { last, bytes: parts[0] };
  const bytes = new Uint8Array(joinedBytes);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return { last, bytes };
}

function beginPicture({ from, to }) {
  inTransaction(() => {
    deletePicture();
    setMeta("picture_from", from);
    setMeta("picture_to", to);
  });
}

function endPicture() {
  inTransaction(() => {
    const { end } = db
      .prepare("SELECT coalesce(max(row), 0) AS end FROM log WHERE row >= ? AND row < ?")
      .get(meta("picture_from"), meta("picture_to"));
    db.prepare("DELETE FROM log WHERE row < ?").run(meta("picture_from"));
    setMeta("picture_end", end);
    forgetPicture();
  });
  try {
    db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  } catch {
    // The picture counts already; what is in the way of a checkpoint will be in the way of the next row, and told there.
  }
}

function dropPicture() {
  inTransaction(deletePicture);
}

/** What there is of a picture that was not ended. */
function deletePicture() {
  if (meta("picture_from") === undefined) return;
  db.prepare("DELETE FROM log WHERE row >= ? AND row < ?").run(meta("picture_from"), meta("picture_to"));
  forgetPicture();
}

function forgetPicture() {
  db.exec("DELETE FROM meta WHERE key IN ('picture_from', 'picture_to')");
}

function limitPages({ pages }) {
  db.exec(`PRAGMA max_page_count = ${pages}`);
}

function close() {
  try {
    setMeta("closed", 1);
  } finally {
    db.close();
  }
}

function meta(key) {
  return db.prepare("SELECT value FROM meta WHERE key = ?").get(key)?.value;
}

function setMeta(key, value) {
  db.prepare("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)").run(key, value);
}

function inTransaction(work) {
  db.exec("BEGIN IMMEDIATE");
  try {
    work();
    db.exec("COMMIT");
  } catch (error) {
    try {
      db.exec("ROLLBACK");
    } catch {
      // A full disk may have rolled it back already.
    }
    throw error;
  }
}
