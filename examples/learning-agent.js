/**
 * The talk's LearningAgent: an actor that learns from feedback while its model stays where it is, in a tab. It is drawn
 * beside a policy that chooses at random.
 *
 *   tabgrid run examples/learning-agent.js [ROUNDS]
 */
import { ok } from "node:assert/strict";
import { connect } from "tabgrid";
import { LearningAgent } from "./learning-agent/agent.js";
import { actions, features, makeWorld } from "./learning-agent/world.js";
import { livePicture, sparkline } from "./terminal.js";

const rounds = Number(process.argv[2] ?? 800);
const roundsPerPoint = 50;

const grid = await connect();
const world = makeWorld(1);
const agent = grid.remote(LearningAgent).remote(actions, features);
const picture = livePicture(process.stdout);
const agentRegrets = [];
const randomRegrets = [];

const startedAt = performance.now();
for (let round = 1; round <= rounds; round++) {
  const context = world.nextContext();
  const action = await agent.make_prediction.remote(context).get();
  // Not awaited: the calls of one handle run in order, so the next prediction knows of this feedback.
  agent.receive_feedback.remote(context, action, world.rewardOf(context, action));
  agentRegrets.push(world.regretOf(context, action));
  randomRegrets.push(world.regretOf(context, world.randomAction()));
  if (round % 10 === 0) picture.show([`round ${round} of ${rounds}`, ...chart()]);
}
const learnedFrom = await agent.learnedFrom.remote().get();
const seconds = (performance.now() - startedAt) / 1000;

const first = meanOf(agentRegrets.slice(0, 100));
const last = meanOf(agentRegrets.slice(-100));
if (!process.stdout.isTTY) console.log(chart().join("\n"));
console.log(`regret a round: ${first.toFixed(2)} in the first 100, ${last.toFixed(2)} in the last 100`);
console.log(
  `${rounds} rounds, ${(rounds / seconds).toFixed(0)} a second; the agent in its tab learned from ${learnedFrom}`,
);
ok(learnedFrom === rounds, `The agent saw ${learnedFrom} of ${rounds} rounds`);
// In 300 worlds tried it fell to 5 % on average, and to 19 % at worst.
ok(last < first / 4, "The agent has not learned: its regret did not fall below a quarter");

await grid.close();

function chart() {
  const learned = sumsOf(agentRegrets);
  const chosen = sumsOf(randomRegrets);
  const highest = Math.max(...learned, ...chosen);
  const row = (name, sums) => `${name}  ${sparkline(sums, highest)}  ${sums.map((sum) => sum.toFixed(0)).join(" ")}`;
  return [`regret per ${roundsPerPoint} rounds:`, row("learning agent", learned), row("random policy ", chosen)];
}

/** Whole points only, so that the line does not dip at its end. */
function sumsOf(regrets) {
  return Array.from({ length: Math.floor(regrets.length / roundsPerPoint) }, (_, point) =>
    regrets.slice(point * roundsPerPoint, (point + 1) * roundsPerPoint).reduce((sum, regret) => sum + regret, 0),
  );
}

function meanOf(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
