/**
 * Who may do what: four tokens, each with a scope. Where no token is asked for (loopback), whoever reaches the port may
 * do everything, except a web page of another origin, which the person did not send. Knows nothing about sessions.
 */
import { randomBytes, timingSafeEqual } from "node:crypto";

export const scopes = ["join", "submit", "observe", "admin"] as const;
export type Scope = (typeof scopes)[number];
export type Tokens = Readonly<Record<Scope, string>>;

export function makeTokens(): Tokens {
  const token = (): string => randomBytes(16).toString("base64url");
  return { join: token(), submit: token(), observe: token(), admin: token() };
}

/** A scope includes others: who submits may look, an administrator may do all. */
const includes: Readonly<Record<Scope, readonly Scope[]>> = {
  join: ["join"],
  submit: ["submit", "observe"],
  observe: ["observe"],
  admin: scopes,
};

export function allows(tokens: Tokens, token: string | undefined, wanted: Scope): boolean {
  if (token === undefined) return false;
  // Every token is compared, so that the time taken says nothing.
  let allowed = false;
  for (const scope of scopes)
    if (isSameSecret(tokens[scope], token) && includes[scope].includes(wanted)) allowed = true;
  return allowed;
}

/** Takes the same time wherever the first difference is. */
export function isSameSecret(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}

const loopbackNames = new Set(["localhost", "127.0.0.1", "[::1]", "::1"]);

export function isLoopback(host: string): boolean {
  return loopbackNames.has(host) || host.startsWith("127.") || host.endsWith(".localhost");
}

export interface Caller {
  readonly token: string | undefined;
  /** The Origin header: which page asks; absent outside browsers. */
  readonly origin: string | undefined;
  /** The Host header: under which name we were reached. */
  readonly host: string | undefined;
}

/**
 * `isOpen`: no token is needed from this machine. A page of another origin, or one that reached us under a foreign name
 * (DNS rebinding), needs one all the same.
 */
export function mayEnter(tokens: Tokens, isOpen: boolean, caller: Caller, wanted: Scope): boolean {
  if (allows(tokens, caller.token, wanted)) return true;
  if (!isOpen) return false;
  if (caller.host !== undefined && !isLoopback(nameOf(caller.host))) return false;
  if (caller.origin === undefined) return true;
  try {
    return isLoopback(new URL(caller.origin).hostname) || new URL(caller.origin).host === caller.host;
  } catch {
    return false;
  }
}

function nameOf(host: string): string {
  return host.replace(/:\d+$/, "");
}
