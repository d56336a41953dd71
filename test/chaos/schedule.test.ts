import { expect, test } from "vitest";
import { drawSchedule, faultKinds, laneOf, type PlannedFault } from "./schedule.ts";

const size = { browsers: 3, tabs: 2, clients: 2, totalMs: 600_000 };
const seeds = [1, 2, 3, 4, 5];

test("the same seed draws the same faults, another one others", () => {
  expect(drawSchedule(7, size)).toEqual(drawSchedule(7, size));
  expect(drawSchedule(7, size)).not.toEqual(drawSchedule(8, size));
});

test.each(seeds)("ten minutes of seed %i have 300 faults and every kind", (seed) => {
  const planned = drawSchedule(seed, size);
  expect(planned.length).toBeGreaterThanOrEqual(300);
  expect(new Set(planned.map(({ kind }) => kind))).toEqual(new Set(faultKinds));
});

test.each(seeds)("with seed %i nothing is harmed twice at a time, and one tab is always left alone", (seed) => {
  const planned = drawSchedule(seed, size);
  for (const fault of planned) {
    const others = planned.filter((other) => other !== fault && isDuring(other, fault.atMs));
    expect(others.map(laneOf)).not.toContain(laneOf(fault));
    const harmed = new Set([...others, fault].flatMap(tabsOf));
    expect(harmed.size).toBeLessThan(size.browsers * size.tabs);
  }
});

test("a short schedule keeps to its time", () => {
  const totalMs = 30_000;
  const planned = drawSchedule(1, { ...size, browsers: 2, totalMs });
  expect(planned.length).toBeGreaterThan(10);
  for (const { atMs, durationMs } of planned) {
    expect(atMs).toBeLessThan(totalMs);
    expect(durationMs).toBeLessThanOrEqual(totalMs / 3);
  }
});

test("only the wanted kinds are drawn", () => {
  const planned = drawSchedule(1, { ...size, kinds: ["tab-reloaded", "client-cut"] });
  expect(new Set(planned.map(({ kind }) => kind))).toEqual(new Set(["tab-reloaded", "client-cut"]));
});

function isDuring({ atMs, durationMs }: PlannedFault, at: number): boolean {
  return atMs <= at && at < atMs + durationMs;
}

function tabsOf({ target }: PlannedFault): readonly string[] {
  if (target.type === "tab") return [`${target.browser}.${target.tab}`];
  if (target.type !== "browser") return [];
  return Array.from({ length: size.tabs }, (_, tab) => `${target.browser}.${tab}`);
}
