/**
 * What the agent acts in: contexts of a few features, and for each action a reward that is linear in them, plus noise.
 * The weights are hidden from the agent. The same seed gives the same world.
 */
export const actions = 4;
export const features = 5;
/** Standard deviation of what luck adds to a reward; the weights have 1. */
const noise = 2;

export function makeWorld(seed) {
  const random = randomFrom(seed);
  const hiddenWeights = Array.from({ length: actions }, () => Array.from({ length: features }, normal));

  return {
    /** The first feature is always 1. */
    nextContext: () => Array.from({ length: features }, (_, i) => (i === 0 ? 1 : normal())),
    randomAction: () => Math.floor(random() * actions),
    rewardOf: (context, action) => expectedReward(context, action) + noise * normal(),
    /** How much better the best action would have been on average. */
    regretOf: (context, action) =>
      Math.max(...hiddenWeights.map((_, other) => expectedReward(context, other))) - expectedReward(context, action),
  };

  function expectedReward(context, action) {
    return hiddenWeights[action].reduce((sum, weight, i) => sum + weight * context[i], 0);
  }

  /** Box and Muller's method. */
  function normal() {
    return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  }
}

/** Mulberry32: numbers from 0 to 1. */
function randomFrom(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
