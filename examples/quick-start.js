import { connect } from "tabgrid";

const grid = await connect(); // TABGRID_URL, or http://127.0.0.1:7070

const square = grid.remote((x) => x * x);
console.log(await grid.get(square.map([1, 2, 3, 4]))); // [ 1, 4, 9, 16 ]

class Counter {
  total = 0;
  add(amount) {
    return (this.total += amount);
  }
}
const counter = grid.remote(Counter).remote();
counter.add.remote(3);
console.log(await counter.add.remote(4).get()); // 7
await grid.close();
