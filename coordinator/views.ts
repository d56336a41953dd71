/**
 * What people and programs may see of the records, as plain JSON: lists with filters, summaries, one thing's story, the
 * timeline. Reads only. Ray's field names where Ray has the field.
 */
import * as v from "valibot";
import type { JobId, ObjectId } from "../protocol/ids.ts";
import type { Coordinator } from "./coordinator.ts";
import { homeOf } from "./scheduler/actor-activation.ts";
import type { Ended } from "./scheduler/machine.ts";
import type { Task, Worker } from "./scheduler/records.ts";

const filter = v.tuple([v.string(), v.picklist(["=", "!="]), v.unknown()]);
const query = v.object({
  filters: v.optional(v.array(filter)),
  limit: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0))),
});
const defaultLimit = 10_000;

type Row = Readonly<Record<string, unknown>>;

/** `jobId` is whose story counts where one must be chosen; undefined: everybody's. Unknown topics give an error row. */
export function ask(coordinator: Coordinator, jobId: JobId | undefined, what: string, parametersJson: string): unknown {
  const parameters: unknown = parse(parametersJson);
  switch (what) {
    case "tasks":
      return select(taskRows(coordinator, jobId), parameters);
    case "actors":
      return select(actorRows(coordinator), parameters);
    case "objects":
      return select(objectRows(coordinator, jobId), parameters);
    case "workers":
      return select(workerRows(coordinator), parameters);
    case "jobs":
      return select(jobRows(coordinator), parameters);
    case "summary":
      return summary(coordinator, jobId);
    case "resources":
      return resources(coordinator);
    case "timeline":
      return timeline(coordinator, jobId);
    case "story": {
      const { id } = v.parse(v.object({ id: v.string() }), parameters);
      return coordinator.scheduler.story(id);
    }
    case "ready": {
      const { ids } = v.parse(v.object({ ids: v.array(v.string()) }), parameters);
      return ids.filter((id) => isReady(coordinator, id as ObjectId));
    }
    default:
      return {
        error: `Cannot answer "${what}": it is none of tasks, actors, objects, workers, jobs, summary, resources, timeline, story, ready`,
      };
  }
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return {};
  }
}

function isReady(coordinator: Coordinator, id: ObjectId): boolean {
  const state = coordinator.scheduler.records.objects.get(id)?.state.name;
  return state !== undefined && state !== "pending";
}

function select(rows: Iterable<Row>, parameters: unknown): Row[] {
  const parsed = v.safeParse(query, parameters);
  const { filters = [], limit = defaultLimit } = parsed.success ? parsed.output : {};
  const chosen: Row[] = [];
  for (const row of rows) {
    if (chosen.length >= limit) break;
    if (filters.every(([key, op, value]) => (row[key] === value) === (op === "="))) chosen.push(row);
  }
  return chosen;
}

function* taskRows({ scheduler, progress }: Coordinator, jobId: JobId | undefined): Iterable<Row> {
  const { records, machine } = scheduler;
  const seen = new Set<string>();
  for (const task of records.tasks.values()) {
    if (jobId !== undefined && task.job.id !== jobId) continue;
    seen.add(task.id);
    const said = progress.get(task.id);
    yield { ...taskRow(task), ...(said === undefined ? {} : { progress: said.fraction, note: said.note }) };
  }
  // Tasks whose values nobody holds any more live on here for a while.
  for (const ended of machine.history) {
    if ((jobId !== undefined && ended.jobId !== jobId) || seen.has(ended.id)) continue;
    yield endedRow(ended);
  }
}

function taskRow(task: Task): Row {
  return {
    taskId: task.id,
    jobId: task.job.id,
    name: task.spec.name,
    type: task.actor === undefined ? "task" : "call",
    state: task.state.name,
    parentId: task.parent,
    actorId: task.actor?.id,
    workerId: task.workerId,
    attempt: task.attempts,
    submittedAt: task.submittedAt,
    startedAt: task.startedAt === 0 ? undefined : task.startedAt,
    endedAt: task.endedAt === 0 ? undefined : task.endedAt,
    error: task.state.name === "failed" ? task.state.failure.message : undefined,
  };
}
function endedRow(ended: Ended): Row {
  const { id, parent, attempts, ...rest } = ended;
  return { taskId: id, type: "task", parentId: parent, attempt: attempts, ...rest };
}

function* actorRows({ scheduler }: Coordinator): Iterable<Row> {
  for (const actor of scheduler.records.actors.values()) {
    yield {
      actorId: actor.id,
      jobId: actor.job.id,
      className: actor.spec.className,
      name: actor.spec.name,
      namespace: actor.spec.namespace,
      state: actor.state.name,
      workerId: homeOf(actor)?.id,
      epoch: actor.epoch,
      restarts: actor.restarts,
      calls: actor.calls,
      pending: actor.inFlight.size + [...actor.mailbox.values()].reduce((sum, queue) => sum + queue.length, 0),
      createdAt: actor.createdAt,
      error: actor.state.name === "dead" ? actor.state.failure.message : undefined,
    };
  }
}

function* objectRows({ scheduler }: Coordinator, jobId: JobId | undefined): Iterable<Row> {
  for (const object of scheduler.records.objects.values()) {
    if (jobId !== undefined && object.job.id !== jobId) continue;
    const { state } = object;
    const sizeBytes =
      state.name !== "ready"
        ? undefined
        : state.value.type === "inline"
          ? state.value.bytes.length
          : state.value.sizeBytes;
    yield { objectId: object.id, jobId: object.job.id, state: state.name, holders: object.holders, sizeBytes };
  }
}

function* workerRows({ scheduler }: Coordinator): Iterable<Row> {
  for (const worker of scheduler.records.workers.values()) {
    yield {
      workerId: worker.id,
      name: worker.name,
      labels: worker.labels,
      state: worker.link,
      threads: worker.threads,
      threadsInUse: worker.cpusInUse,
      tasksInHand: worker.inHand,
      tasksDone: worker.tasksDone,
      actors: worker.actors.size,
      busyMs: Math.round(worker.busyMs),
      suspendedMs: worker.suspendedMs,
      joinedAt: worker.joinedAt,
      lastSeenAt: worker.lastSeenAt,
      resources: worker.offer,
    };
  }
}

function* jobRows({ scheduler, clients }: Coordinator): Iterable<Row> {
  for (const job of scheduler.records.jobs.values()) {
    const { id, name, namespace, openedAt, queued, running, finished, failed, usedMs } = job;
    const state = job.closed ? "closed" : clients.has(id) ? "open" : "away";
    yield {
      jobId: id,
      name,
      namespace,
      state,
      openedAt,
      queued,
      running,
      finished,
      failed,
      usedMs: Math.round(usedMs),
    };
  }
}

/** Counts by function name and state. */
function summary(coordinator: Coordinator, jobId: JobId | undefined): Record<string, Record<string, number>> {
  const counts: Record<string, Record<string, number>> = {};
  for (const row of taskRows(coordinator, jobId)) {
    const of = (counts[String(row["name"])] ??= {});
    const state = String(row["state"]);
    of[state] = (of[state] ?? 0) + 1;
  }
  return counts;
}

interface Total {
  numCpus: number;
  numGpus: number;
  memoryBytes: number;
  resources: Record<string, number>;
  workers: number;
}

function resources({ scheduler }: Coordinator): { total: Total; available: Total } {
  const none = (): Total => ({ numCpus: 0, numGpus: 0, memoryBytes: 0, resources: {}, workers: 0 });
  const total = none();
  const available = none();
  for (const worker of scheduler.records.workers.values()) {
    if (worker.link !== "connected") continue;
    add(total, worker, false);
    add(available, worker, true);
  }
  return { total, available };
}
function add(to: Total, worker: Worker, isFree: boolean): void {
  const { used, offer } = worker;
  to.workers++;
  to.numCpus += isFree ? Math.max(0, worker.threads - worker.cpusInUse) : worker.threads;
  to.numGpus += offer.gpus - (isFree ? used.gpus : 0);
  to.memoryBytes += offer.memoryBytes - (isFree ? used.memoryBytes : 0);
  for (const [key, amount] of Object.entries(offer.custom)) {
    to.resources[key] = (to.resources[key] ?? 0) + amount - (isFree ? (used.custom[key] ?? 0) : 0);
  }
}

/** Chrome trace events, times in microseconds: one process a worker, tasks as complete events. */
function timeline(coordinator: Coordinator, jobId: JobId | undefined): object[] {
  const events: object[] = [];
  for (const row of taskRows(coordinator, jobId)) {
    const { startedAt, endedAt, workerId, name, taskId, state } = row;
    if (typeof startedAt !== "number" || typeof endedAt !== "number" || workerId === undefined) continue;
    events.push({
      name,
      cat: row["type"],
      ph: "X",
      ts: startedAt * 1000,
      dur: (endedAt - startedAt) * 1000,
      pid: workerId,
      tid: workerId,
      args: { taskId, state },
    });
  }
  return events;
}
