/**
 * A coordinator that can be killed: the real scheduler behind a simulated journal with group commits, and the gate that
 * lets orders out when what caused them is kept. Owns what survives a kill. Knows nothing about who is told what.
 */
import type { Instruction, SchedulerEvent } from "../../coordinator/scheduler/events.ts";
import { countViolations, violations } from "../../coordinator/scheduler/invariants.ts";
import type { SchedulerOptions } from "../../coordinator/scheduler/machine.ts";
import { Scheduler } from "../../coordinator/scheduler/scheduler.ts";
import { lines } from "../coordinator/scheduler/small-grid.ts";
import type { Surroundings } from "./surroundings.ts";
import type { Upstream } from "./upstream.ts";

export type Fact = SchedulerEvent extends infer E ? (E extends SchedulerEvent ? Omit<E, "at"> : never) : never;

interface Batch {
  readonly position: number;
  readonly events: readonly SchedulerEvent[];
  readonly from: Source | undefined;
  /** What it led to the first time, if that is compared. */
  readonly orders: string;
}
interface Source {
  readonly upstream: Upstream;
  readonly sequence: number;
}

export interface SimCoordinatorOptions {
  readonly carry: (order: Instruction) => void;
  /** It will be killed. */
  readonly isMortal: boolean;
  /** The counts are checked after every batch, everything after every so many. */
  readonly checkEvery: number;
  /** Whatever is replayed is compared with the first time, and the whole history is kept. */
  readonly isCompared: boolean;
}

const schedulerOptions: Partial<SchedulerOptions> = { storyEntries: 2_000, historyEntries: 100 };

export class SimCoordinator {
  scheduler = new Scheduler(schedulerOptions);
  /** Everything that was ever kept. */
  readonly history: Batch[] = [];
  isDown = false;
  /** Counts the processes. */
  process = 1;
  batches = 0;
  readonly #world: Surroundings;
  readonly #options: SimCoordinatorOptions;
  #picture: readonly Uint8Array[] = [];
  /** Kept since the picture. */
  #journal: Batch[] = [];
  #unkept: Batch[] = [];
  #appended = 0;
  #kept = 0;
  /** What a commit that is under way will keep. */
  #committing: number | undefined;
  #gate: { readonly position: number; readonly order: Instruction }[] = [];
  readonly #keptSequences = new Map<Upstream, number>();
  /** Whose has grown since they were told. */
  readonly #grown = new Set<Upstream>();
  /** Made from the last picture, and fed the same since. */
  #twin: Scheduler | undefined;

  constructor(world: Surroundings, options: SimCoordinatorOptions) {
    this.#world = world;
    this.#options = options;
  }

  /** Gives the position of these facts in the journal. */
  take(facts: readonly Fact[], from?: Source): number {
    const at = Math.floor(this.#world.now);
    const events = facts.map((fact) => ({ ...fact, at }));
    const orders = this.scheduler.handle(...events);
    const position = ++this.#appended;
    const batch = { position, events, from, orders: this.#comparable(orders) };
    this.#unkept.push(batch);
    this.#compareTwin(batch);
    this.check(++this.batches % this.#options.checkEvery === 0);
    for (const order of orders) {
      if (order.type === "assign") this.#options.carry(order);
      else this.#gate.push({ position, order });
    }
    this.#commit();
    return position;
  }

  isKept(position: number): boolean {
    return position <= this.#kept;
  }
  keptSequence(upstream: Upstream): number {
    return this.#keptSequences.get(upstream) ?? 0;
  }

  // ---------------------------------------------------------------------------------------- kept

  #commit(): void {
    if (this.#committing !== undefined || this.#appended === this.#kept) return;
    const target = this.#appended;
    const { process } = this;
    this.#committing = target;
    this.#world.after(this.#world.random.around(2), () => {
      if (this.process !== process) return;
      this.#committing = undefined;
      this.#keep(target);
      this.#open();
      this.#commit();
    });
  }

  #keep(position: number): void {
    const unkept = this.#unkept.findIndex((batch) => batch.position > position);
    const kept = this.#unkept.splice(0, unkept < 0 ? this.#unkept.length : unkept);
    for (const { from } of kept) {
      if (from === undefined) continue;
      this.#keptSequences.set(from.upstream, from.sequence);
      this.#grown.add(from.upstream);
    }
    if (this.#options.isMortal) this.#journal.push(...kept);
    if (this.#options.isCompared) this.history.push(...kept);
    this.#kept = Math.max(this.#kept, position);
  }

  #open(): void {
    for (const upstream of this.#grown) upstream.kept(this.keptSequence(upstream));
    this.#grown.clear();
    const shut = this.#gate.findIndex(({ position }) => position > this.#kept);
    const open = this.#gate.splice(0, shut < 0 ? this.#gate.length : shut);
    for (const { order } of open) this.#options.carry(order);
  }

  /** A picture takes the journal's place, a little later. */
  compact(): void {
    if (this.isDown) return;
    const picture = [...this.scheduler.snapshot()];
    const position = this.#appended;
    const { process } = this;
    if (this.#options.isCompared) this.#checkPicture(picture);
    this.#world.after(this.#world.random.around(5), () => {
      if (this.process !== process) return;
      this.#keep(position);
      this.#picture = picture;
      this.#journal = this.#journal.filter((batch) => batch.position > position);
      this.#open();
    });
  }

  // ---------------------------------------------------------------------------------------- killed

  kill(): void {
    // A commit may have come to its end although nobody heard of it.
    if (this.#committing !== undefined && this.#world.random.chance(0.5)) this.#keep(this.#committing);
    this.isDown = true;
    this.process++;
    this.#grown.clear();
    this.#committing = undefined;
    this.#gate = [];
    this.#unkept = [];
    this.#appended = this.#kept;
    this.#twin = undefined;
  }

  restart(): void {
    this.scheduler = restored(this.#picture);
    for (const batch of this.#journal) {
      const orders = this.#comparable(this.scheduler.handle(...batch.events));
      if (orders !== batch.orders) throw this.#differs("[SIM-6] a replay", batch, orders);
    }
    if (this.#options.isCompared) this.#checkHistory();
    this.isDown = false;
    const before = livesOf(this.scheduler);
    this.take([{ type: "coordinator-restarted" }]);
    this.check(true);
    if (livesOf(this.scheduler) !== before) throw this.#world.problem("[SIM-8] the restart itself took something away");
  }

  // ---------------------------------------------------------------------------------------- judgement

  /** Nothing happens any more. */
  finish(): void {
    this.check(true);
    this.#keep(this.#appended);
    if (this.#options.isCompared) this.#checkHistory();
  }

  check(everything: boolean): void {
    const broken = everything ? violations(this.scheduler) : countViolations(this.scheduler);
    if (broken.length > 0) throw this.#world.problem(broken.slice(0, 5).join("; "));
  }

  /** What is restored from a picture draws the same picture. */
  #checkPicture(picture: readonly Uint8Array[]): void {
    const twin = restored(picture);
    if (!isSame(picture, [...twin.snapshot()])) throw this.#world.problem("[SIM-7] a picture's picture is another");
    const broken = violations(twin);
    if (broken.length > 0) throw this.#world.problem(`[SIM-7] in a restored picture ${broken.slice(0, 5).join("; ")}`);
    this.#twin = twin;
  }

  /** However often it was compacted, the journal comes to what all facts come to. */
  #checkHistory(): void {
    const all = new Scheduler(schedulerOptions);
    for (const { events } of this.history) all.handle(...events);
    if (!isSame([...all.snapshot()], [...this.scheduler.snapshot()]))
      throw this.#world.problem("[SIM-6] a compacted journal comes to another state than the whole");
  }

  #compareTwin(batch: Batch): void {
    if (this.#twin === undefined) return;
    const orders = this.#comparable(this.#twin.handle(...batch.events));
    if (orders !== batch.orders) throw this.#differs("[SIM-7] a scheduler restored from a picture", batch, orders);
  }

  /** Who waits is not part of a picture, so answers are left out. */
  #comparable(orders: readonly Instruction[]): string {
    if (!this.#options.isCompared || orders.length === 0) return "";
    return lines(orders.filter(({ type }) => type !== "deliver")).join("\n");
  }

  #differs(what: string, { events, orders }: Batch, now: string): Error {
    const types = events.map(({ type }) => type).join(", ");
    return this.#world.problem(`${what} decides otherwise after ${types}:\n${orders}\n---- and now\n${now}`);
  }
}

/** All attempts and activations. */
function livesOf({ records }: Scheduler): string {
  const actors = [...records.actors.values()].map(({ id, epoch, state }) => `${id} ${epoch} ${state.name}`);
  return [...records.attempts.keys(), ...actors].join("\n");
}

function restored(picture: readonly Uint8Array[]): Scheduler {
  const scheduler = new Scheduler(schedulerOptions);
  for (const chunk of picture) scheduler.restore(chunk);
  return scheduler;
}

function isSame(a: readonly Uint8Array[], b: readonly Uint8Array[]): boolean {
  return Buffer.compare(Buffer.concat(a), Buffer.concat(b)) === 0;
}
