/**
 * The entry of a thread: a Web Worker in the sandbox frame. Its first message brings two ports; then it takes leave of
 * everything else that reaches out of it, and only then does it listen to orders, since they bring user code.
 */
import { lockDown } from "./lockdown.ts";
import { sealPort } from "./sealed-port.ts";
import { shellCalls } from "./shell-calls.ts";
import { obeyShell } from "./shell-orders.ts";
import type { ThreadPorts } from "./thread-api.ts";
import { captureConsole } from "./thread-console.ts";
import { ThreadRuntime } from "./thread-runtime.ts";
import { messageTurns } from "./turns.ts";

const scope = globalThis;

scope.addEventListener("message", begin);

function begin({ data }: MessageEvent<ThreadPorts>): void {
  scope.removeEventListener("message", begin);
  const orders = sealPort(data.orders);
  const thread = new ThreadRuntime(data.workerId, shellCalls(sealPort(data.reports)), messageTurns());
  // First: an error in it has to reach the frame, which tells the shell that this thread is none.
  lockDown(scope, () => thread.closing());
  captureConsole(scope, thread.console);
  obeyShell(orders, thread.api);
}
