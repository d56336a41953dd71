/**
 * The figures: what each is called, what it is compared with and what DESIGN.md section 9 asks of it. Owns the verdicts.
 * Knows nothing about how anything is measured.
 */
import { ratio } from "./statistics.ts";

export type Bound =
  | { readonly of: "value" | "ratio"; readonly is: "at least"; readonly limit: number }
  | { readonly of: "value" | "ratio"; readonly is: "at most" | "below"; readonly limit: number };

export interface FigureSpec {
  readonly name: string;
  readonly unit: string;
  /** Another figure of the same run; of several, the sum. */
  readonly reference?: string | readonly string[];
  readonly goals: readonly Bound[];
}

export interface Reading {
  readonly value: number;
  /** What the value was chosen or computed from. */
  readonly samples?: readonly number[];
  readonly note?: string;
}

/** What a measurement gives for each of its figures; those it leaves out could not be measured. */
export type Readings = Readonly<Record<string, Reading>>;

export interface Goal {
  readonly text: string;
  /** Undefined: it could not be told, because the reference is missing. */
  readonly isMet: boolean | undefined;
}

interface Named {
  readonly name: string;
  readonly unit: string;
}

export type Figure = Named &
  (
    | {
        readonly type: "measured";
        readonly value: number;
        readonly samples?: readonly number[];
        readonly note?: string;
        readonly reference?: { readonly name: string; readonly value: number | undefined };
        readonly ratio?: number;
        readonly goals: readonly Goal[];
      }
    | { readonly type: "failed"; readonly why: string; readonly goals: readonly Goal[] }
  );

/** `problems` says why figures without a reading have none. */
export function judge(
  specs: readonly FigureSpec[],
  readings: Readings,
  problems: Readonly<Record<string, string>>,
): readonly Figure[] {
  return specs.map(({ name, unit, reference, goals }): Figure => {
    const reading = readings[name];
    if (reading === undefined) {
      const why = problems[name] ?? "nothing was measured";
      return {
        type: "failed",
        name,
        unit,
        why,
        goals: goals.map((goal) => ({ text: inWords(goal), isMet: undefined })),
      };
    }
    const compared = reference === undefined ? undefined : sumOf([reference].flat(), readings);
    const share = ratio(reading.value, compared?.value);
    return {
      type: "measured",
      name,
      unit,
      ...reading,
      ...(compared !== undefined && { reference: compared }),
      ...(share !== undefined && { ratio: share }),
      goals: goals.map((goal) => ({
        text: inWords(goal),
        isMet: isMet(goal, goal.of === "value" ? reading.value : share),
      })),
    };
  });
}

function sumOf(
  names: readonly string[],
  readings: Readings,
): { readonly name: string; readonly value: number | undefined } {
  let value: number | undefined = 0;
  for (const name of names) {
    const one: number | undefined = readings[name]?.value;
    value = value === undefined || one === undefined ? undefined : value + one;
  }
  return { name: names.join(" + "), value };
}

function isMet({ is, limit }: Bound, actual: number | undefined): boolean | undefined {
  if (actual === undefined) return undefined;
  switch (is) {
    case "at least":
      return actual >= limit;
    case "at most":
      return actual <= limit;
    case "below":
      return actual < limit;
  }
}

const signs = { "at least": ">=", "at most": "<=", below: "<" } as const;

function inWords({ of, is, limit }: Bound): string {
  if (of === "value") return `${signs[is]} ${limit.toLocaleString("en-US")}`;
  return `${signs[is]} ${limit < 1 ? `${Math.round(limit * 100)} %` : `${limit}x`} of the reference`;
}
