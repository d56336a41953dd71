/**
 * Draws a picture of the scheduler in bytes. Who waits to be told something is left out: after a restart everybody asks
 * again. So is what follows from the rest.
 */
import { attemptNumber } from "../../protocol/ids.ts";
import type { Spec } from "../../protocol/nouns.ts";
import { type TypeOf, Writer } from "../../protocol/schema.ts";
import type { Deadline, Machine } from "./machine.ts";
import {
  type actorStateSchema,
  chunkBytes,
  type objectStateSchema,
  type Part,
  part,
  runLength,
  type taskStateSchema,
} from "./picture.ts";
import { type Actor, type ActorState, isOver, type ObjectRecord, type Task, type TaskState } from "./records.ts";

export function* snapshot(m: Machine): Iterable<Uint8Array> {
  let out = new Writer(chunkBytes + 64 * 1024);
  for (const one of partsOf(m)) {
    part.write(one, out);
    if (out.at < chunkBytes) continue;
    yield out.bytes.slice(0, out.at);
    out = new Writer(chunkBytes + 64 * 1024);
  }
  if (out.at > 0) yield out.bytes.slice(0, out.at);
}

function* partsOf(m: Machine): Iterable<Part> {
  const { records } = m;
  const { at, order, restarts, restartedAt, recallAt, aheadFrom } = m;
  yield { type: "machine", at, order, restarts, restartedAt, recallAt, aheadFrom };
  for (const job of records.jobs.values()) yield { type: "job", ...job };
  for (const worker of records.workers.values()) yield { type: "worker", ...worker };
  for (const [functionId, ms] of records.durations) yield { type: "duration", functionId, ms };
  for (const { id, state, holders } of records.objects.values())
    yield { type: "object", id, state: objectStateOf(state), holders };
  for (const actor of records.actors.values()) {
    const made = Array.from(actor.made, ({ id }) => id);
    yield { type: "actor", ...actor, state: actorStateOf(actor.state), made };
  }
  for (const [asked, actor] of records.aliases)
    if (records.actors.get(actor.id) === actor) yield { type: "alias", asked, actor: actor.order };
  yield* taskParts(m);
  for (const { id, dependents } of records.objects.values()) {
    if (dependents === undefined) continue;
    yield { type: "dependents", id, items: ordersOf([...dependents].filter(({ state }) => state.name === "waiting")) };
  }
  yield* attemptParts(m);
  for (const actor of records.actors.values()) yield* callParts(actor);
  for (const { id, actors } of records.workers.values())
    if (actors.size > 0) yield { type: "residents", workerId: id, actors: ordersOf(actors) };
  for (const [home, actors] of records.homeless) yield { type: "homeless", home, actors: ordersOf(actors) };
  yield* queueParts(m);
  for (const due of m.deadlines.inOrder()) yield* dueParts(m, due.at, due.what);
  for (const entry of m.history) {
    const { state } = entry;
    if (state === "finished" || state === "failed" || state === "cancelled")
      yield { type: "ended", ...entry, state, error: entry.error };
  }
  yield { type: "end", turn: m.turn?.id };
}

function* taskParts({ records }: Machine): Iterable<Part> {
  const specs = new Map<Spec, number>();
  for (const task of records.tasks.values()) yield* taskPart(task, specs, true);
  for (const actor of records.actors.values())
    for (const call of actor.log.values()) if (records.tasks.get(call.id) !== call) yield* taskPart(call, specs, false);
}

/** Fields one by one: there may be a million of these. */
function* taskPart(task: Task, specs: Map<Spec, number>, onRecord: boolean): Iterable<Part> {
  let spec = specs.get(task.spec);
  if (spec === undefined) {
    specs.set(task.spec, (spec = specs.size));
    yield { type: "spec", spec: task.spec };
  }
  yield {
    type: "task",
    id: task.id,
    spec,
    order: task.order,
    work: task.work,
    state: taskStateOf(task.state),
    actor: task.actor?.order,
    attempts: task.attempts,
    retries: task.retries,
    workersLost: task.workersLost,
    cancelAsked: task.cancelAsked,
    cancelForced: task.cancelForced,
    made: task.made?.map(({ id }) => id),
    produced: task.produced,
    taken: task.taken,
    submittedAt: task.submittedAt,
    startedAt: task.startedAt,
    endedAt: task.endedAt,
    workerId: task.workerId,
    onRecord,
  };
}

function* attemptParts(m: Machine): Iterable<Part> {
  for (const attempt of m.records.attempts.values()) {
    const { task, worker, assignedAt, ahead, blocked, estimateMs } = attempt;
    const recallable = m.ahead.has(attempt);
    yield {
      type: "attempt",
      task: task.order,
      workerId: worker.id,
      assignedAt,
      ahead,
      recallable,
      blocked,
      estimateMs,
    };
  }
  let run: { readonly until: number; readonly tasks: number[] } | undefined;
  for (const [{ task }, until] of m.leases.inOrder()) {
    if (run !== undefined && (run.until !== until || run.tasks.length >= runLength)) {
      yield { type: "leases", ...run };
      run = undefined;
    }
    run ??= { until, tasks: [] };
    run.tasks.push(task.order);
  }
  if (run !== undefined) yield { type: "leases", ...run };
}

function* callParts(actor: Actor): Iterable<Part> {
  const { order, mailbox, inFlight, log, replays } = actor;
  if (mailbox.size + inFlight.size + log.size === 0) return;
  yield {
    type: "calls",
    actor: order,
    // A call that has ended while it waited for inputs keeps its place until its turn.
    mailbox: [...mailbox].map(([caller, calls]) => ({
      caller,
      calls: ordersOf([...calls].filter((call) => !isOver(call))),
    })),
    inFlight: ordersOf(inFlight),
    log: ordersOf(log.values()),
    replays: [...replays].map(([id, call]) => ({ call: call.order, attempt: attemptNumber(id) })),
  };
}

function* queueParts({ classes }: Machine): Iterable<Part> {
  const places = new Map<unknown, number>();
  for (const of of classes.all()) {
    const { job, demand, priority, labels, placement, alone, actors } = of;
    places.set(of, places.size);
    yield { type: "class", jobId: job.id, demand, priority, labels, placement, alone, actors };
  }
  for (const of of classes.waiting()) {
    const items = ordersOf(of.queue);
    for (let from = 0; from < items.length; from += runLength)
      yield { type: "queue", of: places.get(of) ?? 0, items: items.slice(from, from + runLength) };
  }
}

/** Those that still matter. */
function* dueParts(m: Machine, at: number, due: Deadline): Iterable<Part> {
  switch (due.type) {
    case "grace": {
      const { worker } = due;
      if (m.records.workers.get(worker.id) === worker && worker.link === "away" && worker.awayUntil === at)
        yield { type: "grace-due", at, workerId: worker.id };
      return;
    }
    case "home": {
      const { actor } = due;
      if (actor.state.name === "restarting" && actor.state.until === at)
        yield { type: "home-due", at, actor: actor.order };
      return;
    }
    case "unschedulable": {
      const { task, attempts } = due;
      if (task.state.name === "queued" && task.attempts === attempts)
        yield { type: "unschedulable-due", at, task: task.order, attempts };
    }
  }
}

function taskStateOf(state: TaskState): TypeOf<typeof taskStateSchema> {
  if (state.name === "failed") return { type: "failed", failure: state.failure };
  return state.name === "waiting" ? { type: "waiting", missing: state.missing } : { type: state.name };
}
function objectStateOf(state: ObjectRecord["state"]): TypeOf<typeof objectStateSchema> {
  if (state.name === "ready") return { type: "ready", value: state.value };
  return state.name === "failed" ? { type: "failed", failure: state.failure } : { type: state.name };
}
function actorStateOf(state: ActorState): TypeOf<typeof actorStateSchema> {
  switch (state.name) {
    case "waiting":
      return { type: "waiting", missing: state.missing };
    case "starting":
      return { type: "starting", workerId: state.worker?.id };
    case "alive":
      return { type: "alive", workerId: state.worker.id };
    case "restarting":
      return { type: "restarting", workerId: state.worker?.id, home: state.home, until: state.until };
    case "dead":
      return { type: "dead", failure: state.failure };
  }
}
function ordersOf(items: Iterable<Task | Actor>): number[] {
  return Array.from(items, ({ order }) => order);
}
