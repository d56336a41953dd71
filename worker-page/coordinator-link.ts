/**
 * The worker's line to its coordinator: one session at a time over a WebSocket, moved to a data channel when that opens,
 * and a fresh session when one is over for good; under another name when another page has taken this one. Owns the state of the line in words a view can show. Knows nothing about
 * what the messages mean, but for those that make the data channel.
 */
import { envelope } from "../protocol/envelope.ts";
import {
  type ToWorkerMessage,
  toWorkerMessageSchema,
  type WorkerMessage,
  workerMessageSchema,
} from "../protocol/messages.ts";
import type { WorkerId } from "../protocol/ids.ts";
import type { Channel, LinkKind } from "../transport/channel.ts";
import { dial, type DialEnding, type Dialing } from "../transport/dial.ts";
import type { Welcome } from "../transport/handshake.ts";
import { Session } from "../transport/session.ts";
import type { WebRtcDialing, WebRtcDialOptions } from "../transport/webrtc-browser.ts";
import { readWelcome, type WorkerWelcome } from "./welcome.ts";

export type LinkState =
  | { readonly type: "connecting" }
  /** `upgrade`: how the data channel stands while the line is a WebSocket. */
  | { readonly type: "linked"; readonly kind: LinkKind; readonly upgrade: "off" | "opening" | "blocked" | "lost" }
  /** The session is kept, and dialed for again. */
  | { readonly type: "lost" }
  /** `isOutdated`: this page is not of the coordinator's version. */
  | { readonly type: "refused"; readonly message: string; readonly isOutdated: boolean }
  | { readonly type: "ended" };

export interface CoordinatorLinkOptions {
  openChannel(): Promise<Channel>;
  /** Undefined where the browser has no WebRTC. */
  readonly dialWebRtc: ((options: WebRtcDialOptions) => WebRtcDialing) | undefined;
  hello(): object;
  /** Before anything else of this session is sent or heard, and again whenever a lost line is there again. */
  onWelcome(welcome: WorkerWelcome & { readonly link: "resumed" | "restored" | "new" }): void;
  /** Another page is this worker now: the next hello must be somebody new's. */
  onReplaced(): void;
  onMessages(messages: readonly ToWorkerMessage[]): void;
  onState(state: LinkState): void;
  onRefused(error: unknown): void;
}

/** A coordinator that is away is dialed for this long in one session; then in the next. */
const reconnectMs = 24 * 3_600_000;
/** Between sessions; a refusal is not asked about so often. */
const freshSessionMs = 3_000;
const refusedMs = 15_000;
/** A data channel that did not open, or was lost, is tried again, each time after twice as long. */
const firstUpgradeMs = 5_000;
const lastUpgradeMs = 5 * 60_000;

export class CoordinatorLink {
  readonly #options: CoordinatorLinkOptions;
  #session: Session<ToWorkerMessage, WorkerMessage> | undefined;
  #dialing: Dialing | undefined;
  #welcome: WorkerWelcome | undefined;
  #isWelcomed = false;
  #upgrading: WebRtcDialing | undefined;
  #upgradeFailures = 0;
  #upgradeTimer: ReturnType<typeof setTimeout> | undefined;
  #sessionTimer: ReturnType<typeof setTimeout> | undefined;
  #state: LinkState = { type: "connecting" };
  #isOver = false;

  constructor(options: CoordinatorLinkOptions) {
    this.#options = options;
    this.#begin();
  }

  get state(): LinkState {
    return this.#state;
  }

  get workerId(): WorkerId | undefined {
    return this.#welcome?.workerId;
  }

  /** Waits while the line is lost; dropped between sessions, whose next begins from nothing, until that is welcomed. */
  send(message: WorkerMessage): void {
    if (this.#isWelcomed) this.#session?.send(message);
  }

  /** Says so on every open channel before it returns, fit for `pagehide`, and stays away. */
  goodbye(reason: string): void {
    this.#isOver = true;
    clearTimeout(this.#sessionTimer);
    this.#dropUpgrade();
    this.#dialing?.goodbye(reason);
    this.#tell({ type: "ended" });
  }

  #begin(): void {
    this.#tell({ type: "connecting" });
    const onRefused = (error: unknown): void => this.#options.onRefused(error);
    const codec = envelope(toWorkerMessageSchema, workerMessageSchema, onRefused);
    const session = new Session<ToWorkerMessage, WorkerMessage>({
      codec,
      onMessages: (messages) => this.#hear(messages),
      onLink: (kind) => this.#linked(kind),
      onRefused,
      schedule: queueMicrotask,
    });
    this.#session = session;
    this.#dialing = dial({
      open: () => this.#options.openChannel(),
      hello: () => this.#options.hello(),
      session,
      reconnectMs,
      onWelcome: (welcome) => this.#welcomed(welcome),
      onEnd: (ending) => this.#ended(ending),
    });
  }

  #welcomed({ welcome: said, isResumed, isRestored }: Welcome): void {
    let welcome: WorkerWelcome;
    try {
      // A session that was only cut off is the one that was welcomed before: nothing is said again.
      welcome = isResumed && this.#welcome !== undefined ? this.#welcome : readWelcome(said);
    } catch (error) {
      this.#options.onRefused(error);
      this.#session?.close("the welcome makes no sense");
      return;
    }
    this.#welcome = welcome;
    this.#upgradeFailures = 0;
    // A session that was only cut off keeps its data channel, which may well have outlived the WebSocket.
    if (!isResumed) this.#dropUpgrade();
    this.#isWelcomed = true;
    this.#options.onWelcome({ ...welcome, link: isResumed ? "resumed" : isRestored ? "restored" : "new" });
  }

  #hear(messages: readonly ToWorkerMessage[]): void {
    for (const message of messages) if (message.type === "signal") this.#takeSignal(message.json);
    this.#options.onMessages(messages);
  }

  #linked(kind: LinkKind | "none"): void {
    if (this.#isOver) return;
    switch (kind) {
      case "none":
        this.#tell({ type: "lost" });
        return;
      case "webrtc":
        this.#upgradeFailures = 0;
        this.#tell({ type: "linked", kind, upgrade: "off" });
        return;
      case "websocket":
      case "memory":
        // From a data channel that was lost, or from nothing.
        this.#tell({ type: "linked", kind, upgrade: this.#state.type === "linked" ? "lost" : "off" });
        this.#upgradeLater(this.#state.type === "linked" && this.#state.upgrade === "lost" ? firstUpgradeMs : 0);
    }
  }

  // ---------------------------------------------------------------------------------------------- data channel

  #upgradeLater(ms: number): void {
    if (this.#welcome?.webrtc !== true || this.#options.dialWebRtc === undefined) return;
    clearTimeout(this.#upgradeTimer);
    this.#upgradeTimer = setTimeout(() => this.#upgrade(), ms);
  }

  #upgrade(): void {
    const { dialWebRtc } = this.#options;
    const session = this.#session;
    if (session === undefined || dialWebRtc === undefined || this.#state.type !== "linked") return;
    this.#dropUpgrade();
    const upgrading = dialWebRtc({
      signal: (data) => session.send({ type: "signal", json: JSON.stringify(data) }),
      iceServers: this.#welcome?.iceServers ?? [],
    });
    this.#upgrading = upgrading;
    this.#tell({ ...this.#state, upgrade: "opening" });
    upgrading.opened.then(
      (channel) => {
        if (this.#upgrading === upgrading) session.attach(channel);
        else channel.close("given up");
      },
      () => {
        if (this.#upgrading !== upgrading) return;
        this.#upgrading = undefined;
        if (this.#state.type !== "linked") return;
        this.#tell({ ...this.#state, upgrade: "blocked" });
        this.#upgradeLater(Math.min(lastUpgradeMs, firstUpgradeMs * 2 ** this.#upgradeFailures++));
      },
    );
  }

  #takeSignal(json: string): void {
    try {
      this.#upgrading?.signal(JSON.parse(json));
    } catch (error) {
      this.#options.onRefused(error);
    }
  }

  #dropUpgrade(): void {
    clearTimeout(this.#upgradeTimer);
    const upgrading = this.#upgrading;
    this.#upgrading = undefined;
    upgrading?.close();
  }

  // ---------------------------------------------------------------------------------------------- endings

  #ended(ending: DialEnding): void {
    this.#dropUpgrade();
    this.#session = undefined;
    this.#dialing = undefined;
    this.#isWelcomed = false;
    if (this.#isOver) return;
    const isReplaced = ending.type === "refused" && ending.code === "REPLACED";
    if (isReplaced) this.#options.onReplaced();
    const isRefused = ending.type === "refused" && !isReplaced;
    if (isRefused) this.#tell({ type: "refused", message: ending.message, isOutdated: ending.code === "PROTOCOL" });
    else this.#tell({ type: "connecting" });
    this.#sessionTimer = setTimeout(() => this.#begin(), isRefused ? refusedMs : freshSessionMs);
  }

  #tell(state: LinkState): void {
    this.#state = state;
    this.#options.onState(state);
  }
}
