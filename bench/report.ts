/** What a run leaves behind: where and when it was, its figures, and the table that people read. */
import { execFileSync } from "node:child_process";
import { arch, cpus, loadavg, platform, release, totalmem } from "node:os";
import type { Figure } from "./figures.ts";

export interface Report {
  readonly date: string;
  readonly commit: string;
  /** There were changes that the commit does not have. */
  readonly isDirty: boolean;
  readonly machine: Machine;
  readonly limitSeconds: number;
  readonly tookSeconds: number;
  readonly figures: readonly Figure[];
}

export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly system: string;
  readonly node: string;
  /** Before the first measurement: what else ran, in processes. */
  readonly loadBefore: number;
}

export function thisMachine(): Machine {
  const processors = cpus();
  return {
    processor: processors[0]?.model ?? "unknown",
    cores: processors.length,
    memoryBytes: totalmem(),
    system: `${platform()} ${release()} ${arch()}`,
    node: process.version,
    loadBefore: loadavg()[0] ?? 0,
  };
}

export function commitOf(root: string): Pick<Report, "commit" | "isDirty"> {
  const git = (...args: string[]): string =>
    execFileSync("git", args, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  try {
    return {
      commit: git("rev-parse", "HEAD"),
      isDirty: git("status", "--porcelain", "--", ".", ":!bench/results") !== "",
    };
  } catch {
    return { commit: "unknown", isDirty: true };
  }
}

/** Five digits of each number, and a list of numbers on one line, which is how oxfmt keeps them. */
export function jsonOf(report: Report): string {
  const short = (_: string, value: unknown): unknown =>
    typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(5)) : value;
  const text = JSON.stringify(report, short, 2);
  return `${text.replaceAll(/\[\s+([-\d.,\se+]+?)\s+\]/g, (_, numbers: string) => `[${numbers.replaceAll(/\s+/g, " ")}]`)}\n`;
}

export function tableOf({ date, commit, isDirty, machine, tookSeconds, figures }: Report): string {
  const { processor, cores, memoryBytes, system, node, loadBefore } = machine;
  const rows = [["figure", "value", "unit", "reference", "ratio", "goal", ""], ...figures.flatMap(rowsOf)];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  const isNumber = new Set([1, 4]);
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) =>
        isNumber.has(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join("  ")
      .trimEnd();
  const notes = figures.flatMap((figure) => {
    if (figure.type === "failed") return [`${figure.name}: NOT MEASURED: ${figure.why}`];
    const spread = figure.samples === undefined ? [] : [`of ${figure.samples.map(inFigures).join(", ")}`];
    const parts = [...spread, ...(figure.note === undefined ? [] : [figure.note])];
    return parts.length === 0 ? [] : [`${figure.name}: ${parts.join("; ")}`];
  });
  return [
    `${date}, ${commit.slice(0, 12)}${isDirty ? " with changes" : ""}, ${tookSeconds.toFixed(0)} s`,
    `${processor}, ${cores} cores, ${Math.round(memoryBytes / 2 ** 30)} GiB, ${system}, Node ${node}, load before ${loadBefore.toFixed(2)}`,
    "",
    ...rows.map(line),
    "",
    ...notes,
    "",
    summaryOf(figures),
  ].join("\n");
}

export function summaryOf(figures: readonly Figure[]): string {
  const goals = figures.flatMap((figure) => figure.goals);
  const count = (isMet: boolean | undefined): number => goals.filter((goal) => goal.isMet === isMet).length;
  const failed = figures.filter((figure) => figure.type === "failed").length;
  return `${count(true)} goals met, ${count(false)} missed, ${count(undefined)} not known; ${figures.length - failed} figures measured, ${failed} not`;
}

/** One row, and one more for each further goal. */
function rowsOf(figure: Figure): string[][] {
  const [first, ...more] = figure.goals;
  const goalCells = (goal: typeof first): string[] => [goal?.text ?? "", goal === undefined ? "" : verdict(goal.isMet)];
  const cells =
    figure.type === "failed"
      ? ["not measured", figure.unit, "", ""]
      : [inFigures(figure.value), figure.unit, figure.reference?.name ?? "", figure.ratio?.toFixed(2) ?? ""];
  return [
    [figure.name, ...cells, ...goalCells(first)],
    ...more.map((goal) => ["", "", "", "", "", ...goalCells(goal)]),
  ];
}

function verdict(isMet: boolean | undefined): string {
  return isMet === undefined ? "not known" : isMet ? "met" : "MISSED";
}

export function inFigures(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString("en-US") : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
