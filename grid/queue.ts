/**
 * Queue: FIFO between any tasks, actors and clients. An actor holds the items; whoever waits asks it again and again,
 * each time for a while, so that nothing waits for ever on an actor that is gone. It travels like a handle.
 */
import { QueueEmptyError, QueueFullError } from "../protocol/errors.ts";
import { calleeOf } from "./actor-handle.ts";
import { QueueActor } from "./queue-actor.ts";
import { asToken, type Token } from "./tokens.ts";
import type { ActorHandle, Grid } from "./types.ts";

/** One call of the actor waits this long at most. */
const sliceMs = 1_000;
/** Callers that wait inside the actor at once, for items and for room apart: neither kind keeps the other out. */
const waiters = 1_000;

export interface QueueOptions {
  /** Items it holds at most; while it is full, putting waits. 0: no limit. Default 0. */
  readonly maxSize?: number;
}

export interface QueueWait {
  /** Default: no limit. */
  readonly timeoutMs?: number;
}

/**
 * FIFO between any tasks, actors and clients: pass it to them, or capture it.
 * @example
 * const queue = new Queue<number>(grid, { maxSize: 100 });
 * const producer = grid.remote(async (to: Queue<number>) => { for (let i = 0; i < 10; i++) await to.put(i); });
 * producer.remote(queue);
 * console.log(await queue.get({ timeoutMs: 5_000 })); // 0
 */
export class Queue<T> {
  readonly #grid: Grid;
  readonly #actor: ActorHandle<QueueActor>;

  constructor(grid: Grid, options: QueueOptions = {}) {
    this.#grid = grid;
    this.#actor = options instanceof Existing ? options.actor : newActor(grid, options);
  }

  /** The queue that another one's actor serves. */
  static over(grid: Grid, actor: unknown): Queue<unknown> {
    if (calleeOf(actor) === undefined) throw new TypeError("Expected the handle of a queue's actor");
    return new Queue<unknown>(grid, new Existing(actor as ActorHandle<QueueActor>));
  }

  /** Waits for room. Throws QueueFullError after `timeoutMs`. */
  async put(item: T, options: QueueWait = {}): Promise<void> {
    const put = this.#actor.put.options({ concurrencyGroup: "giving" });
    // In an array, where a ref stays a ref.
    const isPut = await tryUntil(options, async (waitMs) => {
      const isTaken = await this.#grid.get(put.remote([item], waitMs));
      return isTaken ? true : undefined;
    });
    if (isPut === undefined)
      throw new QueueFullError(`Cannot put into the queue within ${options.timeoutMs} ms: it is full`);
  }

  /** Waits for an item. Throws QueueEmptyError after `timeoutMs`. */
  async get(options: QueueWait = {}): Promise<T> {
    const take = this.#actor.take.options({ concurrencyGroup: "taking" });
    const taken = await tryUntil(options, async (waitMs) => {
      const items = await this.#grid.get(take.remote(waitMs));
      return items.length > 0 ? items : undefined;
    });
    if (taken === undefined)
      throw new QueueEmptyError(`Cannot get from the queue within ${options.timeoutMs} ms: it is empty`);
    // Whoever put it there says the same of T.
    return taken[0] as T;
  }

  /** Throws QueueFullError when there is no room now. */
  async putNowait(item: T): Promise<void> {
    await this.put(item, { timeoutMs: 0 });
  }

  /** Throws QueueEmptyError when there is no item now. */
  async getNowait(): Promise<T> {
    return await this.get({ timeoutMs: 0 });
  }

  async size(): Promise<number> {
    return await this.#grid.get(this.#actor.size.options({ concurrencyGroup: "taking" }).remote());
  }

  /** Ends it at once: its items are gone, and whoever waits gets ActorDiedError. */
  async shutdown(): Promise<void> {
    await this.#grid.kill(this.#actor);
  }

  [asToken](): Token {
    return { kind: "queue", actor: this.#actor };
  }
}

/** Takes the place of the options where the actor exists already. */
class Existing implements QueueOptions {
  readonly maxSize = 0;
  readonly actor: ActorHandle<QueueActor>;
  constructor(actor: ActorHandle<QueueActor>) {
    this.actor = actor;
  }
}

function newActor(grid: Grid, { maxSize = 0 }: QueueOptions): ActorHandle<QueueActor> {
  if (!Number.isSafeInteger(maxSize) || maxSize < 0) {
    throw new RangeError(`Cannot make a queue with maxSize ${maxSize}: it must be a whole number of at least 0`);
  }
  return grid.remote(QueueActor, { concurrencyGroups: { giving: waiters, taking: waiters } }).remote(maxSize);
}

/** Asks again until it gives something or the time is over: undefined. Time 0 asks once. */
async function tryUntil<R>(
  { timeoutMs }: QueueWait,
  ask: (waitMs: number) => Promise<R | undefined>,
): Promise<R | undefined> {
  if (timeoutMs !== undefined && !(timeoutMs >= 0)) {
    throw new RangeError(`Cannot wait for ${timeoutMs} ms: timeoutMs must be at least 0`);
  }
  const deadline = timeoutMs === undefined ? Infinity : Date.now() + timeoutMs;
  for (;;) {
    const waitMs = Math.max(0, Math.min(sliceMs, deadline - Date.now()));
    const answer = await ask(waitMs);
    if (answer !== undefined || Date.now() >= deadline) return answer;
  }
}
