import { expect, test } from "vitest";
import type { Grid } from "../../../grid/types.ts";
import type { ThreadCall } from "../../../worker-page/threads/thread-api.ts";
import { aThread, notes, nth, sleep } from "./a-thread.ts";

declare const grid: Grid;

type AThread = ReturnType<typeof aThread>;
type AnActor = ReturnType<AThread["actorOf"]>;

/** Makes the actor, calls it, and gives what there is to restore it from: on this thread or on another. */
async function saved(thread: AThread, { actor, call }: AnActor, calls: readonly [method: string, args?: unknown[]][]) {
  thread.commitsAfter(0);
  thread.api.startActor(actor);
  const made = calls.map(([method, args]) => call(method, args));
  thread.api.call(made);
  await Promise.all(made.map((one) => thread.outcomeOf(one.attemptId)));
  await sleep(10);
  const { state } = nth(thread.of("saved"), thread.of("saved").length - 1);
  thread.api.stopActor(actor.actorId);
  return thread.restored(actor, state);
}

const again = (one: ThreadCall): ThreadCall => ({ ...one, epoch: 2 });

test("[THREAD-30] an actor goes on from its fields, without its constructor", async () => {
  const thread = aThread();
  const kept = notes();
  const Counter = class Counter {
    count = 0;
    tags: string[] = [];
    forgotten? = "at first";
    constructor(from: number) {
      globalThis.note("constructor");
      this.count = from;
    }
    add(tag: string) {
      this.tags.push(tag);
      delete this.forgotten;
      return ++this.count;
    }
    all() {
      return [this.count, this.tags, "forgotten" in this, grid.context().wasRestored];
    }
  };
  const one = thread.actorOf(Counter, {}, [10]);
  const actor = await saved(thread, one, [["add", ["a"]]]);
  thread.api.startActor(actor);
  await thread.until(() => thread.of("actor-started")[1]);
  const calls = [again(one.call("add", ["b"])), again(one.call("all"))];
  thread.api.call(calls);
  expect(await thread.valueOf(nth(calls, 1))).toEqual([12, ["a", "b"], false, true]);
  expect(kept).toEqual(["constructor"]);
  // Its states are counted anew.
  expect(thread.of("saved").at(-1)).toMatchObject({ epoch: 2, number: 1 });
});

test("[THREAD-30] methods written as fields come back, and #private members are there", async () => {
  const thread = aThread();
  class Vault {
    #items: string[];
    #opened = 0;
    add = (item: string) => this.#items.push(item);
    constructor(first: string) {
      this.#items = [first];
    }
    get #size() {
      return this.#items.length;
    }
    open() {
      return [this.#items, ++this.#opened, this.#size];
    }
    saveState() {
      return { items: this.#items };
    }
    restoreState({ items }: { items: string[] }) {
      this.#items = items;
    }
  }
  class Box extends Vault {
    #label = "none";
    colour = "red";
    constructor(first: string, label: string) {
      super(first);
      this.#label = label;
    }
    show() {
      return [this.#label, this.colour, ...this.open()];
    }
    override saveState() {
      return { ...super.saveState(), label: this.#label };
    }
    override restoreState(state: { items: string[]; label: string }) {
      super.restoreState(state);
      this.#label = state.label;
    }
  }
  const one = thread.actorOf(Box, { captures: { Vault } }, ["a", "mine"]);
  const actor = await saved(thread, one, [["open"], ["add", ["b"]]]);
  thread.api.startActor(actor);
  const calls = [again(one.call("add", ["c"])), again(one.call("show"))];
  thread.api.call(calls);
  expect(await thread.valueOf(nth(calls, 1))).toEqual(["mine", "red", ["a", "b", "c"], 1, 3]);
});

test("[THREAD-30] a class whose methods make others of its kind makes whole ones after a restore, too", async () => {
  const thread = aThread();
  class Cell {
    static readonly kind = "cell";
    #value: number;
    constructor(value: number, { step = 1 } = {}) {
      this.#value = value + step;
    }
    compare(other: number) {
      const cell = new Cell(other, { step: 2 });
      return [cell.#value, this.#value, cell instanceof Cell, this.constructor === Cell, Cell.kind];
    }
    saveState() {
      return this.#value;
    }
    restoreState(value: number) {
      this.#value = value;
    }
  }
  const one = thread.actorOf(Cell, {}, [1]);
  const actor = await saved(thread, one, [["compare", [1]]]);
  thread.api.startActor(actor);
  const call = again(one.call("compare", [5]));
  thread.api.call([call]);
  expect(await thread.valueOf(call)).toEqual([7, 2, true, true, "cell"]);
});

test("[THREAD-31] calls wait until restoreState has resolved, and the actor has started only then", async () => {
  const thread = aThread();
  const one = thread.actorOf(
    class Slow {
      ready = false;
      look() {
        return this.ready;
      }
      saveState() {
        return 1;
      }
      async restoreState() {
        await new Promise((resolve) => setTimeout(resolve, 10));
        this.ready = true;
      }
    },
  );
  const actor = await saved(thread, one, [["look"]]);
  thread.api.startActor(actor);
  const call = again(one.call("look"));
  thread.api.call([call]);
  expect(thread.of("actor-started")).toHaveLength(1);
  expect(await thread.valueOf(call)).toBe(true);
  expect(thread.of("actor-started")).toHaveLength(2);
});

test("[THREAD-31] what ends before it has started is followed by a state once it has", async () => {
  const thread = aThread();
  const one = thread.actorOf(
    class Slow {
      go() {}
      saveState() {
        return 1;
      }
      async restoreState() {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
  );
  const actor = await saved(thread, one, [["go"]]);
  const before = thread.story().length;
  thread.api.startActor(actor);
  const call = again(one.call("go"));
  thread.api.call([call]);
  thread.api.cancel([call.attemptId]);
  await thread.until(() => thread.of("saved")[1]);
  expect(thread.story([call]).slice(before)).toEqual(["failed 1", "actor-started", "saved 1 1"]);
});

test.each(["throws", "rejects"])("[THREAD-31] when restoreState %s, the actor ends with that", async (how) => {
  const thread = aThread();
  const one = thread.actorOf(
    class Fragile {
      how: string;
      constructor(how: string) {
        this.how = how;
      }
      go() {}
      saveState() {
        return this.how;
      }
      restoreState(state: string) {
        if (state === "throws") throw new RangeError("cannot");
        return Promise.reject(new RangeError("cannot"));
      }
    },
    {},
    [how],
  );
  const actor = await saved(thread, one, [["go"]]);
  thread.api.startActor(actor);
  const ended = await thread.until(() => thread.of("actor-ended")[1]);
  expect(ended).toMatchObject({ epoch: 2, failure: { code: "TASK_ERROR", errorName: "RangeError" } });
  expect(thread.of("actor-started")).toHaveLength(1);
});

test("[THREAD-31] stopped while it is being restored, it never starts", async () => {
  const thread = aThread();
  const one = thread.actorOf(
    class Slow {
      go() {}
      saveState() {
        return 1;
      }
      async restoreState() {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
  );
  const actor = await saved(thread, one, [["go"]]);
  thread.api.startActor(actor);
  thread.api.stopActor(actor.actorId);
  await sleep(15);
  expect(thread.story().slice(-1)).toEqual(["actor-ended"]);
});

test("[THREAD-30] refs in its state are held again, those of its constructor's arguments are not", async () => {
  const thread = aThread();
  const kept = notes();
  const one = thread.actorOf(
    class Holder {
      ref: object | undefined = undefined;
      constructor(refs: unknown[]) {
        globalThis.note(refs.length);
      }
      keep() {
        this.ref = grid.put("kept");
      }
      id() {
        return this.ref === undefined ? undefined : Reflect.get(this.ref, "id");
      }
    },
    {},
    [[thread.client.grid.put("an argument")]],
  );
  const actor = await saved(thread, one, [["keep"]]);
  const before = thread.of("relay").length;
  thread.api.startActor(actor);
  const call = again(one.call("id"));
  thread.api.call([call]);
  const id = await thread.valueOf(call);
  const holds = thread
    .of("relay")
    .slice(before)
    .flatMap(({ message }) => (message.type === "hold" ? message.ids : []));
  expect(holds).toEqual([id]);
  expect(kept).toEqual([1]);
});
