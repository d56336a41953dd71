/**
 * What threads say. Reports are believed about attempts that thread was given, and about nothing else: the rest is
 * counted and dropped.
 */
import { limits } from "../../protocol/limits.ts";
import type { LogLine } from "../../protocol/nouns.ts";
import type { ThreadReport } from "./thread-work.ts";
import { actorEnded, actorStarted, endActor } from "./actor-life.ts";
import { takeSaved } from "./commits.ts";
import { assertNever } from "./assert-never.ts";
import type { Attempt } from "./attempts.ts";
import { clip } from "./clip.ts";
import { deliverDone, deliverFailed, deliverProduced } from "./deliveries.ts";
import type { Holdings } from "./holdings.ts";
import { admitLine, newLogBudget } from "./log-budget.ts";
import { takeRetired } from "./retirement.ts";
import { threadCrashed } from "./thread-loss.ts";
import type { ActorThread, BoundThread } from "./threads.ts";

/** Progress is passed on this often; what comes between is dropped, but for the last step. */
const progressMs = 100;
const noteBytes = 1024;
/** Threads keep to the limit and say what they dropped; their seconds begin elsewhere, so one of ours may hold two. */
const mostLinesPerSecond = 2 * limits.logLinesPerSecond;
/** A thread that reports about others' attempts this often is ended. */
const mostForgeries = 100;

export function takeReports(h: Holdings, threadId: number, reports: readonly ThreadReport[]): void {
  for (const report of reports) {
    const thread = h.threads.get(threadId);
    // It may have been ended by what it said just before.
    if (thread === undefined) return;
    if (thread.type === "spare") {
      h.tally.forgeries++;
      continue;
    }
    if (takeReport(h, thread, report)) continue;
    h.tally.forgeries++;
    if (++thread.forgeries >= mostForgeries) threadCrashed(h, thread, "it reported what it was not given");
  }
}

/** False for a forgery. */
function takeReport(h: Holdings, thread: BoundThread, report: ThreadReport): boolean {
  switch (report.type) {
    case "closed":
      threadCrashed(h, thread, "it closed itself");
      return true;
    case "actor-started":
    case "actor-ended":
    case "saved":
    case "retired":
      if (thread.type !== "actors") return false;
      // Of one that is over here, or that it never was given, in which case it is a forgery.
      return takeReportOfActor(h, thread, report) || thread.given.has(report.actorId);
    case "log":
      return takeLines(h, thread, report.lines);
    case "done":
    case "failed":
    case "produced":
    case "began":
    case "blocked":
    case "unblocked":
    case "relay":
    case "progress": {
      const attempt = h.attempts.get(report.attemptId);
      if (attempt === undefined || !thread.held.has(attempt)) return false;
      takeReportOf(h, attempt, report);
      return true;
    }
    default:
      return assertNever(report);
  }
}

type ReportOfActor = Extract<ThreadReport, { type: "actor-started" | "actor-ended" | "saved" | "retired" }>;

function takeReportOfActor(h: Holdings, thread: ActorThread, report: ReportOfActor): boolean {
  switch (report.type) {
    case "actor-started":
      return actorStarted(h, thread, report.actorId, report.epoch);
    case "actor-ended":
      return actorEnded(h, thread, report.actorId, report.epoch, report.failure);
    case "saved":
      return takeSaved(h, thread, report);
    case "retired":
      return takeRetired(h, thread, report);
    default:
      return assertNever(report);
  }
}

type ReportOfAttempt = Exclude<ThreadReport, ReportOfActor | { type: "closed" | "log" }>;

function takeReportOf(h: Holdings, attempt: Attempt, report: ReportOfAttempt): void {
  switch (report.type) {
    case "done":
      h.tally.ranMs += report.ranMs;
      // A creation ends with actor-started, and stays.
      if (attempt.kind !== "creation") deliverDone(h, attempt, report);
      return;
    case "failed":
      h.tally.ranMs += report.ranMs;
      if (attempt.kind === "creation") endActor(h, attempt.actor, report.failure, false);
      else deliverFailed(h, attempt, report.failure, report.ranMs);
      return;
    case "produced":
      deliverProduced(h, attempt, report);
      return;
    case "began":
      if (attempt.kind === "call" && attempt.state.type === "running" && attempt.work.timeoutMs !== undefined) {
        h.deadlines.add(h.at + attempt.work.timeoutMs, { type: "timeout", attempt, trip: attempt.state.trip });
      }
      return;
    case "blocked":
      if (attempt.state.type !== "running") return;
      h.threads.vacate(attempt.state.trip);
      attempt.state = attempt.state.trip.blocked;
      h.outbox.send({ type: "blocked", attemptId: attempt.id });
      return;
    case "unblocked":
      if (attempt.state.type !== "blocked") return;
      h.threads.occupy(attempt.state.trip, 1);
      attempt.state = attempt.state.trip.running;
      h.outbox.send({ type: "unblocked", attemptId: attempt.id });
      return;
    case "relay":
      attempt.hasRelayed = true;
      h.outbox.send({ type: "relay", attemptId: attempt.id, message: report.message });
      return;
    case "progress": {
      const { fraction, note } = report;
      if (h.at - attempt.progressAt < progressMs && fraction < 1) return;
      attempt.progressAt = h.at;
      h.outbox.send({ type: "progress", attemptId: attempt.id, fraction, note: clip(note, noteBytes) });
    }
  }
}

/** Lines may be of several attempts; those of others are forgeries, and none of them is sent. */
function takeLines(h: Holdings, thread: BoundThread, lines: readonly LogLine[]): boolean {
  const admitted: LogLine[] = [];
  let isHonest = true;
  for (const line of lines) {
    const attempt = h.attempts.get(line.attemptId);
    if (attempt === undefined || !thread.held.has(attempt)) {
      isHonest = false;
      continue;
    }
    attempt.logBudget ??= newLogBudget(h.at, mostLinesPerSecond);
    admitted.push(...admitLine(attempt.logBudget, line, h.at));
  }
  for (let from = 0; from < admitted.length; from += linesPerMessage) {
    h.outbox.send({ type: "log", lines: admitted.slice(from, from + linesPerMessage) });
  }
  return isHonest;
}

/** As many as surely fit in a message. */
const linesPerMessage = Math.floor(limits.messageBytes / 2 / (limits.logLineBytes + 1_024));
