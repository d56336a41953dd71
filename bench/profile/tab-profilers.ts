/**
 * Profiles a tab while something runs: its page, the sandbox frame when that has a process of its own, and its threads.
 * Threads are reached through the frames that made them, over sessions within sessions of the DevTools protocol.
 */
import type { CDPSession, Page } from "playwright-core";
import type { CpuProfile } from "./cpu-profile.ts";

export interface NamedProfile {
  readonly name: string;
  readonly profile: CpuProfile;
}

const samplingUs = 200;
const answerMs = 10_000;

/** What the DevTools protocol is spoken to, however deep. */
interface Target {
  send(method: string, params?: object): Promise<unknown>;
  readonly name: string;
}

/** Begins to profile everything in the tab; the function given ends it. */
export async function profileTab(page: Page, name: string): Promise<() => Promise<NamedProfile[]>> {
  const session = await page.context().newCDPSession(page);
  const targets: Target[] = [{ name: `${name}, page`, send: (method, params) => send(session, method, params) }];
  await attachBelow(session, name, targets);
  const begun: Target[] = [];
  for (const target of targets) {
    const ready = await tried(async () => {
      await target.send("Profiler.enable");
      await target.send("Profiler.setSamplingInterval", { interval: samplingUs });
      await target.send("Profiler.start");
      return target;
    });
    if (ready !== undefined) begun.push(ready);
  }
  return async () => {
    const profiles = await Promise.all(
      begun.map((target) =>
        tried(async () => {
          const { profile } = (await target.send("Profiler.stop")) as { profile: CpuProfile };
          return { name: target.name, profile };
        }),
      ),
    );
    await session.detach();
    return profiles.filter((profile) => profile !== undefined);
  };
}

/** Undefined when the target went away: a thread may be replaced at any time, and its profile is gone with it. */
async function tried<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return undefined;
  }
}

/** Playwright types the methods it knows; here they come from the caller. */
function send(session: CDPSession, method: string, params?: object): Promise<unknown> {
  return (session as unknown as Pick<Target, "send">).send(method, params);
}

interface Attached {
  readonly sessionId: string;
  readonly targetInfo: { readonly type: string; readonly url: string };
}

interface Answer {
  readonly id?: number;
  readonly method?: string;
  readonly params?: unknown;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

/** Speaks to a target through the one that it is attached to. */
class Nested implements Target {
  readonly name: string;
  readonly #parent: Target;
  readonly #sessionId: string;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #lastId = 0;
  onEvent: (method: string, params: unknown) => void = () => {};

  constructor(parent: Target, sessionId: string, name: string) {
    this.#parent = parent;
    this.#sessionId = sessionId;
    this.name = name;
  }

  send(method: string, params: object = {}): Promise<unknown> {
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`Cannot profile ${this.name}: no answer to ${method}`)),
        answerMs,
      );
      this.#waiting.set(id, ({ result, error }) => {
        clearTimeout(timer);
        if (error === undefined) resolve(result);
        else reject(new Error(`Cannot profile ${this.name}: ${error.message}`));
      });
      const message = JSON.stringify({ id, method, params });
      this.#parent.send("Target.sendMessageToTarget", { sessionId: this.#sessionId, message }).catch(reject);
    });
  }

  hear(message: string): void {
    const answer = JSON.parse(message) as Answer;
    if (answer.id === undefined) this.onEvent(answer.method ?? "", answer.params);
    else this.#waiting.get(answer.id)?.(answer);
  }
}

const attach = { autoAttach: true, waitForDebuggerOnStart: false, flatten: false };

async function attachBelow(session: CDPSession, name: string, targets: Target[]): Promise<void> {
  const top = targets[0];
  if (top === undefined) return;
  const found = new Map<string, Nested>();
  const attaching: Promise<void>[] = [];
  const listen = (parent: Target, below: Map<string, Nested>) => (method: string, params: unknown) => {
    if (method === "Target.attachedToTarget") {
      const { sessionId, targetInfo } = params as Attached;
      const target = new Nested(
        parent,
        sessionId,
        `${name}, ${targetInfo.type === "iframe" ? "sandbox frame" : "thread"}`,
      );
      below.set(sessionId, target);
      targets.push(target);
      target.onEvent = listen(target, new Map());
      if (targetInfo.type === "iframe") attaching.push(target.send("Target.setAutoAttach", attach).then(() => {}));
    } else if (method === "Target.receivedMessageFromTarget") {
      const { sessionId, message } = params as { sessionId: string; message: string };
      below.get(sessionId)?.hear(message);
    }
  };
  const hear = listen(top, found);
  session.on("Target.attachedToTarget", (params) => hear("Target.attachedToTarget", params));
  session.on("Target.receivedMessageFromTarget", (params) => hear("Target.receivedMessageFromTarget", params));
  await top.send("Target.setAutoAttach", attach);
  // Each answer comes after the events of what was attached by it.
  for (let i = 0; i < attaching.length; i++) await attaching[i];
}
