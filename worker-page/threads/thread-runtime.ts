/**
 * A thread without its surroundings: the parts, wired, and the orders each of them takes. thread.ts puts it into a Web
 * Worker; tests put it anywhere.
 */
import type { WorkerId } from "../../protocol/ids.ts";
import { Actors } from "./actors.ts";
import { Attempts } from "./attempts.ts";
import { Functions } from "./functions.ts";
import { Reports } from "./reports.ts";
import { Runner } from "./runner.ts";
import type { Runtime } from "./runtime.ts";
import type { ThreadApi, ThreadShell } from "./thread-api.ts";
import { ThreadConsole } from "./thread-console.ts";
import type { Turns } from "./turns.ts";

export class ThreadRuntime {
  readonly console: ThreadConsole;
  readonly api: ThreadApi;
  readonly #reports: Reports;

  constructor(workerId: WorkerId, shell: ThreadShell, turns: Turns) {
    const attempts = new Attempts();
    const reports = new Reports(turns, (items) => shell.report(items));
    this.#reports = reports;
    this.console = new ThreadConsole(attempts, reports, turns);
    const runtime: Runtime = { workerId, turns, reports, shell, attempts, console: this.console, defined: new Set() };
    const functions = new Functions();
    const runner = new Runner(runtime, functions);
    const actors = new Actors(runtime, functions);
    this.api = {
      define: (functionId, bytes) => functions.define(functionId, bytes),
      run: (tasks) => runner.run(tasks),
      startActor: (actor) => actors.start(actor),
      call: (calls) => actors.call(calls),
      stopActor: (actorId) => actors.stop(actorId),
      cancel: (attemptIds) => {
        for (let i = 0; i < attemptIds.length; i++) {
          const id = attemptIds[i];
          if (id !== undefined) attempts.find(id)?.cancel();
        }
      },
      receive: (attemptId, message) => {
        const attempt = attempts.find(attemptId);
        if (attempt !== undefined) attempts.enter(attempt);
        attempts.linkOf(attemptId)?.receive(message);
      },
      consumed: (attemptId, taken) => attempts.find(attemptId)?.consumed(taken),
      committed: (actorId, epoch, number) => actors.committed(actorId, epoch, number),
      retireActor: (actorId) => actors.retire(actorId),
      askAgain: () => {
        attempts.askAgain();
        reports.flush();
      },
    };
  }

  /** User code has called `close()`: the thread ends with the code that runs now. */
  closing(): void {
    this.#reports.add({ type: "closed" });
    this.#reports.flush();
  }
}
