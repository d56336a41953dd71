import { describe, expect, it } from "vitest";
import { Scheduler } from "../../coordinator/scheduler/scheduler.ts";
import { runLarge, World } from "./world.ts";

/** One seed replays one world: SIMULATION_SEED=17 SIMULATION_SEEDS=1. Large worlds share their seeds with simulation-2. */
const first = Number(process.env["SIMULATION_SEED"] ?? 1);
const seeds = Number(process.env["SIMULATION_SEEDS"] ?? 50);

describe("a whole grid under a seed", () => {
  it(
    `[SIM-1] seeds ${first} to ${first + seeds - 1}: 200 workers come and go, 20,000 tasks and 200 actors, every task ends exactly once`,
    { timeout: 120_000 },
    () => {
      for (let seed = first; seed < first + seeds; seed++) runLarge(seed);
    },
  );

  it("[SIM-3] 20 smaller worlds, everything checked after every event", { timeout: 60_000 }, () => {
    for (let seed = 1; seed <= 20; seed++) new World({ seed, workers: 8, tasks: 500, actors: 12, checkEvery: 1 }).run();
  });

  it("[SIM-2] replaying the journal gives the same state", () => {
    const world = new World({ seed: 7, workers: 20, tasks: 2_000, actors: 20, checkEvery: 1, isJournaled: true });
    world.run();
    const again = new Scheduler({ storyEntries: 2_000, historyEntries: 100 });
    for (const event of world.journal) again.handle(event);
    expect(summary(again)).toEqual(summary(world.scheduler));
  });
});

function summary(scheduler: Scheduler): unknown {
  const { tasks, objects, actors, workers, jobs } = scheduler.records;
  return {
    tasks: [...tasks.values()].map(({ id, state, attempts, retries }) => [id, state.name, attempts, retries]),
    objects: [...objects.values()].map(({ id, state, holders }) => [id, state.name, holders]),
    actors: [...actors.values()].map(({ id, state, epoch, restarts }) => [id, state.name, epoch, restarts]),
    workers: [...workers.values()].map(({ id, cpusInUse, inHand, tasksDone }) => [id, cpusInUse, inHand, tasksDone]),
    jobs: [...jobs.values()].map(({ id, queued, running, finished, failed }) => [
      id,
      queued,
      running,
      finished,
      failed,
    ]),
  };
}
