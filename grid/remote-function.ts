/**
 * Remote functions: a definition and its options, submitting one task a call. Owns the three shapes of what comes back:
 * one ref, a tuple of refs, a generator of refs. Knows nothing about where a task runs.
 */
import type { Submission, TaskSpec } from "../protocol/nouns.ts";
import { type Definition, defineFunction } from "./definition.ts";
import type { HeldObject } from "./held-object.ts";
import { Ref } from "./object-ref.ts";
import { RefGenerator } from "./object-ref-generator.ts";
import { checkOptions } from "./options.ts";
import { type AnyTaskOptions, taskSpec } from "./specs.ts";
import { checkArguments, submitWith } from "./submission.ts";
import type { Submitter } from "./submitter.ts";
import { asToken, type Encoding, type Token } from "./tokens.ts";
import type { Grid, ObjectRef, ObjectRefGenerator, RemoteFunction, RemoteGenerator, RemoteTuple } from "./types.ts";
import { decodeFunctionDefinition, encodeFor } from "./values.ts";

/** What all calls of one remote function have in common. */
export class TaskTemplate {
  readonly submitter: Submitter;
  readonly grid: Grid;
  readonly definition: Definition;
  readonly options: AnyTaskOptions;
  /** The live function, where it was written. */
  readonly #fn: Function | undefined;
  #spec: TaskSpec | undefined;

  constructor(
    submitter: Submitter,
    grid: Grid,
    definition: Definition,
    fn: Function | undefined,
    options: AnyTaskOptions,
  ) {
    this.submitter = submitter;
    this.grid = grid;
    this.definition = definition;
    this.#fn = fn;
    this.options = options;
  }

  /** Submissions that share a spec, by identity, share a message. */
  get spec(): TaskSpec {
    return (this.#spec ??= taskSpec(this.definition, this.options));
  }

  with(options: AnyTaskOptions): TaskTemplate {
    checkOptions(this.definition.kind === "generator" ? "generator" : "task", options);
    return new TaskTemplate(this.submitter, this.grid, this.#redefined(options), this.#fn, {
      ...this.options,
      ...options,
    });
  }

  submit(args: readonly unknown[]): HeldObject[] {
    const { submitter, spec, definition } = this;
    checkArguments(definition, args.length);
    submitter.define(definition);
    return submitWith(submitter, args, definition.holds, (task: Submission) => submitter.submit(spec, task));
  }

  #redefined({ captures }: AnyTaskOptions): Definition {
    if (captures === undefined) return this.definition;
    if (this.#fn === undefined) {
      throw new TypeError(`Cannot use option "captures": "${this.definition.name}" was shipped here with those it has`);
    }
    return defineFunction(this.submitter, this.grid, this.#fn, captures);
  }
}

type Remoted =
  | RemotedFunction<unknown[], unknown>
  | RemotedTuple<unknown[], readonly unknown[]>
  | RemotedGenerator<unknown[], unknown>;

/** The shape that the function's kind and the options ask for. */
export function remoted(template: TaskTemplate): Remoted {
  if (template.definition.kind === "generator") return new RemotedGenerator(template);
  return template.options.numReturns === undefined ? new RemotedFunction(template) : new RemotedTuple(template);
}

class RemotedFunction<A extends unknown[], R> implements Pick<RemoteFunction<A, R>, "map" | "local"> {
  readonly #template: TaskTemplate;

  constructor(template: TaskTemplate) {
    this.#template = template;
  }

  remote(...args: unknown[]): ObjectRef<R> {
    return this.#submit(args);
  }

  options(options: AnyTaskOptions): Remoted {
    return remoted(this.#template.with(options));
  }

  map(items: Iterable<A[0] | ObjectRef<A[0]>>): ObjectRef<R>[] {
    return Array.from(items, (item) => this.#submit([item]));
  }

  async local(...args: A): Promise<R> {
    const { submitter, grid, definition } = this.#template;
    checkArguments(definition, args.length);
    if (definition.bytes === undefined) {
      throw new TypeError(`Cannot run "${definition.name}" here: its source stayed where it was written`);
    }
    const copies = args.map((arg, index) => submitter.decode(encodeFor(submitter, arg, `argument ${index + 1}`).bytes));
    const { scope } = submitter;
    try {
      const fn = decodeFunctionDefinition(definition.bytes).compile(grid);
      return (await Reflect.apply(fn, undefined, copies)) as R;
    } finally {
      submitter.scope = scope;
    }
  }

  [asToken](encoding: Encoding): Token {
    return tokenOf(this.#template, encoding);
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return `RemoteFunction(${this.#template.spec.name})`;
  }

  #submit(args: readonly unknown[]): ObjectRef<R> {
    return new Ref<R>(this.#template.submitter, first(this.#template.submit(args)));
  }
}

class RemotedTuple<A extends unknown[], R extends readonly unknown[]> implements Pick<RemoteTuple<A, R>, "remote"> {
  readonly #template: TaskTemplate;

  constructor(template: TaskTemplate) {
    this.#template = template;
  }

  remote(...args: unknown[]): { -readonly [K in keyof R]: ObjectRef<R[K]> } {
    const { submitter } = this.#template;
    const refs = this.#template.submit(args).map((held) => new Ref<unknown>(submitter, held));
    // As many as `numReturns` says, which is what the caller's types say.
    return refs as unknown[] as { -readonly [K in keyof R]: ObjectRef<R[K]> };
  }

  options(options: AnyTaskOptions): Remoted {
    return remoted(this.#template.with(options));
  }

  [asToken](encoding: Encoding): Token {
    return tokenOf(this.#template, encoding);
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return `RemoteFunction(${this.#template.spec.name}, ${this.#template.spec.returns} returns)`;
  }
}

class RemotedGenerator<A extends unknown[], Y> implements Pick<RemoteGenerator<A, Y>, "remote"> {
  readonly #template: TaskTemplate;

  constructor(template: TaskTemplate) {
    this.#template = template;
  }

  remote(...args: unknown[]): ObjectRefGenerator<Y> {
    const { submitter, options } = this.#template;
    return new RefGenerator<Y>(submitter, first(this.#template.submit(args)), options.backpressure !== undefined);
  }

  options(options: AnyTaskOptions): Remoted {
    return remoted(this.#template.with(options));
  }

  [asToken](encoding: Encoding): Token {
    return tokenOf(this.#template, encoding);
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return `RemoteGenerator(${this.#template.spec.name})`;
  }
}

function tokenOf({ definition, options, submitter }: TaskTemplate, encoding: Encoding): Token {
  const { captures: _, ...rest } = options;
  // Known before whatever is sent with it.
  submitter.define(definition);
  if (encoding.submitter !== submitter) encoding.submitter.define(definition);
  encoding.refs.push(...definition.holds);
  return {
    kind: "function",
    functionId: definition.functionId,
    name: definition.name,
    required: definition.requiredArguments,
    generator: definition.kind === "generator",
    holds: definition.holds,
    options: rest,
  };
}

function first(objects: readonly HeldObject[]): HeldObject {
  const [object] = objects;
  if (object === undefined) throw new RangeError("a task has at least one return");
  return object;
}
