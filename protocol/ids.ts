/**
 * Ids, minted and taken apart here and nowhere else. What a parent submits is named by the parent and an ordinal, so a
 * re-run that repeats its submissions names the same things again and finds them done.
 *
 *   job       j4f7q2m9xk
 *   task      j4f7q2m9xk.12        the twelfth thing its parent submitted; a call and an actor are named alike
 *   child     j4f7q2m9xk.12.3
 *   attempt   j4f7q2m9xk.12#2      the second try
 *   object    j4f7q2m9xk.12:0      its first return; what `put` makes is named like a task's first return
 */
export type Brand<Name extends string> = string & { readonly __brand: Name };
export type JobId = Brand<"JobId">;
/** Names a task, a call or an actor. */
export type TaskId = Brand<"TaskId">;
export type ActorId = Brand<"ActorId">;
export type AttemptId = Brand<"AttemptId">;
export type ObjectId = Brand<"ObjectId">;
export type WorkerId = Brand<"WorkerId">;
export type FunctionId = Brand<"FunctionId">;
export type SessionId = Brand<"SessionId">;
/** A job (its client) or a task or call: whoever may submit. */
export type ParentId = JobId | TaskId;

const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";

/** Base 32 without the letters people confuse; five bits a character. */
export function base32(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += alphabet[byte & 31] ?? "";
  return text;
}

/** `random` gives at least ten fresh bytes. */
export const jobId = (random: Uint8Array): JobId => `j${base32(random.subarray(0, 10))}` as JobId;
export const workerId = (random: Uint8Array): WorkerId => `w${base32(random.subarray(0, 10))}` as WorkerId;
export const functionId = (hashHex: string): FunctionId => `f${hashHex.slice(0, 40)}` as FunctionId;

export const childId = (parent: ParentId, ordinal: number): TaskId => `${parent}.${ordinal}` as TaskId;
export const attemptId = (task: TaskId, number: number): AttemptId => `${task}#${number}` as AttemptId;
export const returnId = (task: TaskId, index: number): ObjectId => `${task}:${index}` as ObjectId;
/** What the state of an actor's checkpoint is stored under when it is too large to travel in a message. */
export const checkpointId = (actor: ActorId, epoch: number, number: number): ObjectId =>
  `${actor}:c${epoch}.${number}` as ObjectId;
/** An actor is the task that made it. */
export const actorId = (task: TaskId): ActorId => task as string as ActorId;
export const creationOf = (actor: ActorId): TaskId => actor as string as TaskId;

export function taskOfAttempt(attempt: AttemptId): TaskId {
  return attempt.slice(0, attempt.lastIndexOf("#")) as TaskId;
}
export function attemptNumber(attempt: AttemptId): number {
  return Number(attempt.slice(attempt.lastIndexOf("#") + 1));
}
export function taskOfObject(object: ObjectId): TaskId {
  return object.slice(0, object.lastIndexOf(":")) as TaskId;
}
export function returnIndex(object: ObjectId): number {
  return Number(object.slice(object.lastIndexOf(":") + 1));
}
export function jobOf(id: TaskId | ObjectId | ActorId | AttemptId): JobId {
  const dot = id.indexOf(".");
  return (dot < 0 ? id : id.slice(0, dot)) as JobId;
}
/** The ordinal under which its parent submitted it. */
export function ordinalOf(id: TaskId): number {
  return Number(id.slice(id.lastIndexOf(".") + 1));
}
/** Is `id` something that `parent` itself submitted? */
export function isChildOf(id: TaskId, parent: ParentId): boolean {
  return id.length > parent.length && id.startsWith(parent) && id.lastIndexOf(".") === parent.length;
}
