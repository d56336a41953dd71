import { describe, expect, test } from "vitest";
import {
  type BankEvidence,
  countOf,
  type Ending,
  type Finding,
  judgeAnswers,
  judgeBank,
  judgeCounter,
  judgeForgetfulCounter,
  type Order,
} from "./verdict.ts";

const pending: Ending<never> = { type: "pending" };
const unavailable: Ending<never> = { type: "error", code: "ACTOR_UNAVAILABLE", message: "may or may not have run" };
const value = <T>(of: T): Ending<T> => ({ type: "value", value: of });

const counted = (...endings: readonly (number | Ending<number>)[]) => ({
  name: "counter",
  actorId: "a",
  replies: endings.map((ending, i) => ({
    id: `c${i + 1}`,
    ending: typeof ending === "number" ? value(ending) : ending,
  })),
});
const counts = (findings: readonly Finding[]) => ({
  lost: countOf(findings, "lost"),
  doubled: countOf(findings, "doubled"),
  wrong: countOf(findings, "wrong"),
  outOfOrder: countOf(findings, "out-of-order"),
});
const none = { lost: 0, doubled: 0, wrong: 0, outOfOrder: 0 };

describe("a counter", () => {
  test("1, 2, 3 is right, and so is nothing", () => {
    expect(judgeCounter(counted(1, 2, 3))).toEqual([]);
    expect(judgeCounter(counted())).toEqual([]);
  });

  test.each([
    ["an effect that is gone again", [1, 2, 2, 3], { lost: 1 }],
    ["a state that began anew", [1, 2, 3, 1, 2], { lost: 3 }],
    ["an effect that came twice", [1, 2, 4, 5], { doubled: 1 }],
    ["a first effect that came three times", [3, 4], { doubled: 2 }],
    ["replies in another order", [1, 3, 2, 4], { outOfOrder: 2 }],
    ["a call that never ended", [1, 2, pending, 4], { lost: 1 }],
    ["a last call that never ended", [1, 2, pending], { lost: 1 }],
    ["a call that failed", [1, unavailable, 3], { wrong: 1 }],
    ["a call that failed and ran twice", [1, unavailable, 4], { wrong: 1, doubled: 1 }],
    ["a call that never ended, and a state that fell back", [1, 2, pending, 2], { lost: 2 }],
  ] as const)("finds %s", (_, replies, found) => {
    expect(counts(judgeCounter(counted(...replies)))).toEqual({ ...none, ...found });
  });

  test("names the actor and the call", () => {
    const [finding] = judgeCounter(counted(1, 2, 4));
    expect(finding).toMatchObject({ ids: ["a", "c3"], what: "1 too high: 1 2 [4]" });
  });
});

describe("a counter that forgets", () => {
  test.each([
    ["goes on", [1, 2, 3], {}],
    ["begins again", [1, 2, 1, 2], { beganAnew: 1 }],
    [
      "begins again after calls that may have run",
      [1, 2, unavailable, unavailable, 1],
      { mayHaveRun: 2, beganAnew: 1 },
    ],
    ["begins again with one of them done", [1, 2, 3, unavailable, 2], { mayHaveRun: 1, beganAnew: 1 }],
    ["goes on after one that ran all the same", [1, unavailable, 3], { mayHaveRun: 1 }],
    ["falls back to what it once was", [1, 2, 3, 4, 5, 3, 4, 1, 5], { fellBack: 2, beganAnew: 1 }],
  ] as const)("may be one that %s", (_, replies, forgotten) => {
    const nothing = { findings: [], mayHaveRun: 0, beganAnew: 0, fellBack: 0 };
    expect(judgeForgetfulCounter(counted(...replies))).toEqual({ ...nothing, ...forgotten });
  });

  test.each([
    ["an effect that came twice", [1, 3], { wrong: 1 }],
    ["a state that it never had", [1, 2, 1, 2, 9], { wrong: 1 }],
    ["a call that never ended", [1, pending], { lost: 1 }],
    ["another error", [1, { type: "error", code: "ACTOR_DIED", message: "" }], { wrong: 1 }],
  ] as const)("finds %s", (_, replies, found) => {
    expect(counts(judgeForgetfulCounter(counted(...replies)).findings)).toEqual({ ...none, ...found });
  });
});

describe("a bank", () => {
  /** Account 0 began with 10, account 1 with 0; `orders` are transfers between them. */
  const bank = (
    orders: readonly Order["ending"][],
    [from, to]: readonly [
      { readonly balance: number; readonly marks: readonly number[] },
      { readonly balance: number; readonly marks: readonly number[] },
    ],
  ): BankEvidence => ({
    name: "bank",
    accounts: [
      { actorId: "a0", opening: 10, closing: value(from) },
      { actorId: "a1", opening: 0, closing: value(to) },
    ],
    orders: orders.map((ending, i) => ({
      id: `t${i}`,
      amount: 3,
      from: { account: 0, mark: i },
      to: { account: 1, mark: i },
      ending,
    })),
  });
  const yes = value(true);
  const no = value(false);

  test("is right when each acknowledged order took effect once on both sides", () => {
    const evidence = bank(
      [yes, no, yes],
      [
        { balance: 4, marks: [1, 0, 1] },
        { balance: 6, marks: [1, 0, 1] },
      ],
    );
    expect(judgeBank(evidence)).toEqual([]);
  });

  test.each([
    ["a deposit that is missing", [yes], [7, [1]], [0, []], { lost: 1, wrong: 1 }],
    ["a deposit that was done twice", [yes], [7, [1]], [6, [2]], { doubled: 1, wrong: 1 }],
    ["a refused order that moved money", [no], [10, [0]], [3, [1]], { wrong: 2 }],
    ["money from nowhere", [yes], [7, [1]], [4, [1]], { wrong: 1 }],
    ["an order that never ended", [pending], [10, []], [0, []], { lost: 1 }],
    ["an order that failed", [unavailable], [10, []], [0, []], { wrong: 1 }],
    ["a withdrawal done twice", [yes], [4, [2]], [3, [1]], { doubled: 1, wrong: 1 }],
  ] as const)("finds %s", (_, orders, [fromBalance, fromMarks], [toBalance, toMarks], found) => {
    const evidence = bank(orders, [
      { balance: fromBalance, marks: fromMarks },
      { balance: toBalance, marks: toMarks },
    ]);
    expect(counts(judgeBank(evidence))).toEqual({ ...none, ...found });
  });

  test("finds an account that no longer answers", () => {
    const { accounts, ...rest } = bank(
      [],
      [
        { balance: 10, marks: [] },
        { balance: 0, marks: [] },
      ],
    );
    const [first, second] = accounts;
    const evidence = {
      ...rest,
      accounts: [first, second].flatMap((account) => (account ? [{ ...account, closing: pending }] : [])),
    };
    expect(counts(judgeBank(evidence))).toEqual({ ...none, lost: 2 });
  });

  test("counts many alike as one finding", () => {
    const evidence = bank(
      [yes, yes, yes, yes, yes],
      [
        { balance: -5, marks: [1, 1, 1, 1, 1] },
        { balance: 0, marks: [] },
      ],
    );
    const lost = judgeBank(evidence).filter(({ kind }) => kind === "lost");
    expect(lost).toMatchObject([{ count: 5, what: "acknowledged, and deposited 0 times at account 1" }]);
  });
});

test("answers that are not those expected, failed or never came are found", () => {
  const answers = [
    { id: "t1", what: "the first", expected: 1, ending: value(1) },
    { id: "t2", what: "the second", expected: [2], ending: value([3]) },
    { id: "t3", what: "the third", expected: 3, ending: pending },
    { id: "t4", what: "the fourth", expected: 4, ending: unavailable },
  ];
  const findings = judgeAnswers("tasks", answers);
  expect(counts(findings)).toEqual({ ...none, lost: 1, wrong: 2 });
  expect(findings.map(({ what }) => what)).toContain("the second is [3], and should be [2]");
});
