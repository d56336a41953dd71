import { describe, expect, test } from "vitest";
import { inFigures, jsonOf, type Report, summaryOf, tableOf } from "../../bench/report.ts";

const report: Report = {
  date: "2026-01-02T03:04:05.000Z",
  commit: "0123456789abcdef",
  isDirty: false,
  machine: { processor: "P", cores: 2, memoryBytes: 2 ** 34, system: "linux", node: "v20", loadBefore: 0.5 },
  limitSeconds: 10,
  tookSeconds: 61.2,
  figures: [
    {
      type: "measured",
      name: "tasks",
      unit: "tasks/s",
      value: 12_345.678_9,
      samples: [12_345.678_9, 9, 20_000],
      reference: { name: "pipe", value: 50_000 },
      ratio: 0.246_913_578,
      goals: [
        { text: ">= 40 % of the reference", isMet: false },
        { text: ">= 10,000", isMet: true },
      ],
    },
    { type: "failed", name: "actor", unit: "calls/s", why: "no browser", goals: [{ text: ">= 1", isMet: undefined }] },
  ],
};

describe("the report", () => {
  test("prints a missed goal as missed, and why something was not measured", () => {
    const table = tableOf(report);
    expect(table).toMatch(/tasks +12,346 +tasks\/s +pipe +0\.25 +>= 40 % of the reference +MISSED\n +>= 10,000 +met\n/);
    expect(table).toContain("actor: NOT MEASURED: no browser");
  });

  test("counts every goal", () => {
    expect(summaryOf(report.figures)).toBe("1 goals met, 1 missed, 1 not known; 1 figures measured, 1 not");
  });

  test("JSON keeps five digits and lists of numbers on one line", () => {
    const text = jsonOf(report);
    expect(text).toContain(`"samples": [12346, 9, 20000],`);
    expect(JSON.parse(text)).toMatchObject({ figures: [{ value: 12_346, ratio: 0.246_91 }, { type: "failed" }] });
  });

  test("figures have about three digits", () => {
    expect([1.234, 12.34, 123.4, 12_345.6].map(inFigures)).toEqual(["1.23", "12.3", "123", "12,346"]);
  });
});
