/**
 * What stands behind one Grid: the parts that speak, hold, await and ask, and the answers that reach them. A submitter
 * is a client, or a task or call that runs on a worker. Owns who gets which message. Knows nothing about the classes
 * that users hold, except refs.
 */
import { type ActorId, type FunctionId, type ObjectId, returnId, taskOfObject } from "../protocol/ids.ts";
import { limits } from "../protocol/limits.ts";
import type { SubmitterMessage, ToSubmitterMessage } from "../protocol/messages.ts";
import type { Failure, Spec, Submission, Value } from "../protocol/nouns.ts";
import { decodeValue, type PayloadHooks } from "../protocol/payload.ts";
import type { Definition } from "./definition.ts";
import { asFailure, errorOf } from "./failures.ts";
import type { HeldObject } from "./held-object.ts";
import { Holdings } from "./holdings.ts";
import type { GridHost } from "./host.ts";
import { Outbox } from "./outbox.ts";
import { Queries } from "./queries.ts";
import type { GetOptions } from "./types.ts";
import { Wants } from "./wants.ts";

interface Parts {
  readonly outbox: Outbox;
  readonly holdings: Holdings;
  readonly queries: Queries;
  readonly wants: Wants;
  /** What it is about to define. */
  readonly defining: Set<FunctionId>;
  /** Functions and objects whose upload failed, and what needed them. */
  readonly broken: Map<FunctionId | ObjectId, Failure>;
  /** Whom to tell of actors that turn out to exist under another id. */
  readonly renamed: Map<ActorId, (actorId: ActorId) => void>;
}

export class Submitter {
  readonly host: GridHost;
  /** What functions written in the running one may use of its captures. */
  scope: Readonly<Record<string, unknown>> | undefined = undefined;
  // Most tasks speak to the grid never or little: each part is made when it is first used.
  #parts: Parts | undefined = undefined;
  readonly #hooksOf: (submitter: Submitter) => PayloadHooks;
  #hooks: PayloadHooks | undefined = undefined;
  #failure: Failure | undefined = undefined;

  constructor(host: GridHost, hooksOf: (submitter: Submitter) => PayloadHooks) {
    this.host = host;
    this.#hooksOf = hooksOf;
  }

  /** How tokens in values come alive here. */
  get hooks(): PayloadHooks {
    return (this.#hooks ??= this.#hooksOf(this));
  }
  get outbox(): Outbox {
    return this.#made.outbox;
  }
  get holdings(): Holdings {
    return this.#made.holdings;
  }
  get queries(): Queries {
    return this.#made.queries;
  }
  get wants(): Wants {
    return this.#made.wants;
  }

  /** Throws what ended this Grid, if something has. */
  check(): void {
    if (this.#failure !== undefined) throw errorOf(this.#failure);
  }

  /** Submits one task and gives its objects: those of its returns, or the completion of a generator. */
  submit(spec: Spec, task: Submission): HeldObject[] {
    this.outbox.submit(spec, task);
    const objects: HeldObject[] = [];
    for (let index = 0; index < spec.returns; index++) objects.push(this.holdings.own(returnId(task.id, index)));
    return objects;
  }

  /** Makes an actor and gives the completion of its constructor. */
  create(message: Extract<SubmitterMessage, { type: "create-actor" }>): HeldObject {
    this.outbox.send(message);
    return this.holdings.own(returnId(message.creation.id, 0));
  }

  /** Keeps bytes as an object of their own; large ones are uploaded behind what was said before. */
  put(bytes: Uint8Array, refs: readonly ObjectId[]): HeldObject {
    this.check();
    const id = returnId(this.host.nextChild(), 0);
    const held = this.holdings.own(id);
    const isSmall = bytes.length <= limits.inlineValueBytes;
    const value: Value = isSmall ? { type: "inline", bytes, refs } : { type: "stored", sizeBytes: bytes.length, refs };
    const message = { type: "put", id, value } as const;
    if (isSmall) {
      this.outbox.send(message);
      return held;
    }
    this.outbox.behind(this.host.upload(id, bytes), taskOfObject(id), {
      done: () => message,
      failed: (error) => this.#breakObject(held, asFailure(error)),
    });
    return held;
  }

  /** Makes a function known before its first use. */
  define(definition: Definition): void {
    const { functionId, bytes } = definition;
    const { defined } = this.host;
    if (bytes === undefined || defined.has(functionId) || this.#made.defining.has(functionId)) return;
    if (bytes.length <= limits.inlineValueBytes) {
      this.#made.broken.delete(functionId);
      defined.add(functionId);
      this.outbox.send({ type: "define", functionId, bytes });
      return;
    }
    this.#made.defining.add(functionId);
    this.outbox.behind(this.host.upload(functionId, bytes), undefined, {
      done: () => {
        this.#made.defining.delete(functionId);
        this.#made.broken.delete(functionId);
        defined.add(functionId);
        return { type: "define", functionId };
      },
      failed: (error) => {
        this.#made.defining.delete(functionId);
        this.#made.broken.set(functionId, asFailure(error));
      },
    });
  }

  /** Copies of the values, in order; the first failure throws at once. */
  async valuesOf(objects: readonly HeldObject[], options: GetOptions | undefined): Promise<unknown[]> {
    const patience = { timeoutMs: options?.timeoutMs, signal: options?.signal };
    // Held until they are decoded: then the refs inside them have holders of their own.
    for (const held of objects) held.handles++;
    try {
      const values: unknown[] = [];
      for (const bytes of await this.wants.values(objects, patience)) values.push(this.decode(bytes));
      return values;
    } finally {
      for (const held of objects) this.holdings.drop(held);
    }
  }

  /** A copy each time. Refs in it are held by this Grid from now on. */
  decode(bytes: Uint8Array): unknown {
    return decodeValue(bytes, { hooks: this.hooks });
  }

  /** Calls `then` when the actor asked for turns out to exist already. */
  onRenamed(asked: ActorId, then: (actorId: ActorId) => void): void {
    this.#made.renamed.set(asked, then);
  }

  receive(message: ToSubmitterMessage): void {
    switch (message.type) {
      case "ready":
        this.wants.receive(message.objects);
        return;
      case "answer":
      case "actor-found":
        this.queries.receive(message);
        return;
      case "actor-is":
        this.#made.renamed.get(message.asked)?.(message.actorId);
        this.#made.renamed.delete(message.asked);
        return;
      case "refused":
        this.#refused(message);
        return;
    }
  }

  fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = asFailure(error);
    this.wants.fail(this.#failure);
    this.queries.fail(this.#failure);
  }

  /** The other end has forgotten what it was asked, and nothing else: it is asked again for what is awaited. */
  askAgain(): void {
    if (this.#parts === undefined) return;
    const { wants, queries, outbox } = this.#parts;
    // What is still to be said asks for the first time.
    outbox.flush();
    wants.askAgain();
    queries.askAgain();
    outbox.flush();
  }

  get #made(): Parts {
    return (this.#parts ??= this.#makeParts());
  }

  #makeParts(): Parts {
    const { host } = this;
    const outbox = new Outbox({ send: (message) => host.send(message), sayable: (message) => this.#sayable(message) });
    const queries = new Queries(host, (message) => outbox.send(message));
    const holdings = new Holdings(outbox, host.isLasting, (held) => wants.forget(held));
    const wants = new Wants({ host, outbox, holdings, queries });
    return {
      outbox,
      holdings,
      queries,
      wants,
      defining: new Set(),
      broken: new Map(),
      renamed: new Map(),
    };
  }

  #refused({ code, message, about }: Extract<ToSubmitterMessage, { type: "refused" }>): void {
    const failure = { code, message };
    let isKnown = false;
    for (const held of [...this.holdings]) {
      if (held.id !== about && taskOfObject(held.id) !== about) continue;
      isKnown = true;
      this.wants.failObject(held, failure);
    }
    if (!isKnown) console.warn(`tabgrid: ${message}`);
  }

  #breakObject(held: HeldObject, failure: Failure): void {
    this.#made.broken.set(held.id, failure);
    this.wants.failObject(held, failure);
  }

  #sayable(message: SubmitterMessage): SubmitterMessage | undefined {
    if (this.#made.broken.size === 0) return message;
    if (message.type === "create-actor") {
      const { spec, creation } = message;
      return this.#isIntact(creation, spec.functionId, spec.className, 1) ? message : undefined;
    }
    if (message.type !== "submit") return message;
    const { spec } = message;
    const functionId = spec.type === "task" ? spec.functionId : undefined;
    const tasks = message.tasks.filter((task) => this.#isIntact(task, functionId, spec.name, spec.returns));
    return tasks.length === 0 ? undefined : { ...message, tasks };
  }

  /** False, and its objects have failed, when an upload has failed that the task needs. */
  #isIntact(task: Submission, functionId: FunctionId | undefined, name: string, returns: number): boolean {
    const needs = functionId === undefined ? task.inputs : [functionId, ...task.inputs];
    const because = needs.map((id) => this.#made.broken.get(id)).find((failure) => failure !== undefined);
    if (because === undefined) return true;
    const failure: Failure = {
      code: "TASK_ERROR",
      message: `Cannot submit "${name}": ${because.message}`,
      taskName: name,
      because,
    };
    for (let index = 0; index < returns; index++) {
      const id = returnId(task.id, index);
      this.#made.broken.set(id, failure);
      const held = this.holdings.find(id);
      if (held !== undefined) this.wants.failObject(held, failure);
    }
    return false;
  }
}

let submitterIn: (grid: object) => Submitter | undefined = () => undefined;

/** Called once by the class of Grids, which alone can look inside one. */
export function readGridsBy(read: (grid: object) => Submitter | undefined): void {
  submitterIn = read;
}

/** What stands behind `grid`; TypeError for anything that is no grid of this SDK. */
export function submitterOf(grid: object): Submitter {
  const submitter = submitterIn(grid);
  if (submitter === undefined) throw new TypeError("Expected a Grid, as connect() or a task's `grid` gives");
  return submitter;
}
