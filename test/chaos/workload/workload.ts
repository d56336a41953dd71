/**
 * What every workload is and uses: it runs until told to stop, and then says what it found. Each makes work whose right
 * answers are known.
 */
import type { Grid, ObjectRef } from "../../../sdk/index.ts";
import type { Random } from "../../simulation/random.ts";
import type { Finding, Forgotten } from "../verdict.ts";
import type { Ledger, Operation } from "./ledger.ts";

export interface Workload {
  readonly name: string;
  /** Submits until `signal` is aborted. What it then waits for may never come. */
  run(signal: AbortSignal): Promise<void>;
  /** Asked once everything has ended, or has had its time. */
  judge(): Promise<Judgement>;
}

export interface Judgement {
  readonly findings: readonly Finding[];
  /** Where that is allowed. */
  readonly forgotten?: Forgotten;
}

export interface Client {
  readonly name: string;
  readonly grid: Grid;
}

export interface WorkloadOptions {
  readonly client: Client;
  readonly ledger: Ledger;
  readonly chance: Random;
}

/** Fetches what `ref` stands for, in the ledger, and drops the ref. */
export function fetchInto<T>({ ledger, client }: WorkloadOptions, workload: string, ref: ObjectRef<T>): Operation<T> {
  const answer = client.grid.get(ref).finally(() => ref[Symbol.dispose]());
  return ledger.track({ workload, client: client.name, id: taskIdOf(ref), answer });
}

/** The id of an object begins with that of the task which makes it. */
export function taskIdOf(ref: ObjectRef<unknown>): string {
  return ref.id.replace(/:.*$/, "");
}
