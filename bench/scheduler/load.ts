/**
 * The scheduler alone, in a process of its own that was started with --expose-gc: a million tasks queued for ten
 * thousand workers. Prints one line of JSON. An event here is one fact about one task: that it was submitted, that its
 * value is wanted, that it ended, that its value was released.
 */
import { Scheduler } from "../../coordinator/scheduler/scheduler.ts";
import type { Instruction } from "../../coordinator/scheduler/events.ts";
import { type AttemptId, childId, type FunctionId, type JobId, returnId, type WorkerId } from "../../protocol/ids.ts";
import type { Outcome } from "../../protocol/messages.ts";
import type { Submission, TaskSpec, Value } from "../../protocol/nouns.ts";

const workerCount = 10_000;
const queuedCount = 1_000_000;
/** A job may queue a million at most, and some of what is submitted runs at once. */
const jobCount = 4;
/** What one message brings. */
const submitted = 1_000;
const ended = 64;
/** Long enough that nothing is sent ahead of a free thread: of no-op tasks the workers would take the whole queue. */
const ranMs = 1_000;
const limitMs = Number(process.argv[2] ?? 5_000);

const scheduler = new Scheduler();
let at = 1;
/** What is with a worker, by worker. */
const running = new Map<WorkerId, AttemptId[]>();
let facts = 0;
let finished = 0;

function obey(instructions: readonly Instruction[]): void {
  for (const instruction of instructions) {
    if (instruction.type !== "assign") continue;
    const { workerId, attemptId } = instruction;
    const attempts = running.get(workerId);
    if (attempts === undefined) running.set(workerId, [attemptId]);
    else attempts.push(attemptId);
  }
}

const spec: TaskSpec = {
  type: "task",
  name: "noop",
  kind: "value",
  returns: 1,
  retryErrors: { type: "none" },
  functionId: `f${"0".repeat(40)}` as FunctionId,
  demand: { cpus: 1, gpus: 0, memoryBytes: 0, custom: {} },
  maxRetries: 3,
  priority: 0,
  placement: { type: "default" },
  labels: {},
};

const jobs = Array.from({ length: jobCount }, (_, i) => ({ id: `jbench${i}` as JobId, next: 0 }));

function submit(job: (typeof jobs)[number], count: number): void {
  const by = { type: "client", jobId: job.id } as const;
  const tasks: Submission[] = Array.from({ length: count }, () => ({
    id: childId(job.id, ++job.next),
    // As a session gives it: bytes of its own, a few of them.
    args: new Uint8Array(4),
    inputs: [],
    holds: [],
  }));
  const ids = tasks.map(({ id }) => returnId(id, 0));
  facts += 2 * count;
  obey(
    scheduler.handle(
      // Each message brings a spec of its own.
      { at, type: "tasks-submitted", by, spec: { ...spec }, tasks },
      { at, type: "objects-wanted", by, ids, values: true },
    ),
  );
}

function heapBytes(): number {
  if (globalThis.gc === undefined) throw new Error("Cannot measure memory: start with --expose-gc");
  globalThis.gc();
  return process.memoryUsage().heapUsed;
}

function queued(): number {
  let sum = 0;
  for (const job of scheduler.records.jobs.values()) sum += job.queued;
  return sum;
}

// 1. Workers and jobs join.
for (const { id } of jobs) scheduler.handle({ at, type: "job-opened", jobId: id, name: id, namespace: "default" });
for (let i = 0; i < workerCount; i++) {
  scheduler.handle({
    at,
    type: "worker-joined",
    workerId: `wbench${i}` as WorkerId,
    name: `worker ${i}`,
    threads: 1,
    labels: {},
    offer: { gpus: 0, memoryBytes: 0, custom: {} },
  });
}
// 2. Every worker is given what it takes, and only then are the million counted.
for (let turn = 0; queued() === 0; turn++) submit(jobs[turn % jobCount] ?? fail("no job"), submitted);
const before = { bytes: heapBytes(), queued: queued() };
const fillBegin = performance.now();
const fillFacts = facts;
for (let turn = 0; queued() < queuedCount; turn++) submit(jobs[turn % jobCount] ?? fail("no job"), submitted);
const fillMs = performance.now() - fillBegin;
const filled = facts - fillFacts;
const bytesPerTask = (heapBytes() - before.bytes) / (queued() - before.queued);

// 3. Tasks end, their values are released, and as many are submitted: a million stay queued.
facts = 0;
const begin = performance.now();
while (performance.now() - begin < limitMs) {
  at++;
  let count = 0;
  const over = new Map<JobId, ReturnType<typeof returnId>[]>();
  for (const [workerId, attempts] of running) {
    if (count >= submitted) break;
    running.delete(workerId);
    for (let i = 0; i < attempts.length; i += ended) {
      const items = attempts.slice(i, i + ended).map(done);
      count += items.length;
      facts += items.length;
      obey(scheduler.handle({ at, type: "attempts-ended", workerId, items }));
    }
    for (const attempt of attempts) {
      const task = attempt.slice(0, attempt.indexOf("#"));
      const jobId = task.slice(0, task.indexOf(".")) as JobId;
      const ids = over.get(jobId) ?? [];
      over.set(jobId, ids);
      ids.push(`${task}:0` as ReturnType<typeof returnId>);
    }
  }
  finished += count;
  for (const [jobId, ids] of over) {
    facts += ids.length;
    obey(scheduler.handle({ at, type: "objects-released", by: { type: "client", jobId }, ids }));
    submit(jobs.find(({ id }) => id === jobId) ?? fail("no job"), ids.length);
  }
}
const ms = performance.now() - begin;
if (queued() < queuedCount * 0.99) throw new Error(`Wrong result: ${queued()} tasks are queued, not ${queuedCount}`);

console.log(
  JSON.stringify({
    eventsPerSecond: (facts * 1_000) / ms,
    tasksPerSecond: (finished * 1_000) / ms,
    fillEventsPerSecond: (filled * 1_000) / fillMs,
    bytesPerTask,
    queued: queued(),
    workers: scheduler.records.workers.size,
  }),
);

function done(attemptId: AttemptId): Outcome {
  const value: Value = { type: "inline", bytes: new Uint8Array(3), refs: [] };
  return { type: "done", attemptId, values: [value], ranMs };
}

function fail(message: string): never {
  throw new Error(message);
}
