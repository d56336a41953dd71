import { attacks } from "../security/attacks.ts";
import { aVictim } from "../security/victim.ts";
import { expect, test, type TestGrid } from "../support/grid.ts";

test("[GRID-30] nothing a task tries reaches another server or the coordinator, through the whole grid", async ({
  grid,
}) => {
  const victim = await aVictim();
  try {
    await grid.tab({ threads: 2 });
    const client = await grid.connect();
    const other = client.remote(() => new Promise<void>(() => {})).remote();
    expect(await client.get(client.remote(() => 1).remote())).toBe(1);
    const before = await traffic(grid);

    const target = {
      http: victim.http,
      udpPort: victim.udpPort,
      shell: grid.url,
      otherAttemptId: `${other.id.slice(0, -2)}#1`,
    };
    const answers: Record<string, string> = {};
    for (const { name, run } of attacks) {
      const attempt = client.remote(run, { name: "attack", timeoutMs: 8_000, maxRetries: 0 }).remote(target);
      answers[name] = await client.get(attempt).catch((error: Error) => `blocked: the task failed (${error.message})`);
    }
    const escaped = Object.entries(answers).filter(([, answer]) => !answer.startsWith("blocked"));
    expect(escaped).toEqual([]);
    expect(victim.noted).toEqual([]);
    // The one more is this question itself.
    expect(await traffic(grid)).toEqual({ requests: before.requests + 1, upgrades: before.upgrades });
    const [state] = (await client.state.listTasks({ filters: [["taskId", "=", other.id.slice(0, -2)]] })) as {
      state: string;
    }[];
    expect(state?.state).toBe("running");
  } finally {
    await victim.close();
  }
});

async function traffic(grid: TestGrid): Promise<{ requests: number; upgrades: number }> {
  const text = await (await fetch(`${grid.url}/metrics`)).text();
  const of = (name: string): number => Number(new RegExp(`^${name}\\{?[^ ]* (\\d+)$`, "m").exec(text)?.[1]);
  return { requests: of("tabgrid_http_requests"), upgrades: of("tabgrid_http_upgrades") };
}
