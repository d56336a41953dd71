/**
 * The error tree of the SDK and its plain form on the wire. Owns the codes: callers match `code`, which survives
 * any realm, and never `instanceof` across a channel. Knows nothing about who throws what.
 */

export const errorCodes = [
  "TASK_ERROR",
  "TASK_CANCELLED",
  "TASK_TIMEOUT",
  "WORKER_CRASHED",
  "UNSCHEDULABLE",
  "ACTOR_DIED",
  "ACTOR_UNAVAILABLE",
  "ACTOR_EXISTS",
  "ACTOR_NOT_FOUND",
  "PENDING_CALLS_LIMIT",
  "OBJECT_LOST",
  "OBJECT_FREED",
  "OBJECT_TOO_LARGE",
  "GET_TIMEOUT",
  "CAPTURE",
  "SERIALIZATION",
  "QUEUE_FULL",
  "QUEUE_EMPTY",
  "AUTHENTICATION",
  "DISCONNECTED",
  "PROTOCOL",
  "STORAGE_FULL",
] as const;

export type ErrorCode = (typeof errorCodes)[number];

/** Every error of the grid. `code` is stable; messages say what could not be done, to what, and its state now. */
export class GridError extends Error {
  readonly code: ErrorCode;
  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options !== undefined && "cause" in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.name = new.target.name;
  }
}

/** The user's function threw, or the producer of an input failed. `cause` is the first error, rebuilt. */
export class TaskError extends GridError {
  readonly taskName: string;
  readonly workerId: string;
  constructor(message: string, of: { taskName: string; workerId: string; cause?: unknown }) {
    super("TASK_ERROR", message, { cause: of.cause });
    this.taskName = of.taskName;
    this.workerId = of.workerId;
  }
}

export class TaskCancelledError extends GridError {
  constructor(message: string) {
    super("TASK_CANCELLED", message);
  }
}

/** The coordinator's disk is full: what it has acknowledged is safe, and nothing new is taken on until there is room. */
export class StorageFullError extends GridError {
  constructor(message: string) {
    super("STORAGE_FULL", message);
  }
}

/** Ran longer than its `timeoutMs`; its thread was stopped. */
export class TaskTimeoutError extends GridError {
  constructor(message: string) {
    super("TASK_TIMEOUT", message);
  }
}

/** The thread died under the task more than `maxRetries` times. */
export class WorkerCrashedError extends GridError {
  constructor(message: string) {
    super("WORKER_CRASHED", message);
  }
}

/** No connected worker could ever run it, for longer than `unschedulableTimeoutMs`. */
export class UnschedulableError extends GridError {
  constructor(message: string) {
    super("UNSCHEDULABLE", message);
  }
}

export class ActorError extends GridError {
  readonly actorId: string;
  constructor(code: ErrorCode, message: string, of: { actorId: string; cause?: unknown }) {
    super(code, message, "cause" in of ? { cause: of.cause } : undefined);
    this.actorId = of.actorId;
  }
}

export class ActorDiedError extends ActorError {
  constructor(message: string, of: { actorId: string; cause?: unknown }) {
    super("ACTOR_DIED", message, of);
  }
}

/** The call may or may not have run. */
export class ActorUnavailableError extends ActorError {
  constructor(message: string, of: { actorId: string; cause?: unknown }) {
    super("ACTOR_UNAVAILABLE", message, of);
  }
}

export class ActorExistsError extends ActorError {
  constructor(message: string, of: { actorId: string; cause?: unknown }) {
    super("ACTOR_EXISTS", message, of);
  }
}

export class ActorNotFoundError extends GridError {
  constructor(message: string) {
    super("ACTOR_NOT_FOUND", message);
  }
}

export class PendingCallsLimitExceededError extends ActorError {
  constructor(message: string, of: { actorId: string }) {
    super("PENDING_CALLS_LIMIT", message, of);
  }
}

export class ObjectLostError extends GridError {
  constructor(message: string, code: ErrorCode = "OBJECT_LOST") {
    super(code, message);
  }
}

export class ObjectFreedError extends ObjectLostError {
  constructor(message: string) {
    super(message, "OBJECT_FREED");
  }
}

export class ObjectTooLargeError extends GridError {
  constructor(message: string) {
    super("OBJECT_TOO_LARGE", message);
  }
}

export class GetTimeoutError extends GridError {
  constructor(message: string) {
    super("GET_TIMEOUT", message);
  }
}

/** Thrown at `grid.remote` or `.remote()`: the function uses variables that cannot travel. */
export class CaptureError extends GridError {
  readonly variables: readonly string[];
  constructor(message: string, variables: readonly string[]) {
    super("CAPTURE", message);
    this.variables = variables;
  }
}

/** A value that cannot be copied; `path` is its place inside the argument or the result. */
export class SerializationError extends GridError {
  readonly path: string;
  constructor(message: string, path: string) {
    super("SERIALIZATION", message);
    this.path = path;
  }
}

export class QueueFullError extends GridError {
  constructor(message: string) {
    super("QUEUE_FULL", message);
  }
}

export class QueueEmptyError extends GridError {
  constructor(message: string) {
    super("QUEUE_EMPTY", message);
  }
}

export class AuthenticationError extends GridError {
  constructor(message: string) {
    super("AUTHENTICATION", message);
  }
}

export class DisconnectedError extends GridError {
  constructor(message: string) {
    super("DISCONNECTED", message);
  }
}

/** Bytes or a message that the protocol does not allow; whoever sent it is refused, nobody else is harmed. */
export class ProtocolError extends GridError {
  constructor(message: string) {
    super("PROTOCOL", message);
  }
}
