/**
 * The decider: events in, instructions out. No clock, no chance, no I/O and no promise inside: the same events in the
 * same order give the same instructions and the same state. Owns the order in which one event's consequences are
 * worked off; the lives of tasks, objects, actors, workers and jobs are in files of their own.
 */
import { failure } from "../../protocol/nouns.ts";
import { checkpointed, replayed } from "./actor-checkpoints.ts";
import { homeIsOver } from "./actor-homes.ts";
import * as actors from "./actor-life.ts";
import { accept } from "./actor-mailbox.ts";
import { dispatch, recall, recallDue } from "./dispatch.ts";
import type { Instruction, SchedulerEvent } from "./events.ts";
import * as jobs from "./job-life.ts";
import { forgetUnneeded, lose, remake } from "./lineage.ts";
import { type Deadline, defaultOptions, Machine, type SchedulerOptions } from "./machine.ts";
import { free, makeObject, quoted, readyState, release, settle, want } from "./object-life.ts";
import { checkpointId, isChildOf, taskOfObject } from "../../protocol/ids.ts";
import type { Outcome } from "../../protocol/messages.ts";
import { isOver, type Records, type Worker } from "./records.ts";
import { Restorer } from "./restorer.ts";
import { snapshot } from "./snapshot.ts";
import type { StoryEntry } from "./story.ts";
import * as tasks from "./task-life.ts";
import * as workers from "./worker-life.ts";

type EventOf<T extends SchedulerEvent["type"]> = Extract<SchedulerEvent, { type: T }>;

export class Scheduler {
  readonly #m: Machine;
  #restorer: Restorer | undefined;

  constructor(options: Partial<SchedulerOptions> = {}) {
    this.#m = new Machine({ ...defaultOptions, ...options });
  }

  /** Takes facts in the order they happened; gives the orders that follow from them. */
  handle(...events: readonly SchedulerEvent[]): readonly Instruction[] {
    const m = this.#m;
    for (const event of events) {
      // Time never goes back here, whatever the clock does.
      m.at = Math.max(m.at, event.at);
      // While nobody was there to be heard by, nobody was late.
      if (event.type !== "coordinator-restarted") this.#passTime();
      this.#take(event);
      this.#follow();
    }
    // What was queued may lack an input that has been lost since: its maker is queued then.
    do {
      dispatch(m);
    } while (this.#follow());
    if (m.ahead.size > 0) recall(m);
    const { out } = m;
    m.out = [];
    return out;
  }

  /** Everything that is known, in chunks of bytes for `restore`. */
  snapshot(): readonly Uint8Array[] {
    return snapshot(this.#m);
  }
  /** The chunks of one snapshot, in order, into a scheduler that has handled nothing yet. */
  restore(chunk: Uint8Array): void {
    this.#restorer ??= new Restorer(this.#m);
    this.#restorer.take(chunk);
  }
  /** What the object store must keep. */
  *storedIds(): Iterable<string> {
    for (const { id, state } of this.#m.records.objects.values())
      if (state.name === "ready" && state.value.type === "stored") yield id;
    for (const { id, checkpoint } of this.#m.records.actors.values())
      if (checkpoint?.value.type === "stored") yield checkpointId(id, checkpoint.epoch, checkpoint.number);
  }

  /** When `time-passed` should be told next, if nothing else happens before. */
  nextDeadline(): number | undefined {
    const m = this.#m;
    const soonest = Math.min(m.leases.next() ?? Infinity, m.deadlines.next() ?? Infinity, recallDue(m) ?? Infinity);
    return soonest === Infinity ? undefined : soonest;
  }

  /** Everything that is remembered of one id, in order. */
  story(id: string): readonly StoryEntry[] {
    return this.#m.storyOf(id);
  }
  /** For views: read only. */
  get records(): Readonly<Records> {
    return this.#m.records;
  }
  /** For views and invariants: read only. */
  get machine(): Readonly<Machine> {
    return this.#m;
  }

  #take(event: SchedulerEvent): void {
    const m = this.#m;
    const { records } = m;
    switch (event.type) {
      case "job-opened":
        return jobs.open(m, event);
      case "job-closed": {
        const job = records.jobs.get(event.jobId);
        if (job !== undefined) jobs.close(m, job);
        return;
      }
      case "tasks-submitted":
        return this.#submit(event);
      case "actor-created": {
        const speaker = m.speakerOf(event.by);
        if (speaker === undefined) return;
        actors.createActor(m, { by: event.by, speaker, spec: event.spec, creation: event.creation });
        return;
      }
      case "value-put":
        return this.#put(event);
      case "objects-wanted": {
        if (m.speakerOf(event.by) === undefined) return;
        for (const id of event.ids) want(m, event.by, id, event.values);
        return;
      }
      case "objects-held":
      case "objects-released":
      case "objects-freed":
        return this.#handles(event);
      case "cancel-asked": {
        const task = records.tasks.get(event.id);
        if (task === undefined || m.speakerOf(event.by)?.job !== task.job) return;
        return tasks.cancel(m, task, event.force, event.recursive);
      }
      case "kill-asked": {
        const actor = actors.findActor(m, event.actorId);
        if (actor === undefined || m.speakerOf(event.by) === undefined) return;
        return actors.kill(m, actor, event.restart);
      }
      case "items-consumed": {
        const task = records.tasks.get(event.id);
        if (task === undefined || m.speakerOf(event.by) === undefined || event.taken <= task.taken) return;
        task.taken = event.taken;
        if (task.state.name !== "running") return;
        const { attempt } = task.state;
        m.command({ type: "consumed", workerId: attempt.worker.id, attemptId: attempt.id, taken: event.taken });
        return;
      }
      case "worker-joined":
        return workers.join(m, event);
      case "time-passed":
        return;
      case "coordinator-restarted":
        return workers.restarted(m);
      case "objects-lost":
        for (const id of event.ids) {
          const object = records.objects.get(id);
          if (object !== undefined) lose(m, object);
        }
        return;
      default:
        return this.#fromWorker(event);
    }
  }

  /** What workers say. One that is not on record is a stranger; an attempt that is over is no longer anybody's. */
  #fromWorker(event: Extract<SchedulerEvent, { workerId: string }>): void {
    const m = this.#m;
    const worker = m.records.workers.get(event.workerId);
    if (worker === undefined) {
      // The bytes of its state are there all the same.
      if (event.type === "actor-checkpointed") checkpointed(m, undefined, event, () => {});
      return;
    }
    switch (event.type) {
      case "worker-joined":
        return;
      case "worker-away":
        return workers.away(m, worker);
      case "worker-back":
        return workers.back(m, worker);
      case "worker-left":
        return workers.leave(m, worker, event.how);
      case "capacity-changed":
        return workers.capacity(m, worker, event.threads);
      case "worker-holding":
        return workers.holding(m, worker, event.attemptIds, event.actors, event);
      case "attempts-ended":
        this.#ended(worker, event.items);
        return workers.seen(m, worker);
      case "actor-checkpointed":
        return checkpointed(m, m.records.actors.get(event.actorId), event, () => this.#ended(worker, event.outcomes));
      case "actor-released":
        return actors.released(m, m.records.actors.get(event.actorId), worker.id, event.epoch);
      case "attempts-started":
        for (const id of event.attemptIds) {
          const attempt = workers.attemptOn(m, worker.id, id);
          if (attempt !== undefined) workers.attemptStarted(m, attempt);
        }
        return;
      case "attempts-returned":
        return workers.returned(
          m,
          event.attemptIds.flatMap((id) => workers.attemptOn(m, worker.id, id) ?? []),
        );
      case "attempt-blocked":
      case "attempt-unblocked": {
        const attempt = workers.attemptOn(m, worker.id, event.attemptId);
        if (attempt !== undefined) workers.blocked(m, attempt, event.type === "attempt-blocked");
        return;
      }
      case "item-produced": {
        const attempt = workers.attemptOn(m, worker.id, event.attemptId);
        if (attempt !== undefined && attempt.task.spec.kind === "generator")
          tasks.produce(m, attempt.task, event.index, event.value);
        return;
      }
      case "actor-started":
        return actors.started(m, m.records.actors.get(event.actorId), worker.id, event.epoch);
      case "actor-ended":
        return actors.ended(
          m,
          m.records.actors.get(event.actorId),
          worker.id,
          event.epoch,
          event.failure,
          event.crashed,
        );
      default:
        return assertNever(event);
    }
  }

  #ended(worker: Worker, outcomes: readonly Outcome[]): void {
    const m = this.#m;
    for (const item of outcomes) {
      const attempt = workers.attemptOn(m, worker.id, item.attemptId);
      if (attempt === undefined) replayed(m, worker.id, item.attemptId);
      else if (item.type === "done") tasks.attemptDone(m, attempt, item.values, item.ranMs);
      else tasks.attemptFailed(m, attempt, item.failure, item.crashed, item.ranMs);
    }
  }

  #submit({ by, spec, tasks: submissions }: EventOf<"tasks-submitted">): void {
    const m = this.#m;
    const speaker = m.speakerOf(by);
    if (speaker === undefined) return;
    const { job } = speaker;
    if (job.queued + submissions.length > m.options.queuedTasksPerJob) {
      const message = `Cannot queue ${submissions.length} more tasks: job "${job.name}" has ${job.queued} and the limit is ${m.options.queuedTasksPerJob}`;
      for (const { id } of submissions) m.command({ type: "refuse", to: by, code: "PROTOCOL", message, about: id });
      return;
    }
    const actor = spec.type === "call" ? actors.findActor(m, spec.actorId) : undefined;
    for (const submission of submissions) {
      const task = tasks.submit(m, { by, speaker, spec, submission, actor });
      if (task === undefined || spec.type !== "call") continue;
      if (actor !== undefined) accept(actor, task);
      else m.recommended.push({ task, to: "failed", failure: actors.unknownActorFailure(spec.actorId) });
    }
    if (actor?.state.name === "dead") m.toPump.push({ actor, caller: undefined });
  }

  #put({ by, id, value }: EventOf<"value-put">): void {
    const m = this.#m;
    const speaker = m.speakerOf(by);
    if (speaker === undefined || m.records.objects.has(id)) return;
    if (!isChildOf(taskOfObject(id), speaker.parent)) {
      m.command({
        type: "refuse",
        to: by,
        code: "PROTOCOL",
        message: `Cannot put "${id}": it is not named after "${speaker.parent}"`,
        about: id,
      });
      return;
    }
    tasks.noteOrdinal(speaker, taskOfObject(id));
    const object = makeObject(m, id, speaker.job);
    tasks.own(speaker, object);
    settle(m, object, readyState(value));
  }

  #handles({ type, by, ids }: EventOf<"objects-held" | "objects-released" | "objects-freed">): void {
    const m = this.#m;
    const speaker = m.speakerOf(by);
    if (speaker === undefined) return;
    for (const id of ids) {
      const object = m.records.objects.get(id);
      if (object === undefined || (object.job !== speaker.job && speaker.actor?.made.has(object) !== true)) continue;
      if (type === "objects-freed") free(m, object);
      else if (type === "objects-held") {
        tasks.own(speaker, object);
      } else if (speaker.actor !== undefined) tasks.disown(m, speaker.actor, object);
      else if (speaker.task === undefined) release(m, object);
    }
  }

  /** Works off what follows from what happened until nothing more does; false if nothing did. */
  #follow(): boolean {
    const m = this.#m;
    let hasFollowed = false;
    while (hasMore(m)) {
      hasFollowed = true;
      forgetUnneeded(m);
      const { toRemake, recommended, actorsReady, toPump } = m;
      m.toRemake = [];
      m.recommended = [];
      m.actorsReady = [];
      m.toPump = [];
      for (const object of toRemake) remake(m, object);
      for (const move of recommended) {
        // Two inputs may fail at once, or a cancel be quicker: what has ended stays ended.
        if ((isOver(move.task) && move.to !== "waiting") || move.task.state.name === move.to) continue;
        tasks.transition(m, move.task, move.to, move.to === "failed" ? { failure: move.failure } : {});
      }
      for (const { actor, failure: problem } of actorsReady) actors.inputsCame(m, actor, problem);
      for (const { actor, caller } of toPump) actors.pump(m, actor, caller);
    }
    return hasFollowed;
  }

  #passTime(): void {
    const m = this.#m;
    for (const attempt of m.leases.expire(m.at)) {
      // An actor's loss takes its other attempts along; those are no longer on record.
      if (m.records.attempts.get(attempt.id) === attempt) workers.leaseEnded(m, attempt);
    }
    for (const due of m.deadlines.due(m.at)) this.#due(due);
  }

  #due(due: Deadline): void {
    const m = this.#m;
    if (due.type === "grace") {
      const { worker, until } = due;
      if (worker.link !== "away" || worker.awayUntil !== until || m.records.workers.get(worker.id) !== worker) return;
      // One that went while nobody was here to see it may have gone for any reason.
      return workers.leave(m, worker, worker.unheard ? "goodbye" : "lost");
    }
    if (due.type === "home") return homeIsOver(m, due.actor, due.until);
    const { task } = due;
    const { spec, state } = task;
    if (state.name !== "queued" || task.attempts !== due.attempts) return;
    if (spec.type !== "task" || spec.unschedulableMs === undefined) return;
    // After a restart everybody is away for a while.
    const { restarts, restartedAt, options } = m;
    const isEarly = restarts > 0 && m.at < restartedAt + Math.max(options.restartGraceMs, spec.unschedulableMs);
    if (isEarly || (task.placement?.workers.size ?? 0) > 0) {
      m.deadlines.add(m.at + spec.unschedulableMs, due);
      return;
    }
    const message = `Cannot run "${spec.name}": no connected worker offers what it asks for (${quoted(JSON.stringify({ ...spec.demand, labels: spec.labels }))}) and none came within ${spec.unschedulableMs} ms`;
    tasks.transition(m, task, "failed", { failure: failure("UNSCHEDULABLE", message, { taskName: spec.name }) });
  }
}

function hasMore({ recommended, actorsReady, toPump, toRemake, unneeded }: Machine): boolean {
  return recommended.length + actorsReady.length + toPump.length + toRemake.length + unneeded.length > 0;
}

function assertNever(value: never): never {
  throw new TypeError(`Cannot handle event: ${JSON.stringify(value)}`);
}
