/**
 * Errors to failures and back: a Failure is what travels in a message, an error is what a user catches. Owns both
 * directions, so that the exact class, the `cause` chain and the first stack survive. Knows nothing about who failed.
 */
import * as errors from "../protocol/errors.ts";
import type { ActorId, WorkerId } from "../protocol/ids.ts";
import { limits } from "../protocol/limits.ts";
import type { Failure } from "../protocol/nouns.ts";
import { decodeValue, encodeValue, joinSegments, type PayloadHooks, type Token } from "../protocol/payload.ts";

/** Whose failure it is. */
export interface Failing {
  readonly taskName: string;
  readonly workerId?: WorkerId;
  readonly actorId?: ActorId;
}

const messageCharacters = 16 * 1024;
const stackCharacters = 4 * 1024;
const nameCharacters = 64;

/** What a task says when its function threw `thrown`, whatever that is. Never throws. */
export function failureOf(thrown: unknown, of: Failing, hooks: PayloadHooks = errorHooks): Failure {
  const errorName =
    thrown instanceof Error
      ? cut(
          textOf(() => thrown.name),
          nameCharacters,
        )
      : undefined;
  return {
    code: "TASK_ERROR",
    message: cut(`Task "${of.taskName}" failed: ${inWords(thrown)}`, messageCharacters),
    ...of,
    ...(errorName === undefined ? {} : { errorName }),
    error: encodedError(thrown, hooks),
  };
}

/** An error of the grid as a failure with its own code, anything else as a broken rule. Never throws. */
export function asFailure(error: unknown, hooks: PayloadHooks = errorHooks): Failure {
  if (!(error instanceof errors.GridError)) {
    return { code: "PROTOCOL", message: cut(inWords(error), messageCharacters), error: encodedError(error, hooks) };
  }
  const { message, ...own } = fieldsOf(error);
  return {
    ...own,
    message: cut(message, messageCharacters),
    ...(error.cause === undefined ? {} : { error: encodedError(error.cause, hooks) }),
  };
}

/** The error that a failure stands for, of its exact class, with its causes: `because` is one too. */
export function errorOf(failure: Failure, hooks: PayloadHooks = errorHooks): errors.GridError {
  if (failure.error !== undefined) return newError(failure, { value: decodedError(failure.error, hooks) });
  if (failure.because !== undefined) return newError(failure, { value: errorOf(failure.because, hooks) });
  return newError(failure, undefined);
}

// ------------------------------------------------------------------------------------ inside values

/** How an error of the grid stands inside a value: by its fields, so that it comes back in its class. */
export function errorToken(error: errors.GridError): Token {
  return {
    kind: "error",
    ...fieldsOf(error),
    stack: textOf(() => error.stack),
    ...(error.cause === undefined ? {} : { cause: error.cause }),
  };
}

/** Undefined when the token is no error's, or is malformed. */
export function errorOfToken(token: Token): errors.GridError | undefined {
  const code = errors.errorCodes.find((known) => known === token["code"]);
  if (token.kind !== "error" || code === undefined) return undefined;
  const error = newError(
    {
      code,
      message: text(token["message"]),
      taskName: text(token["taskName"]),
      workerId: text(token["workerId"]),
      actorId: text(token["actorId"]),
      path: text(token["path"]),
    },
    "cause" in token ? { value: token["cause"] } : undefined,
  );
  if (token["stack"] !== "") hide(error, "stack", text(token["stack"]));
  return error;
}

/** For values that hold errors of the grid and none of its other things. */
export const errorHooks: PayloadHooks = {
  tokenOf: (value) => (value instanceof errors.GridError ? errorToken(value) : undefined),
  fromToken: errorOfToken,
};

// ------------------------------------------------------------------------------------ classes by code

interface Fields {
  readonly code: errors.ErrorCode;
  readonly message: string;
  readonly taskName?: string | undefined;
  readonly workerId?: string | undefined;
  readonly actorId?: string | undefined;
  readonly path?: string | undefined;
}

function fieldsOf(
  error: errors.GridError,
): Pick<Failure, "code" | "message" | "taskName" | "workerId" | "actorId" | "path"> {
  const { code, message } = error;
  if (error instanceof errors.TaskError) {
    return { code, message, taskName: error.taskName, workerId: error.workerId as WorkerId };
  }
  if (error instanceof errors.ActorError) return { code, message, actorId: error.actorId as ActorId };
  if (error instanceof errors.SerializationError) return { code, message, path: error.path };
  if (error instanceof errors.CaptureError) return { code, message, path: error.variables.join(", ") };
  return { code, message };
}

function newError(failure: Fields, cause: { readonly value: unknown } | undefined): errors.GridError {
  const error = errorWithoutCause(failure);
  if (cause !== undefined) hide(error, "cause", cause.value);
  return error;
}

function errorWithoutCause({
  code,
  message,
  taskName = "",
  workerId = "",
  actorId = "",
  path = "",
}: Fields): errors.GridError {
  switch (code) {
    case "TASK_ERROR":
      return new errors.TaskError(message, { taskName, workerId });
    case "CAPTURE":
      return new errors.CaptureError(message, path === "" ? [] : path.split(", "));
    case "SERIALIZATION":
      return new errors.SerializationError(message, path);
    case "ACTOR_DIED":
      return new errors.ActorDiedError(message, { actorId });
    case "ACTOR_UNAVAILABLE":
      return new errors.ActorUnavailableError(message, { actorId });
    case "ACTOR_EXISTS":
      return new errors.ActorExistsError(message, { actorId });
    case "PENDING_CALLS_LIMIT":
      return new errors.PendingCallsLimitExceededError(message, { actorId });
    default:
      return new messageOnly[code](message);
  }
}

const messageOnly = {
  TASK_CANCELLED: errors.TaskCancelledError,
  TASK_TIMEOUT: errors.TaskTimeoutError,
  WORKER_CRASHED: errors.WorkerCrashedError,
  UNSCHEDULABLE: errors.UnschedulableError,
  ACTOR_NOT_FOUND: errors.ActorNotFoundError,
  OBJECT_LOST: errors.ObjectLostError,
  OBJECT_FREED: errors.ObjectFreedError,
  OBJECT_TOO_LARGE: errors.ObjectTooLargeError,
  GET_TIMEOUT: errors.GetTimeoutError,
  QUEUE_FULL: errors.QueueFullError,
  QUEUE_EMPTY: errors.QueueEmptyError,
  AUTHENTICATION: errors.AuthenticationError,
  DISCONNECTED: errors.DisconnectedError,
  PROTOCOL: errors.ProtocolError,
  STORAGE_FULL: errors.StorageFullError,
} as const;

// ------------------------------------------------------------------------------------ users' errors

/** The thrown value; in words when it cannot be copied, or is more than travels inline. */
function encodedError(thrown: unknown, hooks: PayloadHooks): Uint8Array {
  return encoded(thrown, hooks) ?? encoded(described(thrown), errorHooks) ?? nothingToSay;
}

function encoded(value: unknown, hooks: PayloadHooks): Uint8Array | undefined {
  try {
    return joinSegments(encodeValue(value, { hooks, root: "error", maxBytes: limits.inlineValueBytes }));
  } catch {
    return undefined;
  }
}

const nothingToSay = joinSegments(encodeValue(new Error("an error that cannot be described")));

function decodedError(bytes: Uint8Array, hooks: PayloadHooks): unknown {
  try {
    return decodeValue(bytes, { hooks });
  } catch (cause) {
    return new Error("an error that could not be read", { cause });
  }
}

/** What is left of an error that cannot be copied: its name, message, stack and that of its cause. */
function described(thrown: unknown): unknown {
  if (!(thrown instanceof Error)) return cut(inWords(thrown), messageCharacters);
  const words = new Error(
    cut(
      textOf(() => thrown.message),
      messageCharacters,
    ),
  );
  hide(
    words,
    "name",
    cut(
      textOf(() => thrown.name),
      nameCharacters,
    ),
  );
  hide(
    words,
    "stack",
    cut(
      textOf(() => thrown.stack),
      stackCharacters,
    ),
  );
  const cause = causeOf(thrown);
  if (cause !== undefined)
    hide(words, "cause", cause instanceof Error && cause !== thrown ? briefly(cause) : inWords(cause));
  return words;
}

function briefly(cause: Error): Error {
  const words = new Error(
    cut(
      textOf(() => cause.message),
      messageCharacters,
    ),
  );
  hide(
    words,
    "name",
    cut(
      textOf(() => cause.name),
      nameCharacters,
    ),
  );
  hide(
    words,
    "stack",
    cut(
      textOf(() => cause.stack),
      stackCharacters,
    ),
  );
  return words;
}

/** `RangeError: too small`, or what stands for a value that is no error. Never throws, whatever the value does. */
function inWords(thrown: unknown): string {
  if (thrown instanceof Error) return `${textOf(() => thrown.name) || "Error"}: ${textOf(() => thrown.message)}`;
  return `it threw ${textOf(() => valueInWords(thrown)) || "an object"}`;
}

function valueInWords(thrown: unknown): string | undefined {
  if (thrown === undefined || thrown === null) return String(thrown);
  if (typeof thrown === "symbol" || typeof thrown === "bigint") return thrown.toString();
  return typeof thrown === "function" ? "a function" : JSON.stringify(thrown);
}

function causeOf(error: Error): unknown {
  try {
    return error.cause;
  } catch {
    return undefined;
  }
}

function textOf(read: () => unknown): string {
  try {
    return text(read());
  } catch {
    return "";
  }
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function hide(error: Error, key: string, value: unknown): void {
  Object.defineProperty(error, key, { value, enumerable: false, configurable: true, writable: true });
}

function cut(text: string, characters: number): string {
  return text.length <= characters ? text : `${text.slice(0, characters - 1)}…`;
}
