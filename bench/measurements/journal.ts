/** What it costs to keep everything: the same tasks with the journal in SQLite and in memory, in turns. */
import { openLab } from "../lab.ts";
import { type Done } from "../in-flight.ts";
import { type Measurement, rateOf, repetitions, taskCount, tasksInFlight, warmUpCount } from "./measurement.ts";

const kept = "no-op tasks, journal in SQLite";
const forgotten = "no-op tasks, journal in memory";

export const journal: Measurement = {
  name: "journal",
  figures: [
    { name: forgotten, unit: "tasks/s", goals: [] },
    { name: kept, unit: "tasks/s", reference: forgotten, goals: [{ of: "ratio", is: "at least", limit: 0.9 }] },
  ],
  async run({ lab, limitMs }) {
    const other = await openLab({ tabs: 2, data: "memory" });
    try {
      const clients = [(await lab()).client, other.client];
      const runs: [Done[], Done[]] = [[], []];
      const load = { inFlight: tasksInFlight, limitMs };
      for (const client of clients) await client.run("tasks", { ...load, total: warmUpCount });
      // In turns, so that both meet the same noise.
      for (let n = 0; n < repetitions + 2; n++)
        for (const [which, client] of clients.entries())
          runs[which === 0 ? 0 : 1].push(await client.run("tasks", { ...load, total: taskCount }));
      return { [kept]: rateOf(runs[0]), [forgotten]: rateOf(runs[1]) };
    } finally {
      await other.close();
    }
  },
};
