import { describe, expect, test } from "vitest";
import { type CpuProfile, spent } from "../../bench/profile/cpu-profile.ts";

const frame = (functionName: string) => ({ functionName, url: "file:///a.js", lineNumber: 0, columnNumber: 0 });
const placeOf = ({ functionName }: { functionName: string }) => ({ what: functionName, where: `${functionName}.ts:1` });

/** main calls work, work calls itself; and nothing at all. */
const profile: CpuProfile = {
  nodes: [
    { id: 1, callFrame: frame("(root)"), children: [2, 5] },
    { id: 2, callFrame: frame("main"), children: [3] },
    { id: 3, callFrame: frame("work"), children: [4] },
    { id: 4, callFrame: frame("work") },
    { id: 5, callFrame: frame("(idle)") },
  ],
  startTime: 1_000,
  endTime: 2_000,
  samples: [2, 3, 4, 5],
  timeDeltas: [100, 200, 300, 400],
};

describe("spent", () => {
  test("tells a function's own time from that with its callees, and leaves idleness out", () => {
    const { busyUs, byFunction, withCallees } = spent(profile, placeOf);
    expect(busyUs).toBe(600);
    expect(byFunction.map(({ what, us }) => [what, us])).toEqual([
      ["work", 500],
      ["main", 100],
    ]);
    expect(withCallees.map(({ what, us }) => [what, us])).toEqual([
      ["main", 600],
      ["(root)", 600],
      ["work", 500],
    ]);
  });

  test("counts only what was sampled between the two times", () => {
    expect(spent(profile, placeOf, 1_200, 1_300).busyUs).toBe(200);
  });

  test("adds up by file", () => {
    expect(spent(profile, placeOf).byFile).toEqual([
      { file: "work.ts", us: 500 },
      { file: "main.ts", us: 100 },
    ]);
  });
});
