/**
 * An attempt: one try of a task, an actor's creation or a call, from its arrival until its outcome has been sent.
 *
 *   waiting     its function or some of its inputs are on their way
 *   ready       everything is here; a task waits in its job's lane, a call in its actor's line
 *   running     given to a thread
 *   blocked     in its thread, awaiting the grid: it holds no slot
 *   delivering  its thread is done with it; values are being uploaded, or its actor's state is being saved
 *   over        its outcome is sent, or it was dropped
 */
import { type AttemptId, checkpointId, type FunctionId, type JobId, type ObjectId } from "../../protocol/ids.ts";
import type {
  AssignedTask,
  Checkpoint,
  Outcome,
  ToWorkerMessage,
  Work,
  WorkerMessage,
} from "../../protocol/messages.ts";
import type { Demand, Failure } from "../../protocol/nouns.ts";
import type { ThreadInput } from "./thread-work.ts";
import type { Actor } from "./actors.ts";
import type { LogBudget } from "./log-budget.ts";
import type { Trip } from "./threads.ts";

export type AttemptState =
  | { readonly type: "waiting"; readonly missing: number }
  | { readonly type: "ready" }
  | { readonly type: "running"; readonly trip: Trip }
  | { readonly type: "blocked"; readonly trip: Trip }
  | { readonly type: "delivering" }
  | { readonly type: "over" };

const noInputs: readonly ThreadInput[] = [];

export const cpuUnitsPerThread = 10_000;

export const ready: AttemptState = { type: "ready" };
export const delivering: AttemptState = { type: "delivering" };
export const over: AttemptState = { type: "over" };

/** Something of an attempt that is sent only when its uploads, and all before it, have arrived. */
export interface Delivery {
  readonly attempt: Attempt;
  item: Outcome | Extract<WorkerMessage, { type: "produced" }>;
  uploadsLeft: number;
  /** It may go out when its actor's state does. */
  isThrough: boolean;
}

export interface Spoiled {
  readonly failure: Failure;
  /** The fault was on the way. */
  readonly mayRetry: boolean;
}

/** What every kind of attempt has. A class, because a hundred thousand are made in a second. */
class Given {
  readonly id: AttemptId;
  readonly work: Work;
  readonly given: AssignedTask;
  state: AttemptState = ready;
  /** In the order of `given.inputs`; complete when the attempt is ready. */
  inputs: readonly (ThreadInput | undefined)[];
  /** The code it runs; here when the attempt is ready. */
  functionBytes: Uint8Array | undefined = undefined;
  deliveries: Delivery[] | undefined = undefined;
  logBudget: LogBudget | undefined = undefined;
  /** A value of it could not be delivered: whatever its thread says, this is its end. */
  spoiled: Spoiled | undefined = undefined;
  /** It has said something to the grid, which a restarted coordinator may have forgotten. */
  hasRelayed = false;
  progressAt = -1e9;

  constructor(given: AssignedTask, work: Work) {
    this.id = given.attemptId;
    this.work = work;
    this.given = given;
    this.inputs = given.inputs.length === 0 ? noInputs : given.inputs.map(inlineInput);
  }
}

export class TaskAttempt extends Given {
  readonly kind = "task";
  readonly jobId: JobId;
  readonly functionId: FunctionId;
  readonly demand: Demand;
  /** `demand.cpus` in ten-thousandths, so that sums are exact. */
  readonly cpuUnits: number;
  /** Place in the order of arrival. */
  readonly sequence: number;
  /** May share a trip. Cleared when a thread dies under a trip, to find the culprit. */
  isQuick: boolean;
  /** Times it was begun again here because its thread died of something else. */
  reruns = 0;
  startedAt = 0;
  /** Items of a generator its consumer has taken. */
  taken = 0;

  constructor(given: AssignedTask, message: Extract<ToWorkerMessage, { type: "assign" }>, sequence: number) {
    super(given, message.work);
    this.jobId = message.work.jobId;
    this.functionId = message.functionId;
    this.demand = message.demand;
    this.cpuUnits = cpuUnitsOf(message.demand);
    this.sequence = sequence;
    this.isQuick = message.quick;
  }
}

export class CallAttempt extends Given {
  readonly kind = "call";
  readonly actor: Actor;
  readonly method: string;
  readonly concurrencyGroup: string | undefined;

  constructor(given: AssignedTask, message: Extract<ToWorkerMessage, { type: "call" }>, actor: Actor) {
    super(given, message.work);
    this.actor = actor;
    this.method = message.method;
    this.concurrencyGroup = message.concurrencyGroup;
  }
}

export class CreationAttempt extends Given {
  readonly kind = "creation";
  readonly actor: Actor;
  /** The name of the state it goes on from, if it does not begin with its constructor, */
  readonly stateId: ObjectId | undefined;
  /** and that state, once it is here. */
  stateBytes: Uint8Array | undefined;

  constructor(given: AssignedTask, actor: Actor, checkpoint: Checkpoint | undefined) {
    super(given, actor.work);
    this.actor = actor;
    this.stateId = checkpoint && checkpointId(actor.id, checkpoint.epoch, checkpoint.number);
    // Of its own, since a view of a message would keep all of the message.
    this.stateBytes = checkpoint?.value.type === "inline" ? checkpoint.value.bytes.slice() : undefined;
  }
}

export type Attempt = TaskAttempt | CallAttempt | CreationAttempt;

export function cpuUnitsOf(demand: Demand): number {
  return Math.round(demand.cpus * cpuUnitsPerThread);
}

function inlineInput({ id, value }: AssignedTask["inputs"][number]): ThreadInput | undefined {
  return value.type === "inline" ? { id, bytes: value.bytes } : undefined;
}

/** The bytes of `objectId` have come; the number of inputs they fill, or one for a state. */
export function fillInputs(attempt: Attempt, objectId: ObjectId, bytes: Uint8Array): number {
  if (attempt.kind === "creation" && attempt.stateId === objectId) {
    attempt.stateBytes = bytes;
    return 1;
  }
  const filled = { id: objectId, bytes };
  let count = 0;
  attempt.inputs = attempt.inputs.map((input, index) => {
    if (input !== undefined || attempt.given.inputs[index]?.id !== objectId) return input;
    count++;
    return filled;
  });
  return count;
}

/** For a thread: only of an attempt that is ready. */
export function inputsOf(attempt: Attempt): readonly ThreadInput[] {
  return attempt.given.inputs.length === 0
    ? noInputs
    : attempt.inputs.filter((input): input is ThreadInput => input !== undefined);
}
