/**
 * One tab on the worker page, and everything a person, a machine or a network does to tabs. Commands to a tab that is not
 * there do nothing. Knows nothing about when and why.
 */
import type { Answer, DevTools } from "./devtools.ts";
import { pause, until } from "./pause.ts";

export interface TabOptions {
  readonly name: string;
  readonly url: string;
  /** Where the coordinator's UDP port is for this tab. */
  readonly udpPort: number;
  /** Undefined while its browser is not running. */
  readonly devTools: () => DevTools | undefined;
}

/** What the page says of itself. */
export interface Look {
  readonly state: string;
  readonly link: string;
  readonly workerId: string;
}

interface Page {
  readonly devTools: DevTools;
  readonly targetId: string;
  readonly sessionId: string;
}

const loadMs = 45_000;
/** A page that takes longer is loaded again. */
const patienceMs = 3_000;
const leaveMs = 10_000;

export class Tab {
  readonly name: string;
  readonly #options: TabOptions;
  #page: Page | undefined;
  #opening: Promise<void> | undefined;

  constructor(options: TabOptions) {
    this.name = options.name;
    this.#options = options;
  }

  get isOpen(): boolean {
    return this.#page !== undefined;
  }

  /** Does nothing if it is open. */
  open(): Promise<void> {
    this.#opening ??= this.#open().finally(() => (this.#opening = undefined));
    return this.#opening;
  }

  /** As a person closes it: the page may say goodbye. */
  async close(): Promise<void> {
    const page = this.#page;
    this.#page = undefined;
    await page?.devTools.send("Target.closeTarget", { targetId: page.targetId });
  }

  async reload(): Promise<void> {
    await this.#send("Page.reload");
  }

  /** Its renderer dies; the tab stays, with what its session storage holds. */
  async crash(): Promise<void> {
    // A dead page does not answer.
    this.#send("Page.crash").catch(() => {});
    await pause(100);
  }

  /** As a browser does to save power: no task of the page or its threads runs. */
  async setFrozen(isFrozen: boolean): Promise<void> {
    await this.#send("Page.setWebLifecycleState", { state: isFrozen ? "frozen" : "active" });
  }

  /** The page's main thread runs this many times slower; its Web Workers do not. */
  async slowDown(times: number): Promise<void> {
    await this.#send("Emulation.setCPUThrottlingRate", { rate: times });
  }

  /**
   * The wall clock that the page's shell reads, `Date.now()`, jumps; 0 puts it right. Timers, performance.now() and the
   * clocks of threads stay, as they do when a person or a time server sets the clock.
   */
  async shiftClock(ms: number): Promise<void> {
    await this.#evaluate(`(() => {
      if (!globalThis.shiftedClock) {
        const clock = (globalThis.shiftedClock = { shift: 0, now: Date.now.bind(Date) });
        Date.now = () => clock.now() + clock.shift;
      }
      globalThis.shiftedClock.shift = ${ms};
    })()`);
  }

  /** Presses Leave, and once more when that takes long; resolves when the page says that it has left. */
  async leave(signal: AbortSignal): Promise<void> {
    const hasLeft = async (): Promise<boolean> => (await this.look())?.state === "left";
    await this.#press("leave");
    if (await until(leaveMs, hasLeft, signal)) return;
    await this.#press("leave");
    if (!(await until(leaveMs, hasLeft, signal))) throw new Error("Leave did not end");
  }

  async start(): Promise<void> {
    await this.#press("start");
  }

  /** Opens a second tab with a copy of this one's session storage; gives what closes it. */
  async duplicate(): Promise<() => Promise<void>> {
    const page = this.#page;
    if (page === undefined) return async () => {};
    await this.#evaluate("void open(location.href)", true);
    const copies = async (): Promise<string[]> => {
      const { targetInfos } = await page.devTools.send("Target.getTargets");
      return (targetInfos as { targetId: string; openerId?: string }[])
        .filter(({ openerId }) => openerId === page.targetId)
        .map(({ targetId }) => targetId);
    };
    if (!(await until(5_000, async () => (await copies()).length > 0))) throw new Error("the copy did not open");
    return async () => {
      for (const targetId of await copies()) await page.devTools.send("Target.closeTarget", { targetId });
    };
  }

  /** Undefined while no worker page is loaded. */
  async look(): Promise<Look | undefined> {
    const text = await this.#evaluate("JSON.stringify(document.documentElement.dataset)");
    if (typeof text !== "string") return undefined;
    // An error page has no state.
    const { state, link = "none", workerId = "" } = JSON.parse(text) as Partial<Look>;
    return state === undefined ? undefined : { state, link, workerId };
  }

  /** What a person does who looks at it: reloads a page that does not load, opens a tab that is not there. */
  async nurse(signal?: AbortSignal): Promise<void> {
    const isThere = async (): Promise<boolean> => (await this.look()) !== undefined;
    const isLoaded = async (): Promise<boolean> => {
      if (!this.isOpen) await this.open();
      if (await until(patienceMs, isThere, signal)) return true;
      await this.reload();
      return false;
    };
    if (!(await until(loadMs, isLoaded, signal)) && signal?.aborted !== true)
      throw new Error("the page did not load again");
  }

  /** Its browser has ended. */
  forget(): void {
    this.#page = undefined;
  }

  async #open(): Promise<void> {
    if (this.#page !== undefined) return;
    const devTools = this.#options.devTools();
    if (devTools === undefined) throw new Error("its browser is not running");
    const { targetId } = (await devTools.send("Target.createTarget", { url: "about:blank" })) as { targetId: string };
    const attached = await devTools.send("Target.attachToTarget", { targetId, flatten: true });
    const { sessionId } = attached as { sessionId: string };
    await devTools.send("Page.enable", {}, sessionId);
    const source = throughPort(this.#options.udpPort);
    await devTools.send("Page.addScriptToEvaluateOnNewDocument", { source }, sessionId);
    this.#page = { devTools, targetId, sessionId };
    // A coordinator that is away gives an error page, which `nurse` reloads; one that is stopped gives no answer yet.
    devTools.send("Page.navigate", { url: this.#options.url }, sessionId).catch(() => {});
  }

  async #press(id: string): Promise<void> {
    await this.#evaluate(`document.getElementById(${JSON.stringify(id)}).click()`);
  }

  async #evaluate(expression: string, userGesture = false): Promise<unknown> {
    const { result } = await this.#send("Runtime.evaluate", { expression, userGesture, returnByValue: true });
    return (result as { value?: unknown } | undefined)?.value;
  }

  async #send(method: string, params: object = {}): Promise<Answer> {
    const page = this.#page;
    if (page === undefined) throw new Error("the tab is not there");
    return page.devTools.send(method, params, page.sessionId);
  }
}

/** Runs before the page's own scripts: data channels go to this port of loopback instead of the coordinator's own. */
function throughPort(udpPort: number): string {
  return `(() => {
    const through = (text) => text.replace(/(candidate:\\S+ \\d+ udp \\d+) \\S+ \\d+ /gi, "$1 127.0.0.1 ${udpPort} ");
    const { setRemoteDescription, addIceCandidate } = RTCPeerConnection.prototype;
    RTCPeerConnection.prototype.setRemoteDescription = function (description) {
      return setRemoteDescription.call(this, { type: description.type, sdp: through(description.sdp) });
    };
    RTCPeerConnection.prototype.addIceCandidate = function (candidate, ...rest) {
      if (!candidate?.candidate) return addIceCandidate.call(this, candidate, ...rest);
      const { sdpMid, sdpMLineIndex } = candidate;
      const changed = { candidate: through(candidate.candidate), sdpMid, sdpMLineIndex };
      return addIceCandidate.call(this, changed, ...rest);
    };
  })()`;
}
