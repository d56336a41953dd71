/** What a Queue's actor does. It is shipped as it stands here, so it uses nothing from outside itself. */
export class QueueActor {
  items: unknown[];
  maxSize: number;
  /** Callers that wait, first come first; not part of the state. */
  givers: (() => void)[] = [];
  takers: (() => void)[] = [];

  constructor(maxSize: number) {
    this.items = [];
    this.maxSize = maxSize;
  }

  /** `item` is an array of one. False when there was no room for `waitMs`. */
  async put(item: readonly unknown[], waitMs: number): Promise<boolean> {
    const hasRoom = (): boolean => this.maxSize === 0 || this.items.length < this.maxSize;
    if (!(await this.until(hasRoom, this.givers, waitMs))) return false;
    this.items.push(item[0]);
    this.takers.shift()?.();
    return true;
  }

  /** An array of one, or an empty one when nothing came for `waitMs`. */
  async take(waitMs: number): Promise<unknown[]> {
    const hasItems = (): boolean => this.items.length > 0;
    if (!(await this.until(hasItems, this.takers, waitMs))) return [];
    const taken = this.items.splice(0, 1);
    this.givers.shift()?.();
    return taken;
  }

  size(): number {
    return this.items.length;
  }

  async until(isPossible: () => boolean, waiting: (() => void)[], waitMs: number): Promise<boolean> {
    const deadline = Date.now() + waitMs;
    while (!isPossible()) {
      const leftMs = deadline - Date.now();
      if (leftMs <= 0) return false;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(() => {
          const at = waiting.indexOf(wake);
          if (at >= 0) waiting.splice(at, 1);
          resolve();
        }, leftMs);
        const wake = (): void => {
          clearTimeout(timer);
          resolve();
        };
        waiting.push(wake);
      });
    }
    return true;
  }

  saveState(): unknown {
    return { items: this.items, maxSize: this.maxSize };
  }

  restoreState(state: { readonly items: unknown[]; readonly maxSize: number }): void {
    this.items = state.items;
    this.maxSize = state.maxSize;
    this.givers = [];
    this.takers = [];
  }
}
