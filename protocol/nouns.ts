/**
 * The nouns that travel inside messages: what a task asks for, what a value is, what a failure says. Each schema is
 * also the type. Knows nothing about who sends them when.
 */
import { errorCodes } from "./errors.ts";
import type { ActorId, AttemptId, Brand, FunctionId, JobId, ObjectId, TaskId, WorkerId } from "./ids.ts";
import { limits } from "./limits.ts";
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
  type RecordOf,
  type Schema,
  text,
  type TypeOf,
  union,
} from "./schema.ts";

function id<Id extends Brand<string>>(): Schema<Id> {
  // The brand is minted here: within the limits any text is an id, and one that names nothing is refused where it is looked up.
  return text(limits.idLength) as Schema<Id>;
}
export const jobIdSchema = id<JobId>();
export const taskIdSchema = id<TaskId>();
export const actorIdSchema = id<ActorId>();
export const attemptIdSchema = id<AttemptId>();
export const objectIdSchema = id<ObjectId>();
export const workerIdSchema = id<WorkerId>();
export const functionIdSchema = id<FunctionId>();
export const name = text(limits.nameLength);
/** What a person reads: an error's message, a line of log. */
export const prose = text(limits.inlineValueBytes);

const many = 1_000_000;
export const objectIds = list(objectIdSchema, many);
export const attemptIds = list(attemptIdSchema, many);

/** Resources asked for or offered. `cpus` counts threads. */
export const demandSchema = record({
  cpus: real,
  gpus: real,
  memoryBytes: real,
  custom: dictionary(real, 64),
});
export type Demand = TypeOf<typeof demandSchema>;

/** All must match a worker's labels; any of the listed values will do. */
export const labelsSchema = dictionary(list(name, 64), 64);
export type LabelSelector = TypeOf<typeof labelsSchema>;

export const placementSchema = union({
  default: {},
  spread: {},
  worker: { workerId: workerIdSchema, soft: flag },
});
export type Placement = TypeOf<typeof placementSchema>;

/** Which of the user's own errors are retried: all, or those with these names. */
export const retryErrorsSchema = union({ none: {}, all: {}, named: { names: list(name, 64) } });
export type RetryErrors = TypeOf<typeof retryErrorsSchema>;

const shared = {
  name,
  kind: choice(["value", "tuple", "generator"]),
  /** How many values there are: 1, or as many as the array of a "tuple" has. */
  returns: count,
  retryErrors: retryErrorsSchema,
  timeoutMs: optional(count),
  /** A generator is never more than this many items ahead of its consumer. */
  backpressure: optional(count),
} as const;

/** What many tasks have in common; sent once for all of them. */
export const specSchema = union({
  task: {
    ...shared,
    functionId: functionIdSchema,
    demand: demandSchema,
    /** Absent: no limit. */
    maxRetries: optional(count),
    priority: real,
    placement: placementSchema,
    labels: labelsSchema,
    unschedulableMs: optional(count),
  },
  call: {
    ...shared,
    actorId: actorIdSchema,
    method: name,
    /** Absent: no limit. The actor's own where the call did not say. */
    maxRetries: optional(count),
    concurrencyGroup: optional(name),
  },
});
export type Spec = TypeOf<typeof specSchema>;
export type TaskSpec = Extract<Spec, { type: "task" }>;
export type CallSpec = Extract<Spec, { type: "call" }>;

export const submissionSchema = record({
  id: taskIdSchema,
  args: bytes(limits.messageBytes),
  /** Refs that are arguments themselves: they become values before the task starts. */
  inputs: objectIds,
  /** Refs inside values: kept alive, not resolved. */
  holds: objectIds,
});
export type Submission = TypeOf<typeof submissionSchema>;

export const checkpointPolicySchema = union({
  call: {},
  rhythm: { everyCalls: optional(count), everyMs: optional(count) },
  manual: {},
  off: {},
});
export type CheckpointPolicy = TypeOf<typeof checkpointPolicySchema>;

export const actorSpecSchema = record({
  functionId: functionIdSchema,
  className: name,
  name: optional(name),
  namespace: name,
  getIfExists: flag,
  detached: flag,
  /** Held while it lives. */
  demand: demandSchema,
  maxConcurrency: count,
  concurrencyGroups: dictionary(count, 64),
  /** Absent: no limit. */
  maxRestarts: optional(count),
  /** For the calls in progress when it is lost. Absent: no limit. */
  maxTaskRetries: optional(count),
  checkpoint: checkpointPolicySchema,
  placement: placementSchema,
  labels: labelsSchema,
  /** Public methods, so that a handle looked up by name knows generators from the rest. */
  methods: list(record({ name, generator: flag, required: count }), 1_000),
});
export type ActorSpec = TypeOf<typeof actorSpecSchema>;

/** A value on its way: the bytes, or the news that they are at the coordinator to be fetched over HTTP. */
export const valueSchema = union({
  inline: { bytes: bytes(limits.messageBytes), refs: objectIds },
  stored: { sizeBytes: count, refs: objectIds },
});
export type Value = TypeOf<typeof valueSchema>;

type FailureFields = RecordOf<typeof failureFields>;
/** `error` is the user's own error as a payload; `because` the failure of the input that stopped this task. */
export type Failure = FailureFields & { readonly because?: Failure | undefined };
const failureFields = {
  code: choice(errorCodes),
  message: prose,
  taskName: optional(name),
  workerId: optional(workerIdSchema),
  actorId: optional(actorIdSchema),
  path: optional(prose),
  /** The name of the user's error, for `retryExceptions`. */
  errorName: optional(name),
  error: optional(bytes(limits.messageBytes)),
} as const;
export const failureSchema: Schema<Failure> = nested(() =>
  record({ ...failureFields, because: optional(failureSchema) }),
);

export function failure(code: Failure["code"], message: string, more: Partial<Failure> = {}): Failure {
  return { code, message, ...more };
}

export const logLevels = ["debug", "info", "warn", "error"] as const;
export const logLineSchema = record({
  attemptId: attemptIdSchema,
  level: choice(logLevels),
  text: text(limits.logLineBytes + 64),
});
export type LogLine = TypeOf<typeof logLineSchema>;
