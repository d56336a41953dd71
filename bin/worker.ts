/** `tabgrid worker`: headless tabs of this machine join a coordinator until told to stop. */
import { openTabs } from "./tabs.ts";
import { readArgs, untilStopped, UsageError, wholeNumber } from "./usage.ts";

const help = `tabgrid worker URL: lend headless tabs of this machine

  URL             the join URL that \`tabgrid start\` printed, with its token
  --tabs N        how many tabs (1)
  --threads N     threads in each tab (as many as the browser says this machine has)
  --name NAME     what they are called on the dashboard
`;

export async function worker(args: readonly string[]): Promise<number> {
  const parsed = readArgs(
    args,
    { tabs: { type: "string" }, threads: { type: "string" }, name: { type: "string" } },
    help,
  );
  if (parsed === undefined) return 0;
  const { values, positionals } = parsed;
  const [url] = positionals;
  if (url === undefined || !URL.canParse(url))
    throw new UsageError(`A URL is needed, such as http://127.0.0.1:7070/worker`, help);
  const stopped = untilStopped();
  const count = wholeNumber(values.tabs ?? "1", "--tabs", 1, help);
  const threads = values.threads === undefined ? undefined : wholeNumber(values.threads, "--threads", 1, help);
  const tabs = await openTabs({ url, tabs: count, threads, name: values.name });
  process.stdout.write(`${count} tab${count === 1 ? "" : "s"} joined ${new URL(url).origin}. Stop with Ctrl+C.\n`);
  await stopped;
  await tabs.close();
  return 0;
}
