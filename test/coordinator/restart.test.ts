/** A coordinator that is killed and started again: what it had kept goes on, what it had not is said to it again. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { objectOf, aSpec, aSubmission, aValue, anActorSpec, aCallSpec } from "../simulation/builders.ts";
import type { ActorId, AttemptId, ObjectId } from "../../protocol/ids.ts";
import type { ToClientMessage, ToWorkerMessage, WorkerMessage } from "../../protocol/messages.ts";
import { InProcessGrid } from "./in-process-grid.ts";
import { ManualJournal } from "./manual-journal.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  for (const grid of grids.splice(0)) grid.close();
  vi.useRealTimers();
});
const grids: InProcessGrid[] = [];
const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

class Scene {
  journal = new ManualJournal();
  readonly grid = new InProcessGrid({ journal: this.journal });
  readonly heard: ToClientMessage[] = [];
  readonly told: ToWorkerMessage[] = [];

  constructor() {
    grids.push(this.grid);
  }
  async client(over: object = {}) {
    return await settled(this.grid.client((message) => this.heard.push(message), over));
  }
  async worker(over: object = {}) {
    return await settled(this.grid.worker((message) => this.told.push(message), over));
  }
  async killAndRestart(): Promise<void> {
    this.grid.kill();
    this.journal = this.journal.killed();
    await this.grid.restart(this.journal);
    await pass(1_600);
  }
  /** Attempts in the order they were assigned. */
  assigned(): AttemptId[] {
    return this.told.flatMap((message) =>
      message.type === "assign" ? message.tasks.map((task) => task.attemptId) : [],
    );
  }
  ready(): string[] {
    return this.heard.flatMap((message) =>
      message.type === "ready" ? message.objects.map(({ type, id }) => `${type} ${id}`) : [],
    );
  }
}
async function settled<T>(promise: Promise<T>): Promise<T> {
  await pass(10);
  return await promise;
}

const done = (...attemptIds: AttemptId[]): WorkerMessage => ({
  type: "outcomes",
  items: attemptIds.map((attemptId) => ({ type: "done", attemptId, values: [aValue()], ranMs: 1 })),
});
const holding = (attemptIds: readonly AttemptId[], complete = true): WorkerMessage => ({
  type: "holding",
  attemptIds,
  actors: [],
  suspendedMs: 0,
  complete,
});
const want = (...ids: ObjectId[]) => ({ type: "want", ids, values: true }) as const;

describe("a coordinator that is killed and started again", () => {
  it("[RESTART-1] begins tasks at once, and tells nobody of what it has not kept", async () => {
    const scene = new Scene();
    const client = await scene.client();
    const worker = await scene.worker();
    scene.journal.isPrompt = false;
    const task = `${client.jobId}.1`;
    client.send({ type: "submit", spec: aSpec(), tasks: [aSubmission(task)] });
    client.send(want(objectOf(task)));
    await pass(10);
    expect(scene.assigned()).toEqual([`${task}#1`]);
    worker.send(done(...scene.assigned()));
    await pass(10);
    expect(scene.ready()).toEqual([]);
    scene.journal.keep();
    await pass(10);
    expect(scene.ready()).toEqual([`value ${task}:0`]);
  });

  it("[RESTART-2] hears again what it had not kept, and takes nothing twice", async () => {
    const scene = new Scene();
    const client = await scene.client();
    const worker = await scene.worker();
    const [kept, lost] = [`${client.jobId}.1`, `${client.jobId}.2`];
    client.send({ type: "submit", spec: aSpec(), tasks: [aSubmission(kept)] });
    await pass(10);
    scene.journal.isPrompt = false;
    client.send({ type: "submit", spec: aSpec(), tasks: [aSubmission(lost)] });
    client.send(want(objectOf(kept), objectOf(lost)));
    worker.send(done(`${kept}#1` as AttemptId));
    await pass(10);
    await scene.killAndRestart();
    expect(client.welcomes.map(({ isRestored }) => isRestored)).toEqual([false, true]);
    worker.send(holding([`${lost}#1` as AttemptId]));
    await pass(10);
    // The outcome, the submission and the question came again; asking once more does no harm.
    client.send(want(objectOf(lost)));
    await pass(10);
    expect(scene.ready()).toEqual([`value ${kept}:0`]);
    worker.send(done(...scene.assigned().slice(-1)));
    await pass(10);
    expect(scene.ready()).toEqual([`value ${kept}:0`, `value ${lost}:0`]);
    expect(scene.grid.coordinator.scheduler.records.jobs.get(client.jobId)).toMatchObject({
      finished: 2,
      submitted: 2,
    });
    expect(scene.grid.troubles).toEqual([]);
  });

  it("[RESTART-3] sends again what never arrived, without blame", async () => {
    const scene = new Scene();
    const client = await scene.client();
    const worker = await scene.worker();
    const task = `${client.jobId}.1`;
    client.send({ type: "submit", spec: aSpec(), tasks: [aSubmission(task)] });
    await pass(10);
    await scene.killAndRestart();
    worker.send(holding([]));
    await pass(10);
    expect(scene.assigned()).toEqual([`${task}#1`, `${task}#2`]);
    expect(scene.grid.coordinator.scheduler.records.tasks.get(task as never)).toMatchObject({
      retries: 0,
      workersLost: 0,
    });
  });

  it("[RESTART-4] closes the jobs of clients that do not come back in time, and gives up their tabs", async () => {
    const scene = new Scene();
    const client = await scene.client();
    const worker = await scene.worker();
    client.dialing.goodbye = () => {};
    scene.grid.kill();
    // Neither finds anybody any more.
    client.dialing.goodbye();
    const open = scene.grid.open.bind(scene.grid);
    scene.grid.open = () => {
      throw new Error("nobody there");
    };
    await pass(6_000);
    scene.grid.open = open;
    scene.journal = scene.journal.killed();
    await scene.grid.restart(scene.journal);
    const { records } = scene.grid.coordinator.scheduler;
    expect([records.jobs.has(client.jobId), records.workers.has(worker.workerId)]).toEqual([true, true]);
    await pass(1_100);
    expect(records.jobs.has(client.jobId)).toBe(false);
    await pass(10_000);
    expect(records.workers.has(worker.workerId)).toBe(false);
    expect([...scene.grid.coordinator.sessions.values()].map(({ owner }) => owner.type)).toEqual(["worker"]);
  });

  it("[RESTART-5] compacted, it becomes the same again", async () => {
    const scene = new Scene();
    const client = await scene.client();
    const worker = await scene.worker();
    const [first, second] = [`${client.jobId}.1`, `${client.jobId}.2`];
    client.send({ type: "submit", spec: aSpec(), tasks: [aSubmission(first), aSubmission(second)] });
    await pass(10);
    worker.send(done(`${first}#1` as AttemptId));
    scene.journal.sizeBytes = 1e9;
    await pass(300);
    scene.journal.sizeBytes = 0;
    await scene.killAndRestart();
    worker.send(holding([`${second}#1` as AttemptId]));
    worker.send(done(`${second}#1` as AttemptId));
    client.send(want(objectOf(first), objectOf(second)));
    await pass(10);
    expect(scene.ready()).toEqual([`value ${first}:0`, `value ${second}:0`]);
  });

  it("[RESTART-6] knows its actors again, and starts no epoch twice", async () => {
    const scene = new Scene();
    const client = await scene.client();
    const worker = await scene.worker();
    const actorId = `${client.jobId}.1` as ActorId;
    client.send({ type: "create-actor", spec: anActorSpec(), creation: aSubmission(actorId) });
    await pass(10);
    worker.send({ type: "actor-started", actorId, epoch: 1 });
    await pass(10);
    await scene.killAndRestart();
    worker.send({ type: "holding", attemptIds: [], actors: [{ actorId, epoch: 1 }], suspendedMs: 0, complete: true });
    const call = `${client.jobId}.2`;
    client.send({ type: "submit", spec: aCallSpec({ actorId }), tasks: [aSubmission(call)] });
    client.send(want(objectOf(call)));
    await pass(10);
    const calls = scene.told.filter((message) => message.type === "call");
    expect(calls.at(-1)).toMatchObject({ actorId, epoch: 1, tasks: [{ attemptId: `${call}#1` }] });
    worker.send({
      type: "checkpointed",
      actorId,
      epoch: 1,
      number: 1,
      state: aValue(),
      outcomes: [{ type: "done", attemptId: `${call}#1` as AttemptId, values: [aValue()], ranMs: 1 }],
      included: [],
    });
    await pass(10);
    expect(scene.ready()).toEqual([`value ${call}:0`]);
    // It does not have it any more: it starts again from the checkpoint, under an epoch that was never given.
    await scene.killAndRestart();
    worker.send(holding([]));
    await pass(10);
    const starts = scene.told.filter((message) => message.type === "start-actor");
    expect(starts.at(-1)).toMatchObject({ actorId, restored: true, checkpoint: { epoch: 1, number: 1 } });
    expect(starts.at(-1)?.epoch).toBeGreaterThan(1_000_000);
  });
});

describe("who comes back without its memory", () => {
  it("[RESTART-7] with its ticket a client goes on with its job; the other connection ends", async () => {
    const scene = new Scene();
    const first = await scene.client();
    first.send({
      type: "submit",
      spec: aSpec(),
      tasks: [aSubmission(`${first.jobId}.1`), aSubmission(`${first.jobId}.2`)],
    });
    await pass(10);
    const second = await scene.client({ ticket: first.ticket });
    expect([second.jobId, second.submitted]).toEqual([first.jobId, 2]);
    expect(first.endings).toMatchObject([{ type: "refused", code: "REPLACED" }]);
    expect(scene.grid.coordinator.scheduler.records.jobs.get(first.jobId)).toMatchObject({ closed: false, queued: 2 });
    const forged = expect(scene.grid.client(() => {}, { ticket: `${first.jobId}.nonsense` })).rejects;
    await Promise.all([forged.toThrow("the job of this ticket"), pass(10)]);
  });

  it("[RESTART-8] with its home key a tab is the same worker again, and there is only one of it", async () => {
    const scene = new Scene();
    const first = await scene.worker();
    const again = await scene.worker({ home: { workerId: first.workerId, homeKey: first.homeKey } });
    expect(again.workerId).toBe(first.workerId);
    expect(first.endings).toMatchObject([{ type: "refused", code: "REPLACED" }]);
    const forged = await scene.worker({ home: { workerId: first.workerId, homeKey: "nonsense" } });
    expect(forged.workerId).not.toBe(first.workerId);
    expect(scene.grid.coordinator.workers.size).toBe(2);
  });

  it("[RESTART-9] a tab that is loaded anew has its actors back, and no other tab has them meanwhile", async () => {
    const scene = new Scene();
    const client = await scene.client();
    const first = await scene.worker();
    const other: ToWorkerMessage[] = [];
    const actorId = `${client.jobId}.1` as ActorId;
    client.send({ type: "create-actor", spec: anActorSpec(), creation: aSubmission(actorId) });
    await pass(10);
    first.send({ type: "actor-started", actorId, epoch: 1 });
    await settled(scene.grid.worker((message) => other.push(message)));
    first.dialing.goodbye("the page was closed");
    await pass(1_000);
    await scene.worker({ home: { workerId: first.workerId, homeKey: first.homeKey } });
    const starts = scene.told.filter((message) => message.type === "start-actor");
    expect(starts.map(({ epoch }) => epoch)).toEqual([1, 2]);
    expect(other).toEqual([]);
  });
});

describe("a disk that is full", () => {
  it("[RESTART-10] new work is refused by name; what was taken on goes on and loses nothing", async () => {
    const scene = new Scene();
    const client = await scene.client();
    const worker = await scene.worker();
    const [before, meanwhile, after] = [1, 2, 3].map((n) => `${client.jobId}.${n}`) as [string, string, string];
    client.send({ type: "submit", spec: aSpec(), tasks: [aSubmission(before)] });
    client.send(want(objectOf(before)));
    await pass(10);
    scene.journal.isPrompt = false;
    scene.journal.onTrouble(new Error("the disk is full"));
    client.send({ type: "submit", spec: aSpec(), tasks: [aSubmission(meanwhile)] });
    worker.send(done(`${before}#1` as AttemptId));
    await pass(10);
    expect(scene.heard).toMatchObject([{ type: "refused", code: "STORAGE_FULL", about: meanwhile }]);
    scene.journal.isPrompt = true;
    scene.journal.keep();
    scene.journal.onTrouble(undefined);
    client.send({ type: "submit", spec: aSpec(), tasks: [aSubmission(after)] });
    await pass(10);
    expect(scene.ready()).toEqual([`value ${before}:0`]);
    expect(scene.assigned()).toEqual([`${before}#1`, `${after}#1`]);
  });
});
