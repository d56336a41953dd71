/**
 * Large values over HTTP, to and from the coordinator. Owns the key, retries and what a refusal means. Knows nothing about
 * who wants them.
 */
import { limits } from "../protocol/limits.ts";

export interface BulkOptions {
  /** Where `/objects/<id>` is. */
  readonly origin: string;
  readonly fetch: typeof fetch;
  wait(ms: number): Promise<void>;
}

/** Waits between the tries; the coordinator may be restarting. */
const waits: readonly number[] = [200, 1_000, 3_000];

export class Bulk {
  readonly #options: BulkOptions;
  /** Of the session that is open now. */
  key: string | undefined;

  constructor(options: BulkOptions) {
    this.#options = options;
  }

  /** Rejects with an Error that says why; a Refusal if another try would not help. */
  async download(id: string): Promise<Uint8Array<ArrayBuffer>> {
    return this.#withRetries(id, { method: "GET" }, async (response) => {
      const declared = Number(response.headers.get("content-length") ?? 0);
      if (declared > limits.objectBytes) {
        throw new Refusal(`${declared} bytes are over the limit objectBytes ${limits.objectBytes}`);
      }
      return new Uint8Array(await response.arrayBuffer());
    });
  }

  /** Rejects with an Error that says why; a Refusal if another try would not help. */
  async upload(id: string, bytes: Uint8Array): Promise<void> {
    const body = new Blob([bytes as Uint8Array<ArrayBuffer>]);
    await this.#withRetries(id, { method: "PUT", body }, async (response) => {
      await response.arrayBuffer();
    });
  }

  async #withRetries<T>(id: string, init: RequestInit, take: (response: Response) => Promise<T>): Promise<T> {
    for (let tries = 0; ; tries++) {
      try {
        return await take(await this.#ask(id, init));
      } catch (error) {
        const waitMs = waits[tries];
        if (error instanceof Refusal || waitMs === undefined) throw error;
        await this.#options.wait(waitMs);
      }
    }
  }

  async #ask(id: string, init: RequestInit): Promise<Response> {
    const url = `${this.#options.origin}/objects/${encodeURIComponent(id)}`;
    const headers = { authorization: `Bearer ${this.key ?? ""}` };
    const response = await this.#options.fetch(url, { ...init, headers, cache: "no-store", credentials: "omit" });
    if (response.ok) return response;
    const reason = `${response.status} ${await reasonOf(response)}`;
    // What is wrong with the request stays wrong; but the key is a new one once a restarted coordinator lets us in again.
    const isFinal = response.status >= 400 && response.status < 500 && response.status !== 401;
    throw isFinal ? new Refusal(reason) : new Error(reason);
  }
}

/** The coordinator, or a limit, says no. */
export class Refusal extends Error {}

async function reasonOf(response: Response): Promise<string> {
  const text = await response.text().catch(() => "");
  return text.slice(0, 300) || response.statusText;
}
