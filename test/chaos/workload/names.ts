/** A detached actor, found by its name again and again: each visit must find what the one before left. */
import type { ActorHandle } from "../../../sdk/index.ts";
import { pause } from "../pause.ts";
import { type Answer, type Ending, judgeAnswers, judgeCounter } from "../verdict.ts";
import type { Operation } from "./ledger.ts";
import { fetchInto, type Judgement, type Workload, type WorkloadOptions } from "./workload.ts";

const paceMs = 100;
const actorName = "guest book";

class GuestBook {
  visits = 0;
  visit(): number {
    return ++this.visits;
  }
}

export class Names implements Workload {
  readonly name = "names";
  readonly #options: WorkloadOptions;
  readonly #visits: Operation<number>[] = [];
  readonly #lookups: Operation[] = [];
  #actorId = "";

  constructor(options: WorkloadOptions) {
    this.#options = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { ledger, client, chance } = this.#options;
    const { grid } = client;
    const Books = grid.remote(GuestBook, { name: actorName, lifetime: "detached", getIfExists: true });
    const first = Books.remote();
    this.#actorId = first.$actorId;
    await this.#visit(first);
    while (!signal.aborted) {
      // One in four asks for the living actor or a new one, which must not be a new one.
      if (chance.chance(0.25)) await this.#visit(Books.remote());
      else {
        const answer = grid.getActor<GuestBook>(actorName);
        const lookup = ledger.track({ workload: this.name, client: client.name, id: this.#actorId, answer });
        this.#lookups.push(lookup);
        await lookup.ended;
        if (lookup.ending.type === "value") await this.#visit(lookup.ending.value);
      }
      await pause(paceMs, signal);
    }
  }

  async judge(): Promise<Judgement> {
    const { name } = this;
    const lookups = this.#lookups.map(({ id, ending }): Answer => {
      const isFound: Ending<boolean> = ending.type === "value" ? { type: "value", value: true } : ending;
      return { id, what: "a lookup of the name", expected: true, ending: isFound };
    });
    const visits = judgeCounter({ name, actorId: this.#actorId, replies: this.#visits });
    return { findings: [...visits, ...judgeAnswers(name, lookups)] };
  }

  async #visit(book: ActorHandle<GuestBook>): Promise<void> {
    const operation = fetchInto(this.#options, this.name, book.visit.remote());
    this.#visits.push(operation);
    await operation.ended;
  }
}
