/** Appends to the journal in the folder it is given until it is killed, and prints each position that is kept. */
import { setTimeout } from "node:timers/promises";
import { sqliteJournal } from "../../../coordinator/journal/sqlite-journal.ts";

const [folder = ""] = process.argv.slice(2);
const journal = await sqliteJournal(folder, { version: "1.0.0" });
journal.onKept = (kept) => process.stdout.write(`${kept}\n`);
for (let at = 1; ; at++) {
  journal.append({ type: "events", events: [{ type: "time-passed", at }] });
  if (at % 3 === 0) await setTimeout(1);
}
