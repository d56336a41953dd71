/**
 * How values that are lost come back: the task that made them runs again, and before it whatever its inputs need. A task
 * whose values are kept somewhere keeps its work, and what that needs stays on record though its values may go. Values
 * that travel in messages are the coordinator's own, and are never lost; those of `put` and of actors cannot be remade.
 */
import { returnId, taskOfObject } from "../../protocol/ids.ts";
import type { Submission } from "../../protocol/nouns.ts";
import type { Machine } from "./machine.ts";
import {
  awaitInputs,
  dropValue,
  forgetIfUnheld,
  holdById,
  lostFailure,
  needsOf,
  producerOf,
  release,
  settle,
} from "./object-life.ts";
import type { ObjectRecord, Task } from "./records.ts";

/** Its work is over and kept: what it needed is held by nobody for it, but stays on record. */
export function keepLineage(m: Machine, work: Submission): void {
  for (const id of needsOf(work)) {
    const object = m.records.objects.get(id);
    if (object === undefined) continue;
    object.lineage++;
    release(m, object);
  }
}

/** Nothing can need any more what these tasks made. In a loop, since what they needed was made by others of the kind. */
export function forgetUnneeded(m: Machine): void {
  for (let id = m.unneeded.pop(); id !== undefined; id = m.unneeded.pop()) {
    const object = m.records.objects.get(id);
    if (object === undefined || object.lineage === 0) continue;
    object.lineage--;
    forgetIfUnheld(m, object);
  }
}

// ------------------------------------------------------------------------------------------ lost

/** The bytes of this stored value are gone. It is made again when somebody needs it. */
export function lose(m: Machine, object: ObjectRecord): void {
  if (object.state.name !== "ready" || object.state.value.type !== "stored") return;
  m.tell(object.id, "lost");
  dropValue(m, object);
  const producer = producerOf(m, object);
  if (producer === undefined) object.state = { name: "failed", failure: lostFailure(object.id) };
  else object.state = { name: "lost" };
}

/** Somebody needs a lost value, which is pending from then on: its maker runs again, once, however many need it. */
export function remake(m: Machine, object: ObjectRecord): void {
  if (object.state.name !== "pending") return;
  const producer = producerOf(m, object);
  if (producer === undefined) {
    // Asked for by another need, it is on its way already.
    const isComing = m.records.tasks.get(taskOfObject(object.id))?.state.name !== "finished";
    if (!isComing) settle(m, object, { name: "failed", failure: lostFailure(object.id) });
    return;
  }
  for (let i = 0; i < producer.spec.returns; i++) {
    const sibling = m.records.objects.get(returnId(producer.id, i));
    if (sibling?.state.name === "lost") sibling.state = { name: "pending" };
  }
  m.recommended.push({ task: producer, to: "waiting" });
}

/** The transition of a task that runs again for what it made: it needs its inputs as it did the first time. */
export function makeAgain(m: Machine, task: Task): void {
  const { work } = task;
  if (work === undefined) throw m.broken(task, "waiting");
  m.tell(task.id, "made again");
  task.job.finished--;
  task.endedAt = 0;
  task.state = { name: "waiting", missing: 0 };
  for (const id of needsOf(work)) {
    const object = holdById(m, id);
    if (object !== undefined && object.lineage > 0) object.lineage--;
  }
  awaitAgain(m, task);
}

// ------------------------------------------------------------------------------------------ inputs that went

/** Counts what is missing of a waiting task's inputs, and has what was lost made again. */
export function awaitAgain(m: Machine, task: Task): void {
  const inputs = awaitInputs(m, task, task.spec.name, task.work?.inputs ?? []);
  if ("failure" in inputs) m.recommended.push({ task, to: "failed", failure: inputs.failure });
  else if (inputs.missing === 0) m.recommended.push({ task, to: "queued" });
  else task.state = { name: "waiting", missing: inputs.missing };
}
