/**
 * The loops that every rate and round trip here is measured with, in Node and in a page alike. Knows nothing about what
 * one step does.
 */

export interface Load {
  readonly total: number;
  readonly inFlight: number;
  /** Nothing new begins after this long. */
  readonly limitMs: number;
}

export interface Done {
  readonly count: number;
  readonly ms: number;
}

/** What was begun must have ended this long after the limit. */
const lateMs = 15_000;

/**
 * Begins `one(i)` for i from 0, as the one before it in the same lane has ended, with `inFlight` lanes at a time. Rejects
 * when one fails, or does not end.
 */
export async function keepInFlight(
  { total, inFlight, limitMs }: Load,
  one: (i: number) => Promise<void>,
): Promise<Done> {
  const startedAt = performance.now();
  let begun = 0;
  let ended = 0;
  const lane = async (): Promise<void> => {
    while (begun < total && performance.now() - startedAt < limitMs) {
      await one(begun++);
      ended++;
    }
  };
  await inTime(
    Promise.all(Array.from({ length: Math.min(inFlight, total) }, lane)),
    limitMs,
    () => `${ended} of ${begun} ended`,
  );
  return { count: begun, ms: performance.now() - startedAt };
}

/** How long each `one(i)` took, one after another, in milliseconds. */
export async function timeEach(total: number, limitMs: number, one: (i: number) => Promise<void>): Promise<number[]> {
  const startedAt = performance.now();
  const times: number[] = [];
  const all = async (): Promise<void> => {
    for (let i = 0; i < total && performance.now() - startedAt < limitMs; i++) {
      const begin = performance.now();
      await one(i);
      times.push(performance.now() - begin);
    }
  };
  await inTime(all(), limitMs, () => `${times.length} of ${total} ended, one after another`);
  return times;
}

async function inTime(all: Promise<unknown>, limitMs: number, soFar: () => string): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    const ms = limitMs + lateMs;
    timer = setTimeout(() => reject(new Error(`Not done after ${ms / 1_000} s: ${soFar()}`)), ms);
  });
  try {
    await Promise.race([all, late]);
  } finally {
    clearTimeout(timer);
  }
}
