/** What a Queue's actor does. It is shipped as it stands here, so it uses nothing from outside itself. */
export class QueueActor {
  items: unknown[];
  maxSize: number;
  /** Calls that have not done their part, first come first; not part of the state. */
  givers: { wake(): void }[] = [];
  takers: { wake(): void }[] = [];

  constructor(maxSize: number) {
    this.items = [];
    this.maxSize = maxSize;
  }

  /** `item` is an array of one. False when there was no room for `waitMs`. */
  async put(item: readonly unknown[], waitMs: number): Promise<boolean> {
    const hasRoom = (): boolean => this.maxSize === 0 || this.items.length < this.maxSize;
    if (!(await this.until(hasRoom, this.givers, waitMs))) return false;
    this.items.push(item[0]);
    this.givers.shift();
    this.wakeFirst();
    return true;
  }

  /** An array of one, or an empty one when nothing came for `waitMs`. */
  async take(waitMs: number): Promise<unknown[]> {
    const hasItems = (): boolean => this.items.length > 0;
    if (!(await this.until(hasItems, this.takers, waitMs))) return [];
    const taken = this.items.splice(0, 1);
    this.takers.shift();
    this.wakeFirst();
    return taken;
  }

  size(): number {
    return this.items.length;
  }

  /** True: it is first in line and stays so until it has done its part, though others begin meanwhile. */
  async until(isPossible: () => boolean, line: { wake(): void }[], waitMs: number): Promise<boolean> {
    const deadline = Date.now() + waitMs;
    const waiter = { wake(): void {} };
    line.push(waiter);
    while (line[0] !== waiter || !isPossible()) {
      const leftMs = deadline - Date.now();
      if (leftMs <= 0) {
        line.splice(line.indexOf(waiter), 1);
        this.wakeFirst();
        return false;
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        waiter.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    return true;
  }

  wakeFirst(): void {
    this.givers[0]?.wake();
    this.takers[0]?.wake();
  }

  saveState(): unknown {
    return { items: this.items, maxSize: this.maxSize };
  }

  restoreState(state: { readonly items: unknown[]; readonly maxSize: number }): void {
    this.items = state.items;
    this.maxSize = state.maxSize;
  }
}
