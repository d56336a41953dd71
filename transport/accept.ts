/**
 * The accepting end: every session this process serves, and what keeps each: its key, its link, its retention. Owns the
 * handshake with a new channel, resuming, presence and the one timer for all of them. Knows nothing about who may
 * connect (the owner decides on each hello), how channels come, or the sessions' messages.
 */
import { GridError } from "../protocol/errors.ts";
import type { Channel } from "./channel.ts";
import { decodeFrame, encodeJson } from "./frame.ts";
import { readHello } from "./handshake.ts";
import type { Claim, Hello } from "./handshake.ts";
import type { LinkedSession } from "./session.ts";

export interface HelloRequest {
  /** What the dialing owner said; not yet validated. */
  readonly hello: unknown;
  /** What the channel was accepted with: the peer's address. */
  readonly address: string;
  /** The id and key the session will have if accepted, so that the owner can name and journal it. */
  readonly sessionId: string;
  readonly resumeKey: string;
  /**
   * The hello continues a session this table does not know (the process restarted). The owner may refuse, or check the
   * key against its journal and accept it as `restored`: then only this end's own stream begins again.
   */
  readonly claim: Omit<Claim, "received"> | undefined;
}

export type HelloDecision =
  | {
      readonly type: "accept";
      readonly session: LinkedSession;
      /** How long the session is kept after its link is lost; `retain` changes it. */
      readonly retainMs: number;
      /** What the dialing owner is told, JSON-able. */
      readonly welcome?: unknown;
      /** The claim it verified, whose id and key go on; `session` expects the batch after the last that was kept. */
      readonly restored?: Omit<Claim, "received">;
    }
  | { readonly type: "refuse"; readonly code: string; readonly message: string };

/** What the owner hears. After the last three the session is closed and forgotten. */
export type AcceptEvent =
  /** `onHello` threw something that is no GridError; the channel was closed and the dialing end may try again. */
  | { readonly type: "hello-failed"; readonly address: string; readonly error: unknown }
  /** The primary channel closed without a bye, or was silent for 15 s. */
  | { readonly type: "link-lost"; readonly sessionId: string; readonly reason: string }
  /** The same session again, on a new channel. */
  | { readonly type: "link-resumed"; readonly sessionId: string; readonly hello: unknown; readonly address: string }
  | { readonly type: "said-goodbye"; readonly sessionId: string; readonly reason: string }
  /** Not resumed in time. */
  | { readonly type: "retention-expired"; readonly sessionId: string; readonly reason: string }
  /** Closed by this side: its owner, or a limit of the session. */
  | { readonly type: "session-closed"; readonly sessionId: string; readonly reason: string };

export interface AcceptorOptions {
  /** Throwing a GridError refuses with its code. A decision that takes over 10 s is not waited for. */
  onHello(request: HelloRequest): HelloDecision | Promise<HelloDecision>;
  onEvent(event: AcceptEvent): void;
  /** Default: the platform's `crypto.getRandomValues`. */
  readonly getRandomValues?: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array;
  /** Milliseconds that only go forward. Default `performance.now`. */
  readonly now?: () => number;
}

/** A hello must come, and be decided on, within this time. */
const helloMs = 10_000;

/** The timer's period: how late a retention or a hello may be noticed. */
const tickMs = 250;

/**
 * Sessions are beaten in turn, each once every 20 ticks (5 s), so that thousands of idle ones do not all ping at once.
 * A primary channel silent for three beats, two of them pinged without an answer, is lost.
 */
const beatSlots = 20;
const silentBeats = 3;

/** The codes of the refusals this file makes itself. */
export const badHelloCode = "PROTOCOL";
export const wrongKeyCode = "WRONG_RESUME_KEY";

interface Entry {
  readonly sessionId: string;
  readonly resumeKey: string;
  readonly session: LinkedSession;
  readonly slot: Set<Entry>;
  retainMs: number;
  lostAt: number | undefined;
  /** Says which of the three ends it was, when the session reports that it closed. */
  ending: "said-goodbye" | "retention-expired" | "session-closed";
}

interface Pending {
  readonly channel: Channel;
  readonly address: string;
  readonly deadline: number;
}

export class Acceptor {
  readonly #options: AcceptorOptions;
  readonly #now: () => number;
  readonly #entries = new Map<string, Entry>();
  readonly #slots: readonly Set<Entry>[] = Array.from({ length: beatSlots }, () => new Set<Entry>());
  readonly #lost = new Set<Entry>();
  readonly #pending = new Set<Pending>();
  readonly #timer: ReturnType<typeof setInterval>;
  #ticks = 0;
  #opened = 0;
  #isClosed = false;

  constructor(options: AcceptorOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#timer = setInterval(() => this.#tick(), tickMs);
  }

  /** Sessions that are open, linked or retained. */
  get size(): number {
    return this.#entries.size;
  }

  /** Channels whose hello is awaited or being decided on. */
  get pendingCount(): number {
    return this.#pending.size;
  }

  /** Takes a channel that has just opened and waits for its hello. */
  accept(channel: Channel, address: string): void {
    if (this.#isClosed) {
      channel.close("closing");
      return;
    }
    const pending: Pending = { channel, address, deadline: this.#now() + helloMs };
    this.#pending.add(pending);
    let isHelloRead = false;
    channel.handlers = {
      onFrame: (frame) => {
        // Nothing may follow a hello before its welcome.
        if (isHelloRead) this.#refuse(pending, badHelloCode, "Cannot take a second frame before the welcome");
        else {
          isHelloRead = true;
          this.#read(pending, frame);
        }
      },
      onClose: () => this.#pending.delete(pending),
      onDrain: () => {},
    };
  }

  /** How long a session is kept from now on after its link is lost; counts from the loss if it is lost already. */
  retain(sessionId: string, ms: number): void {
    const entry = this.#entries.get(sessionId);
    if (entry !== undefined) entry.retainMs = ms;
  }

  /** Closes every session and channel, without a word: the dialing ends come back to whoever listens next. */
  close(reason = "closing"): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearInterval(this.#timer);
    for (const { channel } of this.#pending) channel.close(reason);
    this.#pending.clear();
    for (const { session } of this.#entries.values()) session.close(reason);
  }

  // ------------------------------------------------------------------------------------------------- handshake

  #read(pending: Pending, bytes: Uint8Array): void {
    let hello: Hello;
    try {
      const frame = decodeFrame(bytes);
      if (frame.type !== "hello") {
        this.#refuse(pending, badHelloCode, `Cannot begin with ${frame.type}: hello expected`);
        return;
      }
      hello = readHello(frame.body);
    } catch (error) {
      this.#refuse(pending, badHelloCode, error instanceof Error ? error.message : String(error));
      return;
    }
    const claim = hello.resume;
    const entry = claim && this.#entries.get(claim.sessionId);
    if (claim === undefined || entry === undefined) void this.#decide(pending, hello);
    else if (isSameText(claim.resumeKey, entry.resumeKey)) this.#resume(pending, entry, hello, claim.received);
    else this.#refuse(pending, wrongKeyCode, `Cannot resume session "${entry.sessionId}": wrong key`);
  }

  async #decide(pending: Pending, { hello, resume }: Hello): Promise<void> {
    const sessionId = this.#randomText(16);
    const resumeKey = this.#randomText(32);
    const claim = resume && { sessionId: resume.sessionId, resumeKey: resume.resumeKey };
    let decision: HelloDecision;
    try {
      decision = await this.#options.onHello({ hello, address: pending.address, sessionId, resumeKey, claim });
    } catch (error) {
      if (error instanceof GridError) this.#refuse(pending, error.code, error.message);
      else {
        this.#drop(pending, "the hello could not be decided on");
        this.#options.onEvent({ type: "hello-failed", address: pending.address, error });
      }
      return;
    }
    if (decision.type === "refuse") {
      this.#refuse(pending, decision.code, decision.message);
      return;
    }
    const id = decision.restored?.sessionId ?? sessionId;
    if (this.#entries.has(id)) {
      this.#drop(pending, "another has taken the id");
      decision.session.close("not opened");
      return;
    }
    this.#open(pending, id, decision.restored?.resumeKey ?? resumeKey, decision);
  }

  #open(
    pending: Pending,
    sessionId: string,
    resumeKey: string,
    decision: HelloDecision & { readonly type: "accept" },
  ): void {
    const { session, retainMs } = decision;
    const slot = this.#slots[this.#opened++ % beatSlots] ?? new Set<Entry>();
    const entry: Entry = {
      sessionId,
      resumeKey,
      session,
      slot,
      retainMs,
      lostAt: undefined,
      ending: "session-closed",
    };
    this.#entries.set(sessionId, entry);
    slot.add(entry);
    session.observer = {
      onPrimaryLost: (reason) => this.#lose(entry, reason),
      onBye: () => {
        entry.ending = "said-goodbye";
      },
      onRefuse: () => {},
      onClosed: (reason) => this.#forget(entry, reason),
    };
    // While the owner decided, the channel may have closed: its other end may be back, or is missed in time.
    if (!this.#pending.has(pending)) {
      this.#lose(entry, "the channel closed before the welcome");
      return;
    }
    const how = decision.restored === undefined ? "new" : "restored";
    this.#welcome(pending, entry, 0, how, decision.welcome);
  }

  #resume(pending: Pending, entry: Entry, { hello }: Hello, received: number): void {
    this.#lost.delete(entry);
    entry.lostAt = undefined;
    this.#welcome(pending, entry, received, "resumed", undefined);
    if (entry.session.isClosed) return;
    this.#options.onEvent({ type: "link-resumed", sessionId: entry.sessionId, hello, address: pending.address });
  }

  #welcome(
    pending: Pending,
    entry: Entry,
    peerReceived: number,
    how: "new" | "resumed" | "restored",
    welcome: unknown,
  ): void {
    this.#pending.delete(pending);
    const { session, sessionId, resumeKey } = entry;
    // The welcome goes first on the channel; attaching sends what the other end lacks and closes the old channel.
    pending.channel.send(
      encodeJson("welcome", {
        sessionId,
        resumeKey,
        received: session.received,
        isResumed: how === "resumed",
        isRestored: how === "restored",
        welcome,
      }),
    );
    session.attach(pending.channel, peerReceived);
  }

  #refuse(pending: Pending, code: string, message: string): void {
    if (!this.#pending.delete(pending)) return;
    pending.channel.send(encodeJson("refuse", { code, message }));
    pending.channel.close(message);
  }

  /** Closes without a refusal, which would be final: the dialing end may try again. */
  #drop(pending: Pending, reason: string): void {
    this.#pending.delete(pending);
    pending.channel.close(reason);
  }

  #randomText(bytes: number): string {
    const random = new Uint8Array(bytes);
    if (this.#options.getRandomValues === undefined) crypto.getRandomValues(random);
    else this.#options.getRandomValues(random);
    return Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  // -------------------------------------------------------------------------------------------------- presence

  #tick(): void {
    const now = this.#now();
    for (const pending of this.#pending) {
      if (pending.deadline <= now) this.#drop(pending, `no hello, or no decision on it, within ${helloMs} ms`);
    }
    for (const entry of this.#lost) {
      if (entry.lostAt !== undefined && entry.lostAt + entry.retainMs <= now) {
        entry.ending = "retention-expired";
        entry.session.close(`not resumed within ${entry.retainMs} ms`);
      }
    }
    for (const { session } of this.#slots[this.#ticks++ % beatSlots] ?? []) {
      if (session.beat(true) >= silentBeats) session.dropPrimary("silent");
    }
  }

  #lose(entry: Entry, reason: string): void {
    entry.lostAt = this.#now();
    this.#lost.add(entry);
    this.#options.onEvent({ type: "link-lost", sessionId: entry.sessionId, reason });
  }

  #forget(entry: Entry, reason: string): void {
    this.#entries.delete(entry.sessionId);
    entry.slot.delete(entry);
    this.#lost.delete(entry);
    this.#options.onEvent({ type: entry.ending, sessionId: entry.sessionId, reason });
  }
}

/** Takes the same time wherever the first difference is. */
function isSameText(a: string, b: string): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let at = 0; at < a.length; at++) difference |= a.charCodeAt(at) ^ b.charCodeAt(at);
  return difference === 0;
}
