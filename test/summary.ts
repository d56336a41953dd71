/** Reads what the runners report and says it in one line. Knows nothing about how they are started. */
import * as v from "valibot";

export interface Count {
  readonly passed: number;
  readonly failed: number;
}

const vitestReport = v.object({
  numPassedTests: v.number(),
  numFailedTests: v.number(),
  testResults: v.array(v.object({ status: v.string(), assertionResults: v.array(v.object({ status: v.string() })) })),
});

const playwrightReport = v.object({
  stats: v.object({ expected: v.number(), unexpected: v.number(), flaky: v.number() }),
  errors: v.array(v.unknown()),
});

/** A file that fails without a failed test (it does not load, or a hook throws) counts as one. */
export function countVitest(report: unknown): Count {
  const { numPassedTests, numFailedTests, testResults } = v.parse(vitestReport, report);
  const brokenFiles = testResults.filter(
    (file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"),
  );
  return { passed: numPassedTests, failed: numFailedTests + brokenFiles.length };
}

/** A test that passes only when repeated has failed. */
export function countPlaywright(report: unknown): Count {
  const { stats, errors } = v.parse(playwrightReport, report);
  return { passed: stats.expected, failed: stats.unexpected + stats.flaky + errors.length };
}

/** What a step counts for, given how it ended and what it reported. A failure that nothing reported is still one. */
export function countStep(exitCode: number, reported: Count | undefined): Count {
  const { passed, failed } = reported ?? { passed: 0, failed: 0 };
  const ranNothing = reported !== undefined && passed + failed === 0;
  return { passed, failed: failed === 0 && (exitCode !== 0 || ranNothing) ? 1 : failed };
}

export function summaryLine(counts: readonly Count[]): string {
  const passed = counts.reduce((sum, count) => sum + count.passed, 0);
  const failed = counts.reduce((sum, count) => sum + count.failed, 0);
  return `${passed} passed, ${failed} failed`;
}
