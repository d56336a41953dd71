/**
 * The Node client in a process of its own, as users have it: Playwright's async hooks, say, would slow every promise.
 * Its arguments are the SDK's file and the coordinator's URL; each message asks for one workload, and is answered.
 */
import type * as Sdk from "../../sdk/index.ts";
import { largeResults } from "./large-results.ts";
import { workloads } from "./workloads.ts";

export const nodeWorkloads = { ...workloads, largeResults };
export type NodeWorkloads = typeof nodeWorkloads;

export interface Order {
  readonly id: number;
  readonly workload: keyof NodeWorkloads;
  readonly parameters: unknown;
}

/** The first has id 0 and says that the client is connected. */
export type Reply =
  | { readonly id: number; readonly type: "done"; readonly result?: unknown }
  | { readonly id: number; readonly type: "failed"; readonly why: string };

const [sdkFile, url] = process.argv.slice(2);
const { connect } = (await import(/* @vite-ignore */ sdkFile ?? "")) as typeof Sdk;
const grid = await connect(url ?? "", { jobName: "bench" });

function reply(what: Reply): void {
  process.send?.(what);
}

process.on("message", ({ id, workload, parameters }: Order) => {
  const run = nodeWorkloads[workload] as (grid: Sdk.Grid, parameters: unknown) => Promise<unknown>;
  run(grid, parameters).then(
    (result) => reply({ id, type: "done", result }),
    (error: unknown) => reply({ id, type: "failed", why: error instanceof Error ? error.message : String(error) }),
  );
});
process.once("disconnect", () => {
  void grid.close().finally(() => process.exit(0));
});
reply({ id: 0, type: "done" });
