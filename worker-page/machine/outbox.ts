/**
 * What one handled event leads to: instructions in order, with the outcomes it brought merged in one message and the
 * starts in another. Knows nothing about why.
 */
import type { AttemptId } from "../../protocol/ids.ts";
import type { Outcome, WorkerMessage } from "../../protocol/messages.ts";
import type { Instruction } from "./instructions.ts";

/** A message of outcomes is closed at this size, well within `limits.messageBytes`. */
const outcomesBytes = 1024 * 1024;

export class Outbox {
  #instructions: Instruction[] = [];
  #outcomes: Outcome[] = [];
  #outcomesBytes = 0;
  #started: AttemptId[] = [];

  order(instruction: Instruction): void {
    this.#instructions.push(instruction);
  }

  send(message: WorkerMessage): void {
    this.#instructions.push({ type: "send", message });
  }

  /** Sent with the others of this event, after everything said before it. */
  outcome(outcome: Outcome): void {
    this.#outcomes.push(outcome);
    this.#outcomesBytes += sizeOf(outcome);
    if (this.#outcomesBytes > outcomesBytes) this.flushOutcomes();
  }

  started(attemptId: AttemptId): void {
    this.#started.push(attemptId);
  }

  /** For what must not be said before them. */
  flushOutcomes(): void {
    if (this.#outcomes.length === 0) return;
    this.send({ type: "outcomes", items: this.#outcomes });
    this.#outcomes = [];
    this.#outcomesBytes = 0;
  }

  take(): readonly Instruction[] {
    this.flushOutcomes();
    if (this.#started.length > 0) {
      this.send({ type: "started", attemptIds: this.#started });
      this.#started = [];
    }
    const instructions = this.#instructions;
    this.#instructions = [];
    return instructions;
  }
}

/** About as many bytes as it takes in a message. */
export function sizeOf(outcome: Outcome): number {
  if (outcome.type === "failed") return 256 + outcome.failure.message.length * 3 + (outcome.failure.error?.length ?? 0);
  let size = 64;
  for (const value of outcome.values) size += value.type === "inline" ? value.bytes.length + 16 : 32;
  return size;
}
