/**
 * From what a thread reports to what the coordinator is told: large values are uploaded first, and what one attempt
 * says leaves in the order it was said.
 */
import { type ObjectId, returnId, taskOfAttempt } from "../../protocol/ids.ts";
import { limits } from "../../protocol/limits.ts";
import { type Failure, failure, type Value } from "../../protocol/nouns.ts";
import type { ThreadReport, ThreadValue } from "./thread-work.ts";
import { type Attempt, type Delivery, delivering, type Spoiled } from "./attempts.ts";
import type { Holdings } from "./holdings.ts";
import { fail, leaveThread, settle } from "./settle.ts";

type Report<Type extends ThreadReport["type"]> = Extract<ThreadReport, { type: Type }>;

/** Values of one task stay in its message up to this sum; the rest is uploaded whatever its size. */
const inlineSumBytes = 4 * limits.inlineValueBytes;

export function deliverDone(h: Holdings, attempt: Attempt, report: Report<"done">): void {
  const { name } = attempt.work;
  for (const [index, { bytes }] of report.values.entries()) {
    if (bytes.length > limits.objectBytes)
      return deliverFailed(h, attempt, tooLarge(name, index, bytes.length), report.ranMs);
  }
  const uploads: Upload[] = [];
  let inlineBytes = 0;
  const values = report.values.map((value, index) => {
    const isInline = isSmall(value) && inlineBytes + value.bytes.length <= inlineSumBytes;
    if (isInline) inlineBytes += value.bytes.length;
    return travelling(attempt, value, index, isInline, uploads);
  });
  deliver(h, attempt, { type: "done", attemptId: attempt.id, values, ranMs: report.ranMs }, uploads);
}

export function deliverFailed(h: Holdings, attempt: Attempt, why: Failure, ranMs: number): void {
  deliver(h, attempt, { type: "failed", attemptId: attempt.id, failure: why, crashed: false, ranMs }, []);
}

export function deliverProduced(h: Holdings, attempt: Attempt, { index, value }: Report<"produced">): void {
  if (attempt.spoiled !== undefined) return;
  if (value.bytes.length > limits.objectBytes) {
    spoil(h, attempt, { failure: tooLarge(attempt.work.name, index, value.bytes.length), mayRetry: false });
    return;
  }
  const uploads: Upload[] = [];
  const travelled = travelling(attempt, value, index, isSmall(value), uploads);
  deliver(h, attempt, { type: "produced", attemptId: attempt.id, index, value: travelled }, uploads);
}

export function uploadArrived(h: Holdings, objectId: ObjectId): void {
  const delivery = h.uploads.get(objectId);
  if (delivery === undefined) return;
  h.uploads.delete(objectId);
  delivery.uploadsLeft--;
  sendInOrder(h, delivery.attempt);
}

/** The value is fine and the way to the coordinator was not: another try, elsewhere or later, may do. */
export function uploadFailed(h: Holdings, objectId: ObjectId, reason: string): void {
  const delivery = h.uploads.get(objectId);
  if (delivery === undefined) return;
  const { attempt } = delivery;
  const { name } = attempt.work;
  const why = failure("OBJECT_LOST", `A value of "${name}" could not be uploaded: ${reason}`, { taskName: name });
  if (attempt.state.type === "delivering") fail(h, attempt, why, true);
  else spoil(h, attempt, { failure: why, mayRetry: true });
}

interface Upload {
  readonly objectId: ObjectId;
  readonly bytes: Uint8Array;
}

function travelling(attempt: Attempt, value: ThreadValue, index: number, isInline: boolean, uploads: Upload[]): Value {
  const { bytes, refs } = value;
  if (isInline) return { type: "inline", bytes, refs };
  uploads.push({ objectId: returnId(taskOfAttempt(attempt.id), index), bytes });
  return { type: "stored", sizeBytes: bytes.length, refs };
}

function deliver(h: Holdings, attempt: Attempt, item: Delivery["item"], uploads: readonly Upload[]): void {
  if (item.type !== "produced" && attempt.spoiled !== undefined) {
    fail(h, attempt, attempt.spoiled.failure, attempt.spoiled.mayRetry);
    return;
  }
  if (uploads.length === 0 && attempt.deliveries === undefined) {
    sendItem(h, attempt, item);
    return;
  }
  const delivery: Delivery = { attempt, item, uploadsLeft: uploads.length };
  attempt.deliveries ??= [];
  attempt.deliveries.push(delivery);
  for (const { objectId, bytes } of uploads) {
    h.uploads.set(objectId, delivery);
    h.outbox.order({ type: "upload", objectId, bytes });
  }
  if (item.type !== "produced") {
    leaveThread(h, attempt);
    attempt.state = delivering;
  }
}

function sendInOrder(h: Holdings, attempt: Attempt): void {
  const { deliveries } = attempt;
  if (deliveries === undefined) return;
  for (;;) {
    const first = deliveries[0];
    if (first === undefined || first.uploadsLeft > 0) break;
    deliveries.shift();
    sendItem(h, attempt, first.item);
  }
  if (deliveries.length === 0) attempt.deliveries = undefined;
}

function sendItem(h: Holdings, attempt: Attempt, item: Delivery["item"]): void {
  if (item.type === "produced") h.outbox.send(item);
  else settle(h, attempt, item);
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
