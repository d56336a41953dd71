/**
 * The gate of an actor: what it has said or done that waits for its state to be durable, and what becomes of that when the
 * actor is over. What goes through it, and when: commits.ts.
 */
import { checkpointId } from "../../protocol/ids.ts";
import type { Actor } from "./actors.ts";
import type { CallAttempt, Delivery } from "./attempts.ts";
import type { Holdings } from "./holdings.ts";
import { forget, settle } from "./settle.ts";
import type { ThreadValue } from "./thread-work.ts";

export interface Gate {
  /** Outcomes reported since the last state, in order, of an actor that saves after each call. */
  held: Delivery[];
  heldBytes: number;
  /** Calls whose outcomes went out at once and whose effects the next state has. */
  told: CallAttempt[];
  /** On its way to be durable, */
  commit: Commit | undefined;
  /** and the one after it, which takes in what comes meanwhile. */
  next: Commit | undefined;
  /** Of the newest state that was reported. */
  number: number;
  /** When the newest state that is durable was sent. */
  savedAt: number | undefined;
  /** Why this browser has no copy of it, if so. */
  notKept: string | undefined;
  /** The actor is over for good: nothing is held any more. */
  isOpen: boolean;
}

/** A state and the calls whose effects it has: true at once or not at all. */
export interface Commit {
  readonly number: number;
  readonly state: ThreadValue;
  readonly outcomes: readonly Delivery[];
  readonly outcomesBytes: number;
  readonly told: readonly CallAttempt[];
  /** How many of `outcomes` and of `told` are known to need no more waiting. */
  outcomesThrough: number;
  toldThrough: number;
  /** The state travels inline, or its bytes are with the coordinator. */
  isUploaded: boolean;
  /** This browser has answered: it has a copy, or will not have one. */
  isAnswered: boolean;
}

export function newGate(): Gate {
  return {
    held: [],
    heldBytes: 0,
    told: [],
    commit: undefined,
    next: undefined,
    number: 0,
    savedAt: undefined,
    notKept: undefined,
    isOpen: false,
  };
}

/** Everything held, in the order it was reported. */
export function heldBy(gate: Gate): readonly Delivery[] {
  return [...(gate.commit?.outcomes ?? []), ...(gate.next?.outcomes ?? []), ...gate.held];
}

/** The actor is over and will be again, from an older state: what is held is dropped, and those calls run again. */
export function dropGate(h: Holdings, actor: Actor): void {
  for (const { attempt } of heldBy(actor.gate)) forget(h, attempt);
  clear(h, actor);
}

/** The actor is over for good, so no state matters: what is held goes out, now or when its values are uploaded. */
export function openGate(h: Holdings, actor: Actor): void {
  const held = heldBy(actor.gate);
  clear(h, actor);
  actor.gate.isOpen = true;
  for (const { attempt, item, isThrough } of held) {
    if (isThrough && item.type !== "produced") settle(h, attempt, item);
  }
}

function clear(h: Holdings, actor: Actor): void {
  const { id, epoch, gate } = actor;
  if (gate.commit !== undefined) h.uploads.delete(checkpointId(id, epoch, gate.commit.number));
  gate.held = [];
  gate.heldBytes = 0;
  gate.told = [];
  gate.commit = undefined;
  gate.next = undefined;
}
