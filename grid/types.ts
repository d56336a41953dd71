/**
 * The public types: what a user holds and passes. Owns names and meanings, which outside code relies on. Knows nothing
 * about how any of it is done; the classes of this room and of the SDK implement these.
 */

// ------------------------------------------------------------------------------------------ the grid

/** One job on a grid of browser tabs: of a client, or as a running task sees it. */
export interface Grid extends AsyncDisposable {
  readonly jobId: string;
  /**
   * A secret that lets another connection go on with this job: keep it (in `sessionStorage`, say) and pass it to `connect`
   * after a reload, within `reconnectMs`. Undefined inside tasks and actors.
   */
  readonly ticket: string | undefined;
  /**
   * A handle on an object of this job by its id: how a page that was reloaded finds again what it had submitted. Whether
   * there is such an object shows at `get`. Throws TypeError for what is no id of an object.
   * @example
   * const again = await connect(url, { ticket: sessionStorage.getItem("ticket") ?? "" });
   * console.log(await again.ref(sessionStorage.getItem("result") ?? "").get());
   */
  ref<T>(id: string): ObjectRef<T>;

  /**
   * A function becomes a task factory, a class an actor factory. Throws CaptureError when it uses variables that cannot
   * travel, and TypeError for an option that does not exist.
   * @example
   * const square = grid.remote((n: number) => n * n);
   * await grid.get(square.remote(4)); // 16
   */
  remote<A extends unknown[], R extends readonly unknown[]>(
    fn: (...args: A) => R | Promise<R>,
    options: TaskOptions & { numReturns: number },
  ): RemoteTuple<A, R>;
  remote<A extends unknown[], R>(fn: (...args: A) => R, options?: TaskOptions): Remote<A, R>;
  remote<C extends new (...args: never[]) => object>(cls: C, options?: ActorOptions): ActorClass<C>;

  /**
   * Returns at once; the upload goes on behind it, and its failure surfaces at `get`. The value is copied.
   * @example
   * const table = grid.put(rows);
   * const sums = columns.map((column) => sumOf.remote(table, column));
   */
  put<T>(value: T): ObjectRef<T>;

  /**
   * Order and duplicates kept. The first error throws at once. `timeoutMs: 0` polls.
   * @example
   * const [a, b] = await grid.get([first, second], { timeoutMs: 5_000 });
   */
  get<T>(ref: ObjectRef<T>, options?: GetOptions): Promise<T>;
  get<const R extends readonly ObjectRef<unknown>[]>(
    refs: R,
    options?: GetOptions,
  ): Promise<{ -readonly [K in keyof R]: R[K] extends ObjectRef<infer T> ? T : never }>;

  /**
   * At most `numReturns` (default 1) ready refs, in input order, and the rest. Moves no bytes. A failed ref is ready.
   * Duplicates, a bare ref, and `numReturns` below 1 or above the length throw.
   * @example
   * const [ready, pending] = await grid.wait(refs, { numReturns: 2, timeoutMs: 1_000 });
   */
  wait<T>(
    refs: readonly ObjectRef<T>[],
    options?: WaitOptions,
  ): Promise<[ready: ObjectRef<T>[], pending: ObjectRef<T>[]]>;

  /**
   * Queued: never runs. Running: its AbortSignal fires; if it returns all the same, its value stands; if it throws,
   * TaskCancelledError. `force` stops its thread: always TaskCancelledError. `recursive` (default true) takes children
   * along. Finished: nothing happens now, but a value lost later is not made again.
   * @example
   * await grid.cancel(slow, { force: true });
   */
  cancel(
    ref: ObjectRef<unknown> | ObjectRefGenerator<unknown>,
    options?: { force?: boolean; recursive?: boolean },
  ): Promise<void>;

  /**
   * Immediate; the running call fails. Checkpoints are deleted unless `noRestart: false`, which restores from them.
   * @example
   * await grid.kill(counter);
   */
  kill(actor: ActorHandle<object>, options?: { noRestart?: boolean }): Promise<void>;

  /**
   * Drops values now instead of when the handles are collected. Later use throws ObjectFreedError.
   * @example
   * await grid.free(intermediateRefs);
   */
  free(refs: ObjectRef<unknown> | readonly ObjectRef<unknown>[]): Promise<void>;

  /**
   * The living actor of that name; throws ActorNotFoundError when there is none.
   * @example
   * const counter = await grid.getActor<Counter>("visits");
   */
  getActor<T extends object>(name: string, options?: { namespace?: string }): Promise<ActorHandle<T>>;

  /** Within a task or an actor: who am I. Elsewhere: the client's own. */
  context(): Context;
  /** What the dashboard sees, for programs. */
  readonly state: StateApi;
  clusterResources(): Promise<Resources & { readonly workers: number }>;
  availableResources(): Promise<Resources>;
  /** Chrome trace events of this job; opens in Perfetto. */
  timeline(): Promise<object[]>;
  /**
   * Ends the job at once: its refs and non-detached actors go. While the coordinator is away, calls queue instead.
   * @example
   * await grid.close();
   */
  close(): Promise<void>;
}

/**
 * A handle on an immutable value that exists or will exist somewhere on the grid. Deliberately not a thenable:
 * JavaScript would flatten a ref inside a ref. As a top-level argument it becomes its value; nested it stays a ref.
 */
export interface ObjectRef<out T> extends Disposable {
  readonly id: string;
  get(options?: GetOptions): Promise<T>;
}

/** Refs to what a generator yields, as it yields. Leaving a `for await` early cancels the producer. */
export interface ObjectRefGenerator<out T> extends AsyncIterable<ObjectRef<T>> {
  /** Resolves when the producer has ended. */
  readonly completed: ObjectRef<void>;
}

export interface GetOptions {
  /** 0 polls. Over it: GetTimeoutError. Default: no limit. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface WaitOptions {
  /** Default 1. */
  readonly numReturns?: number;
  /** What is ready by then is returned. Default: no limit. */
  readonly timeoutMs?: number;
  /** Bring the values along, so that a later `get` is at once. Default false. */
  readonly fetchLocal?: boolean;
}

// ------------------------------------------------------------------------------------------ tasks

/** A generator function becomes a RemoteGenerator, any other a RemoteFunction. */
export type Remote<A extends unknown[], R> = [R] extends [never]
  ? RemoteFunction<A, never>
  : R extends Generator<infer Y> | AsyncGenerator<infer Y>
    ? RemoteGenerator<A, Y>
    : RemoteFunction<A, Awaited<R>>;

/** Each parameter takes its value or a ref to it. */
export type RefOr<A extends unknown[]> = { [K in keyof A]: A[K] | ObjectRef<A[K]> };

/** Submits tasks that run one function. */
export interface RemoteFunction<A extends unknown[], R> {
  /**
   * Submits one task. Too few arguments throw here, not at `get`.
   * @example
   * const ref = add.remote(1, grid.put(2));
   */
  remote(...args: RefOr<A>): ObjectRef<R>;
  /**
   * A copy with these options laid over.
   * @example
   * const patient = add.options({ timeoutMs: 60_000, priority: 1 });
   */
  options(options: TaskOptions & { numReturns: number }): R extends readonly unknown[] ? RemoteTuple<A, R> : never;
  options(options: TaskOptions): RemoteFunction<A, R>;
  /**
   * Many submissions in one message: the fast path for a loop over inputs.
   * @example
   * const squares = await grid.get(square.map([1, 2, 3]));
   */
  map(items: Iterable<A[0] | ObjectRef<A[0]>>): ObjectRef<R>[];
  /**
   * Runs it here, in this process, with the same copying of arguments and the same captures: for a debugger.
   * @example
   * await square.local(4); // 16
   */
  local(...args: A): Promise<R>;
}

/**
 * `numReturns: n`: the function returns an array of n values, each with a ref of its own. A wrong count is a TaskError on
 * every ref.
 */
export interface RemoteTuple<A extends unknown[], R extends readonly unknown[]> {
  remote(...args: RefOr<A>): { -readonly [K in keyof R]: ObjectRef<R[K]> };
  options(options: TaskOptions): RemoteTuple<A, R>;
}

/** Submits tasks that run a generator function. */
export interface RemoteGenerator<A extends unknown[], Y> {
  /** `for await` over refs as they are produced; leaving the loop early cancels the producer. */
  remote(...args: RefOr<A>): ObjectRefGenerator<Y>;
  /** `backpressure: k`: at most k items produced and not yet taken. Default: no limit. */
  options(options: TaskOptions & { backpressure?: number }): RemoteGenerator<A, Y>;
}

export interface Resources {
  /** Threads. Task default 1. Actor default 0 while running, as in Ray: an idle actor holds no thread. */
  readonly numCpus?: number;
  readonly numGpus?: number;
  readonly memoryBytes?: number;
  readonly resources?: Readonly<Record<string, number>>;
}

export interface TaskOptions extends Resources {
  readonly name?: string;
  /** What the function uses from outside itself, by the name it uses. Filled in by the notebook and the Vite plugin. */
  readonly captures?: Readonly<Record<string, unknown>>;
  readonly numReturns?: number;
  /**
   * Crashed threads (`self.close()` in a task counts as one), default 3. A worker that leaves costs nothing from this
   * budget: leaving is normal here. -1: no limit.
   */
  readonly maxRetries?: number;
  /** Retry the user's own errors too: all, or those whose `name` is listed. Default false. */
  readonly retryExceptions?: boolean | readonly string[];
  /** Running longer than this fails with TaskTimeoutError; enforced by stopping the thread. */
  readonly timeoutMs?: number;
  /** Higher goes first. Default 0. */
  readonly priority?: number;
  readonly schedulingStrategy?: "default" | "spread" | { readonly workerId: string; readonly soft?: boolean };
  /** All must match a worker's labels, e.g. { browser: "chromium", webgpu: "true" }. */
  readonly labels?: Readonly<Record<string, string | readonly string[]>>;
  /**
   * How long a task that no connected worker could ever run may wait before UnschedulableError. Default: for ever, and
   * the dashboard says why.
   */
  readonly unschedulableTimeoutMs?: number;
}

// ------------------------------------------------------------------------------------------ actors

/** Makes actors of one class. */
export interface ActorClass<C extends new (...args: never[]) => object> {
  /**
   * Returns a handle at once; the constructor runs on a worker.
   * @example
   * const counter = grid.remote(Counter).remote(10);
   * await grid.get(counter.increment.remote());
   */
  remote(...args: RefOr<ConstructorParameters<C>>): ActorHandle<InstanceType<C>>;
  options(options: ActorOptions): ActorClass<C>;
}

/** One member for each public method of the actor's class. Plain data to JavaScript: never a thenable. */
export type ActorHandle<T extends object> = {
  readonly [M in keyof T as T[M] extends (...args: never[]) => unknown ? M : never]: T[M] extends (
    ...args: infer A
  ) => never
    ? ActorMethod<A, never>
    : T[M] extends (...args: infer A) => Generator<infer Y> | AsyncGenerator<infer Y>
      ? RemoteGenerator<A, Y>
      : T[M] extends (...args: infer A) => infer R
        ? ActorMethod<A, Awaited<R>>
        : never;
} & {
  readonly $actorId: string;
  /** Ready once the constructor has run; carries its error. */
  $ready(): ObjectRef<void>;
};

/** Calls one method of an actor. */
export interface ActorMethod<A extends unknown[], R> {
  remote(...args: RefOr<A>): ObjectRef<R>;
  options(options: { numReturns: number }): R extends readonly unknown[] ? RemoteTuple<A, R> : never;
  options(options: CallOptions): ActorMethod<A, R>;
}

export interface CallOptions {
  readonly maxTaskRetries?: number;
  readonly retryExceptions?: boolean | readonly string[];
  readonly timeoutMs?: number;
  readonly concurrencyGroup?: string;
}

export interface ActorOptions extends Resources {
  readonly captures?: Readonly<Record<string, unknown>>;
  readonly name?: string;
  readonly namespace?: string;
  /** With `name`: the living actor of that name, or a new one; atomic. */
  readonly getIfExists?: boolean;
  /** "detached" outlives its job, until killed. */
  readonly lifetime?: "job" | "detached";
  /** Calls in progress at once. Default 1, async methods included: state stays turn-based unless you ask otherwise. */
  readonly maxConcurrency?: number;
  readonly concurrencyGroups?: Readonly<Record<string, number>>;
  /** Per handle; over it `remote` throws PendingCallsLimitExceededError. Default: no limit. */
  readonly maxPendingCalls?: number;
  /**
   * Default -1: an actor follows its users to the next worker as often as needed. A crashed thread spends one, a worker
   * that leaves none; 0: it dies with its thread or its worker.
   */
  readonly maxRestarts?: number;
  /**
   * For calls in progress when an actor with checkpoint "off" or "manual" is lost: default 0, they fail with
   * ActorUnavailableError. Otherwise they are replayed.
   */
  readonly maxTaskRetries?: number;
  /**
   * When state is made durable; see the table of guarantees in DESIGN.md.
   * "call" (default): a result is released only after the state that includes it is durable; commits are grouped.
   * { everyCalls, everyMs }: on that rhythm; calls since the last one are replayed after a loss. At least one of the two:
   * after so many calls, or so many ms after the first call that is in no state yet, whichever comes first, and between
   * calls. One left out sets no limit.
   * "manual": at `grid.context().checkpoint()`, and when it is moved alive. "off": as in Ray, a restart runs the constructor again.
   *
   * The state is taken between calls. With `maxConcurrency` above 1 or `concurrencyGroups` it is taken while calls are in
   * progress: after a loss such a call runs again, from what the state was then.
   * An actor whose state cannot be saved any more ends with ActorDiedError, whose cause says where in it.
   */
  readonly checkpoint?: "call" | { readonly everyCalls?: number; readonly everyMs?: number } | "manual" | "off";
  readonly schedulingStrategy?: TaskOptions["schedulingStrategy"];
  readonly labels?: TaskOptions["labels"];
}

/**
 * Optional members of an actor's class. Without them the state is the instance's own fields, #private ones excluded:
 * a class that keeps state in #private fields or in values that cannot be cloned must have both hooks, and is refused at
 * creation otherwise. In a restored instance fields have their first values, #private ones too, and no constructor's body
 * has run.
 */
export interface Checkpointable<S> {
  /** A structured-cloneable picture of the state. */
  saveState(): S | Promise<S>;
  /** Called instead of the constructor's work on an instance made without running it. */
  restoreState(state: S): void | Promise<void>;
}

// ------------------------------------------------------------------------------------------ inside a task or an actor

/** `grid` is in scope in every shipped function and class: the same Grid, seen from the worker. */
export interface Context {
  readonly jobId: string;
  readonly workerId?: string;
  readonly taskId?: string;
  readonly taskName?: string;
  readonly attempt?: number;
  readonly actorId?: string;
  readonly actorName?: string;
  readonly namespace: string;
  /** Fires on cancel and on timeout. */
  readonly signal: AbortSignal;
  /** This actor has been restored or restarted. */
  readonly wasRestored: boolean;
  readonly assignedResources: Resources;
  /** 0 to 1, and a line for people: shown live on the dashboard and in the notebook. */
  progress(fraction: number, note?: string): void;
  /**
   * Saves this actor's state as it is now, half way through the call that asks. Resolves once it is durable. Rejects with
   * ActorDiedError when the actor ends before, with SerializationError when the state cannot be copied, with TypeError
   * when the actor has checkpoint "off" or is still being made. Throws TypeError in a task.
   */
  checkpoint(): Promise<void>;
  /** Ends this actor after the current call: queued calls fail with ActorDiedError, it is never restarted. */
  exit(): never;
}

// ------------------------------------------------------------------------------------------ state

/** What the coordinator knows, as JSON. */
export interface StateApi {
  listTasks(query?: StateQuery): Promise<readonly object[]>;
  listActors(query?: StateQuery): Promise<readonly object[]>;
  listObjects(query?: StateQuery): Promise<readonly object[]>;
  listWorkers(query?: StateQuery): Promise<readonly object[]>;
  listJobs(query?: StateQuery): Promise<readonly object[]>;
  summarizeTasks(): Promise<Readonly<Record<string, Readonly<Record<string, number>>>>>;
  /** Everything that happened to one task or actor, in order. */
  story(id: string): Promise<readonly object[]>;
}

export interface StateQuery {
  readonly filters?: readonly (readonly [key: string, op: "=" | "!=", value: unknown])[];
  readonly limit?: number;
}
