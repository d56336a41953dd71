/**
 * Every limit of the grid, chosen once and enforced at the door. Over a limit: a typed error that names the limit
 * and the value. Sizes in bytes, durations in ms, rates per second.
 */
const KiB = 1024;
const MiB = 1024 * KiB;

export const limits = {
  /** One decoded batch of messages, on any channel. */
  messageBytes: 4 * MiB,
  /** One frame on a data channel; longer batches are split. */
  dataChannelFrameBytes: 64 * KiB,
  /** Nesting of the envelope's header. */
  envelopeDepth: 100,
  /** Nesting of a user's value. */
  valueDepth: 1_000,
  /** A value up to this size travels inside messages and is kept by the coordinator. */
  inlineValueBytes: 64 * KiB,
  functionBytes: 10 * MiB,
  objectBytes: 1024 * MiB,
  logLineBytes: 8 * KiB,
  logLinesPerSecond: 1_000,
  queuedTasksPerJob: 1_000_000,
  idLength: 512,
  nameLength: 256,
  sessionsPerAddress: 2_000,
  /** Refused messages a session may send before it is closed. */
  refusalsPerSession: 16,
} as const;
