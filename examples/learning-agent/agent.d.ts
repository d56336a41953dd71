export class LearningAgent {
  constructor(actions: number, features: number, exploration?: number);
  make_prediction(context: readonly number[]): number;
  receive_feedback(context: readonly number[], action: number, reward: number): void;
  learnedFrom(): number;
}
