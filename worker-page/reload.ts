/**
 * What a tab that was lending remembers over a reload, so that it goes on without a click: the person has pressed Start in
 * this tab, and not Leave. Owns that, and reloading for another version of the page, at most once a minute. Knows nothing
 * about when that is needed.
 */
type Memory = Pick<Storage, "getItem" | "setItem" | "removeItem">;

export interface Lending {
  readonly threads: number;
  readonly isPaused: boolean;
}

const reloadedAt = "tabgrid.reloadedAt";
const lending = "tabgrid.lending";
const leastMs = 60_000;

export function reloadFor(memory: Memory, at: number, reload: () => void): void {
  if (at - Number(memory.getItem(reloadedAt) ?? 0) < leastMs) return;
  memory.setItem(reloadedAt, String(at));
  reload();
}

/** Undefined: nothing is lent any more. */
export function rememberLending(memory: Memory, now: Lending | undefined): void {
  if (now === undefined) memory.removeItem(lending);
  else memory.setItem(lending, JSON.stringify(now));
}

/** What this tab was lending when it was reloaded. `isReload`: a page that was gone to anew starts with a click. */
export function takeContinuation(memory: Memory, isReload: boolean): Lending | undefined {
  const text = memory.getItem(lending);
  memory.removeItem(lending);
  if (!isReload || text === null) return undefined;
  try {
    const { threads, isPaused } = JSON.parse(text) as Readonly<Record<string, unknown>>;
    if (typeof threads !== "number" || !Number.isSafeInteger(threads) || threads < 1) return undefined;
    return { threads, isPaused: isPaused === true };
  } catch {
    return undefined;
  }
}
