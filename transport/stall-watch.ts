/**
 * Decides that an upgrade has died without closing: checks every second, while batches sent on it are unacknowledged,
 * whether the other end still hears it. Both channels are probed, and the upgrade is given up when only the primary
 * answers; a peer that answers on neither is busy, not cut off. Counts checks instead of reading a clock, so that a
 * suspended process blames nobody. Knows nothing about channels or frames.
 */

/** What has been heard so far; the watch compares counts, not times. */
export interface Progress {
  /** The last batch of ours that is acknowledged. */
  readonly acknowledged: number;
  /** Acknowledgements that came on the upgrade, and frames that came on the primary. */
  readonly upgradeAcks: number;
  readonly primaryFrames: number;
}

export interface StallWatchOptions {
  /** Undefined when there is nothing to watch: no second channel, or all is acknowledged. */
  progress(): Progress | undefined;
  /** Asks the other end to answer on both channels. */
  probe(): void;
  /** The upgrade is dead. */
  onStalled(): void;
}

/** After this many checks without progress, about 3 s, the upgrade is given up. */
const stallChecks = 3;
const checkMs = 1_000;

export class StallWatch {
  readonly #options: StallWatchOptions;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #seen: Progress | undefined;
  #checks = 0;

  constructor(options: StallWatchOptions) {
    this.#options = options;
  }

  /** Begins to watch if there is something to; cheap to call after every send. */
  start(): void {
    if (this.#timer !== undefined) return;
    this.#seen = this.#options.progress();
    if (this.#seen === undefined) return;
    this.#checks = 0;
    this.#timer = setTimeout(this.#check, checkMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  readonly #check = (): void => {
    this.#timer = undefined;
    const before = this.#seen;
    const now = this.#options.progress();
    if (now === undefined || before === undefined) return;
    this.#seen = now;
    if (now.acknowledged > before.acknowledged || now.upgradeAcks > before.upgradeAcks) this.#checks = 0;
    else if (this.#checks === 0 || now.primaryFrames > before.primaryFrames) this.#checks++;
    if (this.#checks >= stallChecks) {
      this.#options.onStalled();
      return;
    }
    if (this.#checks > 0) this.#options.probe();
    this.#timer = setTimeout(this.#check, checkMs);
  };
}
