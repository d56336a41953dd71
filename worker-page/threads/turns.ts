/**
 * The thread's event loop: what time it is, and how to let it turn once so that orders waiting at the port are seen.
 * A message to oneself, because a timer would be clamped to 4 ms and throttled in a hidden tab.
 */
export interface Turns {
  /** Milliseconds on a clock that never goes back. */
  now(): number;
  /** Runs `then` in a later turn of the loop. */
  next(then: () => void): void;
  /** Runs `then` after that time, unless what this gives is called before. */
  after(ms: number, then: () => void): () => void;
}

/** Taken hold of before user code runs, so it keeps turning whatever becomes of the globals. */
export function messageTurns(): Turns {
  const { port1, port2 } = new MessageChannel();
  const post = port1.postMessage.bind(port1);
  const now = performance.now.bind(performance);
  const { setTimeout: setTimer, clearTimeout: clearTimer } = globalThis;
  let waiting: (() => void)[] = [];
  port2.addEventListener("message", () => {
    const due = waiting;
    waiting = [];
    for (let i = 0; i < due.length; i++) due[i]?.();
  });
  port2.start();
  return {
    now,
    next(then) {
      if (waiting.length === 0) post(undefined);
      waiting[waiting.length] = then;
    },
    after(ms, then) {
      const timer = setTimer(then, ms);
      return () => clearTimer(timer);
    },
  };
}
