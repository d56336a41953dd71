/**
 * Actors whose worker is gone and may be back: a tab that is loaded anew has its actors again if it comes in time, and
 * then needs nothing but what it has kept itself. Owns the waiting; knows nothing about how an actor starts.
 */
import type { WorkerId } from "../../protocol/ids.ts";
import { place, queueForPlace } from "./actor-placing.ts";
import type { Machine } from "./machine.ts";
import type { Actor, Worker } from "./records.ts";

export function awaitHome(m: Machine, actor: Actor, home: WorkerId, ms: number): void {
  const until = m.at + ms;
  actor.state = { name: "restarting", worker: undefined, home, until };
  let waiting = m.records.homeless.get(home);
  if (waiting === undefined) m.records.homeless.set(home, (waiting = new Set()));
  waiting.add(actor);
  m.deadlines.add(until, { type: "home", actor, until });
}

/** Its worker is back. One that lends nothing now is no home. */
export function goHome(m: Machine, actor: Actor, worker: Worker): void {
  leaveHomeless(m, actor);
  if (actor.state.name !== "restarting") return;
  actor.state = { name: "restarting", worker: undefined };
  m.tell(actor.id, "at home again", worker.id);
  if (worker.threads > 0) place(m, actor, worker);
  else queueForPlace(m, actor);
}

export function homeIsOver(m: Machine, actor: Actor, until: number): void {
  if (actor.state.name !== "restarting" || actor.state.until !== until) return;
  leaveHomeless(m, actor);
  actor.state = { name: "restarting", worker: undefined };
  m.tell(actor.id, "its home did not come back");
  queueForPlace(m, actor);
}

export function leaveHomeless(m: Machine, actor: Actor): void {
  if (actor.state.name !== "restarting" || actor.state.home === undefined) return;
  const waiting = m.records.homeless.get(actor.state.home);
  waiting?.delete(actor);
  if (waiting?.size === 0) m.records.homeless.delete(actor.state.home);
}
