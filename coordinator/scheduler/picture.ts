/**
 * The format of a picture of the scheduler: parts in an order in which each needs only earlier ones; a chunk is a run of
 * them. Tasks, calls and actors are named by their order of submission. Whatever decides what happens next is in it, in
 * its own order, so that the facts after the picture lead to the same decisions again.
 */
import { checkpointSchema } from "../../protocol/messages.ts";
import type { ObjectId } from "../../protocol/ids.ts";
import { limits } from "../../protocol/limits.ts";
import {
  actorIdSchema,
  actorSpecSchema,
  demandSchema,
  failureSchema,
  functionIdSchema,
  jobIdSchema,
  labelsSchema,
  name,
  placementSchema,
  prose,
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
  dictionary,
  flag,
  list,
  nested,
  optional,
  real,
  record,
  type Schema,
  text,
  type TypeOf,
  union,
} from "../../protocol/schema.ts";

/** A chunk is about this large. */
export const chunkBytes = 4 * 1024 * 1024;
/** Items of a list in one part at most, so that parts stay small. */
export const runLength = 10_000;

const many = 10_000_000;
const orders = list(count, many);
const custom = dictionary(real, 64);
// The brand is minted here: the id of a return is a little longer than what was let in as the id of its task.
const objectId = text(2 * limits.idLength) as Schema<ObjectId>;
const objectIds = list(objectId, many);

export const taskStateSchema = union({
  waiting: { missing: count },
  queued: {},
  /** The attempt follows. */
  running: {},
  finished: {},
  failed: { failure: failureSchema },
  cancelled: {},
});
export const objectStateSchema = union({
  pending: {},
  ready: { value: valueSchema },
  failed: { failure: failureSchema },
  lost: {},
  freed: {},
});
const placed = { workerId: optional(workerIdSchema) };
export const actorStateSchema = union({
  waiting: { missing: count },
  starting: placed,
  alive: { workerId: workerIdSchema },
  restarting: { ...placed, home: optional(workerIdSchema), until: optional(real) },
  dead: { failure: failureSchema },
});

const partSchema = union({
  machine: { at: real, order: count, restarts: count, restartedAt: real, recallAt: real, aheadFrom: real },
  job: {
    id: jobIdSchema,
    name,
    namespace: name,
    openedAt: real,
    submitted: count,
    finished: count,
    failed: count,
    usedMs: real,
    closed: flag,
  },
  worker: {
    id: workerIdSchema,
    name,
    labels: dictionary(name, 64),
    offer: record({ gpus: real, memoryBytes: real, custom }),
    joinedAt: real,
    threads: count,
    link: choice(["connected", "away"]),
    awayUntil: real,
    unheard: flag,
    cpusInUse: real,
    backlogMs: real,
    tasksDone: count,
    busyMs: real,
    suspendedMs: real,
    lastSeenAt: real,
  },
  duration: { functionId: functionIdSchema, ms: real },
  object: { id: objectId, state: objectStateSchema, holders: count },
  /** One that is pending, and that most are. */
  pending: { id: objectId, holders: count },
  actor: {
    id: actorIdSchema,
    spec: actorSpecSchema,
    creation: submissionSchema,
    order: count,
    state: actorStateSchema,
    epoch: count,
    restarts: count,
    made: objectIds,
    calls: count,
    createdAt: real,
    checkpoint: optional(checkpointSchema),
    retiring: flag,
  },
  alias: { asked: actorIdSchema, actor: count },
  spec: { spec: specSchema },
  /** `spec`: its place among the specs. `onRecord` is false for a call that only its actor's log keeps. */
  task: {
    id: taskIdSchema,
    spec: count,
    order: count,
    work: optional(submissionSchema),
    state: taskStateSchema,
    actor: optional(count),
    attempts: count,
    retries: count,
    workersLost: count,
    cancelAsked: flag,
    cancelForced: flag,
    made: optional(objectIds),
    produced: count,
    taken: count,
    submittedAt: real,
    startedAt: real,
    endedAt: real,
    workerId: optional(workerIdSchema),
    onRecord: flag,
  },
  /** A task that is queued for the first time, as a million of them may be. */
  fresh: {
    id: taskIdSchema,
    spec: count,
    order: count,
    actor: optional(count),
    args: bytes(limits.messageBytes),
    inputs: objectIds,
    holds: objectIds,
    submittedAt: real,
  },
  /** `recallable`: sent ahead, and not taken back yet. */
  attempt: {
    task: count,
    workerId: workerIdSchema,
    assignedAt: real,
    ahead: flag,
    recallable: flag,
    blocked: flag,
    estimateMs: real,
  },
  leases: { until: real, tasks: orders },
  /** Who waits for this object. */
  dependents: { id: objectId, items: orders },
  calls: {
    actor: count,
    mailbox: list(record({ caller: text(limits.idLength), calls: orders }), many),
    inFlight: orders,
    log: orders,
    replays: list(record({ call: count, attempt: count }), many),
  },
  residents: { workerId: workerIdSchema, actors: orders },
  homeless: { home: workerIdSchema, actors: orders },
  /** What tasks or actors may be queued in; by their places, the queues follow. */
  class: {
    jobId: jobIdSchema,
    demand: demandSchema,
    priority: real,
    labels: labelsSchema,
    placement: placementSchema,
    alone: flag,
    actors: flag,
  },
  queue: { of: count, items: orders },
  "grace-due": { at: real, workerId: workerIdSchema },
  "home-due": { at: real, actor: count },
  "unschedulable-due": { at: real, task: count, attempts: count },
  ended: {
    id: taskIdSchema,
    jobId: jobIdSchema,
    name,
    state: choice(["finished", "failed", "cancelled"]),
    parent: text(limits.idLength),
    submittedAt: real,
    startedAt: real,
    endedAt: real,
    workerId: optional(text(limits.idLength)),
    attempts: count,
    error: optional(prose),
  },
  /** Nothing follows. */
  end: { turn: optional(jobIdSchema) },
});
export type Part = TypeOf<typeof partSchema>;
export const part = nested(() => partSchema);
