/** Remote classes: a definition and its options, making one actor a call. Knows nothing about calls on it. */
import { SerializationError } from "../protocol/errors.ts";
import { actorId } from "../protocol/ids.ts";
import type { ActorSpec } from "../protocol/nouns.ts";
import { calleeOf, newActorHandle } from "./actor-handle.ts";
import { type Definition, defineFunction } from "./definition.ts";
import { checkOptions } from "./options.ts";
import { actorSpec } from "./specs.ts";
import { checkArguments, submitWith } from "./submission.ts";
import type { Submitter } from "./submitter.ts";
import { asToken, type Encoding, type Token } from "./tokens.ts";
import type { ActorHandle, ActorOptions, Grid } from "./types.ts";

export class RemoteClass {
  readonly #submitter: Submitter;
  readonly #grid: Grid;
  readonly #definition: Definition;
  /** The live class, where it was written. */
  readonly #cls: Function | undefined;
  readonly #options: ActorOptions;
  #spec: ActorSpec | undefined;

  constructor(
    submitter: Submitter,
    grid: Grid,
    definition: Definition,
    cls: Function | undefined,
    options: ActorOptions,
  ) {
    this.#submitter = submitter;
    this.#grid = grid;
    this.#definition = definition;
    this.#cls = cls;
    this.#options = options;
  }

  remote(...args: unknown[]): ActorHandle<object> {
    const submitter = this.#submitter;
    const definition = this.#definition;
    const options = this.#options;
    checkArguments(definition, args.length);
    checkState(definition, options.checkpoint);
    if (options.getIfExists === true && options.name === undefined) {
      throw new TypeError('Cannot use option "getIfExists" without "name": it says which actor to get');
    }
    submitter.define(definition);
    const spec = (this.#spec ??= actorSpec(definition, options, submitter.host.namespace));
    return submitWith(submitter, args, definition.holds, (creation) => {
      const id = actorId(creation.id);
      const held = submitter.create({ type: "create-actor", spec, creation });
      const facts = {
        actorId: id,
        className: definition.name,
        methods: definition.methods,
        maxTaskRetries: options.maxTaskRetries ?? 0,
        maxPendingCalls: options.maxPendingCalls === -1 ? undefined : options.maxPendingCalls,
      };
      const handle = newActorHandle<object>(submitter, facts, held);
      const callee = calleeOf(handle);
      // Calls go on naming the actor as they began to; only people see the other id.
      if (spec.getIfExists) submitter.onRenamed(id, (actorId) => callee?.rename(actorId));
      return handle;
    });
  }

  options(options: ActorOptions): RemoteClass {
    checkOptions("actor", options);
    return new RemoteClass(this.#submitter, this.#grid, this.#redefined(options), this.#cls, {
      ...this.#options,
      ...options,
    });
  }

  [asToken](encoding: Encoding): Token {
    const { captures: _, ...options } = this.#options;
    const definition = this.#definition;
    this.#submitter.define(definition);
    if (encoding.submitter !== this.#submitter) encoding.submitter.define(definition);
    encoding.refs.push(...definition.holds);
    const { functionId, name, requiredArguments: required, methods, holds, stateProblem } = definition;
    const problem = stateProblem === undefined ? {} : { stateProblem };
    return { kind: "class", functionId, name, required, methods, holds, ...problem, options };
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return `ActorClass(${this.#definition.name})`;
  }

  #redefined({ captures }: ActorOptions): Definition {
    if (captures === undefined) return this.#definition;
    if (this.#cls === undefined) {
      throw new TypeError(
        `Cannot use option "captures": "${this.#definition.name}" was shipped here with those it has`,
      );
    }
    return defineFunction(this.#submitter, this.#grid, this.#cls, captures);
  }
}

/** Throws SerializationError if its actors were to be saved and cannot be. */
function checkState({ name, stateProblem }: Definition, checkpoint: ActorOptions["checkpoint"]): void {
  if (stateProblem === undefined || checkpoint === "off") return;
  const { path, reason } = stateProblem;
  const advice = 'Add saveState() and restoreState() to the class, or use checkpoint: "off"';
  throw new SerializationError(`Cannot save actors of "${name}": ${reason}. ${advice}`, path);
}
