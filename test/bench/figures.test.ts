import { describe, expect, test } from "vitest";
import { type FigureSpec, judge } from "../../bench/figures.ts";

const pipe: FigureSpec = { name: "pipe", unit: "msg/s", goals: [] };
const tasks: FigureSpec = {
  name: "tasks",
  unit: "tasks/s",
  reference: "pipe",
  goals: [
    { of: "ratio", is: "at least", limit: 0.4 },
    { of: "value", is: "at least", limit: 20_000 },
  ],
};

describe("judge", () => {
  test("compares with the reference and says of every goal whether it is met", () => {
    const [, figure] = judge([pipe, tasks], { pipe: { value: 60_000 }, tasks: { value: 18_000 } }, {});
    expect(figure).toMatchObject({
      type: "measured",
      value: 18_000,
      reference: { name: "pipe", value: 60_000 },
      ratio: 0.3,
      goals: [
        { text: ">= 40 % of the reference", isMet: false },
        { text: ">= 20,000", isMet: false },
      ],
    });
  });

  test("the bounds themselves count as their words say", () => {
    const goals = [
      { of: "value", is: "at least", limit: 10 },
      { of: "value", is: "at most", limit: 10 },
      { of: "value", is: "below", limit: 10 },
    ] as const;
    const [figure] = judge([{ name: "a", unit: "", goals }], { a: { value: 10 } }, {});
    expect(figure?.goals.map((goal) => goal.isMet)).toEqual([true, true, false]);
  });

  test("a goal that needs a missing reference is neither met nor missed", () => {
    const [figure] = judge([tasks], { tasks: { value: 30_000 } }, {});
    expect(figure?.goals.map((goal) => goal.isMet)).toEqual([undefined, true]);
  });

  test("what was not measured says why", () => {
    expect(judge([tasks], {}, { tasks: "no browser" })).toEqual([
      {
        type: "failed",
        name: "tasks",
        unit: "tasks/s",
        why: "no browser",
        goals: [
          { text: ">= 40 % of the reference", isMet: undefined },
          { text: ">= 20,000", isMet: undefined },
        ],
      },
    ]);
  });
});
