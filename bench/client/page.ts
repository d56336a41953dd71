/** A client in a page of another origin than the coordinator's: imports its SDK and runs the workload of the Node client. */
import type * as Sdk from "../../sdk/index.ts";
import type { Done, Load } from "../in-flight.ts";
import { workloads } from "./workloads.ts";

const client = {
  /** One run for each load. */
  async tasks(url: string, loads: readonly Load[]): Promise<Done[]> {
    const { connect } = (await import(/* @vite-ignore */ `${url}/sdk.js`)) as typeof Sdk;
    const grid = await connect(url, { jobName: "bench in a page" });
    const runs: Done[] = [];
    for (const load of loads) runs.push(await workloads.tasks(grid, load));
    await grid.close();
    return runs;
  },
};

declare global {
  interface Window {
    client: typeof client;
  }
}

window.client = client;
