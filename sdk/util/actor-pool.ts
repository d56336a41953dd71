/**
 * ActorPool: hands work to whichever of its actors is free. Owns who is free and what waits. A result is kept here until
 * it is taken, and its actor goes on meanwhile.
 */
import type { ActorHandle, ObjectRef } from "../../grid/types.ts";
import { GetTimeoutError } from "../../protocol/errors.ts";

export interface ActorPoolWait {
  /** Default: no limit. */
  readonly timeoutMs?: number;
}

type Start<T extends object> = (actor: ActorHandle<T>) => ObjectRef<unknown>;

/**
 * Spreads calls over actors that are alike.
 * @example
 * const pool = new ActorPool([Model.remote(), Model.remote()]);
 * for await (const score of pool.map((model, row: Row) => model.score.remote(row), rows)) console.log(score);
 */
export class ActorPool<T extends object> {
  readonly #idle: ActorHandle<T>[] = [];
  readonly #busy = new Set<ActorHandle<T>>();
  /** Work that no actor has taken yet. */
  readonly #waiting: Work<T>[] = [];
  /** What was submitted and not taken yet, in order. */
  readonly #submitted = new Set<Work<T>>();

  constructor(actors: Iterable<ActorHandle<T>>) {
    for (const actor of actors) this.push(actor);
  }

  /** Submits all of `values` at once; yields results in input order. The first error throws. */
  map<V, R>(fn: (actor: ActorHandle<T>, value: V) => ObjectRef<R>, values: Iterable<V>): AsyncIterable<R> {
    const works = Array.from(values, (value) => this.#begin((actor) => fn(actor, value)));
    return this.#results<R>(works, (left) => Promise.resolve(left[0]));
  }

  /** The same, as they come. */
  mapUnordered<V, R>(fn: (actor: ActorHandle<T>, value: V) => ObjectRef<R>, values: Iterable<V>): AsyncIterable<R> {
    const works = Array.from(values, (value) => this.#begin((actor) => fn(actor, value)));
    return this.#results<R>(works, (left) => Promise.race(left.map((work) => work.ended)));
  }

  /** Takes its turn when an actor is free; its result is for `getNext` or `getNextUnordered`. */
  submit<V, R>(fn: (actor: ActorHandle<T>, value: V) => ObjectRef<R>, value: V): void {
    this.#submitted.add(this.#begin((actor) => fn(actor, value)));
  }

  /** Has anything been submitted whose result was not taken? */
  hasNext(): boolean {
    return this.#submitted.size > 0;
  }

  /** The result of the earliest submission. Throws GetTimeoutError, and keeps it, when it is not there in time. */
  async getNext<R>(options: ActorPoolWait = {}): Promise<R> {
    const [first] = this.#submitted;
    return await this.#take<R>(first?.ended, options);
  }

  /** The result of whichever submission ends next. */
  async getNextUnordered<R>(options: ActorPoolWait = {}): Promise<R> {
    const ending =
      this.#submitted.size === 0 ? undefined : Promise.race(Array.from(this.#submitted, (work) => work.ended));
    return await this.#take<R>(ending, options);
  }

  /** Would a submission begin at once? */
  hasFree(): boolean {
    return this.#idle.length > 0 && this.#waiting.length === 0;
  }

  /** Takes an actor that is free out of the pool; undefined when there is none. */
  popIdle(): ActorHandle<T> | undefined {
    return this.hasFree() ? this.#idle.shift() : undefined;
  }

  /** Adds an actor. Throws when it is in the pool already. */
  push(actor: ActorHandle<T>): void {
    if (this.#busy.has(actor) || this.#idle.includes(actor)) {
      throw new RangeError(`Cannot add actor "${actor.$actorId}": it is in the pool already`);
    }
    this.#free(actor);
  }

  #begin(start: Start<T>): Work<T> {
    const work = new Work<T>(start);
    this.#waiting.push(work);
    this.#next();
    return work;
  }

  #next(): void {
    while (this.#idle.length > 0 && this.#waiting.length > 0) {
      const actor = this.#idle.shift();
      const work = this.#waiting.shift();
      if (actor === undefined || work === undefined) return;
      this.#busy.add(actor);
      void work.run(actor).then(() => {
        this.#busy.delete(actor);
        this.#free(actor);
      });
    }
  }

  #free(actor: ActorHandle<T>): void {
    this.#idle.push(actor);
    this.#next();
  }

  async #take<R>(ending: Promise<Work<T>> | undefined, { timeoutMs }: ActorPoolWait): Promise<R> {
    if (ending === undefined) throw new RangeError("Cannot get the next result: nothing is submitted");
    const work = await within(ending, timeoutMs);
    this.#submitted.delete(work);
    return work.result() as R;
  }

  async *#results<R>(
    works: readonly Work<T>[],
    choose: (left: readonly Work<T>[]) => Promise<Work<T> | undefined>,
  ): AsyncGenerator<R> {
    const left = new Set(works);
    try {
      while (left.size > 0) {
        const work = await choose([...left]);
        if (work === undefined) return;
        await work.ended;
        left.delete(work);
        yield work.result() as R;
      }
    } finally {
      // What nobody will take need not begin.
      for (const work of left) {
        const at = this.#waiting.indexOf(work);
        if (at >= 0) this.#waiting.splice(at, 1);
      }
    }
  }
}

type Outcome =
  | { readonly type: "value"; readonly value: unknown }
  | { readonly type: "error"; readonly error: unknown };

class Work<T extends object> {
  /** Resolves when it has ended, well or badly. */
  readonly ended: Promise<Work<T>>;
  readonly #start: Start<T>;
  #end: (work: Work<T>) => void = () => {};
  #outcome: Outcome | undefined;

  constructor(start: Start<T>) {
    this.#start = start;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  async run(actor: ActorHandle<T>): Promise<void> {
    try {
      this.#outcome = { type: "value", value: await this.#start(actor).get() };
    } catch (error) {
      this.#outcome = { type: "error", error };
    }
    this.#end(this);
  }

  result(): unknown {
    if (this.#outcome === undefined) throw new TypeError("Cannot take a result before it is there");
    if (this.#outcome.type === "error") throw this.#outcome.error;
    return this.#outcome.value;
  }
}

async function within<V>(promise: Promise<V>, timeoutMs: number | undefined): Promise<V> {
  if (timeoutMs === undefined) return await promise;
  if (!(timeoutMs >= 0)) throw new RangeError(`Cannot wait for ${timeoutMs} ms: timeoutMs must be at least 0`);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new GetTimeoutError(`Cannot get the next result within ${timeoutMs} ms: it is not ready`)),
      timeoutMs,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
