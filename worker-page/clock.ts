/**
 * A Web Worker of the shell's own that tells the time once a second: a hidden page's timers are held back to once a
 * minute, a worker's are not. No user code comes near it.
 */
setInterval(() => postMessage(undefined), 1_000);
