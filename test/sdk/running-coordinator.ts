/**
 * A coordinator and its workers in one: it runs tasks and actors where it stands, each with a Grid of its own, through
 * the same encoded functions and values as threads do. No scheduling, no failures of workers, no limits.
 */
import { failureOf } from "../../grid/failures.ts";
import { createGrid } from "../../grid/grid.ts";
import type { Grid } from "../../grid/types.ts";
import { decodeArguments, decodeFunctionDefinition, encodeResult } from "../../grid/values.ts";
import {
  actorId,
  childId,
  type ActorId,
  type FunctionId,
  type JobId,
  type ObjectId,
  returnId,
  type TaskId,
} from "../../protocol/ids.ts";
import type { SubmitterMessage, ToSubmitterMessage } from "../../protocol/messages.ts";
import type { ActorSpec, Spec, Submission, Value } from "../../protocol/nouns.ts";

type Ready = Extract<ToSubmitterMessage, { type: "ready" }>["objects"][number];
type Reply = (message: ToSubmitterMessage) => void;

interface Actor {
  readonly spec: ActorSpec;
  instance: Promise<Record<string, (...args: unknown[]) => unknown>>;
  /** Calls of the same group run one after another unless the group is wide. */
  last: Promise<unknown>;
}

export class RunningCoordinator {
  readonly said: SubmitterMessage[] = [];
  readonly functions = new Map<FunctionId, Uint8Array>();
  readonly objects = new Map<ObjectId, Ready>();
  readonly actors = new Map<ActorId, Actor>();
  readonly cancelled = new Set<TaskId>();
  readonly stored = new Map<string, Uint8Array>();
  threads = 2;
  readonly #waiting = new Map<ObjectId, ((ready: Ready) => void)[]>();

  handle(message: SubmitterMessage, reply: Reply): void {
    this.said.push(message);
    switch (message.type) {
      case "define": {
        const bytes = message.bytes ?? this.stored.get(message.functionId);
        if (bytes !== undefined) this.functions.set(message.functionId, bytes.slice());
        return;
      }
      case "submit":
        for (const task of message.tasks) void this.#run(message.spec, task);
        return;
      case "create-actor":
        return this.#create(message.spec, message.creation, reply);
      case "put":
        return this.#ready({ type: "value", id: message.id, value: message.value });
      case "want":
        for (const id of message.ids) {
          void this.#when(id).then((object) => {
            const isBare = !message.values && object.type === "value";
            reply({ type: "ready", objects: [isBare ? { type: "exists", id } : object] });
          });
        }
        return;
      case "cancel":
        this.cancelled.add(message.id);
        return;
      case "kill":
        this.actors.delete(message.actorId);
        return;
      case "find-actor": {
        const found = [...this.actors].find(
          ([, { spec }]) => spec.name === message.name && spec.namespace === message.namespace,
        );
        reply({
          type: "actor-found",
          request: message.request,
          ...(found && { actorId: found[0], spec: found[1].spec }),
        });
        return;
      }
      case "query":
        reply({
          type: "answer",
          request: message.request,
          json: JSON.stringify(this.#answer(message.what, message.parameters)),
        });
        return;
      case "hold":
      case "release":
      case "free":
      case "consume":
        return;
    }
  }

  #answer(what: string, parameters: string): unknown {
    if (what === "resources")
      return { total: { numCpus: this.threads, workers: 1 }, available: { numCpus: this.threads } };
    if (what !== "ready") return [];
    const { ids } = JSON.parse(parameters) as { ids: ObjectId[] };
    return ids.filter((id) => this.objects.has(id));
  }

  async #run(spec: Spec, task: Submission): Promise<void> {
    try {
      const inputs = await this.#inputs(task.inputs);
      if (this.cancelled.has(task.id)) throw new Error("cancelled");
      const grid = this.#gridOf(task.id);
      const args = decodeArguments(grid, task.args, inputs);
      if (spec.type === "task") {
        const fn = decodeFunctionDefinition(this.#functionOf(spec.functionId)).compile(grid);
        await this.#finish(spec, task.id, grid, Reflect.apply(fn, undefined, args));
        return;
      }
      const actor = this.actors.get(spec.actorId);
      if (actor === undefined) throw new Error(`no actor ${spec.actorId}`);
      const call = async (): Promise<unknown> => {
        const instance = await actor.instance;
        return await instance[spec.method]?.(...args);
      };
      const result = spec.concurrencyGroup === undefined ? actor.last.then(call) : call();
      if (spec.concurrencyGroup === undefined) actor.last = result.catch(() => {});
      await this.#finish(spec, task.id, grid, result);
    } catch (error) {
      const failure = failureOf(error, { taskName: spec.name });
      for (let index = 0; index < Math.max(1, spec.returns); index++)
        this.#ready({ type: "failed", id: returnId(task.id, index), failure });
    }
  }

  async #finish(spec: Spec, id: TaskId, grid: Grid, result: unknown): Promise<void> {
    if (spec.kind === "generator") {
      let index = 1;
      for await (const item of result as AsyncIterable<unknown>) this.#value(id, index++, grid, item);
      this.#value(id, 0, grid, undefined);
      for (let past = 0; past < 100; past++, index++) this.#ready({ type: "ended", id: returnId(id, index) });
      return;
    }
    const value = await result;
    const values = spec.returns === 1 ? [value] : (value as unknown[]);
    for (let index = 0; index < spec.returns; index++) this.#value(id, index, grid, values[index]);
  }

  #value(id: TaskId, index: number, grid: Grid, result: unknown): void {
    const { bytes, refs } = encodeResult(grid, result, "result");
    const object = returnId(id, index);
    const isSmall = bytes.length <= 65_536;
    if (!isSmall) this.stored.set(object, bytes);
    const value: Value = isSmall ? { type: "inline", bytes, refs } : { type: "stored", sizeBytes: bytes.length, refs };
    this.#ready({ type: "value", id: object, value });
  }

  #create(spec: ActorSpec, creation: Submission, reply: Reply): void {
    const id = actorId(creation.id);
    const namesake = [...this.actors].find(([, other]) => spec.name !== undefined && other.spec.name === spec.name);
    if (namesake !== undefined && spec.getIfExists) {
      this.actors.set(id, namesake[1]);
      reply({ type: "actor-is", asked: id, actorId: namesake[0] });
      return;
    }
    const grid = this.#gridOf(creation.id);
    const make = async (): Promise<Record<string, (...args: unknown[]) => unknown>> => {
      const cls = decodeFunctionDefinition(this.#functionOf(spec.functionId)).compile(grid);
      return Reflect.construct(cls, decodeArguments(grid, creation.args, await this.#inputs(creation.inputs))) as never;
    };
    const instance = make();
    this.actors.set(id, { spec, instance, last: Promise.resolve() });
    instance.then(
      () => this.#value(creation.id, 0, grid, undefined),
      (error: unknown) =>
        this.#ready({
          type: "failed",
          id: returnId(creation.id, 0),
          failure: failureOf(error, { taskName: spec.className }),
        }),
    );
  }

  async #inputs(ids: readonly ObjectId[]): Promise<Map<ObjectId, Uint8Array>> {
    const inputs = new Map<ObjectId, Uint8Array>();
    for (const id of ids) {
      const object = await this.#when(id);
      if (object.type !== "value") throw new Error(`input ${id} failed`);
      inputs.set(id, object.value.type === "inline" ? object.value.bytes : (this.stored.get(id) ?? new Uint8Array()));
    }
    return inputs;
  }

  #functionOf(id: FunctionId): Uint8Array {
    const bytes = this.functions.get(id);
    if (bytes === undefined) throw new Error(`nobody defined ${id}`);
    return bytes;
  }

  #gridOf(parent: TaskId): Grid {
    let children = 0;
    const end = createGrid({
      jobId: parent.split(".")[0] as JobId,
      namespace: "default",
      isLasting: false,
      defined: new Set(),
      nextChild: () => childId(parent, ++children),
      send: (message) => this.handle(message, (answer) => queueMicrotask(() => end.receive(answer))),
      upload: async (id, bytes) => void this.stored.set(id, bytes),
      download: async (id) => this.stored.get(id) ?? new Uint8Array(),
      waiting: () => {},
      context: () => {
        throw new Error("not here");
      },
      close: async () => {},
    });
    return end.grid;
  }

  #when(id: ObjectId): Promise<Ready> {
    const object = this.objects.get(id);
    if (object !== undefined) return Promise.resolve(object);
    return new Promise((resolve) => this.#waiting.set(id, [...(this.#waiting.get(id) ?? []), resolve]));
  }

  #ready(object: Ready): void {
    this.objects.set(object.id, object);
    for (const tell of this.#waiting.get(object.id) ?? []) tell(object);
    this.#waiting.delete(object.id);
  }
}
