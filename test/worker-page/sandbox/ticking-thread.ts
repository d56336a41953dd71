/** A thread in a loop without end that says what time it is, again and again. */
import type { ThreadPorts } from "../../../worker-page/threads/thread-api.ts";

addEventListener("message", ({ data }: MessageEvent<ThreadPorts>) => {
  for (let last = 0; ;) {
    const now = performance.timeOrigin + performance.now();
    if (now - last < 1) continue;
    last = now;
    data.reports.postMessage(now);
  }
});
