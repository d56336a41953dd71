/** Pool: the shape of multiprocessing.Pool, for people who want only that. Owns how items are cut into tasks. */
import type { Grid, ObjectRef } from "../../grid/types.ts";

export interface PoolOptions {
  /** Items in one task. "auto" (default) makes about four tasks a thread. `imap` takes 1 for "auto". */
  readonly chunkSize?: number | "auto";
}

export interface ImapOptions {
  /** Default true. */
  readonly ordered?: boolean;
  /** Tasks submitted and not yet taken. Default: twice the threads of the grid, at least 16. */
  readonly maxInFlight?: number;
}

const tasksPerThread = 4;
/** Counted on while nobody has joined yet. */
const expectedThreads = 4;
const fewestInFlight = 16;

/**
 * Maps a function over items on the grid.
 * @example
 * const pool = new Pool(grid);
 * const squares = await pool.map((n: number) => n * n, [1, 2, 3]);
 */
export class Pool {
  readonly #grid: Grid;
  readonly #chunkSize: number | "auto";

  constructor(grid: Grid, options: PoolOptions = {}) {
    const { chunkSize = "auto" } = options;
    if (chunkSize !== "auto" && !(Number.isSafeInteger(chunkSize) && chunkSize >= 1)) {
      throw new RangeError(`Cannot use chunkSize ${chunkSize}: it must be "auto" or a whole number of at least 1`);
    }
    this.#grid = grid;
    this.#chunkSize = chunkSize;
  }

  /** All results, in order. The first error throws, and the tasks that are left are cancelled. */
  async map<T, R>(fn: (item: T) => R, items: Iterable<T>): Promise<Awaited<R>[]> {
    const run = this.#runner(fn);
    const all = [...items];
    if (all.length === 0) return [];
    const size =
      this.#chunkSize === "auto" ? Math.ceil(all.length / (tasksPerThread * (await this.#threads()))) : this.#chunkSize;
    const refs: ObjectRef<Awaited<R>[]>[] = [];
    for (let at = 0; at < all.length; at += size) refs.push(run.remote(all.slice(at, at + size)));
    try {
      return (await this.#grid.get(refs)).flat(1);
    } catch (error) {
      await this.#cancel(refs);
      throw error;
    } finally {
      for (const ref of refs) ref[Symbol.dispose]();
    }
  }

  /** Results as they are needed: items are taken while `maxInFlight` allows. Leaving early cancels what is under way. */
  async *imap<T, R>(
    fn: (item: T) => R,
    items: Iterable<T> | AsyncIterable<T>,
    options: ImapOptions = {},
  ): AsyncGenerator<Awaited<R>> {
    const { ordered = true, maxInFlight } = options;
    const run = this.#runner(fn);
    const most = maxInFlight ?? Math.max(fewestInFlight, 2 * (await this.#threads()));
    if (!Number.isSafeInteger(most) || most < 1) {
      throw new RangeError(`Cannot use maxInFlight ${most}: it must be a whole number of at least 1`);
    }
    const chunks = chunked(items, this.#chunkSize === "auto" ? 1 : this.#chunkSize);
    let underWay: ObjectRef<Awaited<R>[]>[] = [];
    let isOver = false;
    try {
      for (;;) {
        while (!isOver && underWay.length < most) {
          const chunk = await chunks.next();
          if (chunk.done === true) isOver = true;
          else underWay.push(run.remote(chunk.value));
        }
        const next = ordered ? underWay[0] : await this.#firstReady(underWay);
        if (next === undefined) return;
        const results = await this.#grid.get(next);
        underWay = underWay.filter((ref) => ref !== next);
        next[Symbol.dispose]();
        yield* results;
      }
    } finally {
      await this.#cancel(underWay);
      for (const ref of underWay) ref[Symbol.dispose]();
      await chunks.return(undefined);
    }
  }

  #runner<T, R>(fn: (item: T) => R): { remote(chunk: T[]): ObjectRef<Awaited<R>[]> } {
    const mapChunk = async (chunk: T[]): Promise<Awaited<R>[]> => {
      const results: Awaited<R>[] = [];
      for (const item of chunk) results.push(await fn(item));
      return results;
    };
    return this.#grid.remote(mapChunk, { name: (fn.name || "map").slice(0, 60), captures: { fn } });
  }

  async #firstReady<R>(refs: readonly ObjectRef<R>[]): Promise<ObjectRef<R> | undefined> {
    if (refs.length === 0) return undefined;
    const [[first]] = await this.#grid.wait(refs);
    return first;
  }

  async #cancel(refs: readonly ObjectRef<unknown>[]): Promise<void> {
    for (const ref of refs) await this.#grid.cancel(ref);
  }

  async #threads(): Promise<number> {
    const { numCpus = 0 } = await this.#grid.clusterResources();
    return numCpus >= 1 ? numCpus : expectedThreads;
  }
}

async function* chunked<T>(items: Iterable<T> | AsyncIterable<T>, size: number): AsyncGenerator<T[], void> {
  let chunk: T[] = [];
  for await (const item of items) {
    chunk.push(item);
    if (chunk.length < size) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}
