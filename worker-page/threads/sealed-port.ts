/**
 * One of the thread's two ports, taken hold of before any user code runs and out of its reach ever after: the port
 * itself stays in closures here, its functions were bound while the prototypes were still the browser's own, and
 * listeners are given the data and never the event, whose `target` would be the port. Knows nothing of what is said.
 *
 * THREAD-4: user code cannot reach the ports, whatever it patches.
 */
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
  return {
    post: (message, transfer) => post(message, transfer as Transferable[]),
    listen(listener) {
      addEventListener("message", (event) => listener(dataOf(event)));
      start();
    },
  };
}

function getterOf(prototype: object, name: string): (of: object) => unknown {
  const descriptor = Object.getOwnPropertyDescriptor(prototype, name);
  if (descriptor?.get === undefined) throw new TypeError(`Cannot seal a port: events have no getter "${name}"`);
  // oxlint-disable-next-line typescript/unbound-method -- binding it is what this line does
  const call: (of: object) => unknown = Function.prototype.call.bind(descriptor.get);
  return call;
}
