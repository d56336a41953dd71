/** Counters: one caller pipelines increments, and the replies must be 1, 2, 3 and so on. */
import type { ActorHandle, ActorOptions } from "../../../sdk/index.ts";
import { pause } from "../pause.ts";
import { type CounterEvidence, judgeCounter, judgeForgetfulCounter } from "../verdict.ts";
import { Lane } from "./lane.ts";
import type { Operation } from "./ledger.ts";
import { fetchInto, type Judgement, type Workload, type WorkloadOptions } from "./workload.ts";

const mostInFlight = 24;
const mostAtOnce = 6;
const paceMs = 60;

class Counter {
  value = 0;
  increment(): number {
    return ++this.value;
  }
}

export class Counting implements Workload {
  readonly name: string;
  readonly #options: WorkloadOptions;
  readonly #checkpoint: NonNullable<ActorOptions["checkpoint"]>;
  readonly #counter: ActorHandle<Counter>;
  readonly #operations: Operation<number>[] = [];

  constructor(name: string, checkpoint: NonNullable<ActorOptions["checkpoint"]>, options: WorkloadOptions) {
    this.name = name;
    this.#options = options;
    this.#checkpoint = checkpoint;
    this.#counter = options.client.grid.remote(Counter, { checkpoint }).remote();
  }

  async run(signal: AbortSignal): Promise<void> {
    const { chance } = this.#options;
    const lane = new Lane(mostInFlight);
    while (!signal.aborted) {
      for (let left = 1 + chance.below(mostAtOnce); left > 0 && !signal.aborted; left--) {
        const operation = fetchInto(this.#options, this.name, this.#counter.increment.remote());
        this.#operations.push(operation);
        lane.add(operation.ended);
        await lane.room(signal);
      }
      await pause(paceMs, signal);
    }
  }

  async judge(): Promise<Judgement> {
    const { name } = this;
    const evidence: CounterEvidence = { name, actorId: this.#counter.$actorId, replies: this.#operations };
    if (this.#checkpoint !== "manual") return { findings: judgeCounter(evidence) };
    const { findings, ...forgotten } = judgeForgetfulCounter(evidence);
    return { findings, forgotten };
  }
}
