/** Two suites: `unit` (everything Node can run alone) and `browser` (tests that open a browser themselves). */
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    // The default leaves a processor free, which on two of them leaves one.
    maxWorkers: "100%",
    projects: [
      {
        test: {
          name: "unit",
          include: ["test/**/*.test.ts"],
          exclude: ["test/**/*.browser.test.ts"],
          // Generous, so that a busy machine is slow and not wrong.
          testTimeout: 30_000,
          // The simulation makes much that is soon over: a larger nursery saves it a fifth of its time.
          execArgv: ["--max-semi-space-size=64"],
        },
      },
      {
        test: {
          name: "browser",
          include: ["test/**/*.browser.test.ts"],
          globalSetup: "test/support/built.ts",
          // Browsers compete for the processor: one file at a time measures the grid, not the machine.
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
