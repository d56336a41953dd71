/**
 * Options to specs: what a user asked for, with the defaults of the contract, in the words of the wire. Owns the
 * defaults. The options have been checked.
 */
import type { ActorId } from "../protocol/ids.ts";
import type {
  ActorSpec,
  CallSpec,
  CheckpointPolicy,
  Demand,
  LabelSelector,
  Placement,
  RetryErrors,
  TaskSpec,
} from "../protocol/nouns.ts";
import type { Definition } from "./definition.ts";
import type { ActorOptions, CallOptions, Resources, TaskOptions } from "./types.ts";

export type AnyTaskOptions = TaskOptions & { readonly backpressure?: number };
export type AnyCallOptions = CallOptions & { readonly numReturns?: number; readonly backpressure?: number };

export function taskSpec(definition: Definition, options: AnyTaskOptions): TaskSpec {
  return {
    type: "task",
    name: options.name ?? definition.name,
    functionId: definition.functionId,
    kind: definition.kind === "generator" ? "generator" : kindOf(options),
    returns: options.numReturns ?? 1,
    retryErrors: retryErrors(options.retryExceptions),
    ...given("timeoutMs", options.timeoutMs),
    ...given("backpressure", options.backpressure),
    demand: demandOf(options, 1),
    ...given("maxRetries", unlessUnlimited(options.maxRetries ?? 3)),
    priority: options.priority ?? 0,
    placement: placementOf(options.schedulingStrategy),
    labels: labelsOf(options.labels),
    ...given("unschedulableMs", options.unschedulableTimeoutMs),
  };
}

function kindOf({ numReturns }: { readonly numReturns?: number }): "value" | "tuple" {
  return numReturns === undefined ? "value" : "tuple";
}

export interface Callee {
  readonly actorId: ActorId;
  readonly className: string;
  /** The actor's own; -1: no limit. */
  readonly maxTaskRetries: number;
}

export function callSpec(of: Callee, method: string, isGenerator: boolean, options: AnyCallOptions): CallSpec {
  return {
    type: "call",
    name: `${of.className}.${method}`,
    actorId: of.actorId,
    method,
    kind: isGenerator ? "generator" : kindOf(options),
    returns: options.numReturns ?? 1,
    retryErrors: retryErrors(options.retryExceptions),
    ...given("timeoutMs", options.timeoutMs),
    ...given("backpressure", options.backpressure),
    ...given("maxRetries", unlessUnlimited(options.maxTaskRetries ?? of.maxTaskRetries)),
    ...given("concurrencyGroup", options.concurrencyGroup),
  };
}

export function actorSpec(definition: Definition, options: ActorOptions, namespace: string): ActorSpec {
  return {
    functionId: definition.functionId,
    className: definition.name,
    ...given("name", options.name),
    namespace: options.namespace ?? namespace,
    getIfExists: options.getIfExists ?? false,
    detached: options.lifetime === "detached",
    demand: demandOf(options, 0),
    maxConcurrency: options.maxConcurrency ?? 1,
    concurrencyGroups: options.concurrencyGroups ?? {},
    ...given("maxRestarts", unlessUnlimited(options.maxRestarts ?? -1)),
    ...given("maxTaskRetries", unlessUnlimited(options.maxTaskRetries ?? 0)),
    checkpoint: checkpointOf(options.checkpoint),
    placement: placementOf(options.schedulingStrategy),
    labels: labelsOf(options.labels),
    methods: definition.methods,
  };
}

function demandOf({ numCpus, numGpus, memoryBytes, resources }: Resources, cpus: number): Demand {
  return { cpus: numCpus ?? cpus, gpus: numGpus ?? 0, memoryBytes: memoryBytes ?? 0, custom: resources ?? {} };
}

function retryErrors(retryExceptions: TaskOptions["retryExceptions"]): RetryErrors {
  if (retryExceptions === undefined || retryExceptions === false) return { type: "none" };
  return retryExceptions === true ? { type: "all" } : { type: "named", names: retryExceptions };
}

function placementOf(strategy: TaskOptions["schedulingStrategy"]): Placement {
  if (strategy === undefined || strategy === "default") return { type: "default" };
  if (strategy === "spread") return { type: "spread" };
  return {
    type: "worker",
    workerId: strategy.workerId as Extract<Placement, { type: "worker" }>["workerId"],
    soft: strategy.soft ?? false,
  };
}

function labelsOf(labels: TaskOptions["labels"]): LabelSelector {
  if (labels === undefined) return {};
  return Object.fromEntries(
    Object.entries(labels).map(([key, values]) => [key, typeof values === "string" ? [values] : values]),
  );
}

function checkpointOf(checkpoint: ActorOptions["checkpoint"]): CheckpointPolicy {
  if (checkpoint === undefined) return { type: "call" };
  if (typeof checkpoint === "string") return { type: checkpoint };
  return { type: "rhythm", ...given("everyCalls", checkpoint.everyCalls), ...given("everyMs", checkpoint.everyMs) };
}

function unlessUnlimited(count: number): number | undefined {
  return count < 0 ? undefined : count;
}

/** The field when it is there: absent fields are left out of messages. */
function given<K extends string, V>(key: K, value: V | undefined): { readonly [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [P in K]: V });
}
