/**
 * The GridHost of user code on this thread: what its Grid says goes out in the name of an attempt. A task has a Grid and
 * a host of its own. An actor's follows the call that is running: the ids of what it submits derive from that call, and
 * between calls from the actor's creation.
 *
 * With maxConcurrency 1 that is exact, and so it is with more as long as calls wait for the grid alone: the answer says
 * whose it is. A call that goes on after a timer, while others are in progress, submits in the name of the one last
 * entered: ids stay unique, and a replay may give them to another of the interleaved calls.
 *
 * THREAD-10: `grid.context()` tells the attempt that asks, also when calls interleave; once it has ended its Grid is
 * dead: what it says then is dropped.
 */
import { DisconnectedError, GridError } from "../../protocol/errors.ts";
import {
  type ActorId,
  type AttemptId,
  attemptNumber,
  type FunctionId,
  type JobId,
  type ObjectId,
  type TaskId,
  taskOfAttempt,
} from "../../protocol/ids.ts";
import type { SubmitterMessage } from "../../protocol/messages.ts";
import type { Demand, Failure } from "../../protocol/nouns.ts";
import { errorOf } from "../../grid/failures.ts";
import { createGrid } from "../../grid/grid.ts";
import type { GridHost } from "../../grid/host.ts";
import { submitterOf } from "../../grid/submitter.ts";
import type { Context, Grid } from "../../grid/types.ts";
import type { Attempt } from "./attempt.ts";
import type { Link } from "./attempts.ts";
import type { Runtime } from "./runtime.ts";

/** What an actor adds to the context of its calls. */
export interface ActorPart {
  readonly actorId: ActorId;
  readonly actorName: string | undefined;
  readonly wasRestored: boolean;
  checkpoint(): Promise<void>;
  exit(): never;
}

export class AttemptHost implements GridHost {
  readonly jobId: JobId;
  readonly namespace: string;
  readonly isLasting: boolean;
  readonly defined: Set<FunctionId>;
  readonly #runtime: Runtime;
  readonly #demand: Demand;
  readonly #actor: ActorPart | undefined;
  /** Whom it speaks for when no call is running. */
  readonly #first: Attempt;
  #current: Attempt;
  #uploads: Promise<unknown> | undefined = undefined;
  #stateTaken: Promise<void> | undefined = undefined;
  #saySoFar: () => void = () => {};

  constructor(attempt: Attempt, demand: Demand, runtime: Runtime, actor?: ActorPart) {
    this.jobId = attempt.work.jobId;
    this.namespace = attempt.work.namespace;
    // An actor lives long: what it lets go of is released before its end.
    this.isLasting = actor !== undefined;
    this.defined = runtime.defined;
    this.#first = attempt;
    this.#current = attempt;
    this.#demand = demand;
    this.#runtime = runtime;
    this.#actor = actor;
  }

  /** This call's code runs from here on. */
  follow(attempt: Attempt): void {
    if (attempt === this.#current) return;
    // What the Grid has gathered is still the other's.
    this.#saySoFar();
    this.#current = attempt;
  }

  /** Once, when it has its Grid: `saySoFar` makes the Grid say at once what it has gathered. */
  serve(saySoFar: () => void): void {
    this.#saySoFar = saySoFar;
  }

  get current(): Attempt {
    return this.#current;
  }

  get actorId(): ActorId | undefined {
    return this.#actor?.actorId;
  }

  /** Settles when all that is being uploaded has arrived or failed, and the Grid has said what follows from it. */
  get uploads(): Promise<unknown> | undefined {
    return this.#uploads;
  }

  /** Settles when the state that is being taken has been reported. */
  get stateTaken(): Promise<void> | undefined {
    return this.#stateTaken;
  }

  /** Until then outcomes are not reported. */
  holdOutcomes(until: Promise<void>): void {
    this.#stateTaken = until;
    void until.then(() => {
      if (this.#stateTaken === until) this.#stateTaken = undefined;
    });
  }

  get voice(): AttemptId {
    return this.#speaker.id;
  }

  /** In that of the creation when the call has ended. */
  speakAs(voice: string | undefined, say: () => void): void {
    const before = this.#current;
    this.follow(this.#runtime.attempts.find(voice as AttemptId) ?? this.#first);
    say();
    this.follow(before);
  }

  get #speaker(): Attempt {
    return this.#current.hasEnded ? this.#first : this.#current;
  }

  nextChild(): TaskId {
    return this.#speaker.nextChild();
  }

  send(message: SubmitterMessage): void {
    const speaker = this.#speaker;
    speaker.report({ type: "relay", attemptId: speaker.id, message });
  }

  upload(id: string, bytes: Uint8Array): Promise<void> {
    const upload = this.#runtime.shell.upload(this.#speaker.id, id, bytes).catch((error: unknown) => {
      throw gridErrorOf(error, `Cannot upload "${id}"`);
    });
    // Settles after whoever is given `upload` has been called.
    const all = Promise.allSettled([this.#uploads, upload]);
    this.#uploads = all;
    void all.then(() => {
      if (this.#uploads === all) this.#uploads = undefined;
    });
    return upload;
  }

  async download(id: ObjectId, signal?: AbortSignal): Promise<Uint8Array> {
    signal?.throwIfAborted();
    try {
      return await abortable(this.#runtime.shell.download(this.#speaker.id, id), signal);
    } catch (error) {
      if (signal?.aborted === true) throw signal.reason;
      throw gridErrorOf(error, `Cannot download "${id}"`);
    }
  }

  waiting(begins: boolean): void {
    this.#speaker.waiting(begins);
  }

  context(): Context {
    const attempt = this.#current;
    const { work } = attempt;
    const { cpus, gpus, memoryBytes, custom } = this.#demand;
    const actor = this.#actor;
    return {
      jobId: work.jobId,
      workerId: this.#runtime.workerId,
      taskId: taskOfAttempt(attempt.id),
      taskName: work.name,
      attempt: attemptNumber(attempt.id),
      ...(actor !== undefined && { actorId: actor.actorId }),
      ...(actor?.actorName !== undefined && { actorName: actor.actorName }),
      namespace: work.namespace,
      get signal() {
        return attempt.signal;
      },
      wasRestored: actor?.wasRestored ?? false,
      assignedResources: { numCpus: cpus, numGpus: gpus, memoryBytes, resources: custom },
      progress: (fraction, note) => attempt.progress(fraction, note),
      checkpoint() {
        if (actor === undefined) throw new TypeError(`Cannot checkpoint: "${work.name}" is a task, not an actor`);
        return actor.checkpoint();
      },
      exit() {
        if (actor === undefined) throw new TypeError(`Cannot exit: "${work.name}" is a task, not an actor`);
        return actor.exit();
      },
    };
  }

  /** A task does not end its job. */
  async close(): Promise<void> {}
}

/** A Grid of its own for this host, and the way for the thread to reach it. */
export function openGrid(host: AttemptHost): { readonly grid: Grid; readonly link: Link } {
  const end = createGrid(host);
  const { outbox } = submitterOf(end.grid);
  const flush = (): void => outbox.flush();
  host.serve(flush);
  return {
    grid: end.grid,
    link: { receive: (message) => end.receive(message), flush, askAgain: () => end.askAgain() },
  };
}

/** The shell rejects with a Failure; anything else means that it cannot be reached. */
function gridErrorOf(error: unknown, what: string): GridError {
  if (error instanceof GridError) return error;
  if (isFailure(error)) return errorOf(error);
  return new DisconnectedError(`${what}: ${error instanceof Error ? error.message : String(error)}`);
}

function isFailure(error: unknown): error is Failure {
  return (
    typeof error === "object" && error !== null && !(error instanceof Error) && "code" in error && "message" in error
  );
}

function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
