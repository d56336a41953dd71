/**
 * The door for what threads say: user code may have got hold of a thread, so its reports are read as a stranger's. What
 * comes out has the shape and the bounds the coordinator demands, since what it refuses would be held against this worker.
 * Knows nothing about which attempts a thread was given: reports.ts asks that.
 */
import { type AttemptId, isChildOf, taskOfAttempt, type TaskId, taskOfObject } from "../../protocol/ids.ts";
import { type ErrorCode, errorCodes, ProtocolError } from "../../protocol/errors.ts";
import { limits } from "../../protocol/limits.ts";
import { type SubmitterMessage, submitterMessageSchema } from "../../protocol/messages.ts";
import { type Failure, failure, logLevels, type LogLine } from "../../protocol/nouns.ts";
import { Reader, Writer } from "../../protocol/schema.ts";
import { maxTextBytes } from "../../protocol/text.ts";
import { clip } from "./clip.ts";
import type { ThreadReport, ThreadValue } from "./thread-work.ts";

export interface ReadReports {
  readonly reports: readonly ThreadReport[];
  /** What its attempts wanted to say to the grid and may not: each is to hear of it, or it would wait for an answer. */
  readonly refused: readonly RefusedRelay[];
  /** Why something else could not be read, if so: an honest thread never sends such a thing. */
  readonly broken: string | undefined;
}
export interface RefusedRelay {
  readonly attemptId: AttemptId;
  readonly reason: string;
}

/** Below the limit of the wire, so that what clip() leaves surely fits. */
const proseBytes = limits.inlineValueBytes - 1_024;
const failureErrorBytes = 1024 * 1024;
const failureDepth = 16;
const mostReports = 1_000_000;
const mostValues = 10_000;
const noteBytes = 1_000;
/** A relayed message takes its place in a batch with a header around it. */
const relayBytes = limits.messageBytes - 4 * limits.idLength;

export function readReports(said: unknown): ReadReports {
  const reports: ThreadReport[] = [];
  const refused: RefusedRelay[] = [];
  try {
    for (const one of list(said, mostReports)) {
      const report = fields(one);
      if (report["type"] === "relay") readRelay(report, reports, refused);
      else reports.push(readReport(report));
    }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return { reports, refused, broken: error.message };
  }
  return { reports, refused, broken: undefined };
}

type Fields = Readonly<Record<string, unknown>>;

function readRelay({ attemptId, message }: Fields, reports: ThreadReport[], refused: RefusedRelay[]): void {
  const of: AttemptId = id(attemptId);
  try {
    reports.push({ type: "relay", attemptId: of, message: readRelayed(message, of) });
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    refused.push({ attemptId: of, reason: error.message });
  }
}

function readReport(report: Fields): ThreadReport {
  switch (report["type"]) {
    case "done":
      return {
        type: "done",
        attemptId: id(report["attemptId"]),
        values: list(report["values"], mostValues).map(readValue),
        ranMs: duration(report["ranMs"]),
      };
    case "failed":
      return {
        type: "failed",
        attemptId: id(report["attemptId"]),
        failure: readFailure(report["failure"], failureDepth),
        ranMs: duration(report["ranMs"]),
      };
    case "produced":
      return {
        type: "produced",
        attemptId: id(report["attemptId"]),
        index: count(report["index"]),
        value: readValue(report["value"]),
      };
    case "began":
    case "blocked":
    case "unblocked":
      return { type: report["type"], attemptId: id(report["attemptId"]) };
    case "progress":
      return {
        type: "progress",
        attemptId: id(report["attemptId"]),
        fraction: Math.min(1, Math.max(0, number(report["fraction"]))),
        note: clip(text(report["note"]), noteBytes),
      };
    case "log":
      return { type: "log", lines: list(report["lines"], 100_000).map(readLine) };
    case "actor-started":
      return { type: "actor-started", actorId: id(report["actorId"]), epoch: count(report["epoch"]) };
    case "actor-ended": {
      const why = report["failure"];
      return {
        type: "actor-ended",
        actorId: id(report["actorId"]),
        epoch: count(report["epoch"]),
        ...(why !== undefined && { failure: readFailure(why, failureDepth) }),
      };
    }
    case "saved":
      return {
        type: "saved",
        actorId: id(report["actorId"]),
        epoch: count(report["epoch"]),
        number: count(report["number"]),
        state: readValue(report["state"]),
      };
    case "retired":
      return {
        type: "retired",
        actorId: id(report["actorId"]),
        epoch: count(report["epoch"]),
        returned: list(report["returned"], mostReports).map((attemptId) => id(attemptId)),
      };
    case "closed":
      return { type: "closed" };
    default:
      return refuse("a report has no known type");
  }
}

function readValue(said: unknown): ThreadValue {
  const { bytes, refs } = fields(said);
  if (!(bytes instanceof Uint8Array)) return refuse("a value has no bytes");
  return { bytes, refs: list(refs, 1_000_000).map((ref) => id(ref)) };
}

function readFailure(said: unknown, depth: number): Failure {
  const { code, message, taskName, workerId, actorId, path, errorName, error, because } = fields(said);
  if (!errorCodes.includes(code as ErrorCode)) refuse("a failure has no known code");
  return failure(code as ErrorCode, clip(text(message), proseBytes), {
    ...(taskName !== undefined && { taskName: clip(text(taskName), limits.nameLength) }),
    ...(workerId !== undefined && { workerId: id(workerId) }),
    ...(actorId !== undefined && { actorId: id(actorId) }),
    ...(path !== undefined && { path: clip(text(path), proseBytes) }),
    ...(errorName !== undefined && { errorName: clip(text(errorName), limits.nameLength) }),
    // A user's error too large to travel is told by its message.
    ...(error instanceof Uint8Array && error.length <= failureErrorBytes && { error }),
    ...(because !== undefined && depth > 0 && { because: readFailure(because, depth - 1) }),
  });
}

function readLine(said: unknown): LogLine {
  const { attemptId, level, text: line } = fields(said);
  const known = logLevels.find((one) => one === level);
  return { attemptId: id(attemptId), level: known ?? refuse("a line has no known level"), text: text(line) };
}

/** Written and read again as the coordinator would: what comes back is what it would see, or what it would refuse. */
function readRelayed(said: unknown, attemptId: AttemptId): SubmitterMessage {
  const out = new Writer(512);
  try {
    submitterMessageSchema.write(said as SubmitterMessage, out);
  } catch (error) {
    refuse(`a message cannot be written: ${String(error)}`);
  }
  if (out.at > relayBytes) refuse(`a message of ${out.at} bytes is over the limit ${relayBytes}`);
  const message = submitterMessageSchema.read(new Reader(out.bytes.subarray(0, out.at)));
  const parent = taskOfAttempt(attemptId);
  for (const made of madeBy(message))
    if (!isChildOf(made, parent)) refuse(`"${made}" is not for "${attemptId}" to make`);
  return message;
}

/** The ids that the message brings into being. */
function madeBy(message: SubmitterMessage): readonly TaskId[] {
  if (message.type === "submit") return message.tasks.map((task) => task.id);
  if (message.type === "create-actor") return [message.creation.id];
  return message.type === "put" ? [taskOfObject(message.id)] : [];
}

function fields(said: unknown): Fields {
  if (typeof said !== "object" || said === null) refuse("a report is no record");
  return said as Fields;
}

function list(said: unknown, most: number): readonly unknown[] {
  if (!Array.isArray(said) || said.length > most) refuse(`a list is none, or longer than ${most}`);
  return said as readonly unknown[];
}

/** The brand is minted here, as in the schemas: any short text is an id until it is looked up. */
function id<Id extends string>(said: unknown): Id {
  if (typeof said !== "string" || !isShort(said)) refuse("an id is no short text");
  return said as Id;
}

/** The limit counts bytes, and ids of the grid are ASCII. */
function isShort(text: string): boolean {
  return maxTextBytes(text) <= limits.idLength || (text.length <= limits.idLength && /^[ -~]*$/.test(text));
}

function text(said: unknown): string {
  return typeof said === "string" ? said : refuse("a text is none");
}

function number(said: unknown): number {
  return typeof said === "number" && Number.isFinite(said) ? said : refuse("a number is none");
}

function count(said: unknown): number {
  return typeof said === "number" && Number.isSafeInteger(said) && said >= 0 ? said : refuse("a count is none");
}

function duration(said: unknown): number {
  return Math.max(0, number(said));
}

function refuse(reason: string): never {
  throw new ProtocolError(`Cannot take report: ${reason}`);
}
