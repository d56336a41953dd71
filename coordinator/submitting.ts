/**
 * What submitters say, turned into facts, for clients and for the tasks and calls that speak through their worker.
 * Owns the questions that are answered at once. Knows nothing about sessions.
 */
import type { JobId } from "../protocol/ids.ts";
import type { SubmitterMessage, ToSubmitterMessage } from "../protocol/messages.ts";
import type { Coordinator, Fact } from "./coordinator.ts";
import { nameKey } from "./scheduler/actor-life.ts";
import type { Submitter } from "./scheduler/events.ts";
import { ask } from "./views.ts";

export interface Speaking {
  readonly coordinator: Coordinator;
  readonly by: Submitter;
  readonly jobId: JobId;
  /** Once everything said before is kept. */
  readonly reply: (message: ToSubmitterMessage) => void;
  /** At once. */
  readonly refuse: (message: Extract<ToSubmitterMessage, { type: "refused" }>) => void;
}

export function isQuestion({ type }: { readonly type: string }): boolean {
  return type === "query" || type === "find-actor";
}

/** Gives the fact the message states, or answers it and gives none. */
export function factOf(speaking: Speaking, message: SubmitterMessage): Fact | undefined {
  const { coordinator, by, jobId, reply } = speaking;
  if (coordinator.journalTrouble !== undefined && refuseNew(speaking, coordinator.journalTrouble, message))
    return undefined;
  switch (message.type) {
    case "define": {
      const problem = coordinator.definitions.define(message.functionId, message.bytes, jobId);
      if (problem !== undefined)
        reply({ type: "refused", code: "PROTOCOL", message: problem, about: message.functionId });
      return undefined;
    }
    case "submit":
      return { type: "tasks-submitted", by, spec: message.spec, tasks: message.tasks };
    case "create-actor":
      return { type: "actor-created", by, spec: message.spec, creation: message.creation };
    case "put":
      return { type: "value-put", by, id: message.id, value: message.value };
    case "want":
      return { type: "objects-wanted", by, ids: message.ids, values: message.values };
    case "hold":
      return { type: "objects-held", by, ids: message.ids };
    case "release":
      return { type: "objects-released", by, ids: message.ids };
    case "free":
      return { type: "objects-freed", by, ids: message.ids };
    case "cancel":
      return { type: "cancel-asked", by, id: message.id, force: message.force, recursive: message.recursive };
    case "kill":
      return { type: "kill-asked", by, actorId: message.actorId, restart: message.restart };
    case "consume":
      return { type: "items-consumed", by, id: message.id, taken: message.taken };
    case "find-actor": {
      const actor = coordinator.scheduler.records.names.get(nameKey(message.namespace, message.name));
      reply({
        type: "actor-found",
        request: message.request,
        ...(actor === undefined ? {} : { actorId: actor.id, spec: actor.spec }),
      });
      return undefined;
    }
    case "query":
      reply({
        type: "answer",
        request: message.request,
        json: JSON.stringify(ask(coordinator, jobId, message.what, message.parameters)),
      });
      return undefined;
  }
}

/** Nothing new is taken on while it cannot be kept; what was taken on goes on, and is acknowledged when it can be. */
function refuseNew({ refuse }: Speaking, trouble: Error, message: SubmitterMessage): boolean {
  const ids =
    message.type === "submit"
      ? message.tasks.map(({ id }) => id)
      : message.type === "create-actor"
        ? [message.creation.id]
        : message.type === "put"
          ? [message.id]
          : undefined;
  if (ids === undefined) return false;
  const text = `The coordinator takes on nothing new: ${trouble.message}. Free some space where its data is and try again`;
  for (const about of ids) refuse({ type: "refused", code: "STORAGE_FULL", message: text, about });
  return true;
}
