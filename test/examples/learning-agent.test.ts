import { describe, expect, test } from "vitest";
import { LearningAgent } from "../../examples/learning-agent/agent.js";
import { actions, features, makeWorld } from "../../examples/learning-agent/world.js";

describe("the learning agent", () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8])("misses less than a quarter after 700 rounds in world %i", (seed) => {
    const regrets = regretsOf(seed, 800);
    expect(sum(regrets.slice(-100))).toBeLessThan(sum(regrets.slice(0, 100)) / 4);
  });

  test("does better than chance from the beginning on", () => {
    const world = makeWorld(1);
    const random = Array.from({ length: 100 }, () => world.regretOf(world.nextContext(), world.randomAction()));
    expect(sum(regretsOf(1, 100))).toBeLessThan(sum(random));
  });

  test("the same seed gives the same run", () => {
    expect(regretsOf(3, 100)).toEqual(regretsOf(3, 100));
  });

  test("an agent rebuilt from a copy of its fields goes on as the first would have", () => {
    const world = makeWorld(1);
    const agent = new LearningAgent(actions, features);
    for (let round = 0; round < 50; round++) live(world, agent);
    const fields = structuredClone(Object.fromEntries(Object.entries(agent)));
    const copy = Object.assign(new LearningAgent(actions, features), fields);
    const contexts = Array.from({ length: 20 }, () => world.nextContext());
    expect(copy.learnedFrom()).toBe(50);
    expect(contexts.map((context) => copy.make_prediction(context))).toEqual(
      contexts.map((context) => agent.make_prediction(context)),
    );
  });
});

function regretsOf(seed: number, rounds: number): number[] {
  const world = makeWorld(seed);
  const agent = new LearningAgent(actions, features);
  return Array.from({ length: rounds }, () => live(world, agent));
}

function live(world: ReturnType<typeof makeWorld>, agent: LearningAgent): number {
  const context = world.nextContext();
  const action = agent.make_prediction(context);
  agent.receive_feedback(context, action, world.rewardOf(context, action));
  return world.regretOf(context, action);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
