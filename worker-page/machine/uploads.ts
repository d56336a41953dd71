/**
 * What is on its way to the coordinator over HTTP: values of attempts, and states of actors. Owns who waits for each, and
 * trying again. A task whose value cannot be uploaded may run again elsewhere; what an actor did stays done, so its values
 * and states are tried for longer, as a coordinator that is being restarted needs.
 */
import type { ObjectId } from "../../protocol/ids.ts";
import type { Actor } from "./actors.ts";
import type { Delivery } from "./attempts.ts";
import type { Holdings } from "./holdings.ts";

export interface Upload {
  readonly of:
    | { readonly type: "value"; readonly delivery: Delivery }
    | { readonly type: "state"; readonly actor: Actor };
  readonly bytes: Uint8Array;
  tries: number;
}

/** Between the tries, each of which has its own retries within seconds. */
const againMs = 5_000;
/** A coordinator away for longer than about five minutes of them is not waited for. */
const mostTries = 30;

export function upload(h: Holdings, objectId: ObjectId, wanted: Upload): void {
  h.uploads.set(objectId, wanted);
  h.outbox.order({ type: "upload", objectId, bytes: wanted.bytes });
}

/** Whether it will be tried again. */
export function tryLater(h: Holdings, objectId: ObjectId, failed: Upload): boolean {
  const { of } = failed;
  const isOfActor = of.type === "state" || of.delivery.attempt.kind === "call";
  if (!isOfActor || failed.tries >= mostTries) return false;
  failed.tries++;
  h.deadlines.add(h.at + againMs, { type: "upload", objectId, upload: failed });
  return true;
}

export function tryAgain(h: Holdings, objectId: ObjectId, due: Upload): void {
  // Whoever waited for it may be over.
  if (h.uploads.get(objectId) === due) h.outbox.order({ type: "upload", objectId, bytes: due.bytes });
}
