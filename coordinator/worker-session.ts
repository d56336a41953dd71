/**
 * A worker's session: what it says becomes facts, instructions become messages, and what goes to it in one turn goes
 * together. Owns which functions the worker has been given. Knows nothing about how its bytes travel.
 */
import type { FunctionId, WorkerId } from "../protocol/ids.ts";
import { jobOf, taskOfAttempt } from "../protocol/ids.ts";
import type { AssignedTask, ToWorkerMessage, Work, WorkerMessage } from "../protocol/messages.ts";
import type { Spec } from "../protocol/nouns.ts";
import type { Coordinator, Destination, Fact } from "./coordinator.ts";
import type { Instruction, ReadyObject } from "./scheduler/events.ts";
import { factOf, isQuestion } from "./submitting.ts";

export interface WorkerSessionOptions {
  readonly coordinator: Coordinator;
  readonly workerId: WorkerId;
  readonly name: string;
  readonly send: (message: ToWorkerMessage) => void;
  /** A message of WebRTC signalling. */
  readonly signal: (json: string) => void;
}

type InstructionOf<T extends Instruction["type"]> = Extract<Instruction, { type: T }>;
/** Tasks of one kind under way to the worker in this turn. */
interface Open {
  readonly like: InstructionOf<"assign"> | InstructionOf<"call">;
  readonly tasks: AssignedTask[];
}
/** Bytes in one message beyond which another is begun, so that it fits a data channel's frames well. */
const messageBytes = 128 * 1024;

export class WorkerSession implements Destination {
  readonly #options: WorkerSessionOptions;
  readonly #known = new Set<FunctionId>();
  #open: Open | undefined;
  #openBytes = 0;
  readonly #ready = new Map<string, ReadyObject[]>();
  #isFlushing = false;

  constructor(options: WorkerSessionOptions) {
    this.#options = options;
  }

  // ---------------------------------------------------------------------------------------- what it says

  receive(messages: readonly WorkerMessage[]): void {
    const facts: Fact[] = [];
    for (const message of messages) {
      // A question is about what was said before it.
      if (message.type === "relay" && isQuestion(message.message) && facts.length > 0)
        this.#options.coordinator.take(...facts.splice(0));
      const fact = this.#factOf(message);
      if (fact !== undefined) facts.push(fact);
    }
    if (facts.length > 0) this.#options.coordinator.take(...facts);
  }

  #factOf(message: WorkerMessage): Fact | undefined {
    const { coordinator, workerId, name } = this.#options;
    switch (message.type) {
      case "outcomes":
        for (const { attemptId } of message.items) this.#progressOver(attemptId);
        return { type: "attempts-ended", workerId, items: message.items };
      case "produced":
        return {
          type: "item-produced",
          workerId,
          attemptId: message.attemptId,
          index: message.index,
          value: message.value,
        };
      case "started":
        return { type: "attempts-started", workerId, attemptIds: message.attemptIds };
      case "blocked":
        return { type: "attempt-blocked", workerId, attemptId: message.attemptId };
      case "unblocked":
        return { type: "attempt-unblocked", workerId, attemptId: message.attemptId };
      case "returned":
        return { type: "attempts-returned", workerId, attemptIds: message.attemptIds };
      case "actor-started":
        return { type: "actor-started", workerId, actorId: message.actorId, epoch: message.epoch };
      case "actor-ended": {
        const { actorId, epoch, failure, crashed } = message;
        return { type: "actor-ended", workerId, actorId, epoch, failure, crashed };
      }
      case "holding": {
        const { attemptIds, actors, suspendedMs, complete } = message;
        return { type: "worker-holding", workerId, attemptIds, actors, suspendedMs, complete };
      }
      case "checkpointed":
        for (const { attemptId } of message.outcomes) this.#progressOver(attemptId);
        return { ...message, type: "actor-checkpointed", workerId };
      case "actor-released":
        return { type: "actor-released", workerId, actorId: message.actorId, epoch: message.epoch };
      case "capacity":
        return { type: "capacity-changed", workerId, threads: message.threads };
      case "leave":
        return { type: "worker-left", workerId, how: "planned" };
      case "log":
        coordinator.log(name, message.lines);
        return undefined;
      case "progress":
        if (this.#isMine(message.attemptId)) coordinator.progress.set(taskOfAttempt(message.attemptId), message);
        return undefined;
      case "signal":
        this.#options.signal(message.json);
        return undefined;
      case "relay":
        return this.#relayed(message);
    }
  }

  #progressOver(attemptId: AssignedTask["attemptId"]): void {
    const { progress } = this.#options.coordinator;
    if (progress.size > 0) progress.delete(taskOfAttempt(attemptId));
  }

  #isMine(attemptId: Extract<WorkerMessage, { type: "relay" }>["attemptId"]): boolean {
    const { coordinator, workerId } = this.#options;
    return coordinator.scheduler.machine.speakerOf({ type: "attempt", workerId, attemptId }) !== undefined;
  }

  /** A task or call of this worker speaks. One that is over has nothing to say. */
  #relayed({ attemptId, message }: Extract<WorkerMessage, { type: "relay" }>): Fact | undefined {
    const { coordinator, workerId, send } = this.#options;
    if (!this.#isMine(attemptId)) return undefined;
    return factOf(
      {
        coordinator,
        jobId: jobOf(attemptId),
        by: { type: "attempt", workerId, attemptId },
        refuse: (answer) => send({ type: "relay", attemptId, message: answer }),
        reply: (answer) => coordinator.whenKept(() => send({ type: "relay", attemptId, message: answer })),
      },
      message,
    );
  }

  // ---------------------------------------------------------------------------------------- what it is told

  carry(instruction: Instruction): void {
    switch (instruction.type) {
      case "assign":
      case "call":
        return this.#give(instruction);
      case "deliver": {
        if (instruction.to.type !== "attempt") return;
        const { attemptId } = instruction.to;
        const objects = this.#ready.get(attemptId);
        if (objects !== undefined) objects.push(instruction.object);
        else this.#ready.set(attemptId, [instruction.object]);
        return this.#flushSoon();
      }
      default:
        this.#flush();
        return this.#tell(instruction);
    }
  }

  /** One task joins those like it that are under way, or begins a new message. */
  #give(instruction: InstructionOf<"assign"> | InstructionOf<"call">): void {
    const { attemptId, args, inputs } = instruction;
    const size =
      args.length + inputs.reduce((sum, { value }) => sum + (value.type === "inline" ? value.bytes.length : 0), 64);
    if (this.#open === undefined || !isLike(this.#open.like, instruction) || this.#openBytes + size > messageBytes) {
      this.#flushOpen();
      this.#open = { like: instruction, tasks: [] };
      this.#openBytes = 0;
    }
    this.#open.tasks.push({ attemptId, args, inputs });
    this.#openBytes += size;
    this.#flushSoon();
  }

  #flushSoon(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    this.#isFlushing = false;
    this.#flushOpen();
    for (const [attemptId, objects] of this.#ready) {
      this.#options.send({ type: "relay", attemptId: attemptId as never, message: { type: "ready", objects } });
    }
    this.#ready.clear();
  }

  #flushOpen(): void {
    const open = this.#open;
    if (open === undefined) return;
    this.#open = undefined;
    const { like, tasks } = open;
    const work = workOf(like.jobId, like.namespace, like.spec);
    if (like.type === "assign") {
      this.#define(like.spec.functionId);
      this.#options.send({
        type: "assign",
        work,
        functionId: like.spec.functionId,
        demand: like.spec.demand,
        quick: like.quick,
        tasks,
      });
      return;
    }
    const { actorId, spec } = like;
    const { method, concurrencyGroup } = spec;
    const group = concurrencyGroup === undefined ? {} : { concurrencyGroup };
    this.#options.send({ type: "call", actorId, epoch: like.epoch, method, ...group, work, tasks });
  }

  /** A function is sent before its first use, once a worker. */
  #define(id: FunctionId): void {
    if (this.#known.has(id)) return;
    const definition = this.#options.coordinator.definitions.find(id);
    if (definition === undefined) return;
    this.#known.add(id);
    const bytes = definition.bytes === undefined ? {} : { bytes: definition.bytes };
    this.#options.send({ type: "define", functionId: id, ...bytes });
  }

  #tell(instruction: Instruction): void {
    const { send } = this.#options;
    switch (instruction.type) {
      case "start-actor": {
        const { actorId, epoch, restored, spec, args, inputs, jobId, checkpoint } = instruction;
        this.#define(spec.functionId);
        const work: Work = { jobId, namespace: spec.namespace, name: spec.className, kind: "value", returns: 1 };
        const creation = { attemptId: `${actorId}#${epoch}` as AssignedTask["attemptId"], args, inputs };
        const from = checkpoint === undefined ? {} : { checkpoint };
        return send({ type: "start-actor", actorId, epoch, restored, work, spec, creation, ...from });
      }
      case "stop-actor":
        return send({ type: "stop-actor", actorId: instruction.actorId, epoch: instruction.epoch });
      case "cancel-attempt":
        return send({ type: "cancel-attempts", attemptIds: [instruction.attemptId], force: instruction.force });
      case "recall":
        return send({ type: "recall", attemptIds: instruction.attemptIds });
      case "consumed":
        return send({ type: "consumed", attemptId: instruction.attemptId, taken: instruction.taken });
      case "forget-job":
        for (const id of instruction.functionIds) this.#known.delete(id);
        return send({ type: "forget-job", jobId: instruction.jobId });
      case "actor-is":
      case "refuse": {
        if (instruction.to.type !== "attempt") return;
        const { attemptId } = instruction.to;
        if (instruction.type === "actor-is") {
          return send({
            type: "relay",
            attemptId,
            message: { type: "actor-is", asked: instruction.asked, actorId: instruction.actorId },
          });
        }
        const { code, message, about } = instruction;
        return send({ type: "relay", attemptId, message: { type: "refused", code, message, about } });
      }
      default:
        return;
    }
  }
}

function isLike(
  a: InstructionOf<"assign"> | InstructionOf<"call">,
  b: InstructionOf<"assign"> | InstructionOf<"call">,
): boolean {
  if (a.type !== b.type || a.spec !== b.spec || a.jobId !== b.jobId) return false;
  return a.type === "assign"
    ? a.quick === (b.type === "assign" && b.quick)
    : b.type === "call" && a.epoch === b.epoch && a.actorId === b.actorId;
}

function workOf(jobId: Work["jobId"], namespace: string, spec: Spec): Work {
  return {
    jobId,
    namespace,
    name: spec.name,
    kind: spec.kind,
    returns: spec.returns,
    ...(spec.timeoutMs === undefined ? {} : { timeoutMs: spec.timeoutMs }),
    ...(spec.backpressure === undefined ? {} : { backpressure: spec.backpressure }),
  };
}
