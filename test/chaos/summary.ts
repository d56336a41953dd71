/** What a run found, as data, as lines to read and as Markdown. PURE. */
import { countOf, type Finding, type Forgotten } from "./verdict.ts";

export interface Summary {
  readonly seed: number;
  readonly minutes: number;
  readonly browsers: number;
  /** In each browser. */
  readonly tabs: number;
  readonly clients: number;
  readonly faults: Readonly<
    Record<string, { readonly planned: number; readonly done: number; readonly troubled: number }>
  >;
  readonly troubles: readonly string[];
  /** By workload. */
  readonly acknowledged: Readonly<Record<string, number>>;
  readonly findings: readonly Finding[];
  /** Of the actors with checkpoint "manual" that never ask for one. */
  readonly forgotten: readonly Forgotten[];
  /** What had not ended this long after the last fault is lost. */
  readonly settleMs: number;
  readonly settledMs: number;
  readonly longestGapMs: number;
  /** After the beginning of the schedule. */
  readonly longestGapEndedMs: number;
  readonly restarts: readonly {
    /** From its start to accepting connections. */
    readonly acceptingMs: number;
    /** From accepting connections to the first acknowledgement of each client. */
    readonly wentOnMs: readonly number[];
  }[];
  /** Tabs that did not come back by themselves and were opened anew at the end. */
  readonly tabsHelped: readonly string[];
}

export function isSound({ findings }: Pick<Summary, "findings">): boolean {
  return findings.length === 0;
}

export function markdown(summary: Summary): string {
  const { seed, minutes, browsers, tabs, clients } = summary;
  const faults = Object.entries(summary.faults).map(([kind, { planned, done, troubled }]) => [
    kind,
    String(planned),
    String(done),
    String(troubled),
  ]);
  const lines = [
    `# Chaos, seed ${seed}, ${minutes} minutes`,
    "",
    `${browsers} browsers with ${tabs} tabs each, ${clients} clients. ${isSound(summary) ? "Nothing was lost, doubled or wrong." : "**Something was lost, doubled or wrong.**"}`,
    "",
    ...table(["", "result"], results(summary)),
    "",
    "## Faults",
    "",
    "Troubled: could not be done, or not undone, in the state its target was in.",
    "",
    ...table(["fault", "planned", "done", "troubled"], [...faults, totalOf(faults)]),
    "",
    "## Acknowledged",
    "",
    ...table(
      ["workload", "operations"],
      Object.entries(summary.acknowledged).map(([name, count]) => [name, thousands(count)]),
    ),
  ];
  if (summary.findings.length > 0) {
    lines.push("", "## Findings", "");
    lines.push(...summary.findings.map((finding) => `- ${sentenceOf(finding)}`));
  }
  return `${lines.join("\n")}\n`;
}

export function sentenceOf({ kind, workload, count, what, ids }: Finding): string {
  return `${count} ${kind}, ${workload}: ${what}${ids.length === 0 ? "" : ` (${ids.join(", ")})`}`;
}

function results(summary: Summary): readonly (readonly string[])[] {
  const { findings, restarts, tabsHelped } = summary;
  const total = Object.values(summary.acknowledged).reduce((sum, count) => sum + count, 0);
  const done = Object.values(summary.faults).reduce((sum, fault) => sum + fault.done, 0);
  const sumOf = (what: keyof Forgotten): number => summary.forgotten.reduce((sum, one) => sum + one[what], 0);
  const wentOn = restarts.flatMap(({ wentOnMs }) => wentOnMs);
  return [
    ["faults", String(done)],
    ["operations acknowledged", thousands(total)],
    ["results lost", thousands(countOf(findings, "lost"))],
    ["results doubled", thousands(countOf(findings, "doubled"))],
    ["results wrong", thousands(countOf(findings, "wrong"))],
    ["results out of order", thousands(countOf(findings, "out-of-order"))],
    ['with checkpoint "manual": calls that may or may not have run', thousands(sumOf("mayHaveRun"))],
    ['with checkpoint "manual": began anew, fell back', `${sumOf("beganAnew")}, ${sumOf("fellBack")}`],
    [
      "longest time without an acknowledgement",
      `${seconds(summary.longestGapMs)}, until ${seconds(summary.longestGapEndedMs)} after the beginning`,
    ],
    ["all ended after the last fault", `${seconds(summary.settledMs)} (${seconds(summary.settleMs)} allowed)`],
    ["coordinator killed and restarted", String(restarts.length)],
    ["start to accepting connections", spread(restarts.map(({ acceptingMs }) => acceptingMs))],
    ["accepting to a client's next acknowledgement", spread(wentOn)],
    ["tabs that needed help at the end", tabsHelped.length === 0 ? "none" : tabsHelped.join(", ")],
  ];
}

/** Aligned for people who read it as text. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const widths = head.map((text, i) => Math.max(text.length, 3, ...rows.map((row) => (row[i] ?? "").length)));
  const line = (cells: readonly string[]): string =>
    `| ${widths.map((width, i) => (cells[i] ?? "").padEnd(width)).join(" | ")} |`;
  return [line(head), `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`, ...rows.map(line)];
}

function totalOf(rows: readonly (readonly string[])[]): readonly string[] {
  const sum = (column: number): string => String(rows.reduce((total, row) => total + Number(row[column]), 0));
  return ["all", sum(1), sum(2), sum(3)];
}

function spread(all: readonly number[]): string {
  const sorted = [...all].sort((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)];
  const longest = sorted.at(-1);
  if (median === undefined || longest === undefined) return "none";
  return `median ${seconds(median)}, longest ${seconds(longest)}`;
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(ms < 10_000 ? 2 : 1)} s`;
}

function thousands(count: number): string {
  return count.toLocaleString("en");
}
