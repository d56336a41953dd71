/** What the shell and the sandbox frame say to each other. */
import type { WorkerId } from "../../protocol/ids.ts";

/** From the shell, once, with one port for everything after it. */
export interface FrameGreeting {
  readonly type: "frame-greeting";
  readonly threadScript: string;
}

export type FrameOrder =
  | {
      readonly type: "start-thread";
      readonly threadId: number;
      readonly workerId: WorkerId;
      /** Both are handed to the thread. */
      readonly orders: MessagePort;
      readonly reports: MessagePort;
    }
  | { readonly type: "end-thread"; readonly threadId: number }
  | { readonly type: "ping" };

export type FrameReport =
  | { readonly type: "thread-error"; readonly threadId: number; readonly reason: string }
  | { readonly type: "pong" };
