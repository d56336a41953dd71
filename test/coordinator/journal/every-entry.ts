/** One entry of every type, with one event of every type: the compiler asks for those that are missing. */
import type { JournalEntry } from "../../../coordinator/journal/journal.ts";
import type { SchedulerEvent, Submitter } from "../../../coordinator/scheduler/events.ts";
import type {
  ActorId,
  AttemptId,
  FunctionId,
  JobId,
  ObjectId,
  SessionId,
  TaskId,
  WorkerId,
} from "../../../protocol/ids.ts";
import type { Outcome } from "../../../protocol/messages.ts";
import { aCallSpec, anActorSpec, aSpec, aSubmission, aValue, objectOf } from "../../simulation/builders.ts";

const at = 1_790_000_000_000.25;
const jobId = "j1" as JobId;
const workerId = "w1" as WorkerId;
const actorId = "j1.9" as ActorId;
const attemptId = "j1.1#2" as AttemptId;
const sessionId = "s1" as SessionId;
const functionId = "f1" as FunctionId;
const client: Submitter = { type: "client", jobId };
const attempt: Submitter = { type: "attempt", workerId, attemptId };
const ids: readonly ObjectId[] = [objectOf("j1.1"), objectOf("j1.2", 3)];
const bytes = Uint8Array.from({ length: 300 }, (_, i) => i % 256);
const activation = { at, workerId, actorId, epoch: 3 } as const;
const outcomes: readonly Outcome[] = [
  { type: "done", attemptId, values: [aValue(), { type: "stored", sizeBytes: 2 ** 40, refs: ids }], ranMs: 0.25 },
  {
    type: "failed",
    attemptId,
    failure: {
      code: "TASK_ERROR",
      message: "größer",
      taskName: "f",
      workerId,
      errorName: "RangeError",
      error: bytes,
      because: { code: "OBJECT_LOST", message: "", because: { code: "WORKER_CRASHED", message: "root" } },
    },
    crashed: true,
    ranMs: 12,
  },
];

type Every<U extends { readonly type: string }> = { readonly [T in U["type"]]: Extract<U, { readonly type: T }> };

const events: Every<SchedulerEvent> = {
  "tasks-submitted": {
    type: "tasks-submitted",
    at,
    by: client,
    spec: aSpec({
      kind: "tuple",
      returns: 2,
      retryErrors: { type: "named", names: ["TypeError"] },
      timeoutMs: 100,
      backpressure: 5,
      priority: -1.5,
      placement: { type: "worker", workerId, soft: true },
      labels: { room: ["12", "13"] },
      demand: { cpus: 0.5, gpus: 1, memoryBytes: 1e9, custom: { scanner: 1 } },
      unschedulableMs: 1_000,
    }),
    tasks: [aSubmission("j1.1"), aSubmission("j1.2", { args: bytes, inputs: ids, holds: ids })],
  },
  "actor-created": {
    type: "actor-created",
    at,
    by: attempt,
    spec: anActorSpec({
      name: "counter",
      maxRestarts: 2,
      concurrencyGroups: { io: 4 },
      checkpoint: { type: "rhythm", everyCalls: 10 },
      methods: [{ name: "add", generator: false, required: 1 }],
    }),
    creation: aSubmission("j1.9", { args: bytes.subarray(3, 20) }),
  },
  "value-put": { type: "value-put", at, by: client, id: objectOf("j1.3"), value: aValue({ bytes, refs: ids }) },
  "objects-wanted": { type: "objects-wanted", at, by: client, ids, values: true },
  "objects-held": { type: "objects-held", at, by: client, ids },
  "objects-released": { type: "objects-released", at, by: attempt, ids: [] },
  "objects-freed": { type: "objects-freed", at, by: client, ids },
  "objects-lost": { type: "objects-lost", at, ids },
  "cancel-asked": { type: "cancel-asked", at, by: client, id: "j1.1" as TaskId, force: true, recursive: false },
  "kill-asked": { type: "kill-asked", at, by: client, actorId, restart: true },
  "items-consumed": { type: "items-consumed", at, by: client, id: "j1.4" as TaskId, taken: 7 },
  "job-opened": { type: "job-opened", at, jobId, name: "ö".repeat(256), namespace: "default" },
  "job-closed": { type: "job-closed", at, jobId },
  "worker-joined": {
    type: "worker-joined",
    at,
    workerId,
    name: "工".repeat(256),
    threads: 4,
    labels: Object.fromEntries(Array.from({ length: 4 }, (_, i) => [`${"工".repeat(200)}${i}`, "x".repeat(256)])),
    offer: {
      gpus: 0.5,
      memoryBytes: 8e9,
      custom: Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`c${i}`, i])),
    },
  },
  "worker-away": { type: "worker-away", at, workerId },
  "worker-back": { type: "worker-back", at, workerId },
  "worker-left": { type: "worker-left", at, workerId, how: "lost" },
  "capacity-changed": { type: "capacity-changed", at, workerId, threads: 0 },
  "worker-holding": {
    type: "worker-holding",
    at,
    workerId,
    attemptIds: [attemptId],
    actors: [{ actorId, epoch: 3 }],
    suspendedMs: 90_000,
    complete: true,
  },
  "attempts-ended": { type: "attempts-ended", at, workerId, items: outcomes },
  "attempts-started": { type: "attempts-started", at, workerId, attemptIds: [attemptId] },
  "attempts-returned": { type: "attempts-returned", at, workerId, attemptIds: [attemptId, attemptId] },
  "attempt-blocked": { type: "attempt-blocked", at, workerId, attemptId },
  "attempt-unblocked": { type: "attempt-unblocked", at, workerId, attemptId },
  "item-produced": { type: "item-produced", at, workerId, attemptId, index: 5, value: aValue() },
  "actor-started": { type: "actor-started", ...activation },
  "actor-ended": {
    type: "actor-ended",
    ...activation,
    failure: { code: "ACTOR_DIED", message: "gone" },
    crashed: false,
  },
  "actor-checkpointed": {
    type: "actor-checkpointed",
    ...activation,
    number: 12,
    state: aValue({ bytes }),
    outcomes,
    included: [attemptId],
  },
  "actor-released": { type: "actor-released", ...activation },
  "coordinator-restarted": { type: "coordinator-restarted", at },
  "time-passed": { type: "time-passed", at: 0 },
};

const entries: Every<JournalEntry> = {
  events: { type: "events", events: Object.values(events) },
  "function-defined": { type: "function-defined", functionId, jobId, bytes },
  "session-opened": {
    type: "session-opened",
    sessionId,
    resumeKey: "key",
    owner: { type: "worker", workerId },
    retainMs: 60_000.5,
  },
  "session-closed": { type: "session-closed", sessionId },
  received: { type: "received", sessionId, received: 2 ** 33 },
  "scheduler-state": { type: "scheduler-state", bytes },
};

export const everyEvent: readonly SchedulerEvent[] = Object.values(events);
export const everyEntry: readonly JournalEntry[] = [
  ...Object.values(entries),
  {
    type: "events",
    events: [
      { type: "tasks-submitted", at, by: attempt, spec: aCallSpec({ actorId, concurrencyGroup: "io" }), tasks: [] },
      { type: "actor-ended", ...activation, crashed: true },
    ],
  },
  { type: "events", events: [] },
  { type: "function-defined", functionId, jobId, bytes: undefined },
  { type: "session-opened", sessionId, resumeKey: "", owner: { type: "client", jobId }, retainMs: 0 },
];
