/** What must have come of an actor when a world has come to its end, from the replies that clients were given. */
import type { ActorId, TaskId } from "../../protocol/ids.ts";
import { ordinalOf } from "../../protocol/ids.ts";
import type { Actor } from "../../coordinator/scheduler/records.ts";

/**
 * [SIM-4] The state of an actor with checkpoints has each acknowledged call exactly once and no call twice; by "call" no
 * two replies are the same. [SIM-5] Whatever the policy, the calls of a caller are in their order.
 */
export function whatIsWrongWith(
  actor: Actor,
  state: readonly TaskId[],
  acknowledged: ReadonlyMap<TaskId, number>,
): string | undefined {
  const policy = actor.spec.checkpoint.type;
  if (policy !== "call" && policy !== "rhythm") return outOfOrder(actor.id, state);
  const has = new Set(state);
  if (has.size < state.length) return `[SIM-4] ${policy}: ${actor.id} has applied a call twice: ${state.join(" ")}`;
  for (const id of acknowledged.keys())
    if (!has.has(id)) return `[SIM-4] ${policy}: ${actor.id} has lost ${id}: ${state.join(" ")}`;
  if (policy === "call" && new Set(acknowledged.values()).size < acknowledged.size)
    return `[SIM-4] ${actor.id} gave one reply twice: ${[...acknowledged].join("; ")}`;
  return outOfOrder(actor.id, state);
}

function outOfOrder(actorId: ActorId, state: readonly TaskId[]): string | undefined {
  const last = new Map<string, number>();
  for (const id of state) {
    const caller = id.slice(0, id.lastIndexOf("."));
    const ordinal = ordinalOf(id);
    if (ordinal <= (last.get(caller) ?? 0)) return `[SIM-5] in ${actorId} call ${id} was overtaken: ${state.join(" ")}`;
    last.set(caller, ordinal);
  }
  return undefined;
}
