/**
 * Questions with one answer each: what the coordinator knows, and who has a name. Owns the request numbers and what is
 * not yet answered. Knows nothing about the meaning of an answer.
 */
import type { ActorId, ObjectId } from "../protocol/ids.ts";
import type { SubmitterMessage, ToSubmitterMessage } from "../protocol/messages.ts";
import type { ActorSpec, Failure } from "../protocol/nouns.ts";
import { ProtocolError } from "../protocol/errors.ts";
import { errorOf } from "./failures.ts";
import { type GridHost, speakAs } from "./host.ts";

type Question = Extract<SubmitterMessage, { type: "query" | "find-actor" }>;
type Answer = Extract<ToSubmitterMessage, { type: "answer" | "actor-found" }>;

/** What `query` can ask for. */
export type Topic =
  | "tasks"
  | "actors"
  | "objects"
  | "workers"
  | "jobs"
  | "summary"
  | "story"
  | "resources"
  | "timeline"
  /** Parameters { ids }: those of them that are ready now. */
  | "ready";

interface OpenQuestion {
  readonly question: Question;
  /** The host's voice in which it was asked. */
  readonly asker: string | undefined;
  settle(answer: Answer | Failure): void;
}

export interface FoundActor {
  readonly actorId: ActorId;
  readonly spec: ActorSpec;
}

export class Queries {
  readonly #host: GridHost;
  readonly #send: (message: Question) => void;
  readonly #open = new Map<number, OpenQuestion>();
  #last = 0;
  #failure: Failure | undefined;

  constructor(host: GridHost, send: (message: Question) => void) {
    this.#host = host;
    this.#send = send;
  }

  /** The answer's JSON, parsed. */
  async ask(what: Topic, parameters: object): Promise<unknown> {
    const request = ++this.#last;
    const answer = await this.#answerTo({ type: "query", request, what, parameters: JSON.stringify(parameters) });
    if (answer.type !== "answer")
      throw new ProtocolError(`Cannot read the answer about "${what}": it is ${answer.type}`);
    return JSON.parse(answer.json);
  }

  async findActor(name: string, namespace: string): Promise<FoundActor | undefined> {
    const request = ++this.#last;
    const answer = await this.#answerTo({ type: "find-actor", request, name, namespace });
    if (answer.type !== "actor-found") throw new ProtocolError(`Cannot read who "${name}" is: it is ${answer.type}`);
    const { actorId, spec } = answer;
    return actorId === undefined || spec === undefined ? undefined : { actorId, spec };
  }

  async readyOf(ids: readonly ObjectId[]): Promise<ReadonlySet<unknown>> {
    const ready = await this.ask("ready", { ids });
    return new Set(Array.isArray(ready) ? ready : []);
  }

  receive(answer: Answer): void {
    const asked = this.#open.get(answer.request);
    this.#open.delete(answer.request);
    asked?.settle(answer);
  }

  askAgain(): void {
    for (const { question, asker } of this.#open.values()) speakAs(this.#host, asker, () => this.#send(question));
  }

  fail(failure: Failure): void {
    this.#failure = failure;
    const open = [...this.#open.values()];
    this.#open.clear();
    for (const asked of open) asked.settle(failure);
  }

  async #answerTo(question: Question): Promise<Answer> {
    const answer = await new Promise<Answer | Failure>((settle) => {
      if (this.#failure !== undefined) {
        settle(this.#failure);
        return;
      }
      this.#open.set(question.request, { question, asker: this.#host.voice, settle });
      this.#send(question);
    });
    if ("code" in answer) throw errorOf(answer);
    return answer;
  }
}
