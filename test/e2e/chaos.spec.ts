import { runChaos } from "../chaos/run.ts";
import { markdown } from "../chaos/summary.ts";
import { expect, test } from "../support/grid.ts";

/** Has nearly every kind of fault in its short time, a killed coordinator among them. */
const seed = 2;

test("[GRID-49] a short chaos loses, doubles and falsifies nothing", async () => {
  test.setTimeout(300_000);
  const lines: string[] = [];
  const summary = await runChaos({
    seed,
    minutes: 40 / 60,
    browsers: 2,
    tabs: 2,
    settleMs: 60_000,
    say: (line) => lines.push(line),
  });
  // Printed by whoever reads the failure: what happened, and what it came to.
  expect(summary.findings, `${lines.join("\n")}\n\n${markdown(summary)}`).toEqual([]);
  expect(summary.restarts.length).toBeGreaterThan(0);
});
