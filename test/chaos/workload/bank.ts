/**
 * A bank: a transfer is a call of one account that awaits a call of another. Money goes from lower to higher accounts,
 * so that no two wait for each other, and a client carries it back from the last to the first.
 */
import type { ActorHandle, Grid, ObjectRef } from "../../../sdk/index.ts";
import { pause } from "../pause.ts";
import { type Entry, judgeBank } from "../verdict.ts";
import type { Operation } from "./ledger.ts";
import { fetchInto, type Judgement, taskIdOf, type Workload, type WorkloadOptions } from "./workload.ts";

const accounts = 6;
const opening = 60;
const largest = 25;
const transfersAtOnce = 4;
const paceMs = 40;
const auditMs = 30_000;

/** In scope where the account runs. */
declare const grid: Grid;

class Account {
  balance: number;
  /** How often each entry of this account's book was done. */
  marks = new Uint8Array(64);
  constructor(balance: number) {
    this.balance = balance;
  }
  deposit(entry: number, amount: number): boolean {
    this.balance += amount;
    this.mark(entry);
    return true;
  }
  withdraw(entry: number, amount: number): boolean {
    if (this.balance < amount) return false;
    this.balance -= amount;
    this.mark(entry);
    return true;
  }
  async transfer(entry: number, amount: number, to: ActorHandle<Account>, toEntry: number): Promise<boolean> {
    if (!this.withdraw(entry, amount)) return false;
    return grid.get(to.deposit.remote(toEntry, amount));
  }
  close(): { balance: number; marks: Uint8Array } {
    return { balance: this.balance, marks: this.marks };
  }
  mark(entry: number): void {
    if (entry >= this.marks.length) {
      const longer = new Uint8Array(Math.max(entry + 1, this.marks.length * 2));
      longer.set(this.marks);
      this.marks = longer;
    }
    this.marks[entry] = (this.marks[entry] ?? 0) + 1;
  }
}

interface Placed {
  readonly operation: Operation<boolean>;
  readonly amount: number;
  readonly from?: Entry;
  readonly to?: Entry;
}

export class Bank implements Workload {
  readonly name = "bank";
  readonly #options: WorkloadOptions;
  readonly #accounts: readonly ActorHandle<Account>[];
  readonly #entries: number[] = new Array<number>(accounts).fill(0);
  readonly #orders: Placed[] = [];

  constructor(options: WorkloadOptions) {
    this.#options = options;
    const Accounts = options.client.grid.remote(Account);
    this.#accounts = Array.from({ length: accounts }, () => Accounts.remote(opening));
  }

  async run(signal: AbortSignal): Promise<void> {
    const lanes = Array.from({ length: transfersAtOnce }, () => this.#transfer(signal));
    await Promise.all([...lanes, this.#carryBack(signal)]);
  }

  async judge(): Promise<Judgement> {
    const { ledger, client } = this.#options;
    const closings = this.#accounts.map((account) => {
      const ref = account.close.remote();
      const answer = client.grid.get(ref, { timeoutMs: auditMs });
      return ledger.track({ workload: this.name, client: client.name, id: taskIdOf(ref), answer });
    });
    await Promise.all(closings.map(({ ended }) => ended));
    const findings = judgeBank({
      name: this.name,
      accounts: closings.map(({ ending }, i) => ({
        actorId: this.#accounts[i]?.$actorId ?? "",
        opening,
        closing: ending,
      })),
      orders: this.#orders.map(({ operation: { id, ending }, ...order }) => ({ ...order, id, ending })),
    });
    return { findings };
  }

  async #transfer(signal: AbortSignal): Promise<void> {
    const { chance } = this.#options;
    while (!signal.aborted) {
      const lower = chance.below(accounts - 1);
      const higher = lower + 1 + chance.below(accounts - 1 - lower);
      const amount = 1 + chance.below(largest);
      const from = this.#entry(lower);
      const to = this.#entry(higher);
      await this.#place(this.#account(lower).transfer.remote(from.mark, amount, this.#account(higher), to.mark), {
        amount,
        from,
        to,
      });
      await pause(paceMs, signal);
    }
  }

  async #carryBack(signal: AbortSignal): Promise<void> {
    const { chance } = this.#options;
    while (!signal.aborted) {
      const amount = largest + chance.below(2 * largest);
      const from = this.#entry(accounts - 1);
      const paid = await this.#place(this.#account(from.account).withdraw.remote(from.mark, amount), { amount, from });
      if (paid) {
        const to = this.#entry(0);
        await this.#place(this.#account(to.account).deposit.remote(to.mark, amount), { amount, to });
      }
      await pause(paceMs, signal);
    }
  }

  async #place(ref: ObjectRef<boolean>, order: Omit<Placed, "operation">): Promise<boolean> {
    const operation = fetchInto(this.#options, this.name, ref);
    this.#orders.push({ ...order, operation });
    await operation.ended;
    return operation.ending.type === "value" && operation.ending.value;
  }

  #entry(account: number): Entry {
    const mark = this.#entries[account] ?? 0;
    this.#entries[account] = mark + 1;
    return { account, mark };
  }

  #account(index: number): ActorHandle<Account> {
    const account = this.#accounts[index];
    if (account === undefined) throw new Error(`Cannot use account ${index}: there are ${accounts}`);
    return account;
  }
}
