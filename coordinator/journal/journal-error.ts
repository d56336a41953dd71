/** What can be wrong with a journal that is kept on a disk. Match the code, never the message. */

export const journalErrorCodes = [
  /** Another version of the program wrote it. */
  "JOURNAL_VERSION",
  /** Another process, or another journal of this one, has it open. */
  "JOURNAL_IN_USE",
  /** It is something else, or what was kept in it is damaged. */
  "JOURNAL_CORRUPT",
  /** The disk is full or does not do what it is told. What waits is tried again. */
  "JOURNAL_FULL",
  /** It cannot be reached: no permission, closed, its thread died. */
  "JOURNAL_UNAVAILABLE",
] as const;

export type JournalErrorCode = (typeof journalErrorCodes)[number];

export class JournalError extends Error {
  readonly code: JournalErrorCode;
  constructor(code: JournalErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
    this.name = "JournalError";
  }
}
