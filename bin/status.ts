/** `tabgrid status`: who is there and what runs, from the coordinator's own state. */
import { readArgs, UsageError } from "./usage.ts";

const help = `tabgrid status [URL]: who is there and what runs

  URL             the coordinator (TABGRID_URL, or http://127.0.0.1:7070)
  --token TOKEN   where one is needed (TABGRID_TOKEN)
  --json          as JSON
`;

interface Row {
  readonly [key: string]: unknown;
}

export async function status(args: readonly string[]): Promise<number> {
  const parsed = readArgs(args, { token: { type: "string" }, json: { type: "boolean" } }, help);
  if (parsed === undefined) return 0;
  const given = parsed.positionals[0] ?? process.env["TABGRID_URL"] ?? "http://127.0.0.1:7070";
  if (!URL.canParse(given)) throw new UsageError(`"${given}" is not a URL`, help);
  const token = parsed.values.token ?? process.env["TABGRID_TOKEN"];
  const [workers, jobs, actors] = await Promise.all(
    ["workers", "jobs", "actors"].map((what) => rows(given, what, token)),
  );
  if (workers === undefined || jobs === undefined || actors === undefined) return 1;
  if (parsed.values.json === true) {
    process.stdout.write(`${JSON.stringify({ url: given, workers, jobs, actors })}\n`);
    return 0;
  }
  const threads = workers.reduce((sum, { threads: lent }) => sum + Number(lent), 0);
  process.stdout.write(
    `${given}: ${count(workers.length, "worker")}, ${count(threads, "thread")}, ${count(jobs.length, "job")}, ${count(actors.length, "actor")}\n`,
  );
  table(workers, ["name", "state", "threads", "threadsInUse", "tasksInHand", "tasksDone", "actors"]);
  table(jobs, ["name", "state", "queued", "running", "finished", "failed"]);
  table(actors, ["className", "name", "state", "calls", "pending", "workerId"]);
  if (workers.length === 0) process.stdout.write(`No tab has joined yet: open ${new URL("/worker", given).href}\n`);
  return 0;
}

async function rows(base: string, what: string, token: string | undefined): Promise<Row[]> {
  let response: Response;
  try {
    response = await fetch(new URL(`/api/${what}`, base), {
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(10_000),
    });
  } catch (cause) {
    throw new Error(`Cannot reach ${base}: no coordinator answers there. Start one with \`tabgrid start\``, { cause });
  }
  const body: unknown = await response.json();
  if (!response.ok || !Array.isArray(body))
    throw new Error(`Cannot read the state of ${base}: ${JSON.stringify(body)}`);
  return body as Row[];
}

function count(amount: number, what: string): string {
  return `${amount} ${what}${amount === 1 ? "" : "s"}`;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value ?? "").replaceAll('"', "");
}

function table(data: readonly Row[], columns: readonly string[]): void {
  if (data.length === 0) return;
  const cells = [columns, ...data.map((row) => columns.map((column) => textOf(row[column])))];
  const widths = columns.map((_, i) => Math.max(...cells.map((row) => row[i]?.length ?? 0)));
  process.stdout.write("\n");
  for (const row of cells)
    process.stdout.write(
      `  ${row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join("  ")
        .trimEnd()}\n`,
    );
}
