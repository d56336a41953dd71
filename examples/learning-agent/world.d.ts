export const actions: number;
export const features: number;

export function makeWorld(seed: number): {
  nextContext(): number[];
  randomAction(): number;
  rewardOf(context: readonly number[], action: number): number;
  regretOf(context: readonly number[], action: number): number;
};
