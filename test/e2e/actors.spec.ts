import { expect, test } from "../support/grid.ts";

test("[GRID-10] the talk's two actors: [4, 10], then [4, 6]", async ({ grid }) => {
  await Promise.all([grid.tab({ name: "a" }), grid.tab({ name: "b" })]);
  const client = await grid.connect();
  class MyActor {
    coef: number;
    constructor(coef = 2) {
      this.coef = coef;
    }
    setCoef(coef: number): void {
      this.coef = coef;
    }
    async myMethod(x: number): Promise<number> {
      await new Promise((resolve) => setTimeout(resolve, 50));
      return x * this.coef;
    }
  }
  const Remote = client.remote(MyActor);
  const a = Remote.remote(2);
  const b = Remote.remote(5);
  expect(await client.get([a.myMethod.remote(2), b.myMethod.remote(2)])).toEqual([4, 10]);
  await client.get(b.setCoef.remote(3));
  expect(await client.get([a.myMethod.remote(2), b.myMethod.remote(2)])).toEqual([4, 6]);
});

test("[GRID-11] calls of one caller keep their order, 2,000 in flight", async ({ grid }) => {
  await grid.tab();
  const client = await grid.connect();
  class Counter {
    n = 0;
    add(): number {
      return ++this.n;
    }
  }
  const counter = client.remote(Counter).remote();
  await client.get(counter.$ready());
  const refs = Array.from({ length: 2_000 }, () => counter.add.remote());
  expect(await client.get(refs)).toEqual(Array.from({ length: 2_000 }, (_, i) => i + 1));
});

test("[GRID-12] named actors, getIfExists, handles as arguments, kill", async ({ grid }) => {
  await grid.tab({ threads: 2 });
  const client = await grid.connect();
  class Box {
    value: unknown;
    set(value: unknown): void {
      this.value = value;
    }
    get(): unknown {
      return this.value;
    }
  }
  const Boxes = client.remote(Box, { name: "box" });
  const box = Boxes.remote();
  await client.get(box.set.remote("kept"));
  const found = await client.getActor<Box>("box");
  expect(await client.get(found.get.remote())).toBe("kept");
  const same = Boxes.options({ getIfExists: true }).remote();
  expect(await client.get(same.get.remote())).toBe("kept");
  const put = client.remote(async (handle: typeof box) => grid_.get(handle.set.remote("by a task")), {
    captures: { grid_: client },
  });
  await client.get(put.remote(box));
  expect(await client.get(box.get.remote())).toBe("by a task");
  await expect(client.get(Boxes.remote().$ready())).rejects.toMatchObject({ code: "ACTOR_EXISTS" });
  await client.kill(box);
  await expect(client.get(box.get.remote())).rejects.toMatchObject({ code: "ACTOR_DIED" });
  await expect(client.getActor("box")).rejects.toMatchObject({ code: "ACTOR_NOT_FOUND" });
});
declare const grid_: Awaited<ReturnType<typeof import("../support/grid.ts").sdk.connect>>;
