/** A client's session: its job, what it says and what it is told. Knows nothing about how its bytes travel. */
import type { JobId } from "../protocol/ids.ts";
import type { ClientMessage, ToClientMessage } from "../protocol/messages.ts";
import type { LogLine } from "../protocol/nouns.ts";
import type { Coordinator, Destination, Fact } from "./coordinator.ts";
import type { Instruction, ReadyObject } from "./scheduler/events.ts";
import { factOf, isQuestion, type Speaking } from "./submitting.ts";

export interface ClientSessionOptions {
  readonly coordinator: Coordinator;
  readonly jobId: JobId;
  readonly logs: boolean;
  readonly send: (message: ToClientMessage) => void;
}

export class ClientSession implements Destination {
  readonly #options: ClientSessionOptions;
  readonly #speaking: Speaking;
  #ready: ReadyObject[] = [];

  constructor(options: ClientSessionOptions) {
    const { coordinator, jobId, send } = options;
    this.#options = options;
    const reply = (message: ToClientMessage): void => coordinator.whenKept(() => send(message));
    this.#speaking = { coordinator, jobId, by: { type: "client", jobId }, reply, refuse: send };
  }

  receive(messages: readonly ClientMessage[]): void {
    const { coordinator, jobId } = this.#options;
    const facts: Fact[] = [];
    for (const message of messages) {
      // A question is about what was said before it.
      if (isQuestion(message) && facts.length > 0) coordinator.take(...facts.splice(0));
      const fact =
        message.type === "close-job" ? ({ type: "job-closed", jobId } as const) : factOf(this.#speaking, message);
      if (fact !== undefined) facts.push(fact);
    }
    if (facts.length > 0) coordinator.take(...facts);
  }

  carry(instruction: Instruction): void {
    const { send } = this.#options;
    switch (instruction.type) {
      case "deliver": {
        // What becomes ready in one turn is told in one message.
        if (this.#ready.length === 0) {
          const objects: ReadyObject[] = [];
          this.#ready = objects;
          queueMicrotask(() => {
            this.#ready = [];
            send({ type: "ready", objects });
          });
        }
        this.#ready.push(instruction.object);
        return;
      }
      case "actor-is":
        return send({ type: "actor-is", asked: instruction.asked, actorId: instruction.actorId });
      case "refuse":
        return send({
          type: "refused",
          code: instruction.code,
          message: instruction.message,
          about: instruction.about,
        });
      default:
        return;
    }
  }

  log(lines: readonly { taskName: string; workerName: string; line: LogLine }[]): void {
    if (this.#options.logs) this.#options.send({ type: "log", lines });
  }
}
