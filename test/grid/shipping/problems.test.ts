import { describe, expect, test } from "vitest";
import { refusal, travel, written } from "./travel.ts";

describe("what is missing", () => {
  test("[SHIP-17] one variable: its place and what to write", () => {
    const train = written("function train(data) {\n  return data.map(\n    (x) => x * rate,\n  );\n}");
    const error = refusal(train);
    expect(error.message).toBe(
      'Cannot ship "train": it uses "rate" (line 3, column 16 of the function), which is defined outside it. Pass it in: grid.remote(train, { captures: { rate } })',
    );
    expect(error).toMatchObject({ code: "CAPTURE", variables: ["rate"] });
  });

  test("[SHIP-17] several: all in one error, in order of first use", () => {
    const error = refusal(written("(x) => scale(rate) + shift + rate"));
    expect(error.message).toBe(
      'Cannot ship the function: it uses "scale" (line 1, column 8 of the function), "rate" (line 1, column 14 of the function) and "shift" (line 1, column 22 of the function), ' +
        "which are defined outside it. Pass them in: grid.remote(fn, { captures: { scale, rate, shift } })",
    );
    expect(error.variables).toEqual(["scale", "rate", "shift"]);
  });

  test("[SHIP-17] variables and refused forms are listed as they come", () => {
    expect(refusal(written("() => [first, this, process, second, first]")).variables).toEqual([
      "first",
      "this",
      "process",
      "second",
    ]);
  });

  test("[SHIP-17] columns of methods are those of the method's own text", () => {
    expect(refusal(written("({ async add(a) { return rate } }).add")).message).toContain(
      "line 1, column 23 of the function",
    );
  });

  test("[SHIP-18] a helper's variables are named with the path to it", () => {
    const helper = written("(() => { const helper = (x) => x * rate; return helper })()");
    expect(refusal(written("() => helper(1)"), { captures: { helper } }).message).toContain(
      '"rate" (line 1, column 12 of "helper", which it captures)',
    );
    expect(refusal(written("() => h(1)"), { captures: { h: helper } }).message).toContain(
      '"rate" (line 1, column 12 of "helper", captured as "h")',
    );
    expect(travel(written("() => helper(1)"), { captures: { helper, rate: 4 } })()).toBe(4);
  });

  test("[SHIP-18] a base that is not captured is named as such", () => {
    const Child = written("class Child extends Base {}", { Base: class {} });
    expect(refusal(Child).message).toBe(
      'Cannot ship "Child": it uses "Base" (line 1, column 21 of the function, as its base class), which is defined outside it. Pass it in: grid.remote(Child, { captures: { Base } })',
    );
  });

  test("[SHIP-18] a native or bound capture is named with its path", () => {
    const error = refusal(written("() => log(ops)"), {
      captures: { log: console.table.bind(console), ops: [Math.max] },
    });
    expect(error.message).toContain('"log", which it captures, cannot travel: it ');
    expect(error.message).toContain('Also, "ops[0]", which it captures, cannot travel: it is built into');
    expect(error.variables).toEqual(["log", "ops[0]"]);
  });

  test("[SHIP-18] a name that means two things is refused", () => {
    const [a, b] = written(
      "(() => { const mk = (k) => { const go = (n) => n ? go(n - 1) : k2; return go }; return [mk(1), mk(2)] })()",
    );
    expect(refusal(written("() => a() + b()"), { captures: { a, b, k2: 1 } }).message).toContain(
      '"go" (line 1, column 12 of "go", captured as "b") means two different things',
    );
  });
});

describe("what no worker has", () => {
  for (const name of [
    "process",
    "Buffer",
    "require",
    "module",
    "window",
    "document",
    "localStorage",
    "alert",
    "postMessage",
    "Worker",
  ]) {
    test(`[SHIP-19] ${name} is refused with what to do instead`, () => {
      const error = refusal(written(`() => ${name}.x`));
      expect(error.message).toMatch(
        new RegExp(`it uses "${name}" \\(line 1, column 7 of the function\\), which does not exist in a worker: \\w+`),
      );
      expect(error.variables).toEqual([name]);
    });
  }
  test("[SHIP-19] unless the author asks first, or passes one in", () => {
    expect(travel(written("() => typeof window !== 'undefined' ? window.x : 'none'"))()).toBe("none");
    expect(travel(written("() => process.env.KEY"), { captures: { process: { env: { KEY: "k" } } } })()).toBe("k");
  });
  test("[SHIP-19] names people use for their own variables are not taken for the worker's", () => {
    expect(refusal(written("() => [name, close, origin, location, history, status, event]")).variables).toEqual([
      "name",
      "close",
      "origin",
      "location",
      "history",
      "status",
      "event",
    ]);
  });
});
