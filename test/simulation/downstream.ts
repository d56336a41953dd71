/**
 * The way down from the coordinator to one session: in order, what is sent in one turn together. What is under way when
 * the session or the process ends never arrives. Knows nothing about what is said.
 */
import type { Instruction } from "../../coordinator/scheduler/events.ts";
import type { Surroundings } from "./surroundings.ts";

export class Downstream {
  readonly #world: Surroundings;
  readonly #arrived: (order: Instruction) => void;
  #underWay: { readonly sentAt: number; readonly orders: Instruction[] } | undefined;
  #arrivesAt = 0;
  #isCut = false;

  constructor(world: Surroundings, arrived: (order: Instruction) => void) {
    this.#world = world;
    this.#arrived = arrived;
  }

  send(order: Instruction): void {
    const { now, random } = this.#world;
    if (this.#underWay?.sentAt === now) {
      this.#underWay.orders.push(order);
      return;
    }
    const orders = [order];
    this.#underWay = { sentAt: now, orders };
    this.#arrivesAt = Math.max(now + random.around(1), this.#arrivesAt);
    this.#world.after(this.#arrivesAt - now, () => {
      for (const arriving of orders) if (!this.#isCut) this.#arrived(arriving);
    });
  }

  cut(): void {
    this.#isCut = true;
  }
}
