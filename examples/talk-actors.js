/** Actors: objects that live in a tab and keep their state. The names are those of the talk that explains Ray. */
import { deepEqual } from "node:assert/strict";
import { connect } from "tabgrid";

class MyActor {
  constructor(coef) {
    this.coef = coef;
  }

  set_coef(coef) {
    this.coef = coef;
  }

  async my_method(x) {
    await new Promise((wake) => setTimeout(wake, 1_000));
    return x * this.coef;
  }
}

const grid = await connect();
const RemoteActor = grid.remote(MyActor);
const actorA = RemoteActor.remote(2);
const actorB = RemoteActor.remote(5);

const before = await grid.get([actorA.my_method.remote(2), actorB.my_method.remote(2)]);
console.log(`a = MyActor(2), b = MyActor(5)      a.my_method(2), b.my_method(2) -> [${before.join(", ")}]`);

await grid.get(actorB.set_coef.remote(3));
const after = await grid.get([actorA.my_method.remote(2), actorB.my_method.remote(2)]);
console.log(`b.set_coef(3)                       a.my_method(2), b.my_method(2) -> [${after.join(", ")}]`);

deepEqual({ before, after }, { before: [4, 10], after: [4, 6] });

await grid.close();
