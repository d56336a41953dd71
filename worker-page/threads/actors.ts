/**
 * The actors on this thread and whose call begins next: they take turns, so that a busy one does not starve the others.
 * Knows nothing about what a call does.
 *
 * THREAD-20: a call for an actor or an epoch that is not here fails with ACTOR_DIED.
 */
import type { ActorId } from "../../protocol/ids.ts";
import { failure } from "../../protocol/nouns.ts";
import { ActorHost, type ActorHostPort } from "./actor-host.ts";
import type { Functions } from "./functions.ts";
import type { Runtime } from "./runtime.ts";
import { Slices, type StepResult } from "./slices.ts";
import type { ThreadActor, ThreadCall } from "./thread-work.ts";

export class Actors {
  readonly #runtime: Runtime;
  readonly #port: ActorHostPort;
  readonly #slices: Slices;
  readonly #actors: Record<string, ActorHost | undefined> = Object.create(null);
  /** In the order of their turns, from `#turn` on. */
  #round: ActorHost[] = [];
  #turn = 0;
  #active = 0;

  constructor(runtime: Runtime, functions: Functions) {
    this.#runtime = runtime;
    this.#slices = new Slices(runtime.turns, runtime.reports, () => this.#step());
    this.#port = {
      runtime,
      functions,
      wake: () => this.#slices.wakeAfterThisCode(),
      active: (by) => {
        this.#active += by;
      },
      ended: (actor) => this.#forget(actor),
    };
  }

  start(given: ThreadActor): void {
    this.#actors[given.actorId]?.stop();
    const actor = new ActorHost(given, this.#port);
    this.#actors[given.actorId] = actor;
    this.#round = without(this.#round, undefined);
    this.#round[this.#round.length] = actor;
    actor.start();
    this.#runtime.reports.flush();
  }

  stop(actorId: ActorId): void {
    this.#actors[actorId]?.stop();
    this.#runtime.reports.flush();
  }

  committed(actorId: ActorId, epoch: number, number: number): void {
    const actor = this.#actors[actorId];
    if (actor?.epoch !== epoch) return;
    actor.committed(number);
    this.#runtime.reports.flush();
  }

  retire(actorId: ActorId): void {
    this.#actors[actorId]?.retire();
    this.#runtime.reports.flush();
  }

  call(calls: readonly ThreadCall[]): void {
    for (let i = 0; i < calls.length; i++) {
      const call = calls[i];
      if (call === undefined) continue;
      const actor = this.#actors[call.actorId];
      if (actor?.epoch === call.epoch) actor.accept(call);
      else this.#refuse(call);
    }
    this.#slices.wake();
  }

  #refuse({ actorId, attemptId, epoch, method, work }: ThreadCall): void {
    const message = `Cannot call "${method}" of actor ${actorId}: its activation ${epoch} is not here`;
    const { workerId } = this.#runtime;
    const why = failure("ACTOR_DIED", message, { actorId, taskName: work.name, workerId });
    this.#runtime.reports.add({ type: "failed", attemptId, failure: why, ranMs: 0 });
  }

  #forget(actor: ActorHost): void {
    if (this.#actors[actor.id] === actor) delete this.#actors[actor.id];
    this.#round = without(this.#round, actor);
    this.#turn = 0;
  }

  #step(): StepResult {
    const round = this.#round;
    for (let i = 0; i < round.length; i++) {
      const turn = (this.#turn + i) % round.length;
      if (round[turn]?.beginNext() !== true) continue;
      this.#turn = turn + 1;
      return "again";
    }
    return this.#active > 0 ? "busy" : "idle";
  }
}

/** A new list, made without the array's own methods: user code may have patched them. */
function without(round: readonly ActorHost[], gone: ActorHost | undefined): ActorHost[] {
  const left: ActorHost[] = [];
  for (let i = 0; i < round.length; i++) {
    const actor = round[i];
    if (actor !== undefined && actor !== gone) left[left.length] = actor;
  }
  return left;
}
