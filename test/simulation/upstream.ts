/**
 * One session's way up to the coordinator: exactly once and in order, whatever happens to links and processes. What is
 * not known to be kept is held here and said again to the next process. Knows nothing about what is said.
 */
import type { Fact, SimCoordinator } from "./sim-coordinator.ts";
import type { Surroundings } from "./surroundings.ts";

interface Said {
  readonly sequence: number;
  readonly facts: readonly Fact[];
  hasArrived: boolean;
}

export class Upstream {
  readonly #world: Surroundings;
  readonly #coordinator: SimCoordinator;
  /** Said and not kept, oldest first. */
  readonly #waiting: Said[] = [];
  /** Those before it were taken by this process. */
  #next = 0;
  #sequence = 0;
  #arrivesAt = 0;
  isLinked = true;

  constructor(world: Surroundings, coordinator: SimCoordinator) {
    this.#world = world;
    this.#coordinator = coordinator;
  }

  say(...facts: readonly Fact[]): void {
    const said: Said = { sequence: ++this.#sequence, facts, hasArrived: false };
    this.#waiting.push(said);
    const { now, random } = this.#world;
    this.#arrivesAt = Math.max(now + random.around(1), this.#arrivesAt);
    this.#world.after(this.#arrivesAt - now, () => {
      said.hasArrived = true;
      this.flush();
    });
  }

  /** Gives the coordinator what has arrived. */
  flush(): void {
    for (let next = this.#waiting[this.#next]; next?.hasArrived === true; next = this.#waiting[this.#next]) {
      if (!this.isLinked || this.#coordinator.isDown) return;
      this.#next++;
      this.#coordinator.take(next.facts, { upstream: this, sequence: next.sequence });
    }
  }

  kept(sequence: number): void {
    while (this.#waiting[0] !== undefined && this.#waiting[0].sequence <= sequence) {
      this.#waiting.shift();
      this.#next = Math.max(0, this.#next - 1);
    }
  }

  /** A new process says what of it is kept, and hears the rest. */
  resume(keptSequence: number): void {
    this.kept(keptSequence);
    this.#next = 0;
    for (const said of this.#waiting) said.hasArrived = true;
    this.flush();
  }
}
