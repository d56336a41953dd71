/**
 * A port on which comlink.expose may listen although a hostile thread is at its other end. comlink follows any path it is
 * sent, reads, sets, constructs and makes further ports; here only calls of the named methods with plain arguments reach
 * it, and everything else is dropped.
 */
import type { Endpoint } from "comlink";

export function callableEndpoint(port: MessagePort, methods: readonly string[]): Endpoint {
  const listeners = new Map<unknown, (event: Event) => void>();
  return {
    postMessage: (message: unknown, transfer?: Transferable[]) => port.postMessage(message, transfer ?? []),
    addEventListener(type, listener) {
      const guarded = (event: Event): void => {
        if (!(event instanceof MessageEvent) || !isCall(event.data, methods)) return;
        if (typeof listener === "function") listener(event);
        else listener.handleEvent(event);
      };
      listeners.set(listener, guarded);
      port.addEventListener(type, guarded);
    },
    removeEventListener(type, listener) {
      const guarded = listeners.get(listener);
      if (guarded !== undefined) port.removeEventListener(type, guarded);
      listeners.delete(listener);
    },
    start: () => port.start(),
  };
}

function isCall(data: unknown, methods: readonly string[]): boolean {
  if (typeof data !== "object" || data === null) return false;
  const { id, type, path, argumentList } = data as Readonly<Record<string, unknown>>;
  if (typeof id !== "string" || type !== "APPLY") return false;
  if (!Array.isArray(path) || path.length !== 1 || !methods.includes(path[0] as string)) return false;
  return Array.isArray(argumentList) && argumentList.every(isPlain);
}

/** As comlink sends what needs no handler of its own. */
function isPlain(argument: unknown): boolean {
  return typeof argument === "object" && argument !== null && "type" in argument && argument.type === "RAW";
}
