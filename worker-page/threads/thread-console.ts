/**
 * What user code logs, as lines that name the attempt whose code it is: the console, and errors nobody caught. Owns the
 * formatting of arguments and the bound on how much one attempt may say.
 *
 * Exact for the synchronous part of a task or call and while one attempt runs; after an await among several, a line may
 * be given to the one that ran last (attempts.ts).
 *
 * THREAD-21: a line of log is text of at most 8 KiB, line breaks kept, and an attempt has 1,000 of them a second; how
 * many were dropped is said.
 */
import type { LogLine } from "../../protocol/nouns.ts";
import { admitLine, droppedLine, type LogBudget, newLogBudget } from "../machine/log-budget.ts";
import type { Attempt } from "./attempt.ts";
import type { Attempts } from "./attempts.ts";
import { inspect, inspectArgument } from "./inspect.ts";
import type { Reports } from "./reports.ts";
import type { Turns } from "./turns.ts";

type Level = LogLine["level"];

export class ThreadConsole {
  readonly #attempts: Attempts;
  readonly #reports: Reports;
  readonly #turns: Turns;
  readonly #budgets: Record<string, LogBudget | undefined> = Object.create(null);
  readonly #counts: Record<string, number | undefined> = Object.create(null);
  readonly #timers: Record<string, number | undefined> = Object.create(null);
  #indent = "";

  constructor(attempts: Attempts, reports: Reports, turns: Turns) {
    this.#attempts = attempts;
    this.#reports = reports;
    this.#turns = turns;
  }

  /** A line of whoever's code runs now; outside any attempt there is nobody to tell. */
  log(level: Level, text: string): void {
    const attempt = this.#attempts.running;
    if (attempt === undefined) return;
    const at = this.#turns.now();
    const budget = (this.#budgets[attempt.id] ??= newLogBudget(at));
    this.#say(admitLine(budget, { attemptId: attempt.id, level, text }, at));
  }

  /** Says what was dropped of its lines, and forgets it; called before its outcome is reported. */
  ended({ id }: Attempt): void {
    this.#indent = "";
    const budget = this.#budgets[id];
    if (budget === undefined) return;
    delete this.#budgets[id];
    this.#say(droppedLine(budget, id));
  }

  #say(lines: readonly LogLine[]): void {
    if (lines.length > 0) this.#reports.add({ type: "log", lines });
  }

  /** The members of `console` that user code is given; those not named here do nothing. */
  methods(): Readonly<Record<string, (...args: readonly unknown[]) => void>> {
    const at =
      (level: Level) =>
      (...args: readonly unknown[]): void =>
        this.log(level, indented(formatted(args), this.#indent));
    const group = (...args: readonly unknown[]): void => {
      if (args.length > 0) at("info")(...args);
      this.#indent += "  ";
    };
    const elapsed = (label: unknown): string => {
      const since = this.#timers[String(label)];
      return since === undefined
        ? `${String(label)}: no such timer`
        : `${String(label)}: ${(this.#turns.now() - since).toFixed(3)} ms`;
    };
    return {
      debug: at("debug"),
      log: at("info"),
      info: at("info"),
      warn: at("warn"),
      error: at("error"),
      dir: (value) => at("info")(inspect(value)),
      dirxml: at("info"),
      table: (value) => at("info")(inspect(value)),
      trace: (...args) => at("info")(`Trace: ${formatted(args)}\n${stackBelow(new Error().stack)}`),
      assert: (holds, ...args) => {
        if (!holds) at("error")(args.length === 0 ? "Assertion failed" : `Assertion failed: ${formatted(args)}`);
      },
      group,
      groupCollapsed: group,
      groupEnd: () => {
        this.#indent = this.#indent.slice(2);
      },
      count: (label = "default") => {
        const count = (this.#counts[String(label)] ?? 0) + 1;
        this.#counts[String(label)] = count;
        at("info")(`${String(label)}: ${count}`);
      },
      countReset: (label = "default") => {
        delete this.#counts[String(label)];
      },
      time: (label = "default") => {
        this.#timers[String(label)] ??= this.#turns.now();
      },
      timeLog: (label = "default", ...args) => at("info")(elapsed(label), ...args),
      timeEnd: (label = "default") => {
        at("info")(elapsed(label));
        delete this.#timers[String(label)];
      },
    };
  }
}

/** From here on `console` of this scope and what nobody catches in it end up as lines of log. */
export function captureConsole(scope: typeof globalThis, threadConsole: ThreadConsole): void {
  const methods = threadConsole.methods();
  for (const key of Object.keys(scope.console)) {
    Object.defineProperty(scope.console, key, {
      configurable: true,
      writable: true,
      enumerable: true,
      value: methods[key] ?? (() => {}),
    });
  }
  scope.addEventListener("error", (event) => {
    threadConsole.log("error", `Uncaught ${event.error === undefined ? event.message : inspect(event.error)}`);
    // It has been told; the shell would take it for a failure of the thread.
    event.preventDefault();
  });
  scope.addEventListener("unhandledrejection", (event) => {
    threadConsole.log("error", `Uncaught (in promise) ${inspect(event.reason)}`);
    event.preventDefault();
  });
}

/** `%s`, `%d`, `%i`, `%f`, `%o`, `%O`, `%j` and `%c` in a first text take the next argument, as in any console. */
export function formatted(args: readonly unknown[]): string {
  const [first, ...rest] = args;
  if (typeof first !== "string" || !first.includes("%")) return args.map(inspectArgument).join(" ");
  let taken = 0;
  const text = first.replace(/%([sdifoOjc%])/g, (whole, kind: string) => {
    if (kind === "%") return "%";
    if (taken >= rest.length) return whole;
    const value = rest[taken++];
    switch (kind) {
      case "s":
        return inspectArgument(value);
      case "d":
      case "f":
        return typeof value === "bigint" ? `${value}n` : String(typeof value === "object" ? NaN : Number(value));
      case "i":
        return typeof value === "bigint"
          ? `${value}n`
          : String(typeof value === "object" ? NaN : Math.trunc(Number(value)));
      case "c":
        return "";
      default:
        return inspect(value);
    }
  });
  return [text, ...rest.slice(taken).map(inspectArgument)].join(" ");
}

function indented(text: string, indent: string): string {
  return indent === "" ? text : indent + text.replaceAll("\n", `\n${indent}`);
}

/** Without the console's own frames. */
function stackBelow(stack: string | undefined): string {
  return (stack ?? "").split("\n").slice(2).join("\n");
}
