/** At most so many operations in flight. */
export class Lane {
  readonly #limit: number;
  #inFlight = 0;
  #wake = (): void => {};

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(ended: Promise<void>): void {
    this.#inFlight++;
    void ended.then(() => {
      this.#inFlight--;
      this.#wake();
    });
  }

  /** Resolves when one more has room, or `signal` is aborted. */
  async room(signal: AbortSignal): Promise<void> {
    while (this.#inFlight >= this.#limit && !signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#wake = () => {
          signal.removeEventListener("abort", this.#wake);
          resolve();
        };
        signal.addEventListener("abort", this.#wake);
      });
    }
  }
}
