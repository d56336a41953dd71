/**
 * Everything that is said, by whom and to whom. A schema here is the message's type, its encoder and its checking
 * decoder. Knows nothing about sessions, sequence numbers or what anyone does on receipt.
 */
import { limits } from "./limits.ts";
import {
  actorIdSchema,
  actorSpecSchema,
  attemptIds,
  attemptIdSchema,
  demandSchema,
  failureSchema,
  functionIdSchema,
  jobIdSchema,
  logLineSchema,
  name,
  objectIds,
  objectIdSchema,
  prose,
  specSchema,
  submissionSchema,
  taskIdSchema,
  valueSchema,
} from "./nouns.ts";
import { bytes, choice, count, flag, list, optional, real, record, text, type TypeOf, union } from "./schema.ts";
import { errorCodes } from "./errors.ts";

const batch = 1_000_000;
const json = text(limits.messageBytes);

// ---------------------------------------------------------------------------------------------- submitters
// A submitter is a client, or a task or call that runs on a worker.

const submitterVariants = {
  /** Makes a function or class known. Absent bytes: they were uploaded over HTTP. */
  define: { functionId: functionIdSchema, bytes: optional(bytes(limits.messageBytes)) },
  submit: { spec: specSchema, tasks: list(submissionSchema, batch) },
  "create-actor": { spec: actorSpecSchema, creation: submissionSchema },
  put: { id: objectIdSchema, value: valueSchema },
  /** Tell me when these are ready, with their values or without. One answer for each. */
  want: { ids: objectIds, values: flag },
  /** I found these refs inside a value and keep them. Once for each until released. */
  hold: { ids: objectIds },
  /** My last handle on these is gone. What I submitted I hold without saying so. */
  release: { ids: objectIds },
  free: { ids: objectIds },
  cancel: { id: taskIdSchema, force: flag, recursive: flag },
  kill: { actorId: actorIdSchema, restart: flag },
  /** I have taken this many items of the generator. */
  consume: { id: taskIdSchema, taken: count },
  "find-actor": { request: count, name, namespace: name },
  query: { request: count, what: name, parameters: json },
} as const;
export const submitterMessageSchema = union(submitterVariants);
export type SubmitterMessage = TypeOf<typeof submitterMessageSchema>;

const toSubmitterVariants = {
  /** Answers `want`. `ended`: a generator that stopped before this item. */
  ready: {
    objects: list(
      union({
        value: { id: objectIdSchema, value: valueSchema },
        failed: { id: objectIdSchema, failure: failureSchema },
        exists: { id: objectIdSchema },
        ended: { id: objectIdSchema },
      }),
      batch,
    ),
  },
  "actor-found": { request: count, actorId: optional(actorIdSchema), spec: optional(actorSpecSchema) },
  /** The actor you named exists already: this one is meant (getIfExists). */
  "actor-is": { asked: actorIdSchema, actorId: actorIdSchema },
  answer: { request: count, json },
  /** A message of yours was refused; nothing came of it. */
  refused: { code: choice(errorCodes), message: prose, about: optional(text(limits.idLength)) },
} as const;
export const toSubmitterMessageSchema = union(toSubmitterVariants);
export type ToSubmitterMessage = TypeOf<typeof toSubmitterMessageSchema>;

// ---------------------------------------------------------------------------------------------- clients

export const clientMessageSchema = union({
  ...submitterVariants,
  /** My clean end: the job's tasks stop and its refs go. */
  "close-job": {},
});
export type ClientMessage = TypeOf<typeof clientMessageSchema>;

export const toClientMessageSchema = union({
  ...toSubmitterVariants,
  log: { lines: list(record({ taskName: name, workerName: name, line: logLineSchema }), batch) },
});
export type ToClientMessage = TypeOf<typeof toClientMessageSchema>;

// ---------------------------------------------------------------------------------------------- workers

export const outcomeSchema = union({
  done: { attemptId: attemptIdSchema, values: list(valueSchema, 10_000), ranMs: real },
  failed: {
    attemptId: attemptIdSchema,
    failure: failureSchema,
    /** The thread died under it: it spends a retry and may not be the user's error. */
    crashed: flag,
    ranMs: real,
  },
});
export type Outcome = TypeOf<typeof outcomeSchema>;

export const workerMessageSchema = union({
  outcomes: { items: list(outcomeSchema, batch) },
  /** One item of a generator. */
  produced: { attemptId: attemptIdSchema, index: count, value: valueSchema },
  /** Began to run now; said of tasks that take a while. */
  started: { attemptIds },
  /** Awaits the grid and holds no thread meanwhile. */
  blocked: { attemptId: attemptIdSchema },
  unblocked: { attemptId: attemptIdSchema },
  /** Given back without having been started. */
  returned: { attemptIds },
  "actor-started": { actorId: actorIdSchema, epoch: count },
  /** `failure` absent: it ended itself. `crashed`: its thread died. */
  "actor-ended": { actorId: actorIdSchema, epoch: count, failure: optional(failureSchema), crashed: flag },
  /**
   * State number `number` of this activation is durable here, and so are the calls it includes: `outcomes` are those
   * nobody has heard of, `included` those that were told before. All of it is true at once or not at all.
   */
  checkpointed: {
    actorId: actorIdSchema,
    epoch: count,
    number: count,
    state: valueSchema,
    outcomes: list(outcomeSchema, batch),
    included: attemptIds,
  },
  /** It has stopped here for good, behind its last checkpoint, and may live elsewhere at once. */
  "actor-released": { actorId: actorIdSchema, epoch: count },
  /**
   * I hold these. `suspendedMs`: how long the tab stood still. `complete`: nothing you sent before is still on its way,
   * so what is not named I do not have.
   */
  holding: {
    attemptIds,
    actors: list(record({ actorId: actorIdSchema, epoch: count }), batch),
    suspendedMs: count,
    complete: flag,
  },
  /** How many threads I lend from now on; 0 while paused. */
  capacity: { threads: count },
  log: { lines: list(logLineSchema, batch) },
  progress: { attemptId: attemptIdSchema, fraction: real, note: text(1024) },
  /** What the task or call says as a submitter. */
  relay: { attemptId: attemptIdSchema, message: submitterMessageSchema },
  signal: { json },
  leave: {},
});
export type WorkerMessage = TypeOf<typeof workerMessageSchema>;

/** An actor's state as it was saved by the activation `epoch`, the `number`th time. */
export const checkpointSchema = record({ epoch: count, number: count, value: valueSchema });
export type Checkpoint = TypeOf<typeof checkpointSchema>;

const assignedTask = record({
  attemptId: attemptIdSchema,
  args: bytes(limits.messageBytes),
  inputs: list(record({ id: objectIdSchema, value: valueSchema }), 100_000),
});
export type AssignedTask = TypeOf<typeof assignedTask>;

/** What a thread must know to run tasks of one spec. */
export const workSchema = record({
  jobId: jobIdSchema,
  namespace: name,
  name,
  kind: choice(["value", "tuple", "generator"]),
  returns: count,
  timeoutMs: optional(count),
  backpressure: optional(count),
});
export type Work = TypeOf<typeof workSchema>;

export const toWorkerMessageSchema = union({
  /** Absent bytes: fetch it over HTTP. Always sent before the first use. */
  define: { functionId: functionIdSchema, bytes: optional(bytes(limits.messageBytes)) },
  /** `quick`: these take about a millisecond or less and may share one trip to the thread. */
  assign: {
    work: workSchema,
    functionId: functionIdSchema,
    demand: demandSchema,
    quick: flag,
    tasks: list(assignedTask, batch),
  },
  "start-actor": {
    actorId: actorIdSchema,
    epoch: count,
    restored: flag,
    work: workSchema,
    spec: actorSpecSchema,
    creation: assignedTask,
    /** What it goes on from, instead of its constructor. A stored state is fetched by its checkpointId. */
    checkpoint: optional(checkpointSchema),
  },
  call: {
    actorId: actorIdSchema,
    epoch: count,
    method: name,
    concurrencyGroup: optional(name),
    work: workSchema,
    tasks: list(assignedTask, batch),
  },
  "stop-actor": { actorId: actorIdSchema, epoch: count },
  /** `force` stops the thread. */
  "cancel-attempts": { attemptIds, force: flag },
  /** Give back those of these that have not started. */
  recall: { attemptIds },
  /** The consumer has taken this many items. */
  consumed: { attemptId: attemptIdSchema, taken: count },
  /** The job is over: its threads, functions and values may go. */
  "forget-job": { jobId: jobIdSchema },
  relay: { attemptId: attemptIdSchema, message: toSubmitterMessageSchema },
  signal: { json },
  refused: { code: choice(errorCodes), message: prose, about: optional(text(limits.idLength)) },
});
export type ToWorkerMessage = TypeOf<typeof toWorkerMessageSchema>;
