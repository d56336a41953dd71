/** What a hostile task would try, and against what. */

export interface Target {
  /** Someone else's server: counts every connection and request. */
  readonly http: string;
  /** Counts every datagram. */
  readonly udpPort: number;
  /** Where the shell's page comes from. */
  readonly shell: string;
  /** An attempt of another task in the same thread, which waits. */
  readonly otherAttemptId: string;
}

/**
 * Shipped as a task to a thread of its own, with a Target for its argument; says "blocked: why" or "ESCAPED: how". Only
 * its source travels, so it stands alone, and it names what threads lack through globalThis.
 */
export interface Attack {
  readonly name: string;
  readonly run: (target: Target) => Promise<string>;
}
