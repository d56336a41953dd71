/**
 * A thread in this process, and a client that ships to it: what the client submits becomes the thread's orders, and what
 * the thread reports is kept in order. Everything between is the real thing, apart from the ports.
 */
import { createGrid } from "../../../grid/grid.ts";
import type { GridHost } from "../../../grid/host.ts";
import { submitterOf } from "../../../grid/submitter.ts";
import type { Context } from "../../../grid/types.ts";
import { actorId, type AttemptId, attemptId, childId, type JobId, type WorkerId } from "../../../protocol/ids.ts";
import type { SubmitterMessage, Work } from "../../../protocol/messages.ts";
import type { Spec, Submission } from "../../../protocol/nouns.ts";
import type { Turns } from "../../../worker-page/threads/turns.ts";
import type {
  ThreadActor,
  ThreadCall,
  ThreadReport,
  ThreadTask,
  ThreadValue,
} from "../../../worker-page/threads/thread-api.ts";
import { ThreadRuntime } from "../../../worker-page/threads/thread-runtime.ts";

type ReportOf<Type extends ThreadReport["type"]> = Extract<ThreadReport, { type: Type }>;
/** Test functions are called with all kinds of things. */
type AnyFunction = (...args: never[]) => unknown;
type AnyClass = new (...args: never[]) => object;

export const jobId = "jtest" as JobId;
export const workerId = "wtest" as WorkerId;

/** In Node a port hands on message after message before it lets a timer run; in a browser it takes turns, as this does. */
const nodeTurns: Turns = {
  now: () => performance.now(),
  next: (then) => void setImmediate(then),
  after(ms, then) {
    const timer = setTimeout(then, ms);
    return () => clearTimeout(timer);
  },
};

/** Time that passes only where a test, or shipped code by `globalThis.pass(ms)`, says so. */
export function aStillClock(): Turns {
  let now = 0;
  globalThis.pass = (ms) => void (now += ms);
  return { ...nodeTurns, now: () => now };
}

export function aThread(turns: Turns = nodeTurns) {
  const batches: ThreadReport[][] = [];
  const waiting = new Set<() => void>();
  const uploads = new Map<string, Uint8Array>();
  const shell = {
    uploads,
    download: async (_attemptId: AttemptId, id: string): Promise<Uint8Array> => Promise.reject(new Error(`no ${id}`)),
    upload: async (_attemptId: AttemptId, id: string, bytes: Uint8Array): Promise<void> => {
      uploads.set(id, bytes);
    },
  };
  const thread = new ThreadRuntime(
    workerId,
    {
      report(reports) {
        batches.push(structuredClone([...reports]));
        for (const look of waiting) look();
      },
      upload: (id, name, bytes) => shell.upload(id, name, bytes),
      download: (id, name) => shell.download(id, name),
    },
    turns,
  );
  const { api } = thread;
  const client = aClient((message) => {
    if (message.type === "define" && message.bytes !== undefined) api.define(message.functionId, message.bytes.slice());
  });

  const all = (): ThreadReport[] => batches.flat();
  const of = <Type extends ThreadReport["type"]>(type: Type): ReportOf<Type>[] =>
    all().filter((report): report is ReportOf<Type> => report.type === type);

  /** Resolves with what `find` gives, as soon as it gives something. */
  const until = <T>(find: () => T | undefined, what = "what was awaited"): Promise<T> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const found = find();
        if (found === undefined) return;
        waiting.delete(look);
        clearTimeout(timer);
        resolve(found);
      };
      const timer = setTimeout(
        () => reject(new Error(`${what} did not come; reports: ${JSON.stringify(all().map((report) => report.type))}`)),
        10_000,
      );
      waiting.add(look);
      look();
    });
  const outcomeOf = (id: AttemptId): Promise<ReportOf<"done" | "failed">> =>
    until(() => [...of("done"), ...of("failed")].find((report) => report.attemptId === id), `the outcome of ${id}`);
  const decoded = (bytes: Uint8Array): unknown => submitterOf(client.grid).decode(bytes.slice());

  return {
    thread,
    api,
    shell,
    client,
    batches,
    all,
    of,
    until,
    outcomeOf,
    decoded,
    /** Tasks of `fn`, made by a real client. */
    tasksOf: (fn: AnyFunction, options: Record<string, unknown> = {}) => {
      const remote = client.remote(fn, options);
      return (...args: unknown[]): ThreadTask => taskOf(client.submitted(() => remote.remote(...args)));
    },
    /** What the actor's creation and calls look like to a thread. */
    actorOf: (cls: AnyClass, options: Record<string, unknown> = {}, args: unknown[] = [], restored = false) =>
      anActor(client, cls, options, args, restored),
    /** The activation after that of `actor`, from this state. */
    restored: (actor: ThreadActor, state: ThreadValue): ThreadActor => ({
      ...actor,
      epoch: actor.epoch + 1,
      restored: true,
      state: state.bytes.slice(),
    }),
    /** One line for each: `done 1` for the first call that was made, `saved 1 {"count":1}`. */
    story: (calls: readonly ThreadCall[] = []): string[] =>
      all().flatMap((report) => {
        switch (report.type) {
          case "done":
          case "failed":
            return [`${report.type} ${calls.findIndex((call) => call.attemptId === report.attemptId) + 1}`];
          case "saved":
            return [`saved ${report.number} ${JSON.stringify(decoded(report.state.bytes))}`];
          case "retired":
            return ["retired"];
          case "actor-started":
          case "actor-ended":
            return [report.type];
          default:
            return [];
        }
      }),
    /** From now on every state is durable that many ms after it was saved. */
    commitsAfter(ms: number) {
      let seen = of("saved").length;
      waiting.add(() => {
        for (const { actorId, epoch, number } of of("saved").slice(seen))
          setTimeout(() => api.committed(actorId, epoch, number), ms);
        seen = of("saved").length;
      });
    },
    async valueOf({ attemptId: id }: { readonly attemptId: AttemptId }): Promise<unknown> {
      const outcome = await outcomeOf(id);
      if (outcome.type === "failed")
        throw Object.assign(new Error(outcome.failure.message), { failure: outcome.failure });
      return decoded(outcome.values[0]?.bytes ?? new Uint8Array());
    },
    async failureOf({ attemptId: id }: { readonly attemptId: AttemptId }) {
      const outcome = await outcomeOf(id);
      if (outcome.type === "done") throw new Error(`${id} is done`);
      return outcome.failure;
    },
  };
}

/** A client's Grid that keeps what it says. */
export function aClient(hear: (message: SubmitterMessage) => void = () => {}) {
  const said: SubmitterMessage[] = [];
  let ordinal = 0;
  const host: GridHost = {
    jobId,
    namespace: "default",
    isLasting: true,
    defined: new Set(),
    nextChild: () => childId(jobId, ordinal++),
    send(message) {
      said.push(message);
      hear(message);
    },
    upload: () => Promise.resolve(),
    download: () => Promise.reject(new Error("nothing is stored")),
    waiting() {},
    context: (): Context => {
      throw new Error("a client in a test");
    },
    close: () => Promise.resolve(),
  };
  const { grid } = createGrid(host);
  const flush = (): void => submitterOf(grid).outbox.flush();
  return {
    grid,
    said,
    flush,
    remote: (fn: AnyFunction, options: Record<string, unknown>) => {
      type Loose = {
        remote(fn: AnyFunction, options: Record<string, unknown>): { remote(...args: unknown[]): unknown };
      };
      return (grid as unknown as Loose).remote(fn, options);
    },
    /** The one submission that `submit` brings about. */
    submitted(submit: () => unknown): { readonly spec: Spec; readonly task: Submission } {
      const before = said.length;
      submit();
      flush();
      const message = said.slice(before).find((message) => message.type === "submit");
      const task = message?.tasks.at(-1);
      if (message === undefined || task === undefined) throw new Error("nothing was submitted");
      return { spec: message.spec, task };
    },
  };
}

function workOf(spec: Spec): Work {
  const { name, kind, returns, timeoutMs, backpressure } = spec;
  return {
    jobId,
    namespace: "default",
    name,
    kind,
    returns,
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(backpressure !== undefined && { backpressure }),
  };
}

export function taskOf({ spec, task }: { readonly spec: Spec; readonly task: Submission }): ThreadTask {
  if (spec.type !== "task") throw new Error("not a task");
  const { functionId, demand } = spec;
  return {
    attemptId: attemptId(task.id, 1),
    functionId,
    work: workOf(spec),
    demand,
    args: task.args.slice(),
    inputs: [],
  };
}

function anActor(
  client: ReturnType<typeof aClient>,
  cls: AnyClass,
  options: Record<string, unknown>,
  args: unknown[],
  restored: boolean,
) {
  type Handle = Record<
    string,
    { remote(...args: unknown[]): unknown; options(options: object): { remote(...args: unknown[]): unknown } }
  >;
  const before = client.said.length;
  const handle = client.remote(cls as unknown as AnyFunction, options).remote(...args) as Handle;
  client.flush();
  const message = client.said.slice(before).find((message) => message.type === "create-actor");
  if (message === undefined) throw new Error("no actor was created");
  const { spec, creation } = message;
  const id = actorId(creation.id);
  const epoch = 1;
  const actor: ThreadActor = {
    actorId: id,
    epoch,
    restored,
    work: { jobId, namespace: "default", name: spec.className, kind: "value", returns: 0 },
    spec,
    creation: { attemptId: attemptId(creation.id, 1), args: creation.args.slice(), inputs: [] },
  };
  const call = (method: string, args: unknown[] = [], options: Record<string, unknown> = {}): ThreadCall => {
    const member = handle[method];
    if (member === undefined) throw new Error(`no method ${method}`);
    const { spec, task } = client.submitted(() => member.options(options).remote(...args));
    if (spec.type !== "call") throw new Error("not a call");
    const { concurrencyGroup } = spec;
    const group = concurrencyGroup === undefined ? {} : { concurrencyGroup };
    return {
      actorId: id,
      epoch,
      method,
      ...group,
      work: workOf(spec),
      attemptId: attemptId(task.id, 1),
      args: task.args.slice(),
      inputs: [],
    };
  };
  return { actor, call, id };
}

/** What shipped functions leave behind with `globalThis.note(…)`: they run in this process. */
export function notes(): unknown[] {
  const kept: unknown[] = [];
  globalThis.note = (what) => void kept.push(typeof what === "function" ? what() : what);
  return kept;
}

declare global {
  // oxlint-disable-next-line no-var -- how a member of globalThis is declared
  var note: (what: unknown) => void;
  // oxlint-disable-next-line no-var -- the same
  var pass: (ms: number) => void;
}

/** It is there, or the test has failed. */
export function nth<T>(list: readonly T[], index: number): T {
  const item = list[index];
  if (item === undefined) throw new Error(`there are only ${list.length}`);
  return item;
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
