import { describe, expect, it } from "vitest";
import type { AttemptId, ObjectId, TaskId } from "../../../protocol/ids.ts";
import { failure } from "../../../protocol/nouns.ts";
import { aCallSpec, aSpec, aSubmission } from "../../simulation/builders.ts";
import { actor, ActorGrid, worker } from "./actor-grid.ts";
import { client, job, lines } from "./small-grid.ts";

describe("an actor", () => {
  it("[ACTOR-1] starts where fewest live, and calls made before it is alive follow in order", () => {
    const grid = new ActorGrid();
    grid.join("w1");
    grid.join("w2");
    expect(lines(grid.create("j1.1"))).toEqual(["start j1.1 on w1 epoch 1"]);
    expect(lines(grid.create("j1.2"))).toEqual(["start j1.2 on w2 epoch 1"]);
    expect(lines(grid.call("j1.3", "j1.1"))).toEqual([]);
    expect(lines(grid.call("j1.4", "j1.1"))).toEqual([]);
    expect(lines(grid.started("j1.1", "w1"))).toEqual([
      "call j1.3#1 of j1.1 on w1 epoch 1",
      "call j1.4#1 of j1.1 on w1 epoch 1",
    ]);
    expect(lines(grid.want("j1.1:0"))).toEqual(["deliver j1.1:0 value"]);
  });

  it("[ACTOR-2] is placed on a busy worker too: an idle actor holds no thread", () => {
    const grid = new ActorGrid();
    grid.join("w1");
    grid.submit("j1.1");
    expect(lines(grid.create("j1.2"))).toEqual(["start j1.2 on w1 epoch 1"]);
    grid.started("j1.2", "w1");
    expect(lines(grid.done("w1", "j1.1#1"))).toEqual([]);
    expect(lines(grid.submit("j1.3"))).toEqual(["assign j1.3#1 to w1"]);
  });

  it("[ACTOR-3] a call that waits for an input holds back its caller's later calls and nobody else's", () => {
    const grid = new ActorGrid();
    grid.alive("j1.1");
    grid.submit("j1.2");
    grid.call("j1.3", "j1.1", { inputs: ["j1.2:0"] as ObjectId[] });
    expect(lines(grid.call("j1.4", "j1.1"))).toEqual([]);
    const by = { type: "attempt", workerId: worker("w1"), attemptId: "j1.2#1" as AttemptId } as const;
    const other = grid.tell({
      type: "tasks-submitted",
      by,
      spec: aCallSpec({ actorId: actor("j1.1") }),
      tasks: [aSubmission("j1.2.1")],
    });
    expect(lines(other)).toEqual(["call j1.2.1#1 of j1.1 on w1 epoch 1"]);
    expect(lines(grid.done("w1", "j1.2#1"))).toEqual([
      "call j1.3#1 of j1.1 on w1 epoch 1",
      "call j1.4#1 of j1.1 on w1 epoch 1",
    ]);
  });

  it("[ACTOR-4] whose constructor throws is dead; $ready carries the error and calls say why", () => {
    const grid = new ActorGrid();
    grid.join("w1");
    grid.create("j1.1");
    grid.call("j1.2", "j1.1");
    grid.ended("j1.1", "w1", 1, false);
    expect(grid.want("j1.1:0")[0]).toMatchObject({ object: { failure: { code: "TASK_ERROR", message: "threw" } } });
    expect(grid.want("j1.2:0")[0]).toMatchObject({
      object: { failure: { code: "ACTOR_DIED", because: { message: "threw" } } },
    });
    grid.call("j1.3", "j1.1");
    expect(lines(grid.want("j1.3:0"))).toEqual(["deliver j1.3:0 ACTOR_DIED"]);
  });

  it("[ACTOR-5] whose worker leaves starts again elsewhere with the next epoch; its calls are replayed in order", () => {
    const grid = new ActorGrid();
    grid.alive("j1.1", { checkpoint: { type: "call" } });
    grid.call("j1.2", "j1.1");
    grid.call("j1.3", "j1.1");
    grid.join("w2");
    expect(lines(grid.left("w1"))).toEqual(["start j1.1 on w2 epoch 2 restored"]);
    grid.call("j1.4", "j1.1");
    expect(lines(grid.started("j1.1", "w2", 2))).toEqual([
      "call j1.2#2 of j1.1 on w2 epoch 2",
      "call j1.3#2 of j1.1 on w2 epoch 2",
      "call j1.4#1 of j1.1 on w2 epoch 2",
    ]);
  });

  it('[ACTOR-6] with checkpoint "off" calls in progress fail, and say that they may have run', () => {
    const grid = new ActorGrid();
    grid.alive("j1.1", { checkpoint: { type: "off" }, maxTaskRetries: 0 });
    grid.call("j1.2", "j1.1");
    grid.left("w1");
    expect(grid.want("j1.2:0")[0]).toMatchObject({
      object: { failure: { code: "ACTOR_UNAVAILABLE", message: expect.stringContaining("may or may not have run") } },
    });
  });

  it("[ACTOR-7] a crashed thread spends a restart; beyond them it is dead", () => {
    const grid = new ActorGrid();
    grid.alive("j1.1", { maxRestarts: 1 });
    expect(lines(grid.ended("j1.1", "w1"))).toEqual(["start j1.1 on w1 epoch 2 restored"]);
    grid.started("j1.1", "w1", 2);
    grid.call("j1.2", "j1.1");
    expect(lines(grid.ended("j1.1", "w1", 2))).toEqual([]);
    expect(lines(grid.want("j1.2:0"))).toEqual(["deliver j1.2:0 ACTOR_DIED"]);
  });

  it("[ACTOR-7] a worker that cannot fetch what it needs to start spends none either", () => {
    const grid = new ActorGrid();
    grid.join("w1");
    grid.create("j1.1", { maxRestarts: 1 });
    for (const epoch of [1, 2, 3]) {
      const orders = grid.tell({
        type: "actor-ended",
        workerId: worker("w1"),
        actorId: actor("j1.1"),
        epoch,
        failure: failure("OBJECT_LOST", "its state could not be fetched"),
        crashed: true,
      });
      expect(lines(orders)).toEqual([`start j1.1 on w1 epoch ${epoch + 1}`]);
    }
  });

  it("[ACTOR-8] news of an earlier epoch is refused", () => {
    const grid = new ActorGrid();
    grid.alive("j1.1");
    grid.join("w2");
    grid.left("w1");
    expect(lines(grid.started("j1.1", "w2", 1))).toEqual([]);
    grid.ended("j1.1", "w2", 1, false);
    expect(grid.scheduler.records.actors.get(actor("j1.1"))?.state.name).toBe("restarting");
    const stale = grid.tell({
      type: "worker-holding",
      workerId: worker("w2"),
      attemptIds: [],
      actors: [{ actorId: actor("j1.1"), epoch: 1 }],
      suspendedMs: 0,
      complete: false,
    });
    expect(lines(stale)).toEqual(["stop j1.1 on w2"]);
  });

  it("[ACTOR-9] one name, one living actor: the second fails, getIfExists gives the first, death frees the name", () => {
    const grid = new ActorGrid();
    grid.alive("j1.1", { name: "counter" });
    grid.create("j1.2", { name: "counter" });
    expect(lines(grid.want("j1.2:0"))).toEqual(["deliver j1.2:0 ACTOR_EXISTS"]);
    expect(lines(grid.create("j1.3", { name: "counter", getIfExists: true }))).toEqual(["actor j1.3 is j1.1"]);
    expect(lines(grid.call("j1.4", "j1.3"))).toEqual(["call j1.4#1 of j1.1 on w1 epoch 1"]);
    grid.tell({ type: "kill-asked", by: client, actorId: actor("j1.1"), restart: false });
    expect(lines(grid.create("j1.5", { name: "counter" }))).toEqual(["start j1.5 on w1 epoch 1"]);
  });

  it("[ACTOR-10] killed it stops at once and its calls fail; killed to restart it comes back", () => {
    const grid = new ActorGrid();
    grid.alive("j1.1");
    grid.call("j1.2", "j1.1");
    expect(lines(grid.tell({ type: "kill-asked", by: client, actorId: actor("j1.1"), restart: true }))).toEqual([
      "stop j1.1 on w1",
      "start j1.1 on w1 epoch 2 restored",
    ]);
    expect(lines(grid.want("j1.2:0"))).toEqual(["deliver j1.2:0 ACTOR_UNAVAILABLE"]);
    grid.started("j1.1", "w1", 2);
    grid.call("j1.3", "j1.1");
    expect(lines(grid.tell({ type: "kill-asked", by: client, actorId: actor("j1.1"), restart: false }))).toEqual([
      "stop j1.1 on w1",
    ]);
    expect(lines(grid.want("j1.3:0"))).toEqual(["deliver j1.3:0 ACTOR_DIED"]);
  });

  it("[ACTOR-11] outside of a call it speaks as the activation it is", () => {
    const grid = new ActorGrid();
    grid.join("w1");
    grid.create("j1.1");
    const by = { type: "attempt", workerId: worker("w1"), attemptId: "j1.1#1" as AttemptId } as const;
    expect(lines(grid.tell({ type: "tasks-submitted", by, spec: aSpec(), tasks: [aSubmission("j1.1.1")] }))).toEqual([
      "assign j1.1.1#1 to w1",
    ]);
    const stale = { ...by, attemptId: "j1.1#2" as AttemptId };
    expect(
      lines(grid.tell({ type: "tasks-submitted", by: stale, spec: aSpec(), tasks: [aSubmission("j1.1.2")] })),
    ).toEqual([]);
  });
});

describe("a job", () => {
  it("[JOB-1] that closes takes its tasks, values and actors along, and leaves detached actors", () => {
    const grid = new ActorGrid();
    grid.alive("j1.1", { detached: true, name: "keeper" });
    grid.create("j1.2");
    grid.submit("j1.3");
    grid.submit("j1.4");
    const orders = lines(grid.tell({ type: "job-closed", jobId: job }));
    expect(orders).toContain("stop j1.2 on w1");
    expect(orders).toContain("cancel j1.3#1 on w1 force");
    expect(orders).toContain("forget j1");
    const { records } = grid.scheduler;
    expect([...records.actors.keys()]).toEqual(["j1.1"]);
    expect(records.tasks.size).toBe(0);
    expect(records.attempts.size).toBe(0);
    expect(records.names.size).toBe(1);
  });
});

describe("an object", () => {
  it("[OBJECT-1] each want is answered once, with the value or without", () => {
    const grid = new ActorGrid();
    grid.join("w1");
    grid.submit("j1.1");
    expect(lines(grid.want("j1.1:0"))).toEqual([]);
    grid.tell({ type: "objects-wanted", by: client, ids: ["j1.1:0" as ObjectId], values: false });
    expect(lines(grid.done("w1", "j1.1#1"))).toEqual(["deliver j1.1:0 value", "deliver j1.1:0 exists"]);
    expect(lines(grid.want("j1.1:0"))).toEqual(["deliver j1.1:0 value"]);
    expect(lines(grid.want("j1.77:0"))).toEqual(["deliver j1.77:0 OBJECT_LOST"]);
  });

  it("[OBJECT-2] is forgotten with its last handle, and its task with it; not before it is made", () => {
    const grid = new ActorGrid();
    grid.join("w1");
    grid.submit("j1.1");
    grid.release("j1.1:0");
    expect(grid.scheduler.records.objects.size).toBe(1);
    grid.done("w1", "j1.1#1");
    expect(grid.scheduler.records.objects.size).toBe(0);
    expect(grid.scheduler.records.tasks.size).toBe(0);
  });

  it("[OBJECT-3] is kept by tasks that need it and by values that contain it", () => {
    const grid = new ActorGrid();
    grid.join("w1", 2);
    grid.submit("j1.1");
    grid.done("w1", "j1.1#1");
    grid.submit("j1.2", {}, { inputs: ["j1.1:0" as ObjectId] });
    grid.release("j1.1:0");
    expect(grid.scheduler.records.objects.has("j1.1:0" as ObjectId)).toBe(true);
    grid.done("w1", "j1.2#1", [{ type: "inline", bytes: new Uint8Array(1), refs: ["j1.1:0" as ObjectId] }]);
    expect(grid.scheduler.records.objects.has("j1.1:0" as ObjectId)).toBe(true);
    grid.release("j1.2:0");
    expect(grid.scheduler.records.objects.size).toBe(0);
  });

  it("[OBJECT-4] freed it fails who asks for it, made or not", () => {
    const grid = new ActorGrid();
    grid.join("w1");
    grid.submit("j1.1");
    grid.want("j1.1:0");
    expect(lines(grid.tell({ type: "objects-freed", by: client, ids: ["j1.1:0" as ObjectId] }))).toEqual([
      "deliver j1.1:0 OBJECT_FREED",
    ]);
    grid.done("w1", "j1.1#1");
    expect(lines(grid.want("j1.1:0"))).toEqual(["deliver j1.1:0 OBJECT_FREED"]);
  });

  it("[OBJECT-5] what a task made is let go when it ends, except what its value contains", () => {
    const grid = new ActorGrid();
    grid.join("w1", 2);
    grid.submit("j1.1");
    const by = { type: "attempt", workerId: worker("w1"), attemptId: "j1.1#1" as AttemptId } as const;
    for (const n of [1, 2])
      grid.tell({
        type: "value-put",
        by,
        id: `j1.1.${n}:0` as ObjectId,
        value: { type: "inline", bytes: new Uint8Array(1), refs: [] },
      });
    grid.done("w1", "j1.1#1", [{ type: "inline", bytes: new Uint8Array(1), refs: ["j1.1.2:0" as ObjectId] }]);
    expect([...grid.scheduler.records.objects.keys()]).toEqual(["j1.1:0", "j1.1.2:0"]);
  });

  it("[ITEMS-1] a generator's items come one by one; a re-run's repeats are dropped; the end is told", () => {
    const grid = new ActorGrid();
    grid.join("w1");
    grid.submit("j1.1", { kind: "generator" });
    const produced = (on: string, attemptId: string, index: number) =>
      lines(
        grid.tell({
          type: "item-produced",
          workerId: worker(on),
          attemptId: attemptId as AttemptId,
          index,
          value: { type: "inline", bytes: new Uint8Array(1), refs: [] },
        }),
      );
    expect(lines(grid.want("j1.1:1"))).toEqual([]);
    expect(produced("w1", "j1.1#1", 1)).toEqual(["deliver j1.1:1 value"]);
    grid.join("w2");
    grid.left("w1");
    expect(produced("w2", "j1.1#2", 1)).toEqual([]);
    produced("w2", "j1.1#2", 2);
    expect(lines(grid.want("j1.1:3"))).toEqual([]);
    expect(lines(grid.done("w2", "j1.1#2"))).toEqual(["deliver j1.1:3 ended"]);
    expect(lines(grid.want("j1.1:4"))).toEqual(["deliver j1.1:4 ended"]);
    expect(grid.scheduler.records.tasks.get("j1.1" as TaskId)?.produced).toBe(2);
  });
});
