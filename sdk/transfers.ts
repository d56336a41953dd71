/**
 * Large values over HTTP, to and from the coordinator's store. Owns the retries: a transfer that breaks is tried again
 * until the session is over. Knows nothing about what the bytes are.
 */
import { DisconnectedError, errorCodes, type GridError } from "../protocol/errors.ts";
import { errorOf } from "../grid/failures.ts";

export interface TransfersPort {
  readonly base: string;
  /** The session's key; another one after the coordinator has forgotten the session. */
  httpKey(): string;
  /** Aborts, with the reason, when the session is over. */
  readonly signal: AbortSignal;
}

const firstWaitMs = 100;
const lastWaitMs = 5_000;
/** Answers of a server in trouble, and of a key that a new welcome will replace, are believed after so many tries. */
const refusalsBelieved = 4;

export class Transfers {
  readonly #of: TransfersPort;

  constructor(of: TransfersPort) {
    this.#of = of;
  }

  async upload(id: string, bytes: Uint8Array): Promise<void> {
    await this.#transfer(`upload "${id}"`, id, { method: "PUT", body: bytes as Uint8Array<ArrayBuffer> }, undefined);
  }

  async download(id: string, signal: AbortSignal | undefined): Promise<Uint8Array> {
    return await this.#transfer(`download "${id}"`, id, { method: "GET" }, signal);
  }

  async #transfer(what: string, id: string, init: RequestInit, signal: AbortSignal | undefined): Promise<Uint8Array> {
    const { signal: over, base } = this.#of;
    const until = signal === undefined ? over : AbortSignal.any([over, signal]);
    for (let tries = 1; ; tries++) {
      const attempt = await attempted(`${base}/objects/${encodeURIComponent(id)}`, {
        ...init,
        headers: { authorization: `Bearer ${this.#of.httpKey()}` },
        signal: until,
      });
      if (attempt.type === "done") return attempt.bytes;
      until.throwIfAborted();
      if (attempt.type === "refused" && (attempt.isFinal || tries >= refusalsBelieved)) throw refusal(what, attempt);
      await sleep(Math.min(lastWaitMs, firstWaitMs * 2 ** (tries - 1)), until);
    }
  }
}

type Attempt =
  | { readonly type: "done"; readonly bytes: Uint8Array }
  | { readonly type: "broken" }
  | { readonly type: "refused"; readonly status: number; readonly isFinal: boolean; readonly body: string };

async function attempted(url: string, init: RequestInit): Promise<Attempt> {
  try {
    const response = await fetch(url, init);
    if (response.ok) return { type: "done", bytes: new Uint8Array(await response.arrayBuffer()) };
    const { status } = response;
    const isFinal = status >= 400 && status < 500 && status !== 401 && status !== 408 && status !== 429;
    return { type: "refused", status, isFinal, body: await response.text() };
  } catch {
    return { type: "broken" };
  }
}

function refusal(what: string, { status, body }: Extract<Attempt, { type: "refused" }>): GridError {
  let said: { readonly error?: unknown; readonly code?: unknown } = {};
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed === "object" && parsed !== null) said = parsed;
  } catch {
    // A proxy's page, say.
  }
  const code = errorCodes.find((known) => known === said.code);
  const message = typeof said.error === "string" ? said.error : `Cannot ${what}: the coordinator answered ${status}`;
  return code === undefined ? new DisconnectedError(message) : errorOf({ code, message });
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", abort);
      resolve();
    }, ms);
    const abort = (): void => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    signal.addEventListener("abort", abort, { once: true });
  });
}
