import { describe, expect, it } from "vitest";
import { openGrid, settled } from "./memory-host.ts";

const noop = (): number => 0;
class Actor {
  call(): void {}
}

describe("options of tasks", () => {
  it("[SDK-30] the defaults", async () => {
    const { grid, host } = openGrid();
    grid.remote(noop).remote();
    await settled();
    expect(host.last("submit").spec).toEqual({
      type: "task",
      name: "noop",
      functionId: host.last("define").functionId,
      kind: "value",
      returns: 1,
      retryErrors: { type: "none" },
      demand: { cpus: 1, gpus: 0, memoryBytes: 0, custom: {} },
      maxRetries: 3,
      priority: 0,
      placement: { type: "default" },
      labels: {},
    });
  });

  it.each([
    [
      { numCpus: 0.5, numGpus: 1, memoryBytes: 10, resources: { scanner: 1 } },
      { demand: { cpus: 0.5, gpus: 1, memoryBytes: 10, custom: { scanner: 1 } } },
    ],
    [{ retryExceptions: true }, { retryErrors: { type: "all" } }],
    [{ retryExceptions: false }, { retryErrors: { type: "none" } }],
    [{ retryExceptions: ["FlakyError"] }, { retryErrors: { type: "named", names: ["FlakyError"] } }],
    [{ schedulingStrategy: "spread" as const }, { placement: { type: "spread" } }],
    [{ schedulingStrategy: { workerId: "w1" } }, { placement: { type: "worker", workerId: "w1", soft: false } }],
    [
      { schedulingStrategy: { workerId: "w1", soft: true } },
      { placement: { type: "worker", workerId: "w1", soft: true } },
    ],
    [{ labels: { browser: "chromium", room: ["1", "2"] } }, { labels: { browser: ["chromium"], room: ["1", "2"] } }],
    [
      { timeoutMs: 5, priority: -1, name: "other", maxRetries: 0 },
      { timeoutMs: 5, priority: -1, name: "other", maxRetries: 0 },
    ],
    [{ unschedulableTimeoutMs: 0 }, { unschedulableMs: 0 }],
  ])("[SDK-30] %j", async (options, spec) => {
    const { grid, host } = openGrid();
    grid.remote(noop, options).remote();
    grid.remote(noop).options(options).remote();
    await settled();
    for (const message of host.all("submit")) expect(message.spec).toMatchObject(spec);
  });

  it("[SDK-30] -1 is no limit, and later options are laid over earlier ones", async () => {
    const { grid, host } = openGrid();
    grid.remote(noop, { maxRetries: -1, priority: 1 }).options({ priority: 2 }).remote();
    await settled();
    expect(host.last("submit").spec).not.toHaveProperty("maxRetries");
    expect(host.last("submit").spec).toMatchObject({ priority: 2 });
  });

  it.each([
    [{ numCpu: 1 }, TypeError, /"numCpu".*numCpus/],
    [{ num_returns: 1 }, TypeError, /"num_returns".*numReturns/],
    [{ numCpus: "two" }, TypeError, /"numCpus" with "two": it must be a number of at least 0.*numGpus/],
    [{ numCpus: -1 }, RangeError, /"numCpus"/],
    [{ numCpus: Number.NaN }, TypeError, /"numCpus"/],
    [{ numReturns: 1.5 }, RangeError, /"numReturns"/],
    [{ numReturns: -1 }, RangeError, /"numReturns"/],
    [{ maxRetries: -2 }, RangeError, /"maxRetries"/],
    [{ timeoutMs: 0 }, RangeError, /"timeoutMs"/],
    [{ priority: "high" }, TypeError, /"priority"/],
    [{ name: "" }, RangeError, /"name"/],
    [{ name: "é".repeat(200) }, RangeError, /"name"/],
    [{ retryExceptions: "FlakyError" }, TypeError, /"retryExceptions"/],
    [{ retryExceptions: [1] }, TypeError, /"retryExceptions"/],
    [{ schedulingStrategy: "pack" }, RangeError, /"schedulingStrategy"/],
    [{ schedulingStrategy: { placementGroup: {} } }, TypeError, /"schedulingStrategy"/],
    [{ labels: { browser: 1 } }, TypeError, /"labels"/],
    [{ labels: { browser: [] } }, RangeError, /"labels"/],
    [{ resources: { scanner: -1 } }, RangeError, /"resources"/],
    [{ captures: 1 }, TypeError, /"captures"/],
    [{ checkpoint: "call" }, TypeError, /"checkpoint"/],
    [{ backpressure: 2 }, TypeError, /"backpressure"/],
    [7, TypeError, /options of a task/],
  ])("[SDK-31] %j is refused at remote and at options", (options, type, message) => {
    const { grid } = openGrid();
    expect(() => grid.remote(noop, options as object)).toThrow(type);
    expect(() => grid.remote(noop, options as object)).toThrow(message);
    if (typeof options === "object") expect(() => grid.remote(noop).options(options as object)).toThrow(message);
  });

  it("[SDK-31] an option that is undefined counts as absent", async () => {
    const { grid, host } = openGrid();
    const options = { timeoutMs: undefined, name: undefined } as unknown as object;
    grid.remote(noop, options).remote();
    await settled();
    expect(host.last("submit").spec).toMatchObject({ name: "noop" });
    expect(host.last("submit").spec).not.toHaveProperty("timeoutMs");
  });

  it("[SDK-31] what is neither function nor class is refused", () => {
    const { grid } = openGrid();
    for (const value of [1, "f", null, undefined, {}]) expect(() => grid.remote(value as never)).toThrow(TypeError);
  });
});

describe("options of actors", () => {
  it("[SDK-30] the defaults", async () => {
    const { grid, host } = openGrid();
    grid.remote(Actor).remote();
    await settled();
    expect(host.last("create-actor").spec).toEqual({
      functionId: host.last("define").functionId,
      className: "Actor",
      namespace: "default",
      getIfExists: false,
      detached: false,
      demand: { cpus: 0, gpus: 0, memoryBytes: 0, custom: {} },
      maxConcurrency: 1,
      concurrencyGroups: {},
      maxTaskRetries: 0,
      checkpoint: { type: "call" },
      placement: { type: "default" },
      labels: {},
      methods: [{ name: "call", generator: false, required: 0 }],
    });
  });

  it.each([
    [
      { lifetime: "detached" as const, namespace: "ours" },
      { detached: true, namespace: "ours" },
    ],
    [{ checkpoint: { everyCalls: 5 } }, { checkpoint: { type: "rhythm", everyCalls: 5 } }],
    [{ checkpoint: "manual" as const }, { checkpoint: { type: "manual" } }],
    [
      { maxRestarts: 0, maxTaskRetries: 2 },
      { maxRestarts: 0, maxTaskRetries: 2 },
    ],
    [
      { maxConcurrency: 4, concurrencyGroups: { io: 2 } },
      { maxConcurrency: 4, concurrencyGroups: { io: 2 } },
    ],
  ])("[SDK-30] %j", async (options, spec) => {
    const { grid, host } = openGrid();
    grid.remote(Actor, options).remote();
    await settled();
    expect(host.last("create-actor").spec).toMatchObject(spec);
  });

  it.each([
    [{ maxRetries: 1 }, TypeError],
    [{ lifetime: "forever" }, RangeError],
    [{ maxConcurrency: 0 }, RangeError],
    [{ checkpoint: {} }, RangeError],
    [{ checkpoint: { every: 1 } }, TypeError],
    [{ checkpoint: "sometimes" }, RangeError],
    [{ concurrencyGroups: { io: 0 } }, RangeError],
    [{ getIfExists: 1 }, TypeError],
    [{ name: "" }, RangeError],
  ])("[SDK-31] %j is refused", (options, type) => {
    const { grid } = openGrid();
    expect(() => grid.remote(Actor, options as object)).toThrow(type);
    expect(() => grid.remote(Actor).options(options as object)).toThrow(type);
  });
});
