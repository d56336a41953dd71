/**
 * `npm run bench`: measures, compares with the references of the same run, and says of every goal whether it is met.
 * Owns which measurements run, in what order, and that all of it ends.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ensureBuilt } from "../bin/ensure-built.js";
import { judge, type Reading } from "./figures.ts";
import { type Lab, openLab } from "./lab.ts";
import { actor } from "./measurements/actor.ts";
import { checkpoints } from "./measurements/checkpoints.ts";
import { journal } from "./measurements/journal.ts";
import { largeResult } from "./measurements/large-result.ts";
import type { Measurement } from "./measurements/measurement.ts";
import { pageClient } from "./measurements/page-client.ts";
import { pipe } from "./measurements/pipe.ts";
import { putGet } from "./measurements/put-get.ts";
import { restart } from "./measurements/restart.ts";
import { scheduler } from "./measurements/scheduler.ts";
import { taskRoundTrip, tasks, tasksAtOnce } from "./measurements/tasks.ts";
import { commitOf, jsonOf, type Report, tableOf, thisMachine } from "./report.ts";
import { within } from "./within.ts";

const measurements: readonly Measurement[] = [
  pipe,
  tasks,
  tasksAtOnce,
  pageClient,
  taskRoundTrip,
  actor,
  checkpoints,
  journal,
  restart,
  largeResult,
  putGet,
  scheduler,
];

const help = `npm run bench -- [options]

  --only NAME     run this measurement and those it is compared with; again for more:
                  ${measurements.map(({ name }) => name).join(", ")}
  --seconds N     stop each repetition of a rate after N seconds, done or not (10)
  --json          print JSON instead of the table
  --help

A run of everything also writes bench/results/latest.json. The exit code is 1 when something could not be measured or gave
a wrong result; a goal that is missed is reported and changes nothing.
`;

const tabs = 2;
/** No measurement may take longer, whatever hangs. */
const measurementMs = 120_000;
/** Nor the whole of it. */
const totalMs = 900_000;
const root = join(import.meta.dirname, "..");
const resultsFile = join(import.meta.dirname, "results/latest.json");

interface Options {
  readonly only: readonly string[];
  readonly limitSeconds: number;
  readonly isJson: boolean;
}

function readOptions(): Options | undefined {
  const { values } = parseArgs({
    options: {
      only: { type: "string", multiple: true },
      seconds: { type: "string", default: "10" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return undefined;
  const limitSeconds = Number(values.seconds);
  if (!(limitSeconds > 0)) throw new TypeError(`--seconds takes a number above 0, not "${values.seconds}"`);
  const only = values.only ?? [];
  const unknown = only.find((wanted) => !measurements.some(({ name }) => name === wanted));
  if (unknown !== undefined) throw new TypeError(`There is no measurement "${unknown}"`);
  return { only, limitSeconds, isJson: values.json };
}

/** Those asked for and, since every ratio is of one run, those that measure their references. */
function choose(only: readonly string[]): readonly Measurement[] {
  if (only.length === 0) return measurements;
  const chosen = new Set<Measurement>();
  const add = (measurement: Measurement): void => {
    if (chosen.has(measurement)) return;
    chosen.add(measurement);
    for (const { reference } of measurement.figures) {
      for (const wanted of [reference ?? []].flat()) {
        const of = measurements.find(({ figures }) => figures.some(({ name }) => name === wanted));
        if (of !== undefined) add(of);
      }
    }
  };
  for (const measurement of measurements) if (only.includes(measurement.name)) add(measurement);
  return measurements.filter((measurement) => chosen.has(measurement));
}

async function measure({ only, limitSeconds }: Options): Promise<Report> {
  const machine = thisMachine();
  const startedAt = new Date();
  const readings: Record<string, Reading> = {};
  const problems: Record<string, string> = {};
  const chosen = choose(only);
  let opening: Promise<Lab> | undefined;
  const closeLab = async (): Promise<void> => {
    const lab = opening;
    opening = undefined;
    await lab?.then(
      (opened) => opened.close(),
      () => {},
    );
  };
  const surroundings = { limitMs: limitSeconds * 1_000, lab: () => (opening ??= openLab({ tabs })) };
  for (const measurement of chosen) {
    process.stderr.write(`${measurement.name} … `);
    const begin = performance.now();
    try {
      Object.assign(
        readings,
        await within(measurementMs, measurement.run(surroundings), `Measuring ${measurement.name}`),
      );
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      process.stderr.write(`FAILED: ${why} `);
      for (const { name } of measurement.figures) problems[name] = why;
      // What is left of it must not spoil the next.
      await closeLab();
    }
    process.stderr.write(`${((performance.now() - begin) / 1_000).toFixed(1)} s\n`);
  }
  await closeLab();
  return {
    date: startedAt.toISOString(),
    ...commitOf(root),
    machine,
    limitSeconds,
    tookSeconds: (Date.now() - startedAt.getTime()) / 1_000,
    figures: judge(
      chosen.flatMap(({ figures }) => figures),
      readings,
      problems,
    ),
  };
}

async function main(): Promise<number> {
  let options: Options | undefined;
  try {
    options = readOptions();
  } catch (error) {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n\n${help}`);
    return 2;
  }
  if (options === undefined) {
    process.stdout.write(help);
    return 0;
  }
  ensureBuilt();
  const report = await within(totalMs, measure(options), "The benchmark");
  if (options.only.length === 0) {
    mkdirSync(join(resultsFile, ".."), { recursive: true });
    writeFileSync(resultsFile, jsonOf(report));
  }
  process.stdout.write(options.isJson ? jsonOf(report) : `\n${tableOf(report)}\n`);
  return report.figures.some(({ type }) => type === "failed") ? 1 : 0;
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
