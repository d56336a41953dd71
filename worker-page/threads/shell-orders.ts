/**
 * The shell's orders to the thread: it has wrapped a ThreadApi with comlink, and this end speaks comlink's wire form
 * itself. comlink.expose follows whatever path it is sent, through functions that user code can patch and would be
 * called with the api, and stops listening when the other side's garbage collector takes a proxy (#692). Here a name is
 * one of the orders or nothing.
 */
import type { SealedPort } from "./sealed-port.ts";
import type { ThreadApi } from "./thread-api.ts";

type Order = keyof ThreadApi;

/** Each order with what it does, without a prototype so that no other name finds anything. */
type Orders = { readonly [Name in Order]: (args: Parameters<ThreadApi[Name]>) => void } & { readonly __proto__: null };

/** Obeys in order of arrival, each order in the turn it comes; an order that throws is answered with the error. */
export function obeyShell(port: SealedPort, api: ThreadApi): void {
  const orders: Orders = {
    __proto__: null,
    define: (args) => api.define(args[0], args[1]),
    run: (args) => api.run(args[0]),
    startActor: (args) => api.startActor(args[0]),
    call: (args) => api.call(args[0]),
    stopActor: (args) => api.stopActor(args[0]),
    cancel: (args) => api.cancel(args[0]),
    receive: (args) => api.receive(args[0], args[1]),
    consumed: (args) => api.consumed(args[0], args[1]),
    committed: (args) => api.committed(args[0], args[1], args[2]),
    retireActor: (args) => api.retireActor(args[0]),
    askAgain: () => api.askAgain(),
  };
  port.listen((data) => {
    const order = readOrder(data);
    if (order === undefined) return;
    const obey = orders[order.name as Order] as ((args: readonly unknown[]) => void) | undefined;
    if (obey === undefined) return;
    try {
      obey(order.args);
      port.post({ id: order.id, type: "RAW", value: undefined }, []);
    } catch (error) {
      const { name, message, stack } = error as Error;
      const value = { isError: true, value: { name, message, stack } };
      port.post({ id: order.id, type: "HANDLER", name: "throw", value }, []);
    }
  });
}

interface ReadOrder {
  readonly id: string;
  readonly name: string;
  readonly args: readonly unknown[];
}

/** Undefined for everything but a call of one name with plain values. */
function readOrder(data: unknown): ReadOrder | undefined {
  if (typeof data !== "object" || data === null) return undefined;
  const { id, type, path, argumentList } = data as Readonly<Record<string, unknown>>;
  if (typeof id !== "string" || type !== "APPLY") return undefined;
  // Indices and lengths of arrays that have just been cloned are their own.
  const { length, 0: name } = path as { readonly length: number; readonly 0?: unknown };
  if (length !== 1 || typeof name !== "string") return undefined;
  const wires = argumentList as readonly { readonly type: unknown; readonly value: unknown }[];
  const args: unknown[] = [];
  for (let i = 0; i < wires.length; i++) {
    const wire = wires[i];
    if (wire?.type !== "RAW") return undefined;
    args[i] = wire.value;
  }
  return { id, name, args };
}
