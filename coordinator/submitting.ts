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
  readonly reply: (message: ToSubmitterMessage) => void;
}

export function isQuestion({ type }: { readonly type: string }): boolean {
  return type === "query" || type === "find-actor";
}

/** Gives the fact the message states, or answers it and gives none. */
export function factOf({ coordinator, by, jobId, reply }: Speaking, message: SubmitterMessage): Fact | undefined {
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
