/**
 * One of the thread's two ports, taken hold of before any user code runs and out of its reach ever after: the port
 * itself stays in closures here, its functions were bound while the prototypes were still the browser's own, and
 * listeners are given the data and never the event, whose `target` would be the port. Knows nothing of what is said.
 */
import type { Endpoint } from "comlink";

export interface SealedPort {
  readonly post: (message: unknown, transfer: readonly Transferable[]) => void;
  /** For the life of the thread. */
  readonly listen: (listener: (data: unknown) => void) => void;
}

export function sealPort(port: MessagePort): SealedPort {
  const post = port.postMessage.bind(port);
  const addEventListener = port.addEventListener.bind(port);
  const start = port.start.bind(port);
  const dataOf = getterOf(MessageEvent.prototype, "data");
  return Object.freeze({
    __proto__: null,
    post: (message: unknown, transfer: readonly Transferable[]) => post(message, transfer as Transferable[]),
    listen(listener: (data: unknown) => void) {
      addEventListener("message", (event) => listener(dataOf(event)));
      start();
    },
  });
}

/**
 * The port as `comlink.expose` wants it, open for calls of `methods` alone: comlink itself would follow any path, such
 * as `constructor.constructor`, and a proxy that the other side has lost to its garbage collector would close the port
 * (comlink #692). Without a prototype, since comlink asks endpoints for properties that they may lack.
 */
export function callableEndpoint(port: SealedPort, methods: readonly string[]): Endpoint {
  const isCallable = new Set(methods);
  return Object.freeze({
    __proto__: null,
    postMessage: (message: unknown, transfer?: Transferable[]) => port.post(message, transfer ?? []),
    addEventListener(_type: string, listener: EventListenerOrEventListenerObject) {
      if (typeof listener !== "function") return;
      port.listen((data) => {
        if (!isCallOf(data, isCallable)) return;
        listener(Object.assign(Object.create(null), { data }));
      });
    },
    removeEventListener() {},
    constructor: Object,
  });
}

function isCallOf(data: unknown, methods: ReadonlySet<string>): boolean {
  if (typeof data !== "object" || data === null) return false;
  if (!("type" in data) || data.type !== "APPLY" || !("path" in data) || !Array.isArray(data.path)) return false;
  const path: readonly unknown[] = data.path;
  if (path.length !== 1 || typeof path[0] !== "string" || !methods.has(path[0])) return false;
  // Only plain values: comlink's other wire forms make proxies and throw errors while they are read.
  const args: unknown = "argumentList" in data ? data.argumentList : [];
  return Array.isArray(args) && args.every((arg: unknown) => isRaw(arg));
}

function isRaw(arg: unknown): boolean {
  return typeof arg === "object" && arg !== null && "type" in arg && arg.type === "RAW";
}

function getterOf(prototype: object, name: string): (of: object) => unknown {
  const getter = Object.getOwnPropertyDescriptor(prototype, name)?.get;
  if (getter === undefined) throw new TypeError(`Cannot seal a port: events have no getter "${name}"`);
  const call: (of: object) => unknown = Function.prototype.call.bind(getter);
  return call;
}
