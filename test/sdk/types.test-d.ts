/** The types of the contract, overload by overload: this file compiles, and that is the test. */
import {
  type ActorHandle,
  ActorPool,
  type Checkpointable,
  connect,
  type Context,
  type Grid,
  GridError,
  type ObjectRef,
  type ObjectRefGenerator,
  Pool,
  Queue,
  type Remote,
  type RemoteFunction,
  type RemoteGenerator,
  type RemoteTuple,
  type Resources,
  TaskError,
} from "../../sdk/index.ts";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function same<A, B>(...evidence: Same<A, B> extends true ? [] : [never]): void {
  void evidence;
}

class Counter implements Checkpointable<number> {
  total = 0;
  constructor(start: number, _step?: string) {
    this.total = start;
  }
  add(by: number): number {
    return (this.total += by);
  }
  async later(): Promise<string> {
    return "";
  }
  pair(): [number, string] {
    return [1, ""];
  }
  *history(last: number): Generator<number> {
    yield last;
  }
  async *slowly(): AsyncGenerator<Date> {}
  fail(): never {
    throw new Error();
  }
  saveState(): number {
    return this.total;
  }
  restoreState(state: number): void {
    this.total = state;
  }
}

export async function contract(grid: Grid, signal: AbortSignal): Promise<void> {
  same<ReturnType<typeof connect>, Promise<Grid>>();
  await connect(new URL("http://host"), {
    token: "t",
    jobName: "j",
    namespace: "n",
    reconnectMs: 1,
    logs: false,
    signal,
  });

  // remote: functions
  const add = grid.remote((a: number, b: number) => a + b, { numCpus: 1, captures: {}, labels: { a: ["b"], c: "d" } });
  same<typeof add, RemoteFunction<[a: number, b: number], number>>();
  const sum: ObjectRef<number> = add.remote(1, grid.put(2));
  add.remote(sum, sum);
  // @ts-expect-error an argument is missing
  add.remote(1);
  // @ts-expect-error a wrong type
  add.remote(1, "2");
  // @ts-expect-error a ref to the wrong type
  add.remote(1, grid.put("2"));
  same<ReturnType<typeof add.local>, Promise<number>>();
  same<ReturnType<typeof add.map>, ObjectRef<number>[]>();
  const asynchronous = grid.remote(async (text: string) => text.length);
  same<typeof asynchronous, RemoteFunction<[text: string], number>>();
  same<Remote<[], never>, RemoteFunction<[], never>>();
  // @ts-expect-error no such option
  grid.remote(() => 1, { numCpu: 1 });

  // remote: tuples
  const pair = grid.remote((n: number): [number, string] => [n, ""], { numReturns: 2 });
  same<typeof pair, RemoteTuple<[n: number], [number, string]>>();
  const [first, second] = pair.remote(1);
  same<typeof first, ObjectRef<number>>();
  same<typeof second, ObjectRef<string>>();
  const asyncPair = grid.remote(async (): Promise<[number, string]> => [1, ""], { numReturns: 2 });
  same<ReturnType<typeof asyncPair.remote>, [ObjectRef<number>, ObjectRef<string>]>();
  const later = grid.remote((): [number, string] => [1, ""]).options({ numReturns: 2 });
  same<ReturnType<typeof later.remote>, [ObjectRef<number>, ObjectRef<string>]>();
  same<ReturnType<typeof add.options>, typeof add>();

  // remote: generators
  const stream = grid.remote(function* (to: number) {
    yield `${to}`;
  });
  same<typeof stream, RemoteGenerator<[to: number], string>>();
  const items: ObjectRefGenerator<string> = stream.options({ backpressure: 2 }).remote(grid.put(3));
  for await (const item of items) same<typeof item, ObjectRef<string>>();
  same<typeof items.completed, ObjectRef<void>>();

  // put, get, wait
  same<ReturnType<typeof grid.put<Map<string, Date>>>, ObjectRef<Map<string, Date>>>();
  const one = await grid.get(sum, { timeoutMs: 1, signal });
  same<typeof one, number>();
  const both = await grid.get([sum, grid.put("x")]);
  same<typeof both, [number, string]>();
  const many = await grid.get([1, 2].map((n) => add.remote(n, n)));
  same<typeof many, number[]>();
  const [ready, pending] = await grid.wait([sum, sum], { numReturns: 1, timeoutMs: 0, fetchLocal: true });
  same<typeof ready, ObjectRef<number>[]>();
  same<typeof pending, ObjectRef<number>[]>();
  // @ts-expect-error a bare ref
  await grid.wait(sum);
  // @ts-expect-error no ref
  await grid.get(7);
  const wide: ObjectRef<number | string> = sum;
  await wide.get({ timeoutMs: 0 });
  const nested: ObjectRef<ObjectRef<number>> = grid.put(sum);
  same<Awaited<ReturnType<typeof nested.get>>, ObjectRef<number>>();
  {
    using scoped = grid.put(1);
    same<typeof scoped.id, string>();
  }

  // cancel, kill, free, close
  await grid.cancel(items, { force: true, recursive: false });
  await grid.cancel(sum);
  await grid.free([sum]);
  await grid.free(sum);

  // actors
  const Remote = grid.remote(Counter, {
    name: "c",
    getIfExists: true,
    lifetime: "detached",
    checkpoint: { everyCalls: 5 },
    concurrencyGroups: { io: 2 },
  });
  const counter = Remote.options({ maxRestarts: 0 }).remote(1);
  Remote.remote(grid.put(1), "step");
  // @ts-expect-error the constructor needs a number
  Remote.remote();
  same<typeof counter, ActorHandle<Counter>>();
  same<ReturnType<typeof counter.add.remote>, ObjectRef<number>>();
  same<ReturnType<typeof counter.later.remote>, ObjectRef<string>>();
  same<ReturnType<typeof counter.fail.remote>, ObjectRef<never>>();
  same<ReturnType<typeof counter.slowly.remote>, ObjectRefGenerator<Date>>();
  counter.add.options({ maxTaskRetries: 1, retryExceptions: ["X"], timeoutMs: 1, concurrencyGroup: "io" }).remote(sum);
  const [a, b] = counter.pair.options({ numReturns: 2 }).remote();
  same<[typeof a, typeof b], [ObjectRef<number>, ObjectRef<string>]>();
  for await (const item of counter.history.remote(3)) same<typeof item, ObjectRef<number>>();
  // @ts-expect-error fields are no members
  void counter.total;
  // @ts-expect-error no such method
  void counter.subtract;
  same<typeof counter.$actorId, string>();
  same<ReturnType<typeof counter.$ready>, ObjectRef<void>>();
  same<Awaited<ReturnType<typeof grid.getActor<Counter>>>, ActorHandle<Counter>>();
  await grid.kill(counter, { noRestart: false });
  const useCounter = grid.remote(async (it: ActorHandle<Counter>) => await it.add.remote(1).get());
  useCounter.remote(counter);

  // context and state
  const context: Context = grid.context();
  context.progress(0.5, "half");
  await context.checkpoint();
  same<typeof context.assignedResources, Resources>();
  const [task] = await grid.state.listTasks({ filters: [["state", "=", "running"]], limit: 5 });
  same<typeof task, object | undefined>();
  same<Awaited<ReturnType<typeof grid.clusterResources>>, Resources & { readonly workers: number }>();
  same<Awaited<ReturnType<typeof grid.timeline>>, object[]>();

  // util
  const pool = new ActorPool([counter]);
  const added = pool.map((actor, n: number) => actor.add.remote(n), [1, 2]);
  same<typeof added, AsyncIterable<number>>();
  pool.submit((actor, n: number) => actor.add.remote(n), 1);
  same<Awaited<ReturnType<typeof pool.getNext<number>>>, number>();
  same<ReturnType<typeof pool.popIdle>, ActorHandle<Counter> | undefined>();
  const queue = new Queue<number>(grid, { maxSize: 1 });
  await queue.put(1, { timeoutMs: 1 });
  same<Awaited<ReturnType<typeof queue.get>>, number>();
  const squares = await new Pool(grid, { chunkSize: "auto" }).map(async (n: number) => n * n, [1]);
  same<typeof squares, number[]>();
  for await (const length of new Pool(grid).imap((text: string) => text.length, ["a"], {
    ordered: false,
    maxInFlight: 2,
  })) {
    same<typeof length, number>();
  }

  // errors
  try {
    await sum.get();
  } catch (error) {
    if (error instanceof TaskError) same<typeof error.workerId, string>();
    if (error instanceof GridError) error.code satisfies string;
  }
  await using closing = grid;
  same<typeof closing, Grid>();
}
