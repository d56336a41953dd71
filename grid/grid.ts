/**
 * The Grid that users hold: checks what they pass and hands it to the parts behind it. Serves a client and every running
 * task alike, through the GridHost. Owns the verbs' rules about their arguments. Cheap to make: one for each task.
 */
import { ActorNotFoundError, type GridError } from "../protocol/errors.ts";
import { type JobId, type ObjectId, taskOfObject } from "../protocol/ids.ts";
import type { ToSubmitterMessage } from "../protocol/messages.ts";
import { RemoteClass } from "./actor-class.ts";
import { calleeOf, newActorHandle } from "./actor-handle.ts";
import { defineFunction } from "./definition.ts";
import type { HeldObject } from "./held-object.ts";
import type { GridHost } from "./host.ts";
import { Ref } from "./object-ref.ts";
import { RefGenerator } from "./object-ref-generator.ts";
import { checkOptions } from "./options.ts";
import { remoted, TaskTemplate } from "./remote-function.ts";
import { hooksOf } from "./revive.ts";
import { State } from "./state.ts";
import { readGridsBy, Submitter, submitterOf } from "./submitter.ts";
import { asToken, type Token } from "./tokens.ts";
import type { ActorHandle, Context, GetOptions, Grid, ObjectRef, Resources, StateApi, WaitOptions } from "./types.ts";
import { encodeFor } from "./values.ts";

export interface GridEnd {
  readonly grid: Grid;
  receive(message: ToSubmitterMessage): void;
  /** Everything awaited rejects with `error`, and whatever is asked later. */
  fail(error: GridError): void;
  /** The other end remembers what was made, and has forgotten what it was asked: asks again for all that is awaited. */
  askAgain(): void;
}

export function createGrid(host: GridHost): GridEnd {
  const hosted = new HostedGrid(host);
  const submitter = submitterOf(hosted);
  return {
    // Its methods serve every overload of the contract, which tests of types check one by one.
    grid: hosted as unknown as Grid,
    receive: (message) => submitter.receive(message),
    fail: (error) => submitter.fail(error),
    askAgain: () => submitter.askAgain(),
  };
}

class HostedGrid {
  static {
    readGridsBy((grid) => (#submitter in grid ? grid.#submitter : undefined));
  }

  readonly #host: GridHost;
  readonly #submitter: Submitter;
  #state: State | undefined = undefined;

  constructor(host: GridHost) {
    this.#host = host;
    this.#submitter = new Submitter(host, (submitter) => hooksOf(submitter, this as unknown as Grid));
  }

  get jobId(): JobId {
    return this.#host.jobId;
  }

  get ticket(): string | undefined {
    return this.#host.ticket;
  }

  ref<T>(id: unknown): ObjectRef<T> {
    if (typeof id !== "string" || !/^[^:\s]+\.\d+:\d+$/.test(id)) {
      throw new TypeError(
        `Cannot make a ref: ${JSON.stringify(id)} is no id of an object, such as "${this.jobId}.1:0"`,
      );
    }
    const submitter = this.#submitter;
    submitter.check();
    // The brand is minted here: whether there is such an object shows when it is asked for.
    return new Ref<T>(submitter, submitter.holdings.share(id as ObjectId));
  }

  get state(): StateApi {
    return this.#stateOf();
  }

  remote(fn: unknown, options?: object): unknown {
    if (typeof fn !== "function") {
      throw new TypeError(
        `Cannot make ${fn === null ? "null" : `a value of type ${typeof fn}`} remote: it must be a function or a class`,
      );
    }
    const captures: unknown =
      typeof options === "object" && options !== null ? Reflect.get(options, "captures") : undefined;
    checkOptions("task", { captures });
    const submitter = this.#submitter;
    submitter.check();
    const grid = this as unknown as Grid;
    const definition = defineFunction(submitter, grid, fn, captures as Readonly<Record<string, unknown>> | undefined);
    const of = definition.kind === "class" ? "actor" : definition.kind === "generator" ? "generator" : "task";
    checkOptions(of, options);
    if (of === "actor") return new RemoteClass(submitter, grid, definition, fn, { ...options });
    return remoted(new TaskTemplate(submitter, grid, definition, fn, { ...options }));
  }

  put<T>(value: T): ObjectRef<T> {
    const submitter = this.#submitter;
    if (value instanceof Ref)
      throw new TypeError("Cannot put an ObjectRef: it is on the grid already. Put an array that holds it");
    const { bytes, refs } = encodeFor(submitter, value, "value");
    return new Ref<T>(submitter, submitter.put(bytes, refs));
  }

  async get(refs: unknown, options?: GetOptions): Promise<unknown> {
    checkOptions("get", options);
    if (refs instanceof Ref) {
      const [value] = await this.#submitter.valuesOf([refs.held], options);
      return value;
    }
    return await this.#submitter.valuesOf(heldBy(refs, "get"), options);
  }

  async wait(refs: unknown, options: WaitOptions = {}): Promise<[ready: unknown[], pending: unknown[]]> {
    checkOptions("wait", options);
    if (refs instanceof Ref) throw new TypeError("Cannot wait for a bare ObjectRef: pass an array of refs");
    const objects = heldBy(refs, "wait");
    const { numReturns = 1, timeoutMs, fetchLocal = false } = options;
    checkDuplicates(objects);
    if (objects.length === 0) return [[], []];
    if (!Number.isSafeInteger(numReturns) || numReturns < 1 || numReturns > objects.length) {
      throw new RangeError(
        `Cannot wait for ${numReturns} of ${objects.length} objects: numReturns must be 1 to ${objects.length}`,
      );
    }
    await this.#submitter.wants.readiness(objects, numReturns, fetchLocal, { timeoutMs, signal: undefined });
    const ready: unknown[] = [];
    const pending: unknown[] = [];
    const given = refs as readonly unknown[];
    for (const [index, held] of objects.entries())
      (held.isReady && ready.length < numReturns ? ready : pending).push(given[index]);
    return [ready, pending];
  }

  async cancel(target: unknown, options: { force?: boolean; recursive?: boolean } = {}): Promise<void> {
    checkOptions("cancel", options);
    if (!(target instanceof Ref) && !(target instanceof RefGenerator)) {
      throw new TypeError("Cannot cancel this: pass an ObjectRef or an ObjectRefGenerator");
    }
    const submitter = this.#submitter;
    submitter.check();
    const id = target instanceof Ref ? taskOfObject(target.held.id) : target.taskId;
    submitter.outbox.send({ type: "cancel", id, force: options.force ?? false, recursive: options.recursive ?? true });
  }

  async kill(actor: unknown, options: { noRestart?: boolean } = {}): Promise<void> {
    checkOptions("kill", options);
    const callee = calleeOf(actor);
    if (callee === undefined) throw new TypeError("Cannot kill this: pass an actor handle");
    const submitter = this.#submitter;
    submitter.check();
    submitter.outbox.send({ type: "kill", actorId: callee.actorId, restart: options.noRestart === false });
  }

  async free(refs: unknown): Promise<void> {
    const objects = refs instanceof Ref ? [refs.held] : heldBy(refs, "free");
    if (objects.length === 0) return;
    const submitter = this.#submitter;
    submitter.check();
    submitter.outbox.send({ type: "free", ids: objects.map((held) => held.id) });
    for (const held of objects) submitter.wants.free(held);
  }

  async getActor(name: string, options: { namespace?: string } = {}): Promise<ActorHandle<object>> {
    checkOptions("getActor", options);
    if (typeof name !== "string" || name === "") throw new TypeError("Cannot get an actor without a name");
    const submitter = this.#submitter;
    const namespace = options.namespace ?? this.#host.namespace;
    const found = await submitter.queries.findActor(name, namespace);
    if (found === undefined) {
      throw new ActorNotFoundError(
        `Cannot get actor "${name}": no living actor has that name in namespace "${namespace}"`,
      );
    }
    const { actorId, spec } = found;
    return newActorHandle(submitter, {
      actorId,
      className: spec.className,
      methods: spec.methods,
      maxTaskRetries: spec.maxTaskRetries ?? -1,
    });
  }

  context(): Context {
    return this.#host.context();
  }

  async clusterResources(): Promise<Resources & { readonly workers: number }> {
    return (await this.#stateOf().resources()).total;
  }

  async availableResources(): Promise<Resources> {
    return (await this.#stateOf().resources()).available;
  }

  timeline(): Promise<object[]> {
    return this.#stateOf().timeline();
  }

  async close(): Promise<void> {
    this.#submitter.outbox.flush();
    await this.#host.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  [asToken](): Token {
    return { kind: "grid" };
  }

  toJSON(): { readonly grid: JobId } {
    return { grid: this.#host.jobId };
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return `Grid(${this.#host.jobId})`;
  }

  #stateOf(): State {
    return (this.#state ??= new State(this.#submitter.queries));
  }
}

function heldBy(refs: unknown, verb: "get" | "wait" | "free"): HeldObject[] {
  if (!Array.isArray(refs)) throw new TypeError(`Cannot ${verb} this: it is neither an ObjectRef nor an array of them`);
  return refs.map((ref: unknown, index) => {
    if (ref instanceof Ref) return ref.held;
    throw new TypeError(`Cannot ${verb} item ${index}: it is not an ObjectRef`);
  });
}

function checkDuplicates(objects: readonly HeldObject[]): void {
  if (new Set(objects).size === objects.length) return;
  const again = objects.find((held, index) => objects.indexOf(held) !== index);
  throw new RangeError(`Cannot wait for object "${again?.id}" twice`);
}
