/** Prints what tasks and actors log, each line with the task's and the worker's name. */
import type { ToClientMessage } from "../protocol/messages.ts";

type Line = Extract<ToClientMessage, { type: "log" }>["lines"][number];

export function printLogs(lines: readonly Line[]): void {
  for (const { taskName, workerName, line } of lines) {
    const prefix = `(${taskName}, ${workerName}) `;
    console[line.level](
      line.text
        .split("\n")
        .map((text) => prefix + text)
        .join("\n"),
    );
  }
}
