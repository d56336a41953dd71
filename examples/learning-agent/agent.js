/**
 * A contextual bandit that learns from feedback: LinUCB with one linear model per action (Li et al. 2010, "A
 * Contextual-Bandit Approach to Personalized News Article Recommendation", algorithm 1). Plain fields only, so that an
 * actor's checkpoint is the whole agent.
 */
export class LearningAgent {
  constructor(actions, features, exploration = 3) {
    this.exploration = exploration;
    this.rounds = 0;
    // Per action: the inverse of A = I + sum of x x', and b = sum of reward * x. The weights are A's inverse times b.
    this.models = Array.from({ length: actions }, () => ({
      inverse: Array.from({ length: features }, (_, i) =>
        Array.from({ length: features }, (_, j) => (i === j ? 1 : 0)),
      ),
      b: Array.from({ length: features }, () => 0),
    }));
  }

  /** The action with the highest upper confidence bound: expected reward + exploration * how unsure it is. */
  make_prediction(context) {
    const bounds = this.models.map(({ inverse, b }) => {
      const direction = this.times(inverse, context);
      return this.dot(direction, b) + this.exploration * Math.sqrt(this.dot(direction, context));
    });
    return bounds.indexOf(Math.max(...bounds));
  }

  /** Adds x x' to A by updating its inverse (Sherman and Morrison), and reward * x to b. */
  receive_feedback(context, action, reward) {
    const { inverse, b } = this.models[action];
    const direction = this.times(inverse, context);
    const scale = 1 + this.dot(direction, context);
    for (const [i, row] of inverse.entries()) {
      for (const j of row.keys()) row[j] -= (direction[i] * direction[j]) / scale;
      b[i] += reward * context[i];
    }
    this.rounds += 1;
  }

  learnedFrom() {
    return this.rounds;
  }

  times(matrix, vector) {
    return matrix.map((row) => this.dot(row, vector));
  }

  dot(a, b) {
    return a.reduce((sum, value, i) => sum + value * b[i], 0);
  }
}
