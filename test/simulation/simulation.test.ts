import { describe, expect, it } from "vitest";
import { runLarge, runSmall, type World, type WorldOptions } from "./world.ts";

/** One seed replays one world: SIMULATION_SEED=17 SIMULATION_SEEDS=1. Large worlds share their seeds with simulation-2. */
const first = Number(process.env["SIMULATION_SEED"] ?? 1);
const seeds = Number(process.env["SIMULATION_SEEDS"] ?? 50);

function runSeveral(many: number, over: Partial<WorldOptions>): Record<string, number> {
  const counts: Record<string, number> = {};
  for (let seed = first; seed < first + Math.min(seeds, many); seed++) add(counts, runSmall(seed, over));
  return counts;
}
function add(counts: Record<string, number>, world: World): void {
  for (const [what, times] of Object.entries(world.counts)) counts[what] = (counts[what] ?? 0) + times;
}

describe("a whole grid under a seed", () => {
  it(
    `[SIM-1] seeds ${first} to ${first + seeds - 1}: 200 workers come and go, 20,000 tasks and 200 actors, every task ends exactly once`,
    { timeout: 240_000 },
    () => {
      for (let seed = first; seed < first + seeds; seed++) runLarge(seed);
    },
  );

  it("[SIM-2] replaying the journal gives the same state", () => {
    // Said at its end by every world that is compared.
    const world = runSmall(first, { kills: 0, workers: 20, tasks: 2_000, actors: 20, submitMs: 10 });
    expect(world.coordinator.history.length).toBeGreaterThan(500);
  });

  it("[SIM-3] smaller worlds, everything checked after every batch of facts", { timeout: 120_000 }, () => {
    runSeveral(20, { kills: 0 });
  });

  it("[SIM-4] [SIM-5] actors keep what they acknowledged, once and in order", { timeout: 120_000 }, () => {
    const counts = runSeveral(20, { callShare: 0.8, actors: 20, tasks: 1_000, kills: 3 });
    const happened = ["judged by call", "judged by rhythm", "calls replayed", "states restored", "actors released"];
    for (const what of happened) expect([what, counts[what] ?? 0]).toEqual([what, expect.toSatisfy(isOften)]);
  });

  it(
    "[SIM-6] [SIM-7] [SIM-8] the coordinator is killed again and again, and its journal compacted meanwhile",
    { timeout: 120_000 },
    () => {
      const counts = runSeveral(20, { kills: 12, killMs: 300, longDown: 0.05 });
      expect(counts["killed"]).toSatisfy(isOften);
    },
  );
});

function isOften(times: number): boolean {
  return times >= Math.min(seeds, 20);
}
