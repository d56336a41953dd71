/**
 * The connecting end of a session: opens the primary channel, says hello, and after a loss comes back and resumes until
 * `reconnectMs` have passed. Owns attempts, backoff, silence and the ending. Knows nothing about how a channel is opened
 * (a function is passed in), what hello and welcome say, or the session's messages.
 */
import { ProtocolError } from "../protocol/errors.ts";
import type { Channel } from "./channel.ts";
import { decodeFrame, encodeJson } from "./frame.ts";
import type { Frame } from "./frame.ts";
import { readRefusal, readWelcome } from "./handshake.ts";
import type { Claim, Refusal, Welcome } from "./handshake.ts";
import type { LinkedSession } from "./session.ts";

/** Why the session is over at this end. */
export type DialEnding =
  /** The other end refused it, for the reason in `code`; dialing again would not help. */
  | { readonly type: "refused"; readonly code: string; readonly message: string }
  /** No welcome for `reconnectMs` (the first time: `connectMs`). */
  | { readonly type: "gave-up"; readonly message: string }
  /** This end said goodbye or closed the session. */
  | { readonly type: "closed"; readonly message: string };

export interface DialOptions {
  /** Opens one channel; rejecting counts as a failed attempt. */
  open(): Promise<Channel>;
  /** The owner's part of the hello, JSON-able and at most 64 KiB; asked for at each attempt. */
  hello(): object;
  readonly session: LinkedSession;
  /**
   * Called at each welcome, before the channel is attached and anything waiting is sent. When `isResumed` is false on
   * any but the first, the other end lost its memory: what was not acknowledged is dropped, and the owner says again
   * what matters, by `session.send`, here.
   */
  onWelcome(welcome: Welcome, isFirst: boolean): void;
  /** Told once; the session is closed by then. */
  onEnd(ending: DialEnding): void;
  /** How long a lost session is dialed for. */
  readonly reconnectMs: number;
  /** The same for the first welcome. Default `reconnectMs`. */
  readonly connectMs?: number;
  /** From 0 to 1, for jitter. Default Math.random. */
  readonly random?: () => number;
}

export interface Dialing {
  /** The first welcome; rejects with the ending's message, and the ending as `cause`, when there is none. */
  readonly opened: Promise<Welcome>;
  /** Ends the session in order: says bye on every channel before it returns, fit for `pagehide`. */
  goodbye(reason?: string): void;
}

/** One attempt, from opening to welcome, may take this long. */
const attemptMs = 10_000;

/** Waits between attempts: none, then from the first to the last of these, doubling, each shortened by up to half. */
const firstBackoffMs = 100;
const lastBackoffMs = 1_500;

/** A link that lasted less than this does not start the backoff afresh: a welcome may be followed by a crash. */
const settledMs = 5_000;

/** The accepting end pings a silent link every 5 s; hearing nothing for four beats (15 to 20 s) is a loss. */
const beatMs = 5_000;
const silentBeats = 4;

/** Begins to dial at once. */
export function dial(options: DialOptions): Dialing {
  const dialer = new Dialer(options);
  dialer.start();
  return { opened: dialer.opened, goodbye: (reason = "goodbye") => dialer.goodbye(reason) };
}

type State =
  | { readonly type: "opening" }
  | { readonly type: "greeting"; readonly channel: Channel }
  | { readonly type: "linked"; readonly since: number }
  | { readonly type: "waiting" }
  | { readonly type: "ended" };

class Dialer {
  readonly opened: Promise<Welcome>;
  readonly #options: DialOptions;
  #resolveOpened: (welcome: Welcome) => void = () => {};
  #rejectOpened: (error: Error) => void = () => {};

  #state: State = { type: "waiting" };
  /** Each attempt has a number, so that what a dead one still reports is recognised and dropped. */
  #attempt = 0;
  #failures = 0;
  #claim: Omit<Claim, "received"> | undefined;
  /** The one timer of an attempt or of the wait before it. */
  #timer: ReturnType<typeof setTimeout> | undefined;
  #giveUpTimer: ReturnType<typeof setTimeout> | undefined;
  #beatTimer: ReturnType<typeof setInterval> | undefined;
  #lastFailure = "not tried";

  constructor(options: DialOptions) {
    this.#options = options;
    this.opened = new Promise((resolve, reject) => {
      this.#resolveOpened = resolve;
      this.#rejectOpened = reject;
    });
    // Whoever only listens to onEnd must not be punished with an unhandled rejection.
    this.opened.catch(() => {});
  }

  start(): void {
    const { session, connectMs, reconnectMs } = this.#options;
    session.observer = {
      onPrimaryLost: (reason) => this.#lost(reason),
      onBye: () => {},
      onRefuse: (code, message) => this.#end({ type: "refused", code, message }),
      onClosed: (reason) => this.#end({ type: "closed", message: reason }),
    };
    this.#giveUpAfter(connectMs ?? reconnectMs);
    this.#open();
  }

  goodbye(reason: string): void {
    this.#options.session.goodbye(reason);
    this.#end({ type: "closed", message: reason });
  }

  #open(): void {
    const attempt = ++this.#attempt;
    this.#state = { type: "opening" };
    this.#timer = setTimeout(() => this.#failed(attempt, `no welcome within ${attemptMs} ms`), attemptMs);
    this.#openChannel().then(
      (channel) => {
        // The attempt was given up while its channel opened: nobody else knows of it.
        if (attempt !== this.#attempt || this.#state.type !== "opening") channel.close("attempt given up");
        else this.#greet(attempt, channel);
      },
      (error: unknown) => this.#failed(attempt, error instanceof Error ? error.message : String(error)),
    );
  }

  /** Turns what `open` may throw at once into a rejection. */
  async #openChannel(): Promise<Channel> {
    return await this.#options.open();
  }

  #greet(attempt: number, channel: Channel): void {
    this.#state = { type: "greeting", channel };
    const resume = this.#claim && { ...this.#claim, received: this.#options.session.received };
    let hello: Uint8Array;
    try {
      hello = encodeJson("hello", { hello: this.#options.hello(), ...(resume && { resume }) });
    } catch (error) {
      this.#failed(attempt, error instanceof Error ? error.message : String(error));
      return;
    }
    channel.handlers = {
      onFrame: (frame) => this.#answered(attempt, channel, frame),
      onClose: (reason) => this.#failed(attempt, reason),
      onDrain: () => {},
    };
    channel.send(hello);
  }

  #answered(attempt: number, channel: Channel, bytes: Uint8Array): void {
    if (attempt !== this.#attempt) return;
    let answer: Answer;
    try {
      answer = readAnswer(decodeFrame(bytes));
    } catch (error) {
      this.#failed(attempt, error instanceof Error ? error.message : String(error));
      return;
    }
    if (answer.type === "welcome") this.#welcomed(channel, answer.welcome);
    else this.#end({ type: "refused", code: answer.refusal.code, message: answer.refusal.message });
  }

  #welcomed(channel: Channel, welcome: Welcome): void {
    const { session } = this.#options;
    const isFirst = this.#claim === undefined;
    clearTimeout(this.#timer);
    clearTimeout(this.#giveUpTimer);
    this.#giveUpTimer = undefined;
    this.#claim = { sessionId: welcome.sessionId, resumeKey: welcome.resumeKey };
    this.#state = { type: "linked", since: performance.now() };
    // 1. What the other end has forgotten starts again, empty, 2. the owner says what matters, 3. the channel is attached and sends.
    if (!isFirst && welcome.isRestored) session.restartReceiving();
    else if (!isFirst && !welcome.isResumed) session.restart();
    this.#options.onWelcome(welcome, isFirst);
    session.attach(channel, welcome.received);
    this.#beatTimer ??= setInterval(() => {
      if (session.beat(false) >= silentBeats) session.dropPrimary("silent");
    }, beatMs);
    this.#resolveOpened(welcome);
  }

  /** The primary channel of a linked session is gone. */
  #lost(reason: string): void {
    if (this.#state.type !== "linked") return;
    this.#lastFailure = reason;
    const lasted = performance.now() - this.#state.since;
    if (lasted >= settledMs) this.#failures = 0;
    this.#giveUpAfter(this.#options.reconnectMs);
    this.#retry();
  }

  #failed(attempt: number, reason: string): void {
    if (attempt !== this.#attempt) return;
    const state = this.#state;
    if (state.type !== "opening" && state.type !== "greeting") return;
    this.#lastFailure = reason;
    if (state.type === "greeting") state.channel.close("attempt given up");
    this.#retry();
  }

  #retry(): void {
    clearTimeout(this.#timer);
    this.#state = { type: "waiting" };
    this.#timer = setTimeout(() => this.#open(), this.#backoffMs());
  }

  /** The first retry after a loss is at once; the n-th after it waits 100 ms * 2^(n-1), at most 1.5 s: whoever comes back is found again in less than 2 s. */
  #backoffMs(): number {
    const failures = this.#failures++;
    if (failures === 0) return 0;
    const random = this.#options.random ?? Math.random;
    return Math.min(lastBackoffMs, firstBackoffMs * 2 ** (failures - 1)) * (1 - random() / 2);
  }

  #giveUpAfter(ms: number): void {
    this.#giveUpTimer ??= setTimeout(
      () => this.#end({ type: "gave-up", message: `no answer for ${ms} ms: ${this.#lastFailure}` }),
      ms,
    );
  }

  #end(ending: DialEnding): void {
    const state = this.#state;
    if (state.type === "ended") return;
    this.#state = { type: "ended" };
    this.#attempt++;
    clearTimeout(this.#timer);
    clearTimeout(this.#giveUpTimer);
    clearInterval(this.#beatTimer);
    if (state.type === "greeting") state.channel.close(ending.message);
    this.#options.session.close(ending.message);
    this.#rejectOpened(new Error(ending.message, { cause: ending }));
    this.#options.onEnd(ending);
  }
}

type Answer =
  | { readonly type: "welcome"; readonly welcome: Welcome }
  | { readonly type: "refuse"; readonly refusal: Refusal };

function readAnswer(frame: Frame): Answer {
  if (frame.type === "welcome") return { type: "welcome", welcome: readWelcome(frame.body) };
  if (frame.type === "refuse") return { type: "refuse", refusal: readRefusal(frame.body) };
  throw new ProtocolError(`Cannot begin a session with ${frame.type}: welcome or refuse expected`);
}
