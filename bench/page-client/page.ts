/** A client in a page of another origin than the coordinator's: imports its SDK and runs the loop of the Node client. */
import type * as Sdk from "../../sdk/index.ts";
import { type Done, keepInFlight, type Load } from "../in-flight.ts";

const client = {
  /** One run for each load, every result checked. */
  async run(url: string, loads: readonly Load[]): Promise<Done[]> {
    const { connect } = (await import(/* @vite-ignore */ `${url}/sdk.js`)) as typeof Sdk;
    const grid = await connect(url, { jobName: "bench in a page" });
    const same = grid.remote((n: number) => n, { name: "noop" });
    const runs: Done[] = [];
    for (const load of loads) {
      runs.push(
        await keepInFlight(load, async (n) => {
          const value = await same.remote(n).get();
          if (value !== n) throw new Error(`Wrong result: task ${n} gave ${String(value)}`);
        }),
      );
    }
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
