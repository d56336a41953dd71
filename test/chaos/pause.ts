/** Resolves after `ms`, or as soon as `signal` is aborted. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) {
      resolve();
      return;
    }
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal?.addEventListener("abort", end);
  });
}

/** Asks again and again until it holds; false if it does not within `ms` or before `signal` is aborted. */
export async function until(ms: number, isSo: () => Promise<boolean>, signal?: AbortSignal): Promise<boolean> {
  const deadline = performance.now() + ms;
  for (;;) {
    if (await isSo().catch(() => false)) return true;
    if (performance.now() >= deadline || signal?.aborted === true) return false;
    await pause(100, signal);
  }
}
