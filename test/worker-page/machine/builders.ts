/**
 * A worker for tests of the machine: messages with plain defaults, a clock that moves when told, and threads that answer
 * when they are started. Reports are fed as a thread would send them.
 */
import {
  actorId,
  attemptId,
  type AttemptId,
  childId,
  type FunctionId,
  type JobId,
  type ObjectId,
  type WorkerId,
} from "../../../protocol/ids.ts";
import type { AssignedTask, Checkpoint, ToWorkerMessage, WorkerMessage, Work } from "../../../protocol/messages.ts";
import type { ActorSpec, CheckpointPolicy, Failure, Value } from "../../../protocol/nouns.ts";
import type { MachineEvent } from "../../../worker-page/machine/events.ts";
import type { Instruction } from "../../../worker-page/machine/instructions.ts";
import { Machine } from "../../../worker-page/machine/machine.ts";
import type { ThreadReport } from "../../../worker-page/machine/thread-work.ts";

export const jobA = "ja" as JobId;
export const jobB = "jb" as JobId;
export const fn = "f1" as FunctionId;
export const bytesOf = (length: number): Uint8Array => new Uint8Array(length);
export const inline = (length = 1): Value => ({ type: "inline", bytes: bytesOf(length), refs: [] });

/** The first try of the `ordinal`th task of `job`. */
export const attempt = (ordinal: number, job = jobA): AttemptId => attemptId(childId(job, ordinal), 1);
export const anActor = (ordinal: number, job = jobA) => actorId(childId(job, ordinal));

export function aWork(over: Partial<Work> = {}): Work {
  return { jobId: jobA, namespace: "default", name: "work", kind: "value", returns: 1, ...over };
}

export function aTask(id: AttemptId, inputs: AssignedTask["inputs"] = []): AssignedTask {
  return { attemptId: id, args: bytesOf(1), inputs };
}

export interface AssignFields {
  readonly job?: JobId;
  readonly quick?: boolean;
  readonly cpus?: number;
  readonly timeoutMs?: number;
  readonly kind?: "value" | "generator";
  readonly functionId?: FunctionId;
  readonly inputs?: AssignedTask["inputs"];
}

export function anAssign(ordinals: readonly number[], fields: AssignFields = {}): ToWorkerMessage {
  const { job = jobA, quick = false, cpus = 1, timeoutMs, kind = "value", functionId = fn, inputs = [] } = fields;
  return {
    type: "assign",
    work: aWork({ jobId: job, kind, ...(timeoutMs !== undefined && { timeoutMs }) }),
    functionId,
    demand: { cpus, gpus: 0, memoryBytes: 0, custom: {} },
    quick,
    tasks: ordinals.map((ordinal) => aTask(attempt(ordinal, job), inputs)),
  };
}

export function aStartActor(
  ordinal: number,
  epoch = 1,
  job = jobA,
  { checkpoint, policy = "off" }: { readonly checkpoint?: Checkpoint; readonly policy?: CheckpointPolicy["type"] } = {},
): ToWorkerMessage {
  return {
    type: "start-actor",
    actorId: anActor(ordinal, job),
    epoch,
    restored: false,
    work: aWork({ jobId: job, name: "Counter" }),
    spec: anActorSpec({ checkpoint: policy === "rhythm" ? { type: policy, everyCalls: 2 } : { type: policy } }),
    creation: aTask(attempt(ordinal, job)),
    ...(checkpoint && { checkpoint }),
  };
}

export function anActorSpec(over: Partial<ActorSpec> = {}): ActorSpec {
  return {
    functionId: fn,
    className: "Counter",
    namespace: "default",
    getIfExists: false,
    detached: false,
    demand: { cpus: 0, gpus: 0, memoryBytes: 0, custom: {} },
    maxConcurrency: 1,
    concurrencyGroups: {},
    checkpoint: { type: "off" },
    placement: { type: "default" },
    labels: {},
    methods: [],
    ...over,
  };
}

export function aCall(actor: number, ordinals: readonly number[], epoch = 1): ToWorkerMessage {
  return {
    type: "call",
    actorId: anActor(actor),
    epoch,
    method: "add",
    work: aWork({ name: "Counter.add" }),
    tasks: ordinals.map((ordinal) => aTask(attempt(ordinal))),
  };
}

export const done = (id: AttemptId, ...values: readonly number[]): ThreadReport => ({
  type: "done",
  attemptId: id,
  values: values.map((length) => ({ bytes: bytesOf(length), refs: [] })),
  ranMs: 1,
});

export const started = (ordinal: number, epoch = 1) =>
  ({ type: "actor-started", actorId: anActor(ordinal), epoch }) as const;

/** The actor's state as its thread reports it. */
export const saved = (ordinal: number, number: number, sizeBytes = 1, epoch = 1) =>
  ({
    type: "saved",
    actorId: anActor(ordinal),
    epoch,
    number,
    state: { bytes: bytesOf(sizeBytes), refs: [] },
  }) as const;

/** This browser has made its copy of that state. */
export const copied = (ordinal: number, number: number, epoch = 1) =>
  ({ type: "checkpoint-saved", actorId: anActor(ordinal), epoch, number }) as const;

type Unstamped<E> = E extends MachineEvent ? Omit<E, "at"> : never;

export class TestWorker {
  readonly machine = new Machine();
  at = 0;
  /** Everything it said, in order. */
  readonly said: WorkerMessage[] = [];
  /** Threads that are started answer at once; switch off to see them cold. */
  warms = true;

  feed(event: Unstamped<MachineEvent>): readonly Instruction[] {
    const instructions = [...this.machine.handle({ ...event, at: this.at })];
    for (const { threadId } of instructionsOf(instructions, "start-thread")) {
      if (this.warms) instructions.push(...this.machine.handle({ type: "thread-warmed", threadId, at: this.at }));
    }
    for (const { message } of instructionsOf(instructions, "send")) this.said.push(message);
    const broken = this.machine.brokenInvariants();
    if (broken.length > 0) throw new Error(`After ${event.type}: ${broken.join("; ")}`);
    return instructions;
  }

  told(...messages: readonly ToWorkerMessage[]): readonly Instruction[] {
    return this.feed({ type: "told", messages });
  }

  reported(threadId: number, ...reports: readonly ThreadReport[]): readonly Instruction[] {
    return this.feed({ type: "thread-reported", threadId, reports });
  }

  /** Time passes; the tab ticks each second, as it does while it is not suspended. */
  wait(ms: number): readonly Instruction[] {
    const instructions: Instruction[] = [];
    for (let left = ms; left > 0; left -= 1_000) {
      this.at += Math.min(left, 1_000);
      instructions.push(...this.feed({ type: "ticked" }));
    }
    return instructions;
  }
}

/** Connected, with its function and so many warm threads. */
export function aWorker(threads = 1): TestWorker {
  const worker = new TestWorker();
  worker.feed({ type: "ticked" });
  worker.feed({ type: "connected", workerId: "w1" as WorkerId, link: "new" });
  worker.feed({ type: "threads-lent", threads });
  worker.told({ type: "define", functionId: fn, bytes: bytesOf(10) });
  worker.said.length = 0;
  return worker;
}

export function instructionsOf<Type extends Instruction["type"]>(
  instructions: readonly Instruction[],
  type: Type,
): readonly Extract<Instruction, { type: Type }>[] {
  return instructions.filter((one): one is Extract<Instruction, { type: Type }> => one.type === type);
}

/** What was begun, as [thread, attempts] pairs. */
export function runs(instructions: readonly Instruction[]): readonly (readonly [number, readonly AttemptId[]])[] {
  return instructionsOf(instructions, "run").map(({ threadId, tasks }) => [threadId, tasks.map((t) => t.attemptId)]);
}

/** The thread in which the first of them was begun. */
export function threadOf(instructions: readonly Instruction[]): number {
  const [first] = runs(instructions);
  if (first === undefined) throw new Error("Nothing was begun");
  return first[0];
}

/** What was said, but for the news of starts. */
export function sends(instructions: readonly Instruction[]): readonly WorkerMessage[] {
  return instructionsOf(instructions, "send")
    .map(({ message }) => message)
    .filter((message) => message.type !== "started");
}

/** The failures among the outcomes, as [attempt, code, crashed]. */
export function failures(
  instructions: readonly Instruction[],
): readonly (readonly [AttemptId, Failure["code"], boolean])[] {
  return sends(instructions)
    .flatMap((message) => (message.type === "outcomes" ? message.items : []))
    .flatMap((item) => (item.type === "failed" ? [[item.attemptId, item.failure.code, item.crashed] as const] : []));
}

export const types = (instructions: readonly Instruction[]): readonly string[] => instructions.map(({ type }) => type);
export const range = (from: number, to: number): readonly number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);
export const objectIdOf = (text: string): ObjectId => text as ObjectId;
