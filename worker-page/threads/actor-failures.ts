/** What an actor's calls, and its users, are told when something of it fails that is not the user's code. */
import { asFailure } from "../../grid/failures.ts";
import { GridError } from "../../protocol/errors.ts";
import type { ActorId, WorkerId } from "../../protocol/ids.ts";
import { type ActorSpec, type Failure, failure } from "../../protocol/nouns.ts";

export interface FailingActor {
  readonly actorId: ActorId;
  readonly spec: ActorSpec;
  readonly taskName: string;
  readonly workerId: WorkerId;
}

/** By `exit()`. */
export function endedItself(of: FailingActor): Failure {
  return failure("ACTOR_DIED", `Actor ${named(of)} has ended itself`, about(of));
}

export function noSuchGroup(of: FailingActor, group: string): Failure {
  const { className, concurrencyGroups } = of.spec;
  const names = Object.keys(concurrencyGroups).join(", ");
  const message = `Actor "${className}" has no concurrency group "${group}"; it has: ${names || "none"}`;
  return failure("TASK_ERROR", message, about(of));
}

/** Its state cannot be copied: `error` says where. Undefined when it is the user's own error. */
export function unsavable(of: FailingActor, error: unknown): Failure | undefined {
  if (!(error instanceof GridError)) return undefined;
  const told = asFailure(error);
  const advice =
    told.code !== "SERIALIZATION"
      ? ""
      : told.path?.startsWith("this") === true
        ? '. Add saveState() and restoreState() to the class, or use checkpoint: "off"'
        : '. Let saveState() give plain data, or use checkpoint: "off"';
  return { ...told, ...about(of), message: `Cannot save actor ${named(of)}: ${told.message}${advice}` };
}

/** It was promised that its state is durable, and it cannot be. */
export function endedUnsaved(of: FailingActor, because: Failure): Failure {
  const message = `Actor ${named(of)} has ended, since its state cannot be made durable: ${because.message}`;
  return failure("ACTOR_DIED", message, { ...about(of), because });
}

function named({ spec, actorId }: FailingActor): string {
  return `"${spec.name ?? spec.className}" (${actorId})`;
}

function about({ actorId, taskName, workerId }: FailingActor): Partial<Failure> {
  return { actorId, taskName, workerId };
}
