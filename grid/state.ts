/** What the coordinator knows, asked for by programs. Owns the names of the questions and the checks of the answers. */
import { ProtocolError } from "../protocol/errors.ts";
import type { Queries, Topic } from "./queries.ts";
import type { Resources, StateApi, StateQuery } from "./types.ts";

export class State implements StateApi {
  readonly #queries: Queries;

  constructor(queries: Queries) {
    this.#queries = queries;
  }

  listTasks(query: StateQuery = {}): Promise<readonly object[]> {
    return this.#list("tasks", checked(query));
  }
  listActors(query: StateQuery = {}): Promise<readonly object[]> {
    return this.#list("actors", checked(query));
  }
  listObjects(query: StateQuery = {}): Promise<readonly object[]> {
    return this.#list("objects", checked(query));
  }
  listWorkers(query: StateQuery = {}): Promise<readonly object[]> {
    return this.#list("workers", checked(query));
  }
  listJobs(query: StateQuery = {}): Promise<readonly object[]> {
    return this.#list("jobs", checked(query));
  }
  async summarizeTasks(): Promise<Readonly<Record<string, Readonly<Record<string, number>>>>> {
    const summary = await this.#queries.ask("summary", {});
    return objectIn(summary, "summary") as Readonly<Record<string, Readonly<Record<string, number>>>>;
  }
  story(id: string): Promise<readonly object[]> {
    return this.#list("story", { id });
  }
  timeline(): Promise<object[]> {
    return this.#list("timeline", {});
  }

  /** What the workers offer together, and what of it is free. */
  async resources(): Promise<{
    readonly total: Resources & { readonly workers: number };
    readonly available: Resources;
  }> {
    const answer = objectIn(await this.#queries.ask("resources", {}), "resources");
    const total = objectIn(answer["total"], "resources");
    const workers = total["workers"];
    return {
      total: { ...total, workers: typeof workers === "number" ? workers : 0 },
      available: objectIn(answer["available"], "resources"),
    };
  }

  async #list(what: Topic, parameters: object): Promise<object[]> {
    const answer = await this.#queries.ask(what, parameters);
    if (!Array.isArray(answer)) throw new ProtocolError(`Cannot read the answer about "${what}": it is no list`);
    return answer as object[];
  }
}

function checked(query: StateQuery): StateQuery {
  const { filters = [], limit } = query;
  if (!Array.isArray(filters) || filters.some((filter) => !isFilter(filter))) {
    throw new TypeError('Cannot use these filters: each is [key, "=" or "!=", value]');
  }
  if (limit !== undefined && !(Number.isSafeInteger(limit) && limit >= 1)) {
    throw new RangeError(`Cannot use limit ${limit}: it is a whole number of at least 1`);
  }
  return query;
}

function isFilter(filter: unknown): boolean {
  if (!Array.isArray(filter) || filter.length !== 3) return false;
  const [key, op]: readonly unknown[] = filter;
  return typeof key === "string" && (op === "=" || op === "!=");
}

function objectIn(value: unknown, what: Topic): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) {
    throw new ProtocolError(`Cannot read the answer about "${what}": it is no object`);
  }
  return value as Readonly<Record<string, unknown>>;
}
