/**
 * Who this tab was before it was loaded anew: the name the coordinator gave it and the key that proves it, kept for as long
 * as the tab is open. Owns that, and that no two tabs of a browser are the same worker: a duplicated tab has a copy of
 * everything but the lock. Where a page has no locks the coordinator settles it, and the newer page goes on.
 */
import type { WorkerId } from "../protocol/ids.ts";

export interface HomeClaim {
  readonly workerId: WorkerId;
  readonly homeKey: string;
}

export interface HomeOptions {
  readonly memory: Pick<Storage, "getItem" | "setItem" | "removeItem">;
  /** Undefined in a page that is no secure context. */
  readonly locks: Pick<LockManager, "request" | "query"> | undefined;
  /** Of the coordinator: at another one nobody is at home. */
  readonly origin: string;
}

const kept = "tabgrid.home";
const lockPrefix = "tabgrid-worker-";
/** The page that was here before lets go of its lock when it is gone, which may be a little after this one began. */
const handoverMs = 500;

export class Home {
  readonly #options: HomeOptions;
  #claim: HomeClaim | undefined;
  #lock: Lock | undefined;

  constructor(options: HomeOptions) {
    this.#options = options;
  }

  /** What the next hello claims. */
  get claim(): HomeClaim | undefined {
    return this.#claim;
  }

  /** Takes up what this tab was, if it was somebody and no other tab is that now. Once, before the first hello. */
  async return(): Promise<void> {
    const claim = readClaim(this.#options.memory.getItem(kept), this.#options.origin);
    if (claim === undefined) return;
    if (await this.#take(claim.workerId)) this.#claim = claim;
    else this.forget();
  }

  /** The coordinator has said who this tab is. */
  keep(claim: HomeClaim): void {
    const isSame = claim.workerId === this.#claim?.workerId;
    this.#claim = claim;
    this.#options.memory.setItem(kept, JSON.stringify({ ...claim, origin: this.#options.origin }));
    if (!isSame) void this.#take(claim.workerId);
  }

  /** It is nobody any more: it left, or another page is that worker. */
  forget(): void {
    this.#claim = undefined;
    this.#lock?.release();
    this.#lock = undefined;
    this.#options.memory.removeItem(kept);
  }

  /** Workers that are tabs of this browser now; undefined where that cannot be known. */
  async livingWorkers(): Promise<ReadonlySet<WorkerId> | undefined> {
    const { locks } = this.#options;
    if (locks === undefined) return undefined;
    const { held = [] } = await locks.query();
    const names = held.flatMap(({ name = "" }) => (name.startsWith(lockPrefix) ? [name.slice(lockPrefix.length)] : []));
    return new Set(names as WorkerId[]);
  }

  /** True without locks: then it is for the coordinator to say. */
  async #take(workerId: WorkerId): Promise<boolean> {
    const { locks } = this.#options;
    if (locks === undefined) return true;
    this.#lock?.release();
    const lock = new Lock(locks, lockPrefix + workerId);
    this.#lock = lock;
    return lock.isHeld;
  }
}

/** Held until it is released, or the page is gone. */
class Lock {
  readonly isHeld: Promise<boolean>;
  #release: () => void = () => {};

  constructor(locks: Pick<LockManager, "request">, name: string) {
    const released = new Promise<void>((resolve) => {
      this.#release = resolve;
    });
    this.isHeld = new Promise((resolve) => {
      const request = locks.request(name, { signal: AbortSignal.timeout(handoverMs) }, () => {
        resolve(true);
        return released;
      });
      request.catch(() => resolve(false));
    });
  }

  release(): void {
    this.#release();
  }
}

/** sessionStorage is the person's to edit. */
function readClaim(text: string | null, here: string): HomeClaim | undefined {
  if (text === null) return undefined;
  try {
    const { workerId, homeKey, origin } = JSON.parse(text) as Readonly<Record<string, unknown>>;
    if (typeof workerId !== "string" || typeof homeKey !== "string" || origin !== here) return undefined;
    // The brand was minted when the coordinator gave the name.
    return { workerId: workerId as WorkerId, homeKey };
  } catch {
    return undefined;
  }
}
