/**
 * ObjectRefGenerator: refs to the items of a generator task, taken in order as they are produced. Owns the position and
 * the credits. Return 0 is `completed`, the items are returns 1, 2, … Knows nothing about values.
 */
import { SerializationError } from "../protocol/errors.ts";
import { returnId, type TaskId, taskOfObject } from "../protocol/ids.ts";
import type { HeldObject } from "./held-object.ts";
import { Ref } from "./object-ref.ts";
import type { Submitter } from "./submitter.ts";
import { asToken } from "./tokens.ts";
import type { ObjectRef, ObjectRefGenerator } from "./types.ts";

/** Items asked for ahead of the one that is taken, so that what is there already needs no round trip each. */
const askedAhead = 8;
/** Without backpressure nobody waits for credits: a few messages are enough. */
const creditBatch = 32;

export class RefGenerator<Y> implements ObjectRefGenerator<Y> {
  readonly completed: ObjectRef<void>;
  readonly #submitter: Submitter;
  readonly #taskId: TaskId;
  readonly #creditBatch: number;
  /** The item that is taken next. */
  #next = 1;
  /** Items asked for, by index. */
  readonly #untaken = new Map<number, HeldObject>();
  #taken = 0;
  #credited = 0;
  #isOver = false;

  constructor(submitter: Submitter, completion: HeldObject, hasBackpressure: boolean) {
    this.completed = new Ref<void>(submitter, completion);
    this.#submitter = submitter;
    this.#taskId = taskOfObject(completion.id);
    this.#creditBatch = hasBackpressure ? 1 : creditBatch;
  }

  get taskId(): TaskId {
    return this.#taskId;
  }

  /** All iterators share one position: each item is taken once. */
  [Symbol.asyncIterator](): AsyncIterator<ObjectRef<Y>, undefined> {
    return {
      next: () => this.#take(),
      return: async () => {
        this.#leave();
        return { done: true, value: undefined };
      },
    };
  }

  /** Item refs travel, the stream of them does not: it has one position. */
  [asToken](): never {
    throw new SerializationError(
      "an ObjectRefGenerator cannot be copied: send its items' refs, or take them there",
      "",
    );
  }

  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return `ObjectRefGenerator(${this.#taskId}, ${this.#taken} taken)`;
  }

  async #take(): Promise<IteratorResult<ObjectRef<Y>, undefined>> {
    if (this.#isOver) return { done: true, value: undefined };
    const index = this.#next++;
    const { wants } = this.#submitter;
    const held = this.#item(index);
    if (!held.isReady && held.asked === "nothing") {
      wants.ask(Array.from({ length: askedAhead }, (_, ahead) => this.#item(index + ahead)));
    }
    await wants.readiness([held], 1, false, { timeoutMs: undefined, signal: undefined });
    if (held.known.type === "ended" || held.known.type === "failed") return await this.#end();
    const ref = new Ref<Y>(this.#submitter, held);
    this.#untaken.delete(index);
    this.#submitter.holdings.drop(held);
    this.#taken++;
    this.#credit(this.#creditBatch);
    return { done: false, value: ref };
  }

  /** The producer stopped before this item; how, its completion says. */
  async #end(): Promise<IteratorResult<ObjectRef<Y>, undefined>> {
    const wasOver = this.#isOver;
    this.#isOver = true;
    this.#forgetUntaken();
    // Whoever asks once more has heard of the failure.
    if (!wasOver) await this.completed.get();
    return { done: true, value: undefined };
  }

  #leave(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#submitter.outbox.send({ type: "cancel", id: this.#taskId, force: false, recursive: true });
    this.#forgetUntaken();
  }

  #credit(batch: number): void {
    if (this.#taken - this.#credited < batch) return;
    this.#credited = this.#taken;
    this.#submitter.outbox.send({ type: "consume", id: this.#taskId, taken: this.#taken });
  }

  /** Held by this generator until it is taken. */
  #item(index: number): HeldObject {
    const { holdings } = this.#submitter;
    const known = this.#untaken.get(index);
    if (known !== undefined) return known;
    const held = holdings.own(returnId(this.#taskId, index));
    held.handles++;
    this.#untaken.set(index, held);
    return held;
  }

  #forgetUntaken(): void {
    for (const held of this.#untaken.values()) this.#submitter.holdings.drop(held);
    this.#untaken.clear();
  }
}
