/**
 * Whether what came back is what had to: nothing lost, doubled, wrong or out of order. PURE: evidence in, findings out.
 * Knows nothing about how the evidence was gathered.
 */
export type Ending<T = unknown> =
  | { readonly type: "pending" }
  | { readonly type: "value"; readonly value: T }
  | { readonly type: "error"; readonly code: string; readonly message: string };

export interface Finding {
  readonly kind: "lost" | "doubled" | "wrong" | "out-of-order";
  readonly workload: string;
  readonly count: number;
  readonly what: string;
  /** Of the tasks and actors whose story tells more. */
  readonly ids: readonly string[];
}

export interface Reply<T> {
  readonly id: string;
  readonly ending: Ending<T>;
}

export interface CounterEvidence {
  readonly name: string;
  readonly actorId: string;
  /** In the order in which one caller made the calls. */
  readonly replies: readonly Reply<number>[];
}

/** Each increment gives the new value, so the replies of one caller are 1, 2, 3 and so on. */
export function judgeCounter({ name, actorId, replies }: CounterEvidence): readonly Finding[] {
  const findings = [...unanswered(name, replies), ...failed(name, replies)];
  const values = replies.flatMap(({ ending }) => (ending.type === "value" ? [ending.value] : []));
  const isPermutation =
    new Set(values).size === values.length && values.every((value) => value >= 1 && value <= values.length);
  if (isPermutation) {
    const isDisplaced = ({ ending }: Reply<number>, i: number): boolean =>
      ending.type === "value" && ending.value !== i + 1;
    const displaced = replies.filter(isDisplaced);
    const firstDisplaced = replies.findIndex(isDisplaced);
    if (displaced.length > 0 && values.length === replies.length) {
      findings.push({
        kind: "out-of-order",
        workload: name,
        count: displaced.length,
        what: `every reply came once, in another order: ${excerpt(replies, firstDisplaced)}`,
        ids: [actorId, ...idsOf(displaced)],
      });
    }
    if (values.length === replies.length) return findings;
  }
  let next = 1;
  // Calls without a value may have taken effect: that many are forgiven in the next reply.
  let unknown = 0;
  for (const [i, { id, ending }] of replies.entries()) {
    if (ending.type !== "value") {
      unknown++;
      continue;
    }
    const { value } = ending;
    const ids = [actorId, id];
    if (value > next + unknown) {
      const count = value - next - unknown;
      findings.push({ kind: "doubled", workload: name, count, what: `${count} too high: ${excerpt(replies, i)}`, ids });
    } else if (value < next) {
      const count = next - value;
      findings.push({ kind: "lost", workload: name, count, what: `${count} too low: ${excerpt(replies, i)}`, ids });
    }
    next = value + 1;
    unknown = 0;
  }
  return findings;
}

/** How often a counter that is never checkpointed did not go on where it was. */
export interface Forgotten {
  /** Calls that failed with ActorUnavailableError: they may or may not have run. */
  readonly mayHaveRun: number;
  /** Began again at its constructor. */
  readonly beganAnew: number;
  /** Began again at a state that it had before: one it was moved with when its tab left. */
  readonly fellBack: number;
}

/**
 * A counter that is never checkpointed: it may begin again where it once was, and calls in progress then may fail with
 * ActorUnavailableError. Within one life it counts like any other, and it never gets ahead of the calls.
 */
export function judgeForgetfulCounter({ name, actorId, replies }: CounterEvidence): Forgotten & {
  readonly findings: readonly Finding[];
} {
  const isMayHaveRun = (ending: Ending): boolean => ending.type === "error" && ending.code === "ACTOR_UNAVAILABLE";
  const findings = [
    ...unanswered(name, replies),
    ...failed(
      name,
      replies.filter(({ ending }) => !isMayHaveRun(ending)),
    ),
  ];
  let last = 0;
  let highest = 0;
  let unknown = 0;
  let mayHaveRun = 0;
  let beganAnew = 0;
  let fellBack = 0;
  for (const [i, { id, ending }] of replies.entries()) {
    if (isMayHaveRun(ending)) mayHaveRun++;
    if (ending.type !== "value") {
      unknown++;
      continue;
    }
    const { value } = ending;
    const isAbove = (state: number): boolean => value > state && value <= state + 1 + unknown;
    highest = Math.max(highest, last + unknown);
    if (!isAbove(last)) {
      if (isAbove(0)) beganAnew++;
      else if (value >= 1 && value <= highest + 1) fellBack++;
      else {
        const what = `neither goes on nor begins again: ${excerpt(replies, i)}`;
        findings.push({ kind: "wrong", workload: name, count: 1, what, ids: [actorId, id] });
      }
    }
    last = value;
    unknown = 0;
  }
  return { findings, mayHaveRun, beganAnew, fellBack };
}

/** One entry of an account's book, which the account marks when it does it. */
export interface Entry {
  readonly account: number;
  readonly mark: number;
}

export interface Order {
  readonly id: string;
  readonly amount: number;
  /** Where the money leaves and where it arrives; a client that pays in or out is not an account. */
  readonly from?: Entry;
  readonly to?: Entry;
  /** False: refused, since the balance was too low. */
  readonly ending: Ending<boolean>;
}

export interface BankEvidence {
  readonly name: string;
  readonly accounts: readonly {
    readonly actorId: string;
    readonly opening: number;
    /** `marks[n]`: how often entry n was done. */
    readonly closing: Ending<{ readonly balance: number; readonly marks: ArrayLike<number> }>;
  }[];
  readonly orders: readonly Order[];
}

/** Every acknowledged order took effect once on both sides, every refused one on neither, and no money came or went. */
export function judgeBank({ name, accounts, orders }: BankEvidence): readonly Finding[] {
  const closings = accounts.map(({ actorId, closing }) => ({ id: actorId, ending: closing }));
  const findings = [
    ...unanswered(name, orders),
    ...failed(name, orders),
    ...unanswered(name, closings),
    ...failed(name, closings),
  ];
  const balances = accounts.map(({ opening }) => opening);
  for (const { id, amount, from, to, ending } of orders) {
    if (ending.type !== "value") continue;
    const times = ending.value ? 1 : 0;
    for (const [entry, side, sign] of [
      [from, "withdrawn", -1],
      [to, "deposited", 1],
    ] as const) {
      if (entry === undefined) continue;
      balances[entry.account] = (balances[entry.account] ?? 0) + sign * times * amount;
      const account = accounts[entry.account];
      if (account === undefined || account.closing.type !== "value") continue;
      const done = account.closing.value.marks[entry.mark] ?? 0;
      if (done === times) continue;
      const said = times === 1 ? "acknowledged" : "refused for want of money";
      const kind = times === 0 ? "wrong" : done > 1 ? "doubled" : "lost";
      alike(findings, {
        kind,
        workload: name,
        count: 1,
        what: `${said}, and ${side} ${done} times at account ${entry.account}`,
        ids: [account.actorId, id],
      });
    }
  }
  // An order without an answer may have moved its money.
  if (orders.some(({ ending }) => ending.type !== "value")) return findings;
  for (const [i, { actorId, closing }] of accounts.entries()) {
    if (closing.type !== "value" || closing.value.balance === balances[i]) continue;
    const what = `account ${i} has ${closing.value.balance}, and by its orders ${balances[i] ?? 0}`;
    findings.push({ kind: "wrong", workload: name, count: 1, what, ids: [actorId] });
  }
  return findings;
}

export interface Answer extends Reply<unknown> {
  readonly what: string;
  readonly expected: unknown;
}

/** Each answer is the one that was computed beforehand. */
export function judgeAnswers(name: string, answers: readonly Answer[]): readonly Finding[] {
  const findings = [...unanswered(name, answers), ...failed(name, answers)];
  for (const { id, what, expected, ending } of answers) {
    if (ending.type !== "value" || same(ending.value, expected)) continue;
    findings.push({
      kind: "wrong",
      workload: name,
      count: 1,
      what: `${what} is ${clip(ending.value)}, and should be ${clip(expected)}`,
      ids: [id],
    });
  }
  return findings;
}

export function countOf(findings: readonly Finding[], kind: Finding["kind"]): number {
  return findings.reduce((sum, finding) => sum + (finding.kind === kind ? finding.count : 0), 0);
}

function unanswered(workload: string, replies: readonly Reply<unknown>[]): Finding[] {
  const pending = replies.filter(({ ending }) => ending.type === "pending");
  if (pending.length === 0) return [];
  const what = `${pending.length} of ${replies.length} never answered`;
  return [{ kind: "lost", workload, count: pending.length, what, ids: idsOf(pending) }];
}

function failed(workload: string, replies: readonly Reply<unknown>[]): Finding[] {
  const byCode = new Map<string, { readonly message: string; readonly those: Reply<unknown>[] }>();
  for (const reply of replies) {
    if (reply.ending.type !== "error") continue;
    const { code, message } = reply.ending;
    const alike = byCode.get(code);
    if (alike === undefined) byCode.set(code, { message, those: [reply] });
    else alike.those.push(reply);
  }
  return [...byCode].map(([code, { message, those }]) => {
    const what = `${those.length} failed with ${code}: ${message}`;
    return { kind: "wrong", workload, count: those.length, what, ids: idsOf(those) };
  });
}

/** Findings that differ only in whom they concern are one. */
function alike(findings: Finding[], finding: Finding): void {
  const i = findings.findIndex(({ kind, what }) => kind === finding.kind && what === finding.what);
  const known = findings[i];
  if (known === undefined) findings.push(finding);
  else {
    const ids = [...new Set([...known.ids, ...finding.ids])].slice(0, idsShown);
    findings[i] = { ...known, count: known.count + finding.count, ids };
  }
}

const idsShown = 3;

function idsOf(replies: readonly Reply<unknown>[]): readonly string[] {
  return replies.slice(0, idsShown).map(({ id }) => id);
}

/** The replies around one, such as `4 5 [7] 8`. */
function excerpt(replies: readonly Reply<unknown>[], at: number): string {
  return replies
    .slice(Math.max(0, at - 3), at + 4)
    .map(({ ending }, i) => {
      const text = ending.type === "value" ? clip(ending.value) : ending.type === "error" ? ending.code : "?";
      return i === Math.min(3, at) ? `[${text}]` : text;
    })
    .join(" ");
}

function clip(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
