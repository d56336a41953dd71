/**
 * Takes from the thread's global scope what reaches out of it, before any user code runs. The network is not among it:
 * fetch, XMLHttpRequest, WebSocket, EventSource, WebTransport, indexedDB and caches stay, because the frame's
 * Content-Security-Policy and its opaque origin deny them, and what they throw tells a user more than "is not defined".
 * What goes is what those two would let through. Knows nothing about who runs here.
 *
 * THREAD-1: before user code runs nothing global reaches the shell, other threads or devices; a scope that cannot be
 * locked down runs nothing.
 * THREAD-2: `close()` is reported before it is done, after everything reported earlier.
 */
import { fixIntrinsics } from "./intrinsics.ts";

const removed: readonly string[] = [
  // To whoever created the thread, and what it might say.
  "postMessage",
  "onmessage",
  "onmessageerror",
  // More threads, without limit and without this lockdown.
  "Worker",
  "SharedWorker",
  "importScripts",
  // Between all threads of one frame.
  "BroadcastChannel",
];

/** Of `navigator`: devices that a volunteer may once have granted, and what the shell alone decides. */
const removedFromNavigator: readonly string[] = ["usb", "serial", "hid", "bluetooth", "serviceWorker", "locks"];

type Scope = typeof globalThis;

/** Calls `closing` when user code calls `close()`, just before the thread ends. */
export function lockDown(scope: Scope, closing: () => void): void {
  for (const name of removed) remove(scope, name);
  const { navigator } = scope as { readonly navigator?: object };
  if (navigator !== undefined) for (const name of removedFromNavigator) remove(navigator, name);

  const close = scope.close.bind(scope);
  remove(scope, "close");
  Object.defineProperty(scope, "close", {
    configurable: false,
    enumerable: true,
    writable: false,
    value: () => {
      closing();
      close();
    },
  });

  fixIntrinsics(scope);
}

/** From it and from everything it inherits from. Throws if any of them keeps it. */
function remove(from: object, name: string): void {
  for (let owner: object | null = from; owner !== null; owner = parentOf(owner)) {
    if (!Object.hasOwn(owner, name)) continue;
    if (!Reflect.deleteProperty(owner, name)) throw new Error(`Cannot lock the thread down: "${name}" stays`);
  }
}

function parentOf(of: object): object | null {
  const parent: unknown = Object.getPrototypeOf(of);
  return typeof parent === "object" ? parent : null;
}
