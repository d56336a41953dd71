/** Small true records for scheduler tests: everything plain, and what a test names laid over it. */
import type { FunctionId, ObjectId, TaskId } from "../../protocol/ids.ts";
import type { ActorSpec, CallSpec, Submission, TaskSpec, Value } from "../../protocol/nouns.ts";

export const plainDemand = { cpus: 1, gpus: 0, memoryBytes: 0, custom: {} };

export function aSpec(over: Partial<TaskSpec> = {}): TaskSpec {
  return {
    type: "task",
    name: "f",
    kind: "value",
    returns: 1,
    retryErrors: { type: "none" },
    functionId: "f1" as FunctionId,
    demand: plainDemand,
    maxRetries: 3,
    priority: 0,
    placement: { type: "default" },
    labels: {},
    ...over,
  };
}

export function aCallSpec(over: Partial<CallSpec> & Pick<CallSpec, "actorId">): CallSpec {
  return {
    type: "call",
    name: "A.m",
    kind: "value",
    returns: 1,
    retryErrors: { type: "none" },
    method: "m",
    maxRetries: 0,
    ...over,
  };
}

export function anActorSpec(over: Partial<ActorSpec> = {}): ActorSpec {
  return {
    functionId: "fA" as FunctionId,
    className: "A",
    namespace: "default",
    getIfExists: false,
    detached: false,
    demand: { ...plainDemand, cpus: 0 },
    maxConcurrency: 1,
    concurrencyGroups: {},
    maxTaskRetries: 0,
    checkpoint: { type: "call" },
    placement: { type: "default" },
    labels: {},
    methods: [],
    ...over,
  };
}

export function aSubmission(id: string, over: Partial<Submission> = {}): Submission {
  return { id: id as TaskId, args: new Uint8Array(0), inputs: [], holds: [], ...over };
}

export function aValue(over: Partial<Extract<Value, { type: "inline" }>> = {}): Value {
  return { type: "inline", bytes: new Uint8Array([1]), refs: [], ...over };
}

export const objectOf = (id: string, index = 0): ObjectId => `${id}:${index}` as ObjectId;
