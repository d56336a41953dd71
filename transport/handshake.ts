/**
 * What dialing and accepting ends say to each other before a channel belongs to a session: hello, then welcome or
 * refuse. Owns the shapes of the three and checks them; the owner's part of each (`hello`, `welcome`) is passed through
 * unread. Knows nothing about timers, tables or sessions.
 *
 *     hello    { hello, resume?: { sessionId, resumeKey, received } }
 *     welcome  { sessionId, resumeKey, received, isResumed, isRestored, welcome }
 *     refuse   { code, message }
 */
import { ProtocolError } from "../protocol/errors.ts";
import { field } from "./frame.ts";

/** What proves that a hello continues a session, and where it stands. */
export interface Claim {
  readonly sessionId: string;
  readonly resumeKey: string;
  readonly received: number;
}

export interface Hello {
  readonly hello: unknown;
  readonly resume: Claim | undefined;
}

export interface Welcome {
  readonly sessionId: string;
  readonly resumeKey: string;
  /** The last batch that the accepting end has received in order. */
  readonly received: number;
  /** False when the session is new to the accepting end, even if the hello asked to resume. */
  readonly isResumed: boolean;
  /**
   * The accepting process was restarted and has kept what this end said up to `received`, and nothing of what it had
   * said itself: only its own stream begins again.
   */
  readonly isRestored: boolean;
  /** What the accepting owner says. */
  readonly welcome: unknown;
}

export interface Refusal {
  readonly code: string;
  readonly message: string;
}

/** The longest session id, key or code a peer may send, in characters. */
const textLength = 512;

export function readHello(body: unknown): Hello {
  const resume = field(body, "resume");
  return { hello: field(body, "hello"), resume: resume === undefined ? undefined : readClaim(resume) };
}

export function readWelcome(body: unknown): Welcome {
  return {
    ...readClaim(body),
    isResumed: field(body, "isResumed") === true,
    isRestored: field(body, "isRestored") === true,
    welcome: field(body, "welcome"),
  };
}

export function readRefusal(body: unknown): Refusal {
  const message = field(body, "message");
  if (typeof message !== "string") throw new ProtocolError("Cannot read refuse: message is not text");
  return { code: readText(body, "code"), message };
}

function readClaim(body: unknown): Claim {
  const received = field(body, "received");
  if (typeof received !== "number" || !Number.isSafeInteger(received) || received < 0) {
    throw new ProtocolError("Cannot read handshake: received is not a count");
  }
  return { sessionId: readText(body, "sessionId"), resumeKey: readText(body, "resumeKey"), received };
}

function readText(body: unknown, name: string): string {
  const text = field(body, name);
  if (typeof text !== "string" || text.length === 0 || text.length > textLength) {
    throw new ProtocolError(`Cannot read handshake: ${name} is not a text of 1 to ${textLength} characters`);
  }
  return text;
}
