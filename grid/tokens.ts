/**
 * How the grid's own things stand inside values: a ref, a handle, a remote function or the grid itself travels as a
 * token, plain data that names it. Each class writes its own; revive.ts makes them live again.
 */
import type { ActorId, FunctionId, ObjectId } from "../protocol/ids.ts";
import type { StateProblem } from "./shipping/hidden-state.ts";
import type { Submitter } from "./submitter.ts";
import type { ActorOptions, TaskOptions } from "./types.ts";

export interface MethodToken {
  readonly name: string;
  readonly generator: boolean;
  readonly required: number;
}

export type Token =
  | { readonly kind: "grid" }
  | { readonly kind: "ref"; readonly id: ObjectId }
  /** A ref that is an argument itself: the value takes its place. */
  | { readonly kind: "input"; readonly id: ObjectId }
  | {
      readonly kind: "actor";
      readonly actorId: ActorId;
      readonly className: string;
      readonly methods: readonly MethodToken[];
      /** -1: no limit. */
      readonly maxTaskRetries: number;
      readonly maxPendingCalls?: number;
    }
  | { readonly kind: "queue"; readonly actor: object }
  | (FunctionToken & {
      readonly kind: "function";
      readonly generator: boolean;
      readonly options: Omit<TaskOptions, "captures">;
    })
  | (FunctionToken & {
      readonly kind: "class";
      readonly methods: readonly MethodToken[];
      readonly stateProblem?: StateProblem;
      readonly options: Omit<ActorOptions, "captures">;
    });

export interface FunctionToken {
  readonly functionId: FunctionId;
  readonly name: string;
  readonly required: number;
  /** Refs it captures: they live while it is used. */
  readonly holds: readonly ObjectId[];
}

/** A value being encoded: for whom, and which refs have been met inside it. */
export interface Encoding {
  readonly submitter: Submitter;
  readonly refs: ObjectId[];
}

/** The method by which a thing writes its token. */
export const asToken = Symbol("tabgrid.token");

export interface Travels {
  [asToken](encoding: Encoding): Token;
}

export function travels(value: unknown): value is Travels {
  return (typeof value === "object" || typeof value === "function") && value !== null && asToken in value;
}
