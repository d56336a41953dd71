/** The least shell there is: the real pool of threads in the real frame, led by the test outside. */
import type { WorkerId } from "../../protocol/ids.ts";
import type { ThreadInstruction } from "../../worker-page/machine/instructions.ts";
import { Pool } from "../../worker-page/threads/pool.ts";
import { fromText, toText } from "./plain.ts";

declare global {
  interface Window {
    shell: { open(threadScript: string): void; carryOut(instruction: string): void };
    tell(what: string): Promise<void>;
  }
}

let pool: Pool | undefined;

window.shell = {
  open(threadScript) {
    pool = new Pool({
      frameUrl: "/sandbox",
      threadScript,
      parent: document.body,
      onWarm: (threadId) => void window.tell(toText({ type: "warm", threadId })),
      onReports: (threadId, reports) => void window.tell(toText({ type: "reports", threadId, reports })),
      onDeath: (threadId, reason) => void window.tell(toText({ type: "death", threadId, reason })),
      holds: () => true,
      upload: () => Promise.resolve(),
      download: () => Promise.reject(new Error("nothing is stored")),
    });
    pool.workerId = "wtest" as WorkerId;
  },
  carryOut: (instruction) => pool?.carryOut(fromText(instruction) as ThreadInstruction),
};
