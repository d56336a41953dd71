import { transformWithOxc } from "vite";
import { describe, expect, test } from "vitest";
import { factoryOf } from "./travel.ts";
import { describeFunction, refusal, travel, written } from "./travel.ts";

describe("supported helpers", () => {
  // As `npx tsx` 4.23 prints it: esbuild with keepNames.
  const tsx = `(() => {
    var __defProp = Object.defineProperty;
    var __name = (target, value) => __defProp(target, "name", { value, configurable: true });
    const train = /* @__PURE__ */ __name((data) => {
      const square = /* @__PURE__ */ __name((x) => x * x, "square");
      class Sum { static { __name(this, "Sum"); } total = 0; add(x) { this.total += x; return this; } }
      return [data.map(square).reduce((sum, x) => sum.add(x), new Sum()).total, square.name];
    }, "train");
    return train;
  })()`;
  test("[SHIP-20] tsx's and esbuild's __name", () => {
    expect(travel(written(tsx))([1, 2, 3])).toEqual([14, "square"]);
    expect(describeFunction(written(tsx)).name).toBe("train");
    expect(describeFunction(written("() => 1")).definitions).toEqual([]);
  });

  test("[SHIP-20] esbuild's __publicField, assignment included", () => {
    const A = travel(written('class A { constructor() { __publicField(this, "n", 1); } }'));
    expect(new A()).toEqual({ n: 1 });
  });

  test("[SHIP-20] istanbul's counters, and only those", () => {
    const fn = written(
      "(x) => { cov_1a2b3c4d5e().f[0]++; cov_1a2b3c4d5e().s[1]++; return x ? (cov_1a2b3c4d5e().b[0][0]++, 1) : (cov_1a2b3c4d5e().b[0][1]++, 2) }",
    );
    expect([travel(fn)(1), travel(fn)(0)]).toEqual([1, 2]);
    expect(refusal(written("() => cov_matrix[0] + cov_matrix2()")).variables).toEqual(["cov_matrix", "cov_matrix2"]);
  });

  test("[SHIP-20] a helper inside a captured function", () => {
    const helper = written('() => __name(() => 1, "inner").name');
    expect(travel(written("() => helper()"), { captures: { helper } })()).toBe("inner");
  });

  test("[SHIP-20] dynamic import is left alone", () => {
    expect(describeFunction(written('() => import("npm:ml-matrix")'))).toMatchObject({
      source: '(() => import("npm:ml-matrix"))',
      definitions: [],
    });
    // Under vitest `import()` is a call of Vite's own.
    expect(
      describeFunction(() => import("node:path")).definitions.every(({ source }) =>
        source.includes("import(specifier"),
      ),
    ).toBe(true);
  });

  test("[SHIP-20] a TypeScript source stripped by the build travels", async () => {
    const { code } = await transformWithOxc(
      "const f = <T extends number>(x: T, y?: T): number => (x satisfies number) + (y ?? 1)!; f",
      "a.ts",
    );
    expect(travel(written(`(() => { ${code.replace(/f;\s*$/, "return f;")} })()`))(1)).toBe(2);
  });
});

describe("imports", () => {
  test("[SHIP-21] a binding of an imported module is named by what was imported", () => {
    const error = refusal(written("(x) => (0, __vi_import_0__.mean)(x) + __vite_ssr_import_1__.rate"));
    expect(error.message).toContain(
      'it uses "mean" (line 1, column 12 of the function) and "rate" (line 1, column 39 of the function), which are imports of its module',
    );
    expect(error.message).toContain("{ captures: { mean, rate } }");
    expect(error.variables).toEqual(["mean", "rate"]);
  });
  test("[SHIP-21] capturing the import by its name is enough", () => {
    const fn = written("(x) => (0, __vi_import_0__.twice)(x) + __vi_import_0__.rate");
    expect(travel(fn, { captures: { twice: (x: number) => x * 2, rate: 1 } })(3)).toBe(7);
  });
  test("[SHIP-21] one module used from several places, as a base class too", () => {
    const Child = written(`(() => { class __vi_base {}; const __vi_import_0__ = { Base: __vi_base };
      class Child extends __vi_import_0__.Base { rate() { return __vi_import_0__.rate } } return Child })()`);
    class Base {}
    const fn = written(
      "() => [__vi_import_0__.twice(2), new Child().rate(), new Child() instanceof __vi_import_0__.Base]",
    );
    expect(travel(fn, { captures: { Child, twice: (x: number) => x * 2, rate: 5, Base } })()).toEqual([4, 5, true]);
  });
  test("[SHIP-21] under vitest, as in this very file", () => {
    expect(refusal(() => factoryOf).variables).toEqual(["factoryOf"]);
    expect(travel(() => factoryOf, { captures: { factoryOf: 5 } })()).toBe(5);
  });
  test("[SHIP-21] default and whole-module imports are explained", () => {
    expect(refusal(written("() => __vi_import_0__.default")).message).toContain(
      "Give a default import a const of its own and capture that",
    );
    expect(refusal(written("() => __vi_import_0__")).variables).toEqual(["__vi_import_0__"]);
  });
});

describe("refused helpers", () => {
  const table: [text: string, helper: string, tool: string][] = [
    ["function f() { return __awaiter(this, void 0, void 0, function* () {}) }", "__awaiter", "TypeScript"],
    ["class A { get() { return _class_private_field_get(this, _n) } }", "_class_private_field_get", "swc"],
    ["class A { get() { return _classPrivateFieldGet(_n, this) } }", "_classPrivateFieldGet", "Babel"],
    ["class A { constructor() { __privateAdd(this, _n, 0) } }", "__privateAdd", "esbuild"],
    ["() => __async(null, null, function* () {})", "__async", "esbuild"],
  ];
  for (const [text, helper, tool] of table) {
    test(`[SHIP-22] ${helper} is explained, and its own variables are not blamed on the user`, () => {
      const error = refusal(written(text));
      expect(error.variables).toEqual([helper]);
      expect(error.message).toContain(`a helper that ${tool} put outside it`);
      expect(error.message).toContain("es2022 or later");
    });
  }
});
