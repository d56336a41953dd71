/** Tasks: one function, four inputs, as many tabs as there are. The names are those of the talk that explains Ray. */
import { deepEqual } from "node:assert/strict";
import { connect } from "tabgrid";

async function my_func(x) {
  await new Promise((wake) => setTimeout(wake, 1_000));
  return x * 2;
}

const grid = await connect();
const remoteFunc = grid.remote(my_func);

const startedAt = performance.now();
const results = await grid.get([0, 1, 2, 3].map((x) => remoteFunc.remote(x)));
const seconds = (performance.now() - startedAt) / 1000;

console.log("my_func(x) sleeps 1 s and returns x * 2");
console.log(`my_func of 0, 1, 2, 3   -> [${results.join(", ")}]`);
console.log(`${seconds.toFixed(2)} s instead of 4 s`);
deepEqual(results, [0, 2, 4, 6]);

await grid.close();
