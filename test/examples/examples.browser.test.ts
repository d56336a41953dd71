import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openTabs, type Tabs } from "../../bin/tabs.ts";
import { type RunningCommand, tabgrid } from "./commands.ts";

let data: string;
let coordinator: RunningCommand;
let tabs: Tabs;
let url: string;

beforeAll(async () => {
  data = mkdtempSync(join(tmpdir(), "tabgrid-"));
  coordinator = tabgrid(["start", "--json", "--port", "0", "--data", data]);
  const [first = ""] = (await coordinator.printed("}\n")).split("\n");
  const said = JSON.parse(first) as { readonly url: string; readonly workerUrl: string };
  url = said.url;
  tabs = await openTabs({ url: said.workerUrl, tabs: 1, threads: 2 });
});

afterAll(async () => {
  await tabs.close();
  coordinator.child.kill("SIGTERM");
  await coordinator.ended;
  rmSync(data, { recursive: true, force: true });
});

test("quick-start", async () => {
  expect(await run("quick-start.js")).toBe("[ 1, 4, 9, 16 ]\n7\n");
});

test("talk-tasks", async () => {
  expect(await run("talk-tasks.js")).toContain("-> [0, 2, 4, 6]");
});

test("talk-actors", async () => {
  expect(await run("talk-actors.js")).toMatch(/-> \[4, 10\]\n.*-> \[4, 6\]/);
});

test("learning-agent", async () => {
  const output = await run("learning-agent.js");
  expect(output).toMatch(/learning agent {2}[▁-█]{16} {2}(\d+ ?){16}\n/);
  expect(output).toContain("the agent in its tab learned from 800");
});

test("search-index", async () => {
  const output = await run("search-index.js", "coordinator");
  expect(output).toMatch(/^\d+ files in coordinator/);
  expect(output).toContain("both give the same index, to the last count");
});

test("search-index takes other files when the folder is missing", async () => {
  expect(await run("search-index.js", "no-such-folder")).toMatch(
    /^There is no no-such-folder here: indexing this package's own/,
  );
});

/** What it printed; throws with that when it failed. */
async function run(script: string, ...args: readonly string[]): Promise<string> {
  const { output, code } = await tabgrid(["run", `examples/${script}`, ...args], { TABGRID_URL: url }).ended;
  if (code !== 0) throw new Error(`${script} ended with ${code}:\n${output}`);
  return output;
}
