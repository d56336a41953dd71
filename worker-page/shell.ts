/**
 * The trusted shell around the threads: feeds the machine with what happens on the line, in the pool, over HTTP and in
 * time, and carries out what it orders. Decides nothing itself. Knows nothing about the DOM.
 */
import type { ToWorkerMessage } from "../protocol/messages.ts";
import type { FunctionId, ObjectId, WorkerId } from "../protocol/ids.ts";
import { protocolVersion } from "../protocol/version.ts";
import { type Bulk, Refusal } from "./bulk.ts";
import type { CheckpointStore } from "./checkpoints/checkpoint-store.ts";
import { Copies } from "./checkpoints/copies.ts";
import type { CoordinatorLink, CoordinatorLinkOptions, LinkState } from "./coordinator-link.ts";
import type { Home } from "./home.ts";
import type { MachineEvent } from "./machine/events.ts";
import type { Instruction } from "./machine/instructions.ts";
import { Machine } from "./machine/machine.ts";
import type { Picture } from "./machine/picture.ts";
import type { Pool, PoolOptions } from "./threads/pool.ts";

export interface Offer {
  readonly name: string;
  readonly threads: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly resources: {
    readonly gpus: number;
    readonly memoryBytes: number;
    readonly custom: Readonly<Record<string, number>>;
  };
  /** The browser in its own words, for people who look for a fault. */
  readonly browser: string;
  readonly token: string | undefined;
}

export interface ShellOptions {
  readonly offer: Offer;
  readonly bulk: Bulk;
  readonly checkpoints: CheckpointStore;
  readonly home: Home;
  openLink(handlers: Omit<CoordinatorLinkOptions, "openChannel" | "dialWebRtc">): CoordinatorLink;
  openPool(handlers: Omit<PoolOptions, "frameUrl" | "threadScript" | "parent">): Pool;
  /** Wall time in ms: it goes on while the machine sleeps, which is how a sleep is noticed. */
  now(): number;
  /** The first actor comes to live here: what is stored should stay. */
  onFirstActor(): void;
  /** Something a person may see has changed. */
  onChange(): void;
  /** Everything is given back and the line is closed. */
  onLeft(): void;
  onRefused(error: unknown): void;
}

export interface Status {
  readonly picture: Picture;
  readonly link: LinkState;
  readonly workerId: WorkerId | undefined;
}

type OrderOf<Type extends Instruction["type"]> = Extract<Instruction, { type: Type }>;
type Unstamped<E> = E extends MachineEvent ? Omit<E, "at"> : never;

export class Shell {
  readonly #options: ShellOptions;
  readonly #machine = new Machine();
  readonly #pool: Pool;
  readonly #link: CoordinatorLink;
  readonly #copies: Copies;
  #hasHadActors = false;
  #linkState: LinkState = { type: "connecting" };
  #at: number;
  #threadsLent: number;
  #deadline = Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #hasLeft = false;

  constructor(options: ShellOptions) {
    this.#options = options;
    this.#at = options.now();
    this.#threadsLent = options.offer.threads;
    const { bulk } = options;
    this.#copies = new Copies({
      store: options.checkpoints,
      now: () => options.now(),
      livingWorkers: () => options.home.livingWorkers(),
    });
    this.#pool = options.openPool({
      onWarm: (threadId) => this.#take({ type: "thread-warmed", threadId }),
      onReports: (threadId, reports) => this.#take({ type: "thread-reported", threadId, reports }),
      onDeath: (threadId, reason) => this.#take({ type: "thread-died", threadId, reason }),
      holds: (threadId, attemptId) => this.#machine.holds(threadId, attemptId),
      upload: (id, bytes) => bulk.upload(id, bytes),
      download: (id) => bulk.download(id),
    });
    this.#take({ type: "threads-lent", threads: options.offer.threads });
    this.#link = options.openLink({
      hello: () => this.#hello(),
      onWelcome: ({ workerId, homeKey, httpKey, link }) => {
        bulk.key = httpKey;
        this.#pool.workerId = workerId;
        options.home.keep({ workerId, homeKey });
        this.#copies.workerId = workerId;
        if (link === "new") this.#copies.sweep().catch((error: unknown) => options.onRefused(error));
        this.#take({ type: "connected", workerId, link });
      },
      onReplaced: () => {
        options.home.forget();
        this.#take({ type: "replaced" });
      },
      onMessages: (messages: readonly ToWorkerMessage[]) => this.#take({ type: "told", messages }),
      onState: (state) => {
        this.#linkState = state;
        options.onChange();
      },
      onRefused: (error) => options.onRefused(error),
    });
  }

  get status(): Status {
    return {
      picture: this.#machine.snapshot(),
      link: this.#linkState,
      workerId: this.#link.workerId,
    };
  }

  lend(threads: number): void {
    this.#threadsLent = threads;
    this.#take({ type: "threads-lent", threads });
  }

  pause(): void {
    this.#take({ type: "paused" });
  }

  continue(): void {
    this.#take({ type: "continued" });
  }

  /** What runs may finish; asked again, nothing may. */
  leave(): void {
    this.#take({ type: "leave-asked" });
  }

  /** Once a second, whatever the browser does to the page's timers. */
  tick(): void {
    this.#take({ type: "ticked" });
  }

  /** The page goes: said on every channel before this returns. */
  goodbye(): void {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    this.#link.goodbye("the page was closed");
  }

  #hello(): object {
    const { name, labels, resources, browser, token } = this.#options.offer;
    const threads = this.#machine.snapshot().state === "lending" ? this.#threadsLent : 0;
    const { claim } = this.#options.home;
    return {
      role: "worker",
      version: protocolVersion,
      name,
      threads,
      labels,
      resources,
      browser,
      ...(token !== undefined && { token }),
      ...(claim !== undefined && { home: claim }),
    };
  }

  #take(event: Unstamped<MachineEvent>): void {
    if (this.#hasLeft) return;
    // A clock that is set back must not undo what has passed.
    this.#at = Math.max(this.#at, this.#options.now());
    for (const instruction of this.#machine.handle({ ...event, at: this.#at })) this.#carryOut(instruction);
    if (!this.#hasLeft) this.#setTimer();
    this.#options.onChange();
  }

  #carryOut(instruction: Instruction): void {
    switch (instruction.type) {
      case "send":
        this.#link.send(instruction.message);
        return;
      case "download-object":
        void this.#downloadObject(instruction.objectId);
        return;
      case "download-function":
        void this.#downloadFunction(instruction.functionId);
        return;
      case "upload":
        void this.#upload(instruction.objectId, instruction.bytes);
        return;
      case "save-checkpoint":
        void this.#saveCheckpoint(instruction);
        return;
      case "load-checkpoint":
        void this.#loadCheckpoint(instruction);
        return;
      case "forget-checkpoints":
        // What stays goes with the next sweep.
        this.#copies.forget(instruction.actorIds).catch((error: unknown) => this.#options.onRefused(error));
        return;
      case "disconnect":
        this.#disconnect();
        return;
      case "start-actor":
        if (!this.#hasHadActors) this.#options.onFirstActor();
        this.#hasHadActors = true;
        this.#pool.carryOut(instruction);
        return;
      default:
        this.#pool.carryOut(instruction);
    }
  }

  async #downloadObject(objectId: ObjectId): Promise<void> {
    try {
      const bytes = await this.#options.bulk.download(objectId);
      this.#take({ type: "object-downloaded", objectId, bytes });
    } catch (error) {
      this.#take({ type: "object-missed", objectId, reason: reasonOf(error) });
    }
  }

  async #downloadFunction(functionId: FunctionId): Promise<void> {
    try {
      const bytes = await this.#options.bulk.download(functionId);
      this.#take({ type: "function-downloaded", functionId, bytes });
    } catch (error) {
      this.#take({ type: "function-missed", functionId, reason: reasonOf(error) });
    }
  }

  async #upload(objectId: ObjectId, bytes: Uint8Array): Promise<void> {
    try {
      await this.#options.bulk.upload(objectId, bytes);
      this.#take({ type: "uploaded", objectId });
    } catch (error) {
      this.#take({ type: "upload-failed", objectId, reason: reasonOf(error), isFinal: error instanceof Refusal });
    }
  }

  async #saveCheckpoint({ actorId, epoch, number, bytes }: OrderOf<"save-checkpoint">): Promise<void> {
    const of = { actorId, epoch, number };
    try {
      await this.#copies.save(of, bytes);
      this.#take({ type: "checkpoint-saved", ...of });
    } catch (error) {
      this.#take({ type: "checkpoint-not-saved", ...of, reason: reasonOf(error) });
    }
  }

  async #loadCheckpoint({ actorId, epoch, number }: OrderOf<"load-checkpoint">): Promise<void> {
    const of = { actorId, epoch, number };
    let bytes: Uint8Array | undefined;
    try {
      bytes = await this.#copies.load(of);
    } catch (error) {
      this.#options.onRefused(error);
    }
    this.#take({ type: "checkpoint-loaded", ...of, bytes });
  }

  #disconnect(): void {
    this.#hasLeft = true;
    clearTimeout(this.#timer);
    // Closing the frame stops also what never returns, at once.
    this.#pool.close();
    this.#link.goodbye("the volunteer left");
    this.#options.onLeft();
  }

  /** One timer for whatever is due first. */
  #setTimer(): void {
    const deadline = this.#machine.nextDeadline();
    if (deadline === this.#deadline) return;
    this.#deadline = deadline;
    clearTimeout(this.#timer);
    if (deadline === Infinity) return;
    this.#timer = setTimeout(
      () => {
        this.#deadline = Infinity;
        this.#take({ type: "ticked" });
      },
      Math.min(Math.max(0, deadline - this.#at), longestTimerMs),
    );
  }
}

/** setTimeout takes more than this for nothing. */
const longestTimerMs = 2 ** 31 - 1;

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
