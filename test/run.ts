/**
 * `npm run check` and `npm test`: runs every step, also after one has failed, and ends with `N passed, N failed`.
 * A step that reports no tests counts as one failure if it fails and as nothing if it does not.
 */
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { type Count, countPlaywright, countStep, countVitest, summaryLine } from "./summary.ts";

interface Step {
  readonly name: string;
  readonly command: string;
  readonly report?: { readonly file: string; readonly count: (report: unknown) => Count };
}

const root = join(import.meta.dirname, "..");
const results = join(root, "test-results");

const staticSteps: readonly Step[] = [
  { name: "format", command: "oxfmt --check" },
  { name: "lint", command: "oxlint --deny-warnings" },
  { name: "types", command: "tsc -p tsconfig.json" },
  { name: "pure types", command: "tsc -p tsconfig.pure.json" },
];

const browserSteps: readonly Step[] = [
  vitest("browser"),
  { name: "e2e", command: "playwright test", report: { file: "e2e.json", count: countPlaywright } },
];

function vitest(project: string): Step {
  const file = `${project}.json`;
  return {
    name: project,
    command: `vitest run --project ${project} --reporter=default --reporter=json --outputFile.json=test-results/${file}`,
    report: { file, count: countVitest },
  };
}

/** Quiet unless it fails, so that steps side by side do not mix their lines. */
async function runQuietly(step: Step): Promise<Count> {
  const { exitCode, output, seconds } = await run(step, "pipe");
  console.log(`${exitCode === 0 ? "ok    " : "FAILED"} ${step.name} (${seconds} s)`);
  if (exitCode !== 0) console.log(output);
  return countStep(exitCode, undefined);
}

async function runTests(step: Step): Promise<Count> {
  const { exitCode, seconds } = await run(step, "inherit");
  const count = countStep(exitCode, readReport(step));
  console.log(`${count.failed === 0 ? "ok    " : "FAILED"} ${step.name} (${seconds} s): ${summaryLine([count])}\n`);
  return count;
}

function run(step: Step, output: "pipe" | "inherit"): Promise<{ exitCode: number; output: string; seconds: string }> {
  const startedAt = performance.now();
  const child = spawn(step.command, {
    cwd: root,
    shell: true,
    stdio: ["ignore", output, output],
    env: { ...process.env, PATH: join(root, "node_modules/.bin") + delimiter + process.env["PATH"] },
  });
  const chunks: Buffer[] = [];
  child.stdout?.on("data", (chunk: Buffer) => chunks.push(chunk));
  child.stderr?.on("data", (chunk: Buffer) => chunks.push(chunk));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (exitCode) => {
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
      resolve({ exitCode: exitCode ?? 1, output: Buffer.concat(chunks).toString(), seconds });
    });
  });
}

/** Undefined if the runner broke off before it wrote one. */
function readReport(step: Step): Count | undefined {
  if (step.report === undefined) return undefined;
  try {
    return step.report.count(JSON.parse(readFileSync(join(results, step.report.file), "utf8")));
  } catch (error) {
    console.error(`Cannot read the report of ${step.name}: ${String(error)}`);
    return undefined;
  }
}

const withBrowsers = process.argv.includes("--browsers");
// Before a push every seed, before a commit some.
process.env["SIMULATION_SEEDS"] ??= withBrowsers ? "50" : "15";
rmSync(results, { recursive: true, force: true });
mkdirSync(results);
const counts = await Promise.all(staticSteps.map(runQuietly));
for (const step of withBrowsers ? [vitest("unit"), ...browserSteps] : [vitest("unit")]) {
  counts.push(await runTests(step));
}
const summary = summaryLine(counts);
writeFileSync(join(results, "summary.txt"), `${summary}\n`);
console.log(summary);
if (!summary.endsWith(" 0 failed")) process.exitCode = 1;
