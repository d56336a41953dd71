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

/** In chunks, each a run of parts. */
export function snapshot(m: Machine): readonly Uint8Array[] {
  const sheet = new Sheet();
  const { records } = m;
  const { at, order, restarts, restartedAt, recallAt, aheadFrom } = m;
  sheet.draw({ type: "machine", at, order, restarts, restartedAt, recallAt, aheadFrom });
  for (const job of records.jobs.values()) sheet.draw({ type: "job", ...job });
  for (const worker of records.workers.values()) sheet.draw({ type: "worker", ...worker });
  for (const [functionId, ms] of records.durations) sheet.draw({ type: "duration", functionId, ms });
  for (const object of records.objects.values()) sheet.draw(partOfObject(object));
  for (const actor of records.actors.values()) {
    const made = Array.from(actor.made, ({ id }) => id);
    sheet.draw({ type: "actor", ...actor, state: actorStateOf(actor.state), made });
  }
  for (const [asked, actor] of records.aliases)
    if (records.actors.get(actor.id) === actor) sheet.draw({ type: "alias", asked, actor: actor.order });
  drawTasks(sheet, m);
  for (const { id, dependents } of records.objects.values()) {
    if (dependents === undefined) continue;
    const waiting = [...dependents].filter(({ state }) => state.name === "waiting");
    sheet.draw({ type: "dependents", id, items: ordersOf(waiting) });
  }
  drawAttempts(sheet, m);
  for (const actor of records.actors.values()) drawCalls(sheet, actor);
  for (const { id, actors } of records.workers.values())
    if (actors.size > 0) sheet.draw({ type: "residents", workerId: id, actors: ordersOf(actors) });
  for (const [home, actors] of records.homeless) sheet.draw({ type: "homeless", home, actors: ordersOf(actors) });
  drawQueues(sheet, m);
  for (const due of m.deadlines.inOrder()) drawDue(sheet, m, due.at, due.what);
  for (const entry of m.history) {
    const { state } = entry;
    if (state === "finished" || state === "failed" || state === "cancelled")
      sheet.draw({ type: "ended", ...entry, state, error: entry.error });
  }
  sheet.draw({ type: "end", turn: m.turn?.id });
  return sheet.chunks();
}

/** Where parts are drawn, one after the other. */
class Sheet {
  readonly #chunks: Uint8Array[] = [];
  #out = new Writer(chunkBytes + 64 * 1024);

  draw(one: Part): void {
    part.write(one, this.#out);
    if (this.#out.at < chunkBytes) return;
    this.#cut();
    this.#out = new Writer(chunkBytes + 64 * 1024);
  }
  chunks(): readonly Uint8Array[] {
    if (this.#out.at > 0) this.#cut();
    return this.#chunks;
  }
  #cut(): void {
    this.#chunks.push(this.#out.bytes.slice(0, this.#out.at));
  }
}

function partOfObject({ id, state, holders }: ObjectRecord): Part {
  if (state.name === "pending") return { type: "pending", id, holders };
  return { type: "object", id, state: objectStateOf(state), holders };
}

function drawTasks(sheet: Sheet, { records }: Machine): void {
  const specs = new Map<Spec, number>();
  const draw = (task: Task, onRecord: boolean): void => {
    let spec = specs.get(task.spec);
    if (spec === undefined) {
      specs.set(task.spec, (spec = specs.size));
      sheet.draw({ type: "spec", spec: task.spec });
    }
    sheet.draw(partOfTask(task, spec, onRecord));
  };
  for (const task of records.tasks.values()) draw(task, true);
  for (const actor of records.actors.values())
    for (const call of actor.log.values()) if (records.tasks.get(call.id) !== call) draw(call, false);
}

/** Fields one by one: there may be a million of these. */
function partOfTask(task: Task, spec: number, onRecord: boolean): Part {
  const { id, order, work, submittedAt } = task;
  const actor = task.actor?.order;
  if (work !== undefined && isFresh(task)) {
    const { args, inputs, holds } = work;
    return { type: "fresh", id, spec, order, actor, args, inputs, holds, submittedAt };
  }
  return {
    type: "task",
    id,
    spec,
    order,
    work,
    state: taskStateOf(task.state),
    actor,
    attempts: task.attempts,
    retries: task.retries,
    workersLost: task.workersLost,
    cancelAsked: task.cancelAsked,
    cancelForced: task.cancelForced,
    made: task.made?.map((object) => object.id),
    produced: task.produced,
    taken: task.taken,
    submittedAt,
    startedAt: task.startedAt,
    endedAt: task.endedAt,
    workerId: task.workerId,
    onRecord,
  };
}

/** Nothing has happened to it but that its inputs came: a task that nobody was given yet, or that was not cancelled. */
function isFresh(task: Task): boolean {
  if (task.state.name !== "queued" || task.attempts > 0 || task.cancelAsked) return false;
  return task.made === undefined && task.taken === 0;
}

function drawAttempts(sheet: Sheet, m: Machine): void {
  for (const attempt of m.records.attempts.values()) {
    const { task, worker, assignedAt, ahead, blocked, estimateMs } = attempt;
    const workerId = worker.id;
    const recallable = m.ahead.has(attempt);
    sheet.draw({ type: "attempt", task: task.order, workerId, assignedAt, ahead, recallable, blocked, estimateMs });
  }
  let run: { readonly until: number; readonly tasks: number[] } | undefined;
  for (const [{ task }, until] of m.leases.inOrder()) {
    if (run !== undefined && (run.until !== until || run.tasks.length >= runLength)) {
      sheet.draw({ type: "leases", ...run });
      run = undefined;
    }
    run ??= { until, tasks: [] };
    run.tasks.push(task.order);
  }
  if (run !== undefined) sheet.draw({ type: "leases", ...run });
}

function drawCalls(sheet: Sheet, actor: Actor): void {
  const { order, mailbox, inFlight, log, replays } = actor;
  if (mailbox.size + inFlight.size + log.size === 0) return;
  sheet.draw({
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
  });
}

function drawQueues(sheet: Sheet, { classes }: Machine): void {
  const places = new Map<unknown, number>();
  for (const of of classes.all()) {
    const { job, demand, priority, labels, placement, alone, actors } = of;
    places.set(of, places.size);
    sheet.draw({ type: "class", jobId: job.id, demand, priority, labels, placement, alone, actors });
  }
  for (const of of classes.waiting()) {
    const items = ordersOf(of.queue);
    for (let from = 0; from < items.length; from += runLength)
      sheet.draw({ type: "queue", of: places.get(of) ?? 0, items: items.slice(from, from + runLength) });
  }
}

/** Those that still matter. */
function drawDue(sheet: Sheet, m: Machine, at: number, due: Deadline): void {
  switch (due.type) {
    case "grace": {
      const { worker, until } = due;
      if (m.records.workers.get(worker.id) === worker && worker.link === "away" && worker.awayUntil === until)
        sheet.draw({ type: "grace-due", at, workerId: worker.id });
      return;
    }
    case "home": {
      const { actor, until } = due;
      if (actor.state.name === "restarting" && actor.state.until === until)
        sheet.draw({ type: "home-due", at, actor: actor.order });
      return;
    }
    case "unschedulable": {
      const { task, attempts } = due;
      if (task.state.name === "queued" && task.attempts === attempts)
        sheet.draw({ type: "unschedulable-due", at, task: task.order, attempts });
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
