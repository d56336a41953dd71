/**
 * The sandbox frame: makes and ends threads on the shell's orders, and hands their ports on without looking. No user
 * code ever runs here, on the frame's main thread, because WebRTC would let it out. Knows nothing about what threads do.
 *
 * Served with `Content-Security-Policy: sandbox allow-scripts; …`: an opaque origin without network or storage.
 */
import type { FrameGreeting, FrameOrder, FrameReport } from "./frame-words.ts";

window.addEventListener("message", greet);
// The shell cannot be named: a frame of an opaque origin does not know where it is. Nothing is said here.
window.parent.postMessage({ type: "frame-ready" }, "*");

/** The first message of the parent, and only the first: the script of threads, and the port for all that follows. */
function greet(event: MessageEvent<FrameGreeting>): void {
  if (event.source !== window.parent || window.parent === window) return;
  const [port] = event.ports;
  if (port === undefined || event.data.type !== "frame-greeting") return;
  window.removeEventListener("message", greet);
  serve(port, event.data.threadScript);
}

function serve(port: MessagePort, threadScript: string): void {
  const scriptUrl = URL.createObjectURL(new Blob([threadScript], { type: "text/javascript" }));
  const threads = new Map<number, Worker>();
  const report = (said: FrameReport): void => port.postMessage(said);

  port.addEventListener("message", (event: MessageEvent<FrameOrder>) => {
    const order = event.data;
    switch (order.type) {
      case "start-thread": {
        const { threadId, workerId, orders, reports } = order;
        const worker = new Worker(scriptUrl, { name: `thread ${threadId}` });
        worker.addEventListener("error", (error) => {
          // An uncaught error is the user's affair; the shell knows whether the thread had answered by then.
          error.preventDefault();
          report({ type: "thread-error", threadId, reason: error.message });
        });
        worker.postMessage({ orders, reports, workerId }, [orders, reports]);
        threads.set(threadId, worker);
        return;
      }
      case "end-thread":
        threads.get(order.threadId)?.terminate();
        threads.delete(order.threadId);
        return;
      case "ping":
        report({ type: "pong" });
    }
  });
  port.start();
}
