import { expect, test } from "vitest";
import { tabgrid } from "../examples/commands.ts";

test("the demo runs every part, and leaves nothing behind", async () => {
  const { output, code } = await tabgrid(["demo", "--tabs", "2"]).ended;
  expect(output).toMatch(/Summary\n( {2}ok {6}.*\n){4}\d+ tasks and calls in 2 tabs/);
  expect(output).not.toContain("\x1b");
  expect(code).toBe(0);
  await expect(fetch(urlIn(output))).rejects.toThrow("fetch failed");
});

test.each(["SIGINT", "SIGTERM"] as const)("%s in the middle of a part closes everything", async (signal) => {
  const demo = tabgrid(["demo", "--tabs", "1"]);
  const output = await demo.printed("talk-tasks.js");
  demo.child.kill(signal);
  expect((await demo.ended).code).toBe(130);
  await expect(fetch(urlIn(output))).rejects.toThrow("fetch failed");
});

test("a wrong flag is refused with the help", async () => {
  const { output, code } = await tabgrid(["demo", "--tabs", "none"]).ended;
  expect(output).toContain('--tabs takes a whole number of at least 1, not "none"');
  expect(output).toContain("tabgrid demo: a grid on this machine");
  expect(code).toBe(2);
});

function urlIn(output: string): string {
  const [, url = ""] = /^Coordinator +(\S+)$/m.exec(output) ?? [];
  return url;
}
