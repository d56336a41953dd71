/** `tabgrid start`: a coordinator in the foreground, until it is told to stop. */
import { renderUnicodeCompact } from "uqr";
import { readConfig, startCoordinator } from "../coordinator/main.ts";
import { readArgs, untilStopped, UsageError } from "./usage.ts";

const help = `tabgrid start: start a coordinator

  --host HOST             address to listen on (127.0.0.1). Another one than loopback asks everybody for a token;
                          0.0.0.0 listens on all of this machine's addresses
  --port PORT             HTTP and WebSocket port (7070); 0 picks a free one
  --udp-port PORT         port of the data channels (the same number as --port)
  --public-address IP     the address others see when this machine is behind a router
  --data FOLDER           where state is kept (.tabgrid): started again with the same one, the grid goes on where it
                          was. "memory" keeps nothing
  --https                 with a certificate of its own: browsers warn once, then allow what needs a secure context
  --json                  print one line of JSON with the URLs and tokens once connections are accepted
`;

export async function start(args: readonly string[]): Promise<number> {
  const parsed = readArgs(
    args,
    {
      host: { type: "string" },
      port: { type: "string" },
      "udp-port": { type: "string" },
      "public-address": { type: "string" },
      data: { type: "string" },
      https: { type: "boolean" },
      json: { type: "boolean" },
    },
    help,
  );
  if (parsed === undefined) return 0;
  let config;
  try {
    config = readConfig(parsed.values);
  } catch (error) {
    throw error instanceof TypeError ? new UsageError(error.message, help) : error;
  }
  const stopped = untilStopped();
  const running = await startCoordinator(config);
  const { url, workerUrl, notebookUrl, dashboardUrl, tokens, joinUrls } = running;
  if (parsed.values.json === true) {
    process.stdout.write(`${JSON.stringify({ url, workerUrl, notebookUrl, dashboardUrl, tokens })}\n`);
  } else {
    const [best = workerUrl] = joinUrls;
    process.stdout.write(`tabgrid coordinator at ${url}\n`);
    if (running.restored.entries > 0) process.stdout.write("It goes on where it was stopped.\n");
    process.stdout.write("\n");
    process.stdout.write(`Lend a tab:  ${joinUrls.join("\n             ")}\n`);
    if (best !== workerUrl) process.stdout.write(`On this machine: ${workerUrl}\n`);
    if (joinUrls.length > 0 && !best.includes("127.0.0.1")) {
      process.stdout.write(`\n${renderUnicodeCompact(best)}\n\nTokens, by what they allow:\n`);
      for (const [scope, token] of Object.entries(tokens)) process.stdout.write(`  ${scope.padEnd(8)} ${token}\n`);
    }
    process.stdout.write(`\nUse it:      TABGRID_URL=${url} tabgrid run script.js\n`);
    if (!running.hasWebRtc) process.stdout.write("WebRTC is not available here: tabs work over their WebSocket.\n");
    process.stdout.write("Stop with Ctrl+C.\n");
  }
  await stopped;
  await running.close();
  return 0;
}
