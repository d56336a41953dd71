/**
 * Everything a Grid says, in the order it was said. Owns two things: neighbours of the same sort are put into one
 * message (submissions with one spec, releases, holds, wants), and whatever stands behind an upload waits for it. Knows
 * nothing about what the messages bring about.
 */
import type { ObjectId, TaskId } from "../protocol/ids.ts";
import { taskOfObject } from "../protocol/ids.ts";
import type { SubmitterMessage } from "../protocol/messages.ts";
import type { Spec, Submission } from "../protocol/nouns.ts";

/** Submissions in one message at most, and about how many bytes of arguments: it still fits a data channel. */
const groupTasks = 1_000;
const groupBytes = 200 * 1024;
/** What a submission takes besides its arguments. */
const submissionBytes = 64;

export interface OutboxPort {
  send(message: SubmitterMessage): void;
  /** The message without what cannot be said any more because an upload that it needs has failed. */
  sayable(message: SubmitterMessage): SubmitterMessage | undefined;
}

type Group =
  | { readonly type: "submit"; readonly spec: Spec; readonly tasks: Submission[]; bytes: number }
  | { readonly type: "release" | "hold"; readonly ids: ObjectId[] };

type Waiting =
  | { readonly type: "message"; readonly message: SubmitterMessage }
  | { readonly type: "upload"; readonly id: TaskId | undefined; isDone: boolean };

export class Outbox {
  readonly #port: OutboxPort;
  #open: Group | undefined;
  /** Asked for in this turn; said after the open group, so that a loop of submit and get makes two messages. */
  #wantedValues: ObjectId[] = [];
  #wantedReadiness: ObjectId[] = [];
  #isFlushScheduled = false;
  /** What waits, from the first unfinished upload on. */
  #line: Waiting[] | undefined;
  readonly #flushSoon = (): void => {
    this.#isFlushScheduled = false;
    this.flush();
  };

  constructor(port: OutboxPort) {
    this.#port = port;
  }

  /** Specs are told apart by identity: submissions that share one share a message. */
  submit(spec: Spec, task: Submission): void {
    const size = task.args.length + submissionBytes;
    const open = this.#open;
    if (
      open?.type === "submit" &&
      open.spec === spec &&
      open.tasks.length < groupTasks &&
      open.bytes + size <= groupBytes
    ) {
      open.tasks.push(task);
      open.bytes += size;
      return;
    }
    this.#begin({ type: "submit", spec, tasks: [task], bytes: size });
  }

  release(id: ObjectId): void {
    this.#list("release", id);
  }

  hold(id: ObjectId): void {
    this.#list("hold", id);
  }

  send(message: SubmitterMessage): void {
    this.flush();
    this.#pass(message);
  }

  /**
   * Asks at once for what the other end has heard of, though an upload is under way, and behind the upload for the rest.
   */
  want(ids: readonly ObjectId[], values: boolean): void {
    if (this.#line === undefined) {
      const wanted = values ? this.#wantedValues : this.#wantedReadiness;
      for (const id of ids) wanted.push(id);
      this.#scheduleFlush();
      return;
    }
    this.flush();
    const unsaid = tasksIn(this.#line);
    const known = ids.filter((id) => !unsaid.has(taskOfObject(id)));
    const unknown = ids.filter((id) => unsaid.has(taskOfObject(id)));
    if (known.length > 0) this.#port.send({ type: "want", ids: known, values });
    if (unknown.length > 0) this.#pass({ type: "want", ids: unknown, values });
  }

  /** What is said from now on waits until `upload` ends; `then` says first what comes of it. `id`: what it makes known. */
  behind(
    upload: Promise<void>,
    id: TaskId | undefined,
    then: { done(): SubmitterMessage; failed(error: unknown): void },
  ): void {
    this.flush();
    const place: Waiting = { type: "upload", id, isDone: false };
    const line = (this.#line ??= []);
    line.push(place);
    const end = (message: SubmitterMessage | undefined): void => {
      place.isDone = true;
      if (message !== undefined) line.splice(line.indexOf(place) + 1, 0, { type: "message", message });
      this.#advance();
    };
    upload.then(
      () => end(then.done()),
      (error: unknown) => {
        then.failed(error);
        end(undefined);
      },
    );
  }

  /** Passes the open group on; called before anything that must not overtake it. */
  flush(): void {
    const open = this.#open;
    this.#open = undefined;
    if (open?.type === "submit") this.#pass({ type: "submit", spec: open.spec, tasks: open.tasks });
    else if (open !== undefined) this.#pass(open);
    const values = this.#wantedValues;
    const readiness = this.#wantedReadiness;
    if (values.length > 0) {
      this.#wantedValues = [];
      this.#port.send({ type: "want", ids: values, values: true });
    }
    if (readiness.length > 0) {
      this.#wantedReadiness = [];
      this.#port.send({ type: "want", ids: readiness, values: false });
    }
  }

  #list(type: "release" | "hold", id: ObjectId): void {
    const open = this.#open;
    if (open?.type === type) open.ids.push(id);
    else this.#begin({ type, ids: [id] });
  }

  #begin(group: Group): void {
    this.flush();
    this.#open = group;
    this.#scheduleFlush();
  }

  #scheduleFlush(): void {
    if (this.#isFlushScheduled) return;
    this.#isFlushScheduled = true;
    queueMicrotask(this.#flushSoon);
  }

  #pass(message: SubmitterMessage): void {
    if (this.#line !== undefined) this.#line.push({ type: "message", message });
    else this.#send(message);
  }

  #send(message: SubmitterMessage): void {
    const sayable = this.#port.sayable(message);
    if (sayable !== undefined) this.#port.send(sayable);
  }

  #advance(): void {
    const line = this.#line ?? [];
    let passed = 0;
    for (const waiting of line) {
      if (waiting.type === "upload" && !waiting.isDone) break;
      if (waiting.type === "message") this.#send(waiting.message);
      passed++;
    }
    line.splice(0, passed);
    if (line.length === 0) this.#line = undefined;
  }
}

function tasksIn(line: readonly Waiting[]): ReadonlySet<TaskId> {
  const tasks = new Set<TaskId>();
  for (const waiting of line) {
    if (waiting.type === "upload") {
      if (waiting.id !== undefined) tasks.add(waiting.id);
      continue;
    }
    const { message } = waiting;
    if (message.type === "submit") for (const task of message.tasks) tasks.add(task.id);
    else if (message.type === "create-actor") tasks.add(message.creation.id);
    else if (message.type === "put") tasks.add(taskOfObject(message.id));
  }
  return tasks;
}
