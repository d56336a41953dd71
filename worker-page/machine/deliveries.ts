/**
 * From what a thread reports to what the coordinator is told: large values are uploaded first, and what one attempt
 * says leaves in the order it was said. How a call ended may have to wait for its actor's state: commits.ts holds it.
 */
import { type ObjectId, returnId, taskOfAttempt } from "../../protocol/ids.ts";
import { limits } from "../../protocol/limits.ts";
import { type Failure, failure, type Value } from "../../protocol/nouns.ts";
import type { ThreadReport, ThreadValue } from "./thread-work.ts";
import { type Attempt, type Delivery, delivering, type Spoiled } from "./attempts.ts";
import {
  advanceCommit,
  cutToCommit,
  fitsCommit,
  gated,
  hold,
  noteTold,
  stateNotUploaded,
  stateUploaded,
} from "./commits.ts";
import type { Holdings } from "./holdings.ts";
import { dropDeliveries, fail, leaveThread, settle } from "./settle.ts";
import { tryLater, upload } from "./uploads.ts";

type Report<Type extends ThreadReport["type"]> = Extract<ThreadReport, { type: Type }>;

/** Values of one task stay in its message up to this sum; the rest is uploaded whatever its size. */
const inlineSumBytes = 4 * limits.inlineValueBytes;

export function deliverDone(h: Holdings, attempt: Attempt, report: Report<"done">): void {
  const { name } = attempt.work;
  const call = gated(attempt);
  for (const [index, { bytes }] of report.values.entries()) {
    if (bytes.length > limits.objectBytes)
      return deliverFailed(h, attempt, tooLarge(name, index, bytes.length), report.ranMs);
  }
  const parts: Part[] = [];
  let inlineBytes = 0;
  const values = report.values.map((value, index) => {
    const sumBytes = inlineBytes + value.bytes.length;
    const isInline = isSmall(value) && sumBytes <= inlineSumBytes && (call === undefined || fitsCommit(call, sumBytes));
    if (isInline) inlineBytes = sumBytes;
    return travelling(attempt, value, index, isInline, parts);
  });
  deliver(h, attempt, { type: "done", attemptId: attempt.id, values, ranMs: report.ranMs }, parts);
}

export function deliverFailed(h: Holdings, attempt: Attempt, why: Failure, ranMs: number): void {
  const call = gated(attempt);
  const cut = call === undefined ? why : cutToCommit(call, why);
  deliver(h, attempt, { type: "failed", attemptId: attempt.id, failure: cut, crashed: false, ranMs }, []);
}

export function deliverProduced(h: Holdings, attempt: Attempt, { index, value }: Report<"produced">): void {
  if (attempt.spoiled !== undefined) return;
  if (value.bytes.length > limits.objectBytes) {
    spoil(h, attempt, { failure: tooLarge(attempt.work.name, index, value.bytes.length), mayRetry: false });
    return;
  }
  const parts: Part[] = [];
  const travelled = travelling(attempt, value, index, isSmall(value), parts);
  deliver(h, attempt, { type: "produced", attemptId: attempt.id, index, value: travelled }, parts);
}

export function uploadArrived(h: Holdings, objectId: ObjectId): void {
  const of = h.uploads.get(objectId)?.of;
  if (of === undefined) return;
  h.uploads.delete(objectId);
  if (of.type === "state") {
    stateUploaded(h, of.actor);
    return;
  }
  of.delivery.uploadsLeft--;
  sendInOrder(h, of.delivery.attempt);
}

/** `isFinal`: the coordinator refuses it. */
export function uploadFailed(h: Holdings, objectId: ObjectId, reason: string, isFinal: boolean): void {
  const failed = h.uploads.get(objectId);
  if (failed === undefined || (!isFinal && tryLater(h, objectId, failed))) return;
  h.uploads.delete(objectId);
  if (failed.of.type === "state") {
    stateNotUploaded(h, failed.of.actor, reason);
    return;
  }
  const { attempt } = failed.of.delivery;
  const { name } = attempt.work;
  const why = failure("OBJECT_LOST", `A value of "${name}" could not be uploaded: ${reason}`, { taskName: name });
  // The value is fine and the way was not: another try, elsewhere or later, may do. What a call did stays done.
  const mayRetry = attempt.kind !== "call";
  if (attempt.state.type !== "delivering") spoil(h, attempt, { failure: why, mayRetry });
  else if (gated(attempt) !== undefined) failHeld(h, attempt, why);
  else {
    fail(h, attempt, why, mayRetry);
    if (attempt.kind === "call") advanceCommit(h, attempt.actor);
  }
}

interface Part {
  readonly objectId: ObjectId;
  readonly bytes: Uint8Array;
}

function travelling(attempt: Attempt, value: ThreadValue, index: number, isInline: boolean, parts: Part[]): Value {
  const { bytes, refs } = value;
  if (isInline) return { type: "inline", bytes, refs };
  parts.push({ objectId: returnId(taskOfAttempt(attempt.id), index), bytes });
  return { type: "stored", sizeBytes: bytes.length, refs };
}

function deliver(h: Holdings, attempt: Attempt, said: Delivery["item"], parts: readonly Part[]): void {
  const isEnd = said.type !== "produced";
  if (isEnd && attempt.spoiled !== undefined) {
    endSpoiled(h, attempt, attempt.spoiled);
    return;
  }
  const held = isEnd ? gated(attempt) : undefined;
  if (isEnd && held === undefined && attempt.kind === "call") noteTold(attempt);
  if (parts.length === 0 && attempt.deliveries === undefined && held === undefined) {
    sendItem(h, attempt, said);
    return;
  }
  const delivery: Delivery = { attempt, item: said, uploadsLeft: parts.length, isThrough: false };
  attempt.deliveries ??= [];
  attempt.deliveries.push(delivery);
  for (const { objectId, bytes } of parts) upload(h, objectId, { of: { type: "value", delivery }, bytes, tries: 1 });
  if (!isEnd) return;
  leaveThread(h, attempt);
  attempt.state = delivering;
  if (held === undefined) return;
  hold(held.actor, delivery);
  sendInOrder(h, attempt);
}

function sendInOrder(h: Holdings, attempt: Attempt): void {
  const { deliveries } = attempt;
  if (deliveries === undefined) return;
  for (;;) {
    const first = deliveries[0];
    if (first === undefined || first.uploadsLeft > 0) break;
    deliveries.shift();
    if (first.item.type !== "produced" && gated(attempt) !== undefined) first.isThrough = true;
    else sendItem(h, attempt, first.item);
  }
  if (deliveries.length === 0) attempt.deliveries = undefined;
  if (attempt.kind === "call") advanceCommit(h, attempt.actor);
}

function sendItem(h: Holdings, attempt: Attempt, item: Delivery["item"]): void {
  if (item.type === "produced") h.outbox.send(item);
  else settle(h, attempt, item);
}

/** Whatever its thread has said in the end: a value of it did not arrive before. */
function endSpoiled(h: Holdings, attempt: Attempt, { failure: why, mayRetry }: Spoiled): void {
  dropDeliveries(h, attempt);
  const held = gated(attempt);
  if (held !== undefined) {
    const cut = cutToCommit(held, why);
    const item = { type: "failed", attemptId: attempt.id, failure: cut, crashed: false, ranMs: 0 } as const;
    leaveThread(h, attempt);
    attempt.state = delivering;
    hold(held.actor, { attempt, item, uploadsLeft: 0, isThrough: true });
    return;
  }
  if (attempt.kind === "call") noteTold(attempt);
  fail(h, attempt, why, mayRetry);
}

/** A value of it does not arrive after its thread has said how it ended: it ends otherwise, and still waits for the state. */
function failHeld(h: Holdings, attempt: Attempt, why: Failure): void {
  const end = attempt.deliveries?.at(-1);
  dropDeliveries(h, attempt);
  if (end === undefined || attempt.kind !== "call") return;
  end.item = { type: "failed", attemptId: attempt.id, failure: why, crashed: false, ranMs: 0 };
  end.uploadsLeft = 0;
  end.isThrough = true;
  advanceCommit(h, attempt.actor);
}

/** What is left of it is of no use: it is told to stop, and fails whatever it says. */
function spoil(h: Holdings, attempt: Attempt, end: Spoiled): void {
  attempt.spoiled ??= end;
  if (attempt.state.type !== "running" && attempt.state.type !== "blocked") return;
  h.outbox.order({ type: "cancel", threadId: attempt.state.trip.thread.id, attemptIds: [attempt.id] });
}

function isSmall(value: ThreadValue): boolean {
  return value.bytes.length <= limits.inlineValueBytes;
}

function tooLarge(name: string, index: number, sizeBytes: number): Failure {
  return failure(
    "OBJECT_TOO_LARGE",
    `Value ${index} of "${name}" takes ${sizeBytes} bytes, over the limit objectBytes ${limits.objectBytes}`,
    { taskName: name, path: `[${index}]` },
  );
}
