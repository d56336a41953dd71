/**
 * The shell's end of the sandbox: one frame for all threads, made when the first is started and made again when it died.
 * Owns the frame element, the handshake with it and the signs of its life. Knows nothing about what threads say.
 *
 * The frame is rendered, one pixel large: browsers give a frame that is not displayed the priority of a hidden page.
 */
import type { WorkerId } from "../../protocol/ids.ts";
import type { FrameOrder, FrameReport } from "./frame-words.ts";

export interface SandboxOptions {
  /** Where the frame is served, of this origin and with the sandbox policy. */
  readonly frameUrl: string;
  /** The text of the script every thread runs. */
  readonly threadScript: string;
  /** Where the frame element goes. */
  readonly parent: HTMLElement;
  /** An error of the thread that nothing caught: before it answered, its end. */
  onThreadError(threadId: number, reason: string): void;
  /** The frame is gone, and every thread with it. The next thread is started in a new one. */
  onDeath(reason: string): void;
  /** How often the frame is asked whether it lives. */
  readonly pingMs?: number;
}

export interface ThreadChannels {
  readonly orders: MessagePort;
  readonly reports: MessagePort;
}

const defaultPingMs = 2_000;
/** The frame does nothing but answer: after so many silent pings in a row it is gone. */
const silentPings = 5;

interface Frame {
  readonly element: HTMLIFrameElement;
  readonly port: MessagePort;
  readonly onMessage: (event: MessageEvent) => void;
  readonly timer: ReturnType<typeof setInterval>;
  silent: number;
}

export class Sandbox {
  readonly #options: SandboxOptions;
  #frame: Frame | undefined;

  constructor(options: SandboxOptions) {
    this.#options = options;
  }

  /** Hands both ports on to a new thread; what is sent to them meanwhile waits there. */
  startThread(threadId: number, workerId: WorkerId, { orders, reports }: ThreadChannels): void {
    this.#frame ??= this.#open();
    this.#order(this.#frame, { type: "start-thread", threadId, workerId, orders, reports }, [orders, reports]);
  }

  /** Ends it wherever it is, also in a loop without end. */
  endThread(threadId: number): void {
    if (this.#frame !== undefined) this.#order(this.#frame, { type: "end-thread", threadId }, []);
  }

  /** Ends every thread at once. */
  close(): void {
    const frame = this.#frame;
    if (frame === undefined) return;
    this.#frame = undefined;
    clearInterval(frame.timer);
    window.removeEventListener("message", frame.onMessage);
    frame.port.close();
    frame.element.remove();
  }

  #open(): Frame {
    const { port1: port, port2: theirs } = new MessageChannel();
    const element = document.createElement("iframe");
    element.className = "sandbox";
    element.title = "sandbox";
    element.setAttribute("aria-hidden", "true");
    element.tabIndex = -1;
    // The policy it is served with says the same; either alone would do.
    element.setAttribute("sandbox", "allow-scripts");
    element.src = this.#options.frameUrl;
    const onMessage = (event: MessageEvent): void => {
      // 1. Of this very frame, 2. of no origin, as a sandboxed one is, 3. once.
      if (event.source === null || event.source !== element.contentWindow || event.origin !== "null") return;
      window.removeEventListener("message", onMessage);
      const greeting = { type: "frame-greeting", threadScript: this.#options.threadScript };
      // An opaque origin has no name to address; the source has been checked.
      element.contentWindow.postMessage(greeting, "*", [theirs]);
    };
    window.addEventListener("message", onMessage);
    const frame: Frame = {
      element,
      port,
      onMessage,
      silent: 0,
      timer: setInterval(() => this.#ping(frame), this.#options.pingMs ?? defaultPingMs),
    };
    port.addEventListener("message", (event: MessageEvent<FrameReport>) => this.#hear(frame, event.data));
    port.start();
    this.#options.parent.append(element);
    return frame;
  }

  #order(frame: Frame, order: FrameOrder, transfer: Transferable[]): void {
    frame.port.postMessage(order, transfer);
  }

  #hear(frame: Frame, report: FrameReport): void {
    frame.silent = 0;
    if (report.type === "thread-error") this.#options.onThreadError(report.threadId, report.reason);
  }

  #ping(frame: Frame): void {
    if (frame !== this.#frame) return;
    if (frame.silent++ < silentPings) {
      this.#order(frame, { type: "ping" }, []);
      return;
    }
    this.close();
    this.#options.onDeath("the sandbox frame does not answer");
  }
}
