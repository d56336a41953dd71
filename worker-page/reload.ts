/**
 * Reloads the page for another version of itself, at most once a minute, and goes on afterwards without a click: the
 * person has pressed Start in this tab. Knows nothing about when that is needed.
 */
const reloadedAt = "tabgrid.reloadedAt";
const goesOn = "tabgrid.goesOn";
const leastMs = 60_000;

export function reloadFor(memory: Storage, at: number, reload: () => void): void {
  if (at - Number(memory.getItem(reloadedAt) ?? 0) < leastMs) return;
  memory.setItem(reloadedAt, String(at));
  memory.setItem(goesOn, "1");
  reload();
}

/** True once after such a reload. */
export function takeContinuation(memory: Storage): boolean {
  const isSet = memory.getItem(goesOn) === "1";
  memory.removeItem(goesOn);
  return isSet;
}
