/** The calls an actor has not been sent: within one caller they keep their order. */
import { Fifo } from "./fifo.ts";
import type { Actor, Task } from "./records.ts";

/** The call takes its place behind the earlier calls of the same caller. */
export function accept(actor: Actor, call: Task): void {
  actor.calls++;
  let queue = actor.mailbox.get(call.parent);
  if (queue === undefined) actor.mailbox.set(call.parent, (queue = new Fifo()));
  queue.push(call);
}

/** Calls that were sent and come back go before those that were not, in their order. */
export function acceptAgain(actor: Actor, calls: readonly Task[]): void {
  for (const caller of new Set(calls.map((call) => call.parent))) {
    let queue = actor.mailbox.get(caller);
    if (queue === undefined) actor.mailbox.set(caller, (queue = new Fifo()));
    const again = calls.filter((call) => call.parent === caller).toSorted((a, b) => a.order - b.order);
    const last = again.at(-1)?.order ?? 0;
    // Some may have come back before.
    for (let first = queue.peek(); first !== undefined && first.order < last; first = queue.peek()) {
      again.push(first);
      queue.shift();
    }
    queue.prepend(again.toSorted((a, b) => a.order - b.order));
  }
}
