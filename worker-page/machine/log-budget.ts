/**
 * How many lines an attempt may still log this second. Lines over it are counted, and the count is said when the second
 * is over or the attempt ends.
 */
import type { AttemptId } from "../../protocol/ids.ts";
import { limits } from "../../protocol/limits.ts";
import type { LogLine } from "../../protocol/nouns.ts";
import { clip } from "./clip.ts";

export interface LogBudget {
  readonly linesPerSecond: number;
  secondBegan: number;
  said: number;
  dropped: number;
}

export function newLogBudget(at: number, linesPerSecond: number = limits.logLinesPerSecond): LogBudget {
  return { linesPerSecond, secondBegan: at, said: 0, dropped: 0 };
}

/** The lines that may be sent now for one more line of `line.attemptId`. */
export function admitLine(budget: LogBudget, line: LogLine, at: number): readonly LogLine[] {
  const admitted = at - budget.secondBegan >= 1_000 ? droppedLine(budget, line.attemptId) : [];
  if (at - budget.secondBegan >= 1_000) {
    budget.secondBegan = at;
    budget.said = 0;
  }
  if (budget.said >= budget.linesPerSecond) {
    budget.dropped++;
    return admitted;
  }
  budget.said++;
  return [...admitted, { ...line, text: clip(line.text, limits.logLineBytes) }];
}

/** Says once how many were dropped, if any. */
export function droppedLine(budget: LogBudget, attemptId: AttemptId): readonly LogLine[] {
  const { dropped, linesPerSecond } = budget;
  if (dropped === 0) return [];
  budget.dropped = 0;
  return [{ attemptId, level: "warn", text: `${dropped} lines dropped: over ${linesPerSecond} lines a second` }];
}
