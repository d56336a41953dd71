/** Keeps the screen on while the page is looked at and works, where the browser can; it lets go by itself when hidden. */
export class WakeLock {
  readonly #page: Document;
  #sentinel: WakeLockSentinel | undefined;
  #isWanted = false;

  constructor(page: Document) {
    this.#page = page;
    page.addEventListener("visibilitychange", () => void this.#hold());
  }

  want(isWanted: boolean): void {
    if (this.#isWanted === isWanted) return;
    this.#isWanted = isWanted;
    if (isWanted) void this.#hold();
    else {
      void this.#sentinel?.release();
      this.#sentinel = undefined;
    }
  }

  async #hold(): Promise<void> {
    // Missing where the page is no secure context, whatever the types say.
    const { wakeLock } = navigator as { readonly wakeLock?: ScreenLock };
    if (wakeLock === undefined || !this.#isWanted || this.#page.visibilityState !== "visible") return;
    if (this.#sentinel?.released === false) return;
    try {
      this.#sentinel = await wakeLock.request("screen");
    } catch {
      // A low battery is reason enough to refuse.
    }
  }
}

type ScreenLock = Navigator["wakeLock"];
