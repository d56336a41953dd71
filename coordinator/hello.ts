/** What a client or a worker says of itself when it connects. Owns the shapes and their bounds. */
import * as v from "valibot";
import { limits } from "../protocol/limits.ts";

const name = v.pipe(v.string(), v.maxLength(limits.nameLength));
const token = v.optional(name);
const amount = v.pipe(v.number(), v.finite(), v.minValue(0));

export const clientHello = v.object({
  role: v.literal("client"),
  version: v.number(),
  token,
  jobName: name,
  namespace: v.pipe(name, v.minLength(1)),
  reconnectMs: v.pipe(v.number(), v.minValue(0), v.maxValue(24 * 3_600_000)),
  logs: v.boolean(),
  /** Takes over this job. */
  ticket: v.optional(v.pipe(v.string(), v.maxLength(limits.idLength))),
});
export type ClientHello = v.InferOutput<typeof clientHello>;

export const workerHello = v.object({
  role: v.literal("worker"),
  version: v.number(),
  token,
  name,
  threads: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(1_024)),
  labels: v.pipe(
    v.record(name, name),
    v.check((labels) => Object.keys(labels).length <= 64, "at most 64 labels"),
  ),
  resources: v.object({ gpus: amount, memoryBytes: amount, custom: v.record(name, amount) }),
  /** Which worker this tab was before it was loaded anew, and the proof. */
  home: v.optional(v.object({ workerId: name, homeKey: name })),
});
export type WorkerHello = v.InferOutput<typeof workerHello>;

export const hello = v.variant("role", [clientHello, workerHello]);
export type Hello = v.InferOutput<typeof hello>;

/** The part of a hello that is read before anything else of it is believed. */
export const versionOf = v.object({ version: v.number() });
