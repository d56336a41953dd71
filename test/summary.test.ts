import { describe, expect, test } from "vitest";
import { countPlaywright, countStep, countVitest, summaryLine } from "./summary.ts";

describe("the summary of a run", () => {
  test("adds all runners up in one line", () => {
    const counts = [
      { passed: 3, failed: 0 },
      { passed: 4, failed: 2 },
    ];
    expect(summaryLine(counts)).toBe("7 passed, 2 failed");
  });

  test("counts a test file that does not load as one failure", () => {
    const report = {
      numPassedTests: 2,
      numFailedTests: 1,
      testResults: [
        { status: "failed", assertionResults: [{ status: "failed" }, { status: "passed" }] },
        { status: "failed", assertionResults: [] },
        { status: "passed", assertionResults: [{ status: "passed" }] },
      ],
    };
    expect(countVitest(report)).toEqual({ passed: 2, failed: 2 });
  });

  test("counts a flaky end-to-end test and an error outside of tests as failures", () => {
    const report = { stats: { expected: 5, unexpected: 1, flaky: 1, skipped: 1 }, errors: [{ message: "no browser" }] };
    expect(countPlaywright(report)).toEqual({ passed: 5, failed: 3 });
  });

  test.each([
    ["a static step that passes", 0, undefined, { passed: 0, failed: 0 }],
    ["a static step that fails", 1, undefined, { passed: 0, failed: 1 }],
    ["failed tests", 1, { passed: 5, failed: 2 }, { passed: 5, failed: 2 }],
    ["a runner that fails after all its tests passed", 1, { passed: 5, failed: 0 }, { passed: 5, failed: 1 }],
    ["a runner that ran nothing", 0, { passed: 0, failed: 0 }, { passed: 0, failed: 1 }],
  ])("counts %s", (_, exitCode, reported, expected) => {
    expect(countStep(exitCode, reported)).toEqual(expected);
  });
});
