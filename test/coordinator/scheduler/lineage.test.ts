import { describe, expect, it } from "vitest";
import type { ObjectId, WorkerId } from "../../../protocol/ids.ts";
import { failure, type Value } from "../../../protocol/nouns.ts";
import { aSpec } from "../../simulation/builders.ts";
import { client, lines, objectOf, SmallGrid } from "./small-grid.ts";

const stored: Value = { type: "stored", sizeBytes: 1_000_000, refs: [] };

class LineageGrid extends SmallGrid {
  constructor() {
    super();
    this.join("w1", 4);
  }
  /** Runs to its end with a value that is kept somewhere. */
  made(id: string, ...inputs: string[]): void {
    this.submit(id, {}, { inputs: inputs.map((input) => objectOf(input)) });
    this.done("w1", `${id}#1`, [stored]);
  }
  lose(...tasks: string[]): string[] {
    return lines(this.tell({ type: "objects-lost", ids: tasks.map((task) => objectOf(task)) }));
  }
  stateOfObject(task: string): string | undefined {
    return this.scheduler.records.objects.get(objectOf(task))?.state.name;
  }
}

describe("lineage", () => {
  it("[LINEAGE-1] a lost value is made again when somebody asks for it, and not before", () => {
    const grid = new LineageGrid();
    grid.made("j1.1");
    expect(grid.lose("j1.1")).toEqual(["forget j1.1:0"]);
    expect(grid.stateOfObject("j1.1")).toBe("lost");
    expect(lines(grid.want("j1.1:0"))).toEqual(["assign j1.1#2 to w1"]);
    expect(lines(grid.done("w1", "j1.1#2", [stored]))).toEqual(["deliver j1.1:0 value"]);
  });

  it("[LINEAGE-2] what is needed to make it is made first, each thing once however many need it", () => {
    const grid = new LineageGrid();
    grid.made("j1.1");
    grid.made("j1.2", "j1.1");
    grid.made("j1.3", "j1.1");
    grid.made("j1.4", "j1.2", "j1.3");
    grid.lose("j1.1", "j1.2", "j1.3", "j1.4");
    expect(lines(grid.want("j1.4:0"))).toEqual(["assign j1.1#2 to w1"]);
    expect(lines(grid.done("w1", "j1.1#2", [stored]))).toEqual(["assign j1.2#2 to w1", "assign j1.3#2 to w1"]);
    grid.done("w1", "j1.2#2", [stored]);
    expect(lines(grid.done("w1", "j1.3#2", [stored]))).toEqual(["assign j1.4#2 to w1"]);
    expect(lines(grid.done("w1", "j1.4#2", [stored]))).toEqual(["deliver j1.4:0 value"]);
  });

  it("[LINEAGE-3] a value nobody holds goes, and is made again for one that was made from it", () => {
    const grid = new LineageGrid();
    grid.made("j1.1");
    grid.made("j1.2", "j1.1");
    expect(lines(grid.release("j1.1:0"))).toEqual(["forget j1.1:0"]);
    expect(grid.stateOfObject("j1.1")).toBe("lost");
    grid.lose("j1.2");
    expect(lines(grid.want("j1.2:0"))).toEqual(["assign j1.1#2 to w1"]);
    grid.done("w1", "j1.1#2", [stored]);
    expect(lines(grid.done("w1", "j1.2#2", [stored]))).toEqual(["deliver j1.2:0 value", "forget j1.1:0"]);
    // With the last that needs it, all of it goes.
    grid.release("j1.2:0");
    expect([grid.scheduler.records.objects.size, grid.scheduler.records.tasks.size]).toEqual([0, 0]);
  });

  it("[LINEAGE-4] a chain as long as memory allows is let go, and made again, without a deep stack", () => {
    const grid = new LineageGrid();
    const many = 20_000;
    const idOf = (n: number): string => `j1.${n}`;
    grid.scheduler.handle(
      ...Array.from({ length: many }, (_, n) => ({
        type: "tasks-submitted" as const,
        at: 0,
        by: client,
        spec: aSpec(),
        tasks: [
          { id: idOf(n + 1) as never, args: new Uint8Array(0), inputs: n === 0 ? [] : [objectOf(idOf(n))], holds: [] },
        ],
      })),
    );
    for (let n = 1; n <= many; n++)
      grid.scheduler.handle({
        type: "attempts-ended",
        at: 0,
        workerId: "w1" as WorkerId,
        items: [{ type: "done", attemptId: `${idOf(n)}#1` as never, values: [stored], ranMs: 1 }],
      });
    grid.lose(...Array.from({ length: many }, (_, n) => idOf(n + 1)));
    expect(lines(grid.want(objectOf(idOf(many))))).toEqual(["assign j1.1#2 to w1 quick"]);
    for (let n = 1; n <= many; n++)
      grid.scheduler.handle({
        type: "attempts-ended",
        at: 0,
        workerId: "w1" as WorkerId,
        items: [{ type: "done", attemptId: `${idOf(n)}#2` as never, values: [stored], ranMs: 1 }],
      });
    const all = Array.from({ length: many }, (_, n) => objectOf(idOf(n + 1)));
    grid.tell({ type: "objects-released", by: client, ids: all });
    expect(grid.scheduler.records.objects.size).toBe(0);
  });

  it("[LINEAGE-5] values that travel in messages, of put and of actors are never made again", () => {
    const grid = new LineageGrid();
    grid.submit("j1.1");
    grid.done("w1", "j1.1#1");
    grid.lose("j1.1");
    expect(grid.stateOfObject("j1.1")).toBe("ready");
    grid.tell({ type: "value-put", by: client, id: "j1.2:0" as ObjectId, value: stored });
    grid.lose("j1.2");
    expect(lines(grid.want("j1.2:0"))).toEqual(["deliver j1.2:0 OBJECT_LOST"]);
  });

  it("[LINEAGE-6] a task that is queued, or finds its input gone, waits until that is made again, without blame", () => {
    const grid = new LineageGrid();
    grid.made("j1.1");
    // 1. Queued: it asks for a thread that nobody has.
    grid.submit("j1.2", { labels: { room: ["9"] } }, { inputs: [objectOf("j1.1")] });
    grid.lose("j1.1");
    expect(lines(grid.join("w9", 1, { room: "9" }))).toEqual(["assign j1.1#2 to w1"]);
    expect(grid.stateOf("j1.2")).toBe("waiting");
    expect(lines(grid.done("w1", "j1.1#2", [stored]))).toEqual(["assign j1.2#1 to w9"]);
    // 2. Running: its worker could not fetch the input.
    grid.lose("j1.1");
    expect(lines(grid.failed("w9", "j1.2#1", failure("OBJECT_LOST", "not there")))).toEqual(["assign j1.1#3 to w1"]);
    grid.done("w1", "j1.1#3", [stored]);
    expect(grid.scheduler.records.tasks.get("j1.2" as never)).toMatchObject({ retries: 0, attempts: 2 });
    expect(grid.stateOf("j1.2")).toBe("running");
  });

  it("[LINEAGE-7] what was cancelled after its end is not made again", () => {
    const grid = new LineageGrid();
    grid.made("j1.1");
    grid.tell({ type: "cancel-asked", by: client, id: "j1.1" as never, force: false, recursive: true });
    grid.lose("j1.1");
    expect(lines(grid.want("j1.1:0"))).toEqual(["deliver j1.1:0 OBJECT_LOST"]);
  });

  it("[LINEAGE-8] made again and failing, it fails who waits", () => {
    const grid = new LineageGrid();
    grid.made("j1.1");
    grid.lose("j1.1");
    grid.want("j1.1:0");
    expect(lines(grid.failed("w1", "j1.1#2"))).toEqual(["deliver j1.1:0 TASK_ERROR"]);
  });

  it("[LINEAGE-9] of several returns only those that are lost are made again", () => {
    const grid = new LineageGrid();
    grid.submit("j1.1", { kind: "tuple", returns: 2 });
    grid.done("w1", "j1.1#1", [stored, stored]);
    grid.tell({ type: "objects-lost", ids: [objectOf("j1.1", 1)] });
    expect(lines(grid.want("j1.1:0", "j1.1:1"))).toEqual(["deliver j1.1:0 value", "assign j1.1#2 to w1"]);
    expect(lines(grid.done("w1", "j1.1#2", [stored, stored]))).toEqual(["deliver j1.1:1 value"]);
  });
});
