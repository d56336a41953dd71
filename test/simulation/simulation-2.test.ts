import { it } from "vitest";
import { runLarge } from "./world.ts";

// The other half of [SIM-1], in a file of its own so that two processes share the seeds.
it(
  "[SIM-1] seeds 51 to 100: 200 workers come and go, 20,000 tasks and 200 actors, every task ends exactly once",
  { timeout: 240_000 },
  () => {
    for (let seed = 51; seed <= 100; seed++) runLarge(seed);
  },
);
