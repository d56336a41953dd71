/**
 * What users may ask for, checked where they ask: a table of the options of tasks, calls and actors, each with what it
 * accepts. Owns the words of the complaints. Knows nothing about what an option brings about.
 */
import { limits } from "../protocol/limits.ts";

type Verdict = "fits" | "wrong type" | "out of range";

interface Option {
  /** Completes `it must be …`. */
  readonly expects: string;
  check(value: unknown): Verdict;
}

const whole = (expects: string, least: number): Option => ({
  expects,
  check(value) {
    if (typeof value !== "number" || Number.isNaN(value)) return "wrong type";
    return Number.isSafeInteger(value) && value >= least ? "fits" : "out of range";
  },
});
const amount: Option = {
  expects: "a number of at least 0",
  check(value) {
    if (typeof value !== "number" || Number.isNaN(value)) return "wrong type";
    return value >= 0 && value <= Number.MAX_SAFE_INTEGER ? "fits" : "out of range";
  },
};
const anyNumber: Option = {
  expects: "a finite number",
  check: (value) =>
    typeof value !== "number" || Number.isNaN(value) ? "wrong type" : Number.isFinite(value) ? "fits" : "out of range",
};
const label: Option = {
  expects: `a text of 1 to ${limits.nameLength} bytes`,
  check(value) {
    if (typeof value !== "string") return "wrong type";
    return value !== "" && byteLength(value) <= limits.nameLength ? "fits" : "out of range";
  },
};
const yesOrNo: Option = { expects: "true or false", check: (value) => fitsIf(typeof value === "boolean") };
const oneOf = (...names: readonly string[]): Option => ({
  expects: names.map((name) => `"${name}"`).join(" or "),
  check: (value) => (typeof value !== "string" ? "wrong type" : names.includes(value) ? "fits" : "out of range"),
});
const amounts: Option = {
  expects: "an object of numbers of at least 0, by name",
  check: (value) => eachOf(value, (name, entry) => worst([label.check(name), amount.check(entry)])),
};
const widths: Option = {
  expects: "an object of whole numbers of at least 1, by name",
  check: (value) => eachOf(value, (name, entry) => worst([label.check(name), whole("", 1).check(entry)])),
};
const labels: Option = {
  expects: "an object of texts or arrays of texts, by name",
  check: (value) =>
    eachOf(value, (name, entry) => {
      const allowed: readonly unknown[] = Array.isArray(entry) ? entry : [entry];
      return worst([
        label.check(name),
        allowed.length === 0 ? "out of range" : "fits",
        ...allowed.map((text) => label.check(text)),
      ]);
    }),
};
const captures: Option = {
  expects: "an object of values, by the names the function uses",
  check: (value) => fitsIf(isPlain(value)),
};
const retryExceptions: Option = {
  expects: "true, false or an array of names of errors",
  check(value) {
    if (typeof value === "boolean") return "fits";
    return Array.isArray(value)
      ? worst([value.length <= 64 ? "fits" : "out of range", ...value.map((name) => label.check(name))])
      : "wrong type";
  },
};
const schedulingStrategy: Option = {
  expects: '"default", "spread" or { workerId, soft? }',
  check(value) {
    if (typeof value === "string") return value === "default" || value === "spread" ? "fits" : "out of range";
    if (!isPlain(value) || Object.keys(value).some((key) => key !== "workerId" && key !== "soft")) return "wrong type";
    return worst([label.check(value["workerId"]), value["soft"] === undefined ? "fits" : yesOrNo.check(value["soft"])]);
  },
};
const checkpoint: Option = {
  expects: '"call", "manual", "off" or { everyCalls?, everyMs? }',
  check(value) {
    if (typeof value === "string") return ["call", "manual", "off"].includes(value) ? "fits" : "out of range";
    if (!isPlain(value) || Object.keys(value).some((key) => key !== "everyCalls" && key !== "everyMs"))
      return "wrong type";
    const rhythm = [value["everyCalls"], value["everyMs"]].filter((every) => every !== undefined);
    return rhythm.length === 0 ? "out of range" : worst(rhythm.map((every) => whole("", 1).check(every)));
  },
};

const orForever = "a whole number of at least 0, or -1 for no limit";
const resources = { numCpus: amount, numGpus: amount, memoryBytes: amount, resources: amounts };
const numReturns = { numReturns: whole("a whole number of at least 0", 0) };
const anyCall = { retryExceptions, timeoutMs: whole("a whole number of at least 1", 1) };
const backpressure = { backpressure: whole("a whole number of at least 1", 1) };

const anyTask = {
  name: label,
  captures,
  ...anyCall,
  maxRetries: whole(orForever, -1),
  priority: anyNumber,
  schedulingStrategy,
  labels,
  unschedulableTimeoutMs: whole("a whole number of at least 0", 0),
  ...resources,
};

const anyActorCall = { ...anyCall, maxTaskRetries: whole(orForever, -1), concurrencyGroup: label };

export const optionTables = {
  task: { ...anyTask, ...numReturns },
  generator: { ...anyTask, ...backpressure },
  call: { ...anyActorCall, ...numReturns },
  "generator call": { ...anyActorCall, ...backpressure },
  actor: {
    name: label,
    namespace: label,
    captures,
    getIfExists: yesOrNo,
    lifetime: oneOf("job", "detached"),
    maxConcurrency: whole("a whole number of at least 1", 1),
    concurrencyGroups: widths,
    maxPendingCalls: whole("a whole number of at least 1, or -1 for no limit", -1),
    maxRestarts: whole(orForever, -1),
    maxTaskRetries: whole(orForever, -1),
    checkpoint,
    schedulingStrategy,
    labels,
    ...resources,
  },
  get: {
    timeoutMs: amount,
    signal: { expects: "an AbortSignal", check: (value: unknown) => fitsIf(value instanceof AbortSignal) },
  },
  wait: { numReturns: anyNumber, timeoutMs: amount, fetchLocal: yesOrNo },
  cancel: { force: yesOrNo, recursive: yesOrNo },
  kill: { noRestart: yesOrNo },
  getActor: { namespace: label },
} as const satisfies Readonly<Record<string, Readonly<Record<string, Option>>>>;

/**
 * Throws TypeError for an option that does not exist or has the wrong type, RangeError for a value that is not allowed;
 * both name the option. Options that are undefined count as absent.
 */
export function checkOptions(of: keyof typeof optionTables, options: unknown): void {
  if (options === undefined) return;
  const table: Readonly<Record<string, Option>> = optionTables[of];
  const what = /^(get|wait|cancel|kill|getActor)$/.test(of) ? `grid.${of}` : `a ${of}`.replace("a actor", "an actor");
  if (!isPlain(options))
    throw new TypeError(`Cannot use ${shown(options)} as the options of ${what}: they must be an object`);
  for (const [key, value] of Object.entries(options)) {
    if (value === undefined) continue;
    const option = Object.hasOwn(table, key) ? table[key] : undefined;
    if (option === undefined) {
      throw new TypeError(`Cannot use option "${key}": the options of ${what} are ${Object.keys(table).join(", ")}`);
    }
    const verdict = option.check(value);
    if (verdict === "fits") continue;
    const Complaint = verdict === "wrong type" ? TypeError : RangeError;
    throw new Complaint(
      `Cannot use option "${key}" with ${shown(value)}: it must be ${option.expects}. The options of ${what} are ${Object.keys(table).join(", ")}`,
    );
  }
}

function fitsIf(fits: boolean): Verdict {
  return fits ? "fits" : "wrong type";
}

function worst(verdicts: readonly Verdict[]): Verdict {
  return (
    verdicts.find((verdict) => verdict === "wrong type") ??
    verdicts.find((verdict) => verdict === "out of range") ??
    "fits"
  );
}

function eachOf(value: unknown, check: (name: string, entry: unknown) => Verdict): Verdict {
  if (!isPlain(value)) return "wrong type";
  const entries = Object.entries(value);
  return worst([entries.length <= 64 ? "fits" : "out of range", ...entries.map(([name, entry]) => check(name, entry))]);
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (typeof value === "function") return "a function";
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "an array" : "an object";
  return String(value);
}

function byteLength(text: string): number {
  // UTF-8: a unit takes three bytes at most, so short texts need no counting.
  return text.length * 3 <= limits.nameLength ? text.length : new TextEncoder().encode(text).length;
}
