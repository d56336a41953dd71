/**
 * Tokens to the things they stand for, as one Grid sees them. The bytes came from elsewhere: every field is checked, and
 * a token that makes no sense is refused. Knows nothing about values around them.
 */
import { ProtocolError } from "../protocol/errors.ts";
import type { ActorId, FunctionId, ObjectId } from "../protocol/ids.ts";
import type { PayloadHooks, Token } from "../protocol/payload.ts";
import { RemoteClass } from "./actor-class.ts";
import { calleeOf, newActorHandle } from "./actor-handle.ts";
import type { Definition } from "./definition.ts";
import { errorHooks, errorOfToken } from "./failures.ts";
import { Ref } from "./object-ref.ts";
import { checkOptions, type optionTables } from "./options.ts";
import { Queue } from "./queue.ts";
import { remoted, TaskTemplate } from "./remote-function.ts";
import type { StateProblem } from "./shipping/hidden-state.ts";
import type { Submitter } from "./submitter.ts";
import type { MethodToken } from "./tokens.ts";
import type { ActorOptions, Grid, TaskOptions } from "./types.ts";
import { Input } from "./values.ts";

export function hooksOf(submitter: Submitter, grid: Grid): PayloadHooks {
  return { ...errorHooks, fromToken: (token) => revive(submitter, grid, token) };
}

function revive(submitter: Submitter, grid: Grid, token: Token): unknown {
  switch (token.kind) {
    case "grid":
      return grid;
    case "ref":
      return new Ref<unknown>(submitter, submitter.holdings.share(id<ObjectId>(token, "id")));
    case "input":
      return new Input(id<ObjectId>(token, "id"));
    case "actor":
      return newActorHandle(submitter, {
        actorId: id<ActorId>(token, "actorId"),
        className: text(token, "className"),
        methods: methodsIn(token),
        maxTaskRetries: count(token["maxTaskRetries"], -1),
        maxPendingCalls: token["maxPendingCalls"] === undefined ? undefined : count(token["maxPendingCalls"], 1),
      });
    case "function": {
      const kind = token["generator"] === true ? "generator" : "function";
      const options = optionsIn<TaskOptions>(token, kind === "generator" ? "generator" : "task");
      return remoted(new TaskTemplate(submitter, grid, definitionIn(token, kind), undefined, options));
    }
    case "class":
      return new RemoteClass(
        submitter,
        grid,
        definitionIn(token, "class"),
        undefined,
        optionsIn<ActorOptions>(token, "actor"),
      );
    case "queue":
      return calleeOf(token["actor"]) === undefined ? refuse(token, "actor") : Queue.over(grid, token["actor"]);
    case "error":
      return errorOfToken(token) ?? refuse(token, "code");
    default:
      throw new ProtocolError(`Cannot read a value: it holds an unknown token "${token.kind}"`);
  }
}

function definitionIn(token: Token, kind: Definition["kind"]): Definition {
  return {
    functionId: id<FunctionId>(token, "functionId"),
    kind,
    name: text(token, "name"),
    requiredArguments: count(token["required"], 0),
    methods: kind === "class" ? methodsIn(token) : [],
    stateProblem: token["stateProblem"] === undefined ? undefined : stateProblemIn(token),
    bytes: undefined,
    holds: listIn(token, "holds").map((item) =>
      typeof item === "string" ? (item as ObjectId) : refuse(token, "holds"),
    ),
    captured: undefined,
  };
}

function methodsIn(token: Token): MethodToken[] {
  return listIn(token, "methods").map((method) => {
    if (typeof method !== "object" || method === null || !("name" in method) || typeof method.name !== "string") {
      return refuse(token, "methods");
    }
    const generator = "generator" in method && method.generator === true;
    return { name: method.name, generator, required: count("required" in method ? method.required : 0, 0) };
  });
}

function stateProblemIn(token: Token): StateProblem {
  const problem = token["stateProblem"];
  if (typeof problem !== "object" || problem === null) return refuse(token, "stateProblem");
  const { path, reason } = problem as Readonly<Record<string, unknown>>;
  return typeof path === "string" && typeof reason === "string" ? { path, reason } : refuse(token, "stateProblem");
}

function optionsIn<Options>(token: Token, of: keyof typeof optionTables): Options {
  checkOptions(of, token["options"]);
  // The table has just said that they are.
  return (token["options"] ?? {}) as Options;
}

function id<Id extends string>(token: Token, field: string): Id {
  return text(token, field) as Id;
}

function text(token: Token, field: string): string {
  const value = token[field];
  return typeof value === "string" ? value : refuse(token, field);
}

function listIn(token: Token, field: string): readonly unknown[] {
  const value = token[field];
  return Array.isArray(value) ? value : refuse(token, field);
}

function count(value: unknown, least: number): number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= least ? value : least;
}

function refuse(token: Token, field: string): never {
  throw new ProtocolError(`Cannot read a value: "${field}" of its ${token.kind} token makes no sense`);
}
