/** `tsx test/chaos/main.ts`: reads its arguments, runs the chaos and says what it found. */
import { writeFileSync } from "node:fs";
import { readArgs, untilStopped, UsageError, wholeNumber } from "../../bin/usage.ts";
import { ensureBuilt } from "../support/built.ts";
import { runChaos } from "./run.ts";
import { drawSchedule, type FaultKind, faultKinds } from "./schedule.ts";
import { isSound, markdown } from "./summary.ts";

const help = `chaos: a grid at work while everything around it fails

  --minutes N     how long faults come (10); fractions are fine
  --seed S        which faults come when (1). The same seed and size draw the same faults at the same times; what
                  the world makes of them differs from run to run
  --browsers N    Chromium processes (3)
  --tabs N        tabs in each (2)
  --settle N      seconds that everything may take to end after the last fault (120)
  --only A,B      only these kinds of fault: ${faultKinds.join(", ")}
  --plan          prints the faults and does nothing
  --json FILE     writes the summary as JSON
  --report FILE   writes the summary as Markdown

It ends with code 0 if nothing was lost, doubled, wrong or out of order, and with 1 otherwise.
`;

process.exitCode = await main();
// The SDK and the relays hold nothing that matters any more.
process.exit();

async function main(): Promise<number> {
  try {
    return await chaos(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n\n${error.help}`);
    return 2;
  }
}

async function chaos(args: readonly string[]): Promise<number> {
  const text = { type: "string" } as const;
  const parsed = readArgs(
    args,
    {
      minutes: text,
      seed: text,
      browsers: text,
      tabs: text,
      settle: text,
      only: text,
      plan: { type: "boolean" },
      json: text,
      report: text,
    },
    help,
  );
  if (parsed === undefined) return 0;
  const { values } = parsed;
  const minutes = Number(values.minutes ?? "10");
  if (!(minutes > 0)) throw new UsageError(`--minutes takes a number above 0, not "${values.minutes}"`, help);
  const size = {
    seed: wholeNumber(values.seed ?? "1", "--seed", 0, help),
    minutes,
    browsers: wholeNumber(values.browsers ?? "3", "--browsers", 1, help),
    tabs: wholeNumber(values.tabs ?? "2", "--tabs", 1, help),
    settleMs: wholeNumber(values.settle ?? "120", "--settle", 1, help) * 1_000,
    ...(values.only !== undefined && { kinds: readKinds(values.only) }),
  };
  if (values.plan === true) {
    for (const fault of drawSchedule(size.seed, { ...size, clients: 2, totalMs: minutes * 60_000 })) {
      process.stdout.write(`${JSON.stringify(fault)}\n`);
    }
    return 0;
  }

  ensureBuilt();
  const stopping = new AbortController();
  void untilStopped().then(() => stopping.abort(new Error("stopped")));
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  try {
    const summary = await runChaos({ ...size, signal: stopping.signal, say });
    say(`\n${markdown(summary)}`);
    for (const trouble of summary.troubles) say(`troubled: ${trouble}`);
    if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(summary, undefined, 2)}\n`);
    if (values.report !== undefined) writeFileSync(values.report, markdown(summary));
    if (isSound(summary)) return 0;
    say(
      `FAILED: run it again with --seed ${summary.seed} --minutes ${minutes} --browsers ${size.browsers} --tabs ${size.tabs}`,
    );
    return 1;
  } catch (error) {
    if (stopping.signal.aborted) return 130;
    say(`FAILED with seed ${size.seed}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    return 1;
  }
}

function readKinds(list: string): readonly FaultKind[] {
  return list.split(",").map((name) => {
    const kind = faultKinds.find((known) => known === name);
    if (kind === undefined) throw new UsageError(`--only takes kinds of fault, and "${name}" is none`, help);
    return kind;
  });
}
