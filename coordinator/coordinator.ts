/**
 * The loop around the scheduler: facts in, journal, decide, carry out, and one timer for whatever falls due; and, after a
 * restart, the way back to where it was. Owns the order of these steps and who is told what. Knows nothing about sockets, pages or the words of sessions.
 */
import type { FunctionId, JobId, ObjectId, SessionId, WorkerId } from "../protocol/ids.ts";
import type { LogLine } from "../protocol/nouns.ts";
import { jobOf, taskOfAttempt } from "../protocol/ids.ts";
import { Definitions } from "./definitions.ts";
import { Gate } from "./gate.ts";
import type { Journal, JournalEntry } from "./journal/journal.ts";
import type { ObjectStore } from "./objects/object-store.ts";
import type { Instruction, SchedulerEvent } from "./scheduler/events.ts";
import { Scheduler } from "./scheduler/scheduler.ts";

/** An event without its time: the coordinator stamps it. */
export type Fact = SchedulerEvent extends infer E ? (E extends SchedulerEvent ? Omit<E, "at"> : never) : never;

/** A connected worker or client, as the coordinator sees it: a place where instructions go. */
export interface Destination {
  carry(instruction: Instruction): void;
  log?(lines: readonly { taskName: string; workerName: string; line: LogLine }[]): void;
}

export interface CoordinatorOptions {
  readonly journal: Journal;
  readonly objects: ObjectStore;
  /** Milliseconds; only goes forward. */
  readonly now: () => number;
  /** A rule broken inside, or an adapter that failed: for the log. */
  readonly onTrouble: (error: unknown) => void;
}

/** A journal this large is replaced by a picture of what it comes to, and again each time it has grown fourfold. */
const compactBytes = 8 * 1024 * 1024;
/** What was uploaded and never spoken of is kept this long: its owner may still be about to. */
const orphanMs = 3_600_000;

export type SessionOwner = Extract<JournalEntry, { type: "session-opened" }>["owner"];

export interface Progress {
  readonly fraction: number;
  readonly note: string;
}

/** A session as it was when the process that served it ended. */
export interface KeptSession {
  readonly sessionId: SessionId;
  readonly resumeKey: string;
  readonly owner: SessionOwner;
  readonly retainMs: number;
  /** Its messages up to this batch were taken. */
  received: number;
}

export class Coordinator {
  readonly scheduler = new Scheduler();
  readonly definitions: Definitions;
  readonly objects: ObjectStore;
  readonly workers = new Map<WorkerId, Destination>();
  readonly clients = new Map<JobId, Destination>();
  /** Those that a restart must find again. */
  readonly sessions = new Map<SessionId, KeptSession>();
  /** Knocks at the door, WebSocket upgrades included. */
  readonly traffic = { requests: 0, upgrades: 0 };
  /** What running tasks last said of themselves. */
  readonly progress = new Map<string, Progress>();
  /** Why nothing new can be kept, while that is so. */
  journalTrouble: Error | undefined;
  readonly #options: CoordinatorOptions;
  readonly #journal: Journal;
  readonly #gate = new Gate();
  #appended = 0;
  #isCompacting = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerAt = Infinity;
  #isClosed = false;

  constructor(options: CoordinatorOptions) {
    this.#options = options;
    this.objects = options.objects;
    this.#journal = options.journal;
    this.definitions = new Definitions(options.objects, (entry) => this.#append(entry));
    this.#journal.onKept = (kept) => {
      this.#gate.open(kept);
      // Not before everything that was appended in this turn has been handled, and what belongs to it was appended too.
      queueMicrotask(() => this.#compactIfLarge());
    };
    this.#journal.onTrouble = (error) => {
      this.journalTrouble = error;
      if (error !== undefined) options.onTrouble(error);
    };
  }

  now(): number {
    return this.#options.now();
  }

  /** Takes facts in the order they happened, and carries out what follows: at once, or when the facts are kept. */
  take(...facts: readonly Fact[]): void {
    if (this.#isClosed) return;
    const at = this.now();
    const events = facts.map((fact) => ({ ...fact, at }));
    const position = this.#append({ type: "events", events });
    for (const instruction of this.#decide(events)) {
      // A task that is begun and forgotten is only begun again; everything else may not be undone.
      if (instruction.type === "assign") this.#carry(instruction);
      else this.#gate.pass(position, () => this.#carry(instruction));
    }
    this.#setTimer(at);
  }

  /** Runs `leave` when everything taken so far is kept. */
  whenKept(leave: () => void): void {
    this.#gate.pass(this.#appended, leave);
  }

  /**
   * The facts of this batch of a session have been taken, in this turn: so they are kept together with this, and a
   * restart takes none twice. `keep` is called when they are.
   */
  received(sessionId: SessionId, received: number, keep: () => void): void {
    const session = this.sessions.get(sessionId);
    if (session === undefined || this.#isClosed) return;
    session.received = received;
    this.#append({ type: "received", sessionId, received });
    this.whenKept(keep);
  }

  /** These are not in the object store; what should be is lost. */
  lost(ids: readonly ObjectId[]): void {
    const { objects } = this.scheduler.records;
    const missed = ids.filter((id) => {
      const state = objects.get(id)?.state;
      return state?.name === "ready" && state.value.type === "stored";
    });
    if (missed.length > 0) this.take({ type: "objects-lost", ids: missed });
  }

  sessionOpened(session: KeptSession): void {
    this.sessions.set(session.sessionId, session);
    const { sessionId, resumeKey, owner, retainMs } = session;
    this.#append({ type: "session-opened", sessionId, resumeKey, owner, retainMs });
  }
  sessionClosed(sessionId: SessionId): void {
    if (this.#isClosed || !this.sessions.delete(sessionId)) return;
    this.#append({ type: "session-closed", sessionId });
  }

  /** Becomes what the journal says; then everybody is away, and may be back. Says how much was read. */
  async restore(): Promise<{ readonly entries: number; readonly ms: number }> {
    const startedAt = performance.now();
    let entries = 0;
    for await (const entry of this.#journal.replay()) {
      entries++;
      this.#replay(entry);
    }
    if (entries === 0) return { entries, ms: 0 };
    this.take({ type: "coordinator-restarted" });
    const stored = this.#storedIds();
    await this.objects.retain(stored, orphanMs);
    this.lost([...stored].filter((id) => this.objects.find(id) === undefined) as ObjectId[]);
    return { entries, ms: performance.now() - startedAt };
  }

  #replay(entry: JournalEntry): void {
    switch (entry.type) {
      case "events":
        for (const instruction of this.#decide(entry.events))
          if (instruction.type === "forget-job") this.#forgetFunctions(instruction.jobId);
        return;
      case "scheduler-state":
        return this.scheduler.restore(entry.bytes);
      case "function-defined":
        return this.definitions.restore(entry.functionId, entry.bytes, entry.jobId);
      case "session-opened":
        this.sessions.set(entry.sessionId, { ...entry, received: 0 });
        return;
      case "session-closed":
        this.sessions.delete(entry.sessionId);
        return;
      case "received": {
        const session = this.sessions.get(entry.sessionId);
        if (session !== undefined) session.received = entry.received;
      }
    }
  }

  /** What `replay` of everything so far would come to. */
  *#picture(): Iterable<JournalEntry> {
    for (const bytes of this.scheduler.snapshot()) yield { type: "scheduler-state", bytes };
    yield* this.definitions.entries();
    for (const { sessionId, resumeKey, owner, retainMs, received } of this.sessions.values()) {
      yield { type: "session-opened", sessionId, resumeKey, owner, retainMs };
      yield { type: "received", sessionId, received };
    }
  }

  #compactIfLarge(): void {
    const { sizeBytes, compactedBytes } = this.#journal;
    if (this.#isCompacting || this.#isClosed || sizeBytes < Math.max(compactBytes, 4 * compactedBytes)) return;
    this.#isCompacting = true;
    // The picture is one of this moment: it is drawn whole before anything else happens.
    this.#journal.compact([...this.#picture()]).then(
      () => {
        this.#isCompacting = false;
      },
      (error: unknown) => {
        this.#isCompacting = false;
        this.#options.onTrouble(error);
      },
    );
  }

  #storedIds(): Set<string> {
    const ids = new Set<string>(this.definitions.storedIds());
    for (const id of this.scheduler.storedIds()) ids.add(id);
    return ids;
  }

  #append(entry: JournalEntry): number {
    return (this.#appended = this.#journal.append(entry));
  }

  #decide(events: readonly SchedulerEvent[]): readonly Instruction[] {
    try {
      return this.scheduler.handle(...events);
    } catch (error) {
      this.#options.onTrouble(error);
      return [];
    }
  }

  log(workerName: string, lines: readonly LogLine[]): void {
    const byJob = new Map<JobId, { taskName: string; workerName: string; line: LogLine }[]>();
    for (const line of lines) {
      const jobId = jobOf(line.attemptId);
      const taskName =
        this.scheduler.records.tasks.get(taskOfAttempt(line.attemptId))?.spec.name ?? this.#actorName(line) ?? "";
      let mine = byJob.get(jobId);
      if (mine === undefined) byJob.set(jobId, (mine = []));
      mine.push({ taskName, workerName, line });
    }
    for (const [jobId, said] of byJob) this.clients.get(jobId)?.log?.(said);
  }
  #actorName(line: LogLine): string | undefined {
    return this.scheduler.records.actors.get(taskOfAttempt(line.attemptId) as string as never)?.spec.className;
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  #carry(instruction: Instruction): void {
    switch (instruction.type) {
      case "deliver":
      case "actor-is":
      case "refuse": {
        const { to } = instruction;
        const destination = to.type === "client" ? this.clients.get(to.jobId) : this.workers.get(to.workerId);
        destination?.carry(instruction);
        return;
      }
      case "forget-object":
        this.objects.delete(instruction.id).catch(this.#options.onTrouble);
        return;
      case "forget-job": {
        const functionIds = this.#forgetFunctions(instruction.jobId);
        for (const worker of this.workers.values()) worker.carry({ ...instruction, functionIds });
        return;
      }
      default:
        this.workers.get(instruction.workerId)?.carry(instruction);
    }
  }

  /** Detached actors of a closed job still need theirs. */
  #forgetFunctions(jobId: JobId): FunctionId[] {
    return this.scheduler.records.jobs.has(jobId) ? [] : this.definitions.forgetJob(jobId);
  }

  /** Moves the one timer when the next deadline is sooner, or when it has fired. */
  #setTimer(at: number): void {
    const due = this.scheduler.nextDeadline();
    if (due === undefined || (due >= this.#timerAt && this.#timer !== undefined)) return;
    clearTimeout(this.#timer);
    this.#timerAt = due;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#timerAt = Infinity;
        this.take({ type: "time-passed" });
      },
      Math.max(1, Math.ceil(due - at)),
    );
  }
}
