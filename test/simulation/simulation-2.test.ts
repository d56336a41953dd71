import { it } from "vitest";
import { runLarge } from "./world.ts";

const seeds = Number(process.env["SIMULATION_SEEDS"] ?? 50);

// The other half of [SIM-1], in a file of its own so that two processes share the seeds.
it(
  `[SIM-1] seeds 51 to ${50 + seeds}: 200 workers come and go, 20,000 tasks and 200 actors, every task ends exactly once`,
  { timeout: 240_000 },
  () => {
    for (let seed = 51; seed <= 50 + seeds; seed++) runLarge(seed);
  },
);
