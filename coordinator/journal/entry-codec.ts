/**
 * Journal entries as bytes, one behind the other: rows of entries may be joined and are still rows of entries. A schema
 * here is the encoder and the checking decoder of a type that the scheduler and the port write out by hand; the compiler
 * proves that nothing of them is forgotten. The bounds are wide: what is journalled came in by a door with bounds of its
 * own, and what was written must be readable. Knows nothing about where the bytes are kept.
 */
import type { SessionId } from "../../protocol/ids.ts";
import { outcomeSchema } from "../../protocol/messages.ts";
import {
  actorIdSchema,
  actorSpecSchema,
  attemptIds,
  attemptIdSchema,
  failureSchema,
  functionIdSchema,
  jobIdSchema,
  objectIds,
  objectIdSchema,
  specSchema,
  submissionSchema,
  taskIdSchema,
  valueSchema,
  workerIdSchema,
} from "../../protocol/nouns.ts";
import {
  bytes,
  choice,
  count,
  flag,
  list,
  optional,
  Reader,
  real,
  record,
  type Schema,
  text,
  type TypeOf,
  union,
} from "../../protocol/schema.ts";
import type { SchedulerEvent } from "../scheduler/events.ts";
import type { JournalEntry } from "./journal.ts";

/** What the bytes mean. Another number for any change of a schema that is named here, variants' order included. */
export const entryFormat = 1;

const anyBytes = bytes(2 ** 31);
const anyText = text(2 ** 31);
const many = 2 ** 31;
// Within the bounds of a session's own door any text is its id.
const sessionIdSchema = anyText as Schema<SessionId>;

/** As `dictionary`, without its bounds: a hello counts characters where a message counts bytes. */
function anyDictionary<T>(item: Schema<T>): Schema<Readonly<Record<string, T>>> {
  const pairs = list(record({ name: anyText, value: item }) as Schema<{ name: string; value: T }>, many);
  return {
    write: (value, out) =>
      pairs.write(
        Object.entries(value).map(([name, value]) => ({ name, value })),
        out,
      ),
    read: (input) => Object.fromEntries(pairs.read(input).map(({ name, value }) => [name, value])),
  };
}

const by = union({
  client: { jobId: jobIdSchema },
  attempt: { workerId: workerIdSchema, attemptId: attemptIdSchema },
});
const at = real;
const activation = { at, workerId: workerIdSchema, actorId: actorIdSchema, epoch: count } as const;
const attempt = { at, workerId: workerIdSchema, attemptId: attemptIdSchema } as const;

const eventSchema = union({
  "tasks-submitted": { at, by, spec: specSchema, tasks: list(submissionSchema, many) },
  "attempts-ended": { at, workerId: workerIdSchema, items: list(outcomeSchema, many) },
  "attempts-started": { at, workerId: workerIdSchema, attemptIds },
  "attempts-returned": { at, workerId: workerIdSchema, attemptIds },
  "attempt-blocked": attempt,
  "attempt-unblocked": attempt,
  "item-produced": { ...attempt, index: count, value: valueSchema },
  "items-consumed": { at, by, id: taskIdSchema, taken: count },
  "value-put": { at, by, id: objectIdSchema, value: valueSchema },
  "objects-wanted": { at, by, ids: objectIds, values: flag },
  "objects-held": { at, by, ids: objectIds },
  "objects-released": { at, by, ids: objectIds },
  "objects-freed": { at, by, ids: objectIds },
  "objects-lost": { at, ids: objectIds },
  "cancel-asked": { at, by, id: taskIdSchema, force: flag, recursive: flag },
  "kill-asked": { at, by, actorId: actorIdSchema, restart: flag },
  "actor-created": { at, by, spec: actorSpecSchema, creation: submissionSchema },
  "actor-started": activation,
  "actor-ended": { ...activation, failure: optional(failureSchema), crashed: flag },
  "actor-checkpointed": {
    ...activation,
    number: count,
    state: valueSchema,
    outcomes: list(outcomeSchema, many),
    included: attemptIds,
  },
  "actor-released": activation,
  "job-opened": { at, jobId: jobIdSchema, name: anyText, namespace: anyText },
  "job-closed": { at, jobId: jobIdSchema },
  "worker-joined": {
    at,
    workerId: workerIdSchema,
    name: anyText,
    threads: count,
    labels: anyDictionary(anyText),
    offer: record({ gpus: real, memoryBytes: real, custom: anyDictionary(real) }),
  },
  "worker-away": { at, workerId: workerIdSchema },
  "worker-back": { at, workerId: workerIdSchema },
  "worker-left": { at, workerId: workerIdSchema, how: choice(["planned", "goodbye", "lost"]) },
  "worker-holding": {
    at,
    workerId: workerIdSchema,
    attemptIds,
    actors: list(record({ actorId: actorIdSchema, epoch: count }), many),
    suspendedMs: count,
    complete: flag,
  },
  "capacity-changed": { at, workerId: workerIdSchema, threads: count },
  "coordinator-restarted": { at },
  "time-passed": { at },
});

const writtenSchema = union({
  events: { events: list<SchedulerEvent>(eventSchema, many) },
  "function-defined": { functionId: functionIdSchema, jobId: jobIdSchema, bytes: optional(anyBytes) },
  "session-opened": {
    sessionId: sessionIdSchema,
    resumeKey: anyText,
    owner: union({ client: { jobId: jobIdSchema }, worker: { workerId: workerIdSchema } }),
    retainMs: real,
  },
  "session-closed": { sessionId: sessionIdSchema },
  received: { sessionId: sessionIdSchema, received: count },
  "scheduler-state": { bytes: anyBytes },
});

/** The port names `bytes` always, a schema only where there are some. */
type AsWritten = Exclude<JournalEntry, Defined> | (Omit<Defined, "bytes"> & Partial<Pick<Defined, "bytes">>);
type Defined = Extract<JournalEntry, { type: "function-defined" }>;

/** The variants of one union that are not, member by member and optional ones included, those of the other. */
type Differing<A extends { type: string }, B extends { type: string }> = {
  [T in A["type"] | B["type"]]: Same<Plain<Extract<A, { type: T }>>, Plain<Extract<B, { type: T }>>> extends true
    ? never
    : T;
}[A["type"] | B["type"]];
type Plain<T> = { [K in keyof T]: T[K] };
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
type Nothing<T extends never> = T;
/** Compiles when every event and every entry has a schema that says the same. */
export type Forgotten = [
  Nothing<Differing<TypeOf<typeof eventSchema>, SchedulerEvent>>,
  Nothing<Differing<TypeOf<typeof writtenSchema>, AsWritten>>,
];

export const entrySchema: Schema<JournalEntry> = {
  write: (entry, out) => writtenSchema.write(entry, out),
  read(input) {
    const entry = writtenSchema.read(input);
    return entry.type === "function-defined" ? { ...entry, bytes: entry.bytes } : entry;
  },
};

/** All entries of a row, or of several. Throws ProtocolError, and gives nothing, where one cannot be read. */
export function readEntries(row: Uint8Array<ArrayBuffer>): JournalEntry[] {
  const input = new Reader(new Row(row.buffer, row.byteOffset, row.length));
  const entries: JournalEntry[] = [];
  while (input.remaining > 0) entries.push(entrySchema.read(input));
  return entries;
}

/** Parts of it are copies: an argument of twenty bytes that waits for hours does not keep a megabyte of others. */
class Row extends Uint8Array {
  override subarray(start = 0, end = this.length): Uint8Array<ArrayBuffer> {
    const part = new Uint8Array(end - start);
    if (part.length < 64) for (let i = 0; i < part.length; i++) part[i] = this[start + i] ?? 0;
    else part.set(super.subarray(start, end));
    return part;
  }
}
