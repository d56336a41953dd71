/** The end-to-end tests: whole grids in real tabs, one at a time. */
import { defineConfig } from "@playwright/test";
import { launchOptions, requireBrowser } from "./bin/browser.ts";

export default defineConfig({
  testDir: "test/e2e",
  testMatch: "**/*.spec.ts",
  globalSetup: "./test/support/built.ts",
  workers: 1,
  timeout: 90_000,
  // A run that hangs must still end with its report.
  globalTimeout: 20 * 60_000,
  forbidOnly: process.env["CI"] !== undefined,
  outputDir: "test-results/e2e",
  reporter: [["list"], ["json", { outputFile: "test-results/e2e.json" }]],
  use: {
    launchOptions: launchOptions(await requireBrowser()),
    trace: "retain-on-failure",
  },
});
