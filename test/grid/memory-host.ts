/** A GridHost in memory that records what a Grid says; answers are given by hand. */
import { createGrid, type GridEnd } from "../../grid/grid.ts";
import type { GridHost } from "../../grid/host.ts";
import type { Context } from "../../grid/types.ts";
import { childId, type FunctionId, type JobId, type ObjectId, returnId, type TaskId } from "../../protocol/ids.ts";
import type { SubmitterMessage, ToSubmitterMessage } from "../../protocol/messages.ts";
import type { Failure } from "../../protocol/nouns.ts";
import { encodeValue, joinSegments } from "../../protocol/payload.ts";

export type Said<T extends SubmitterMessage["type"]> = Extract<SubmitterMessage, { type: T }>;

export interface Upload {
  readonly id: string;
  readonly bytes: Uint8Array;
  resolve(): void;
  reject(error: Error): void;
}

export class MemoryHost implements GridHost {
  readonly jobId: JobId;
  readonly namespace = "default";
  readonly isLasting: boolean;
  readonly defined = new Set<FunctionId>();
  readonly said: SubmitterMessage[] = [];
  readonly uploads: Upload[] = [];
  readonly stored = new Map<string, Uint8Array>();
  readonly waits: boolean[] = [];
  /** Called for each message, after it was recorded. */
  onSaid: (message: SubmitterMessage) => void = () => {};
  #children = 0;

  constructor(options: { isLasting?: boolean; jobId?: string } = {}) {
    this.isLasting = options.isLasting ?? true;
    this.jobId = (options.jobId ?? "jtest") as JobId;
  }

  nextChild(): TaskId {
    return childId(this.jobId, ++this.#children);
  }
  send(message: SubmitterMessage): void {
    this.said.push(message);
    this.onSaid(message);
  }
  upload(id: string, bytes: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.uploads.push({ id, bytes, resolve, reject });
    });
  }
  async download(id: ObjectId): Promise<Uint8Array> {
    const bytes = this.stored.get(id);
    if (bytes === undefined) throw new Error(`nothing is stored as ${id}`);
    return bytes;
  }
  waiting(begins: boolean): void {
    this.waits.push(begins);
  }
  context(): Context {
    throw new Error("not used here");
  }
  async close(): Promise<void> {}

  /** The types of what was said, in order. */
  get types(): string[] {
    return this.said.map((message) => message.type);
  }
  all<T extends SubmitterMessage["type"]>(type: T): Said<T>[] {
    return this.said.filter((message): message is Said<T> => message.type === type);
  }
  last<T extends SubmitterMessage["type"]>(type: T): Said<T> {
    const message = this.all(type).at(-1);
    if (message === undefined) throw new Error(`nobody said ${type}`);
    return message;
  }
}

export interface Opened extends GridEnd {
  readonly host: MemoryHost;
}

export function openGrid(options?: ConstructorParameters<typeof MemoryHost>[0]): Opened {
  const host = new MemoryHost(options);
  return { host, ...createGrid(host) };
}

/** Lets what was queued in this turn be said. */
export const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

export const payload = (value: unknown): Uint8Array => joinSegments(encodeValue(value));

export function object(task: string, index = 0): ObjectId {
  return returnId(task as TaskId, index);
}

export const ready = {
  value: (id: string, value: unknown, refs: readonly string[] = []): ToSubmitterMessage => ({
    type: "ready",
    objects: [
      { type: "value", id: id as ObjectId, value: { type: "inline", bytes: payload(value), refs: refs as ObjectId[] } },
    ],
  }),
  stored: (id: string, sizeBytes: number): ToSubmitterMessage => ({
    type: "ready",
    objects: [{ type: "value", id: id as ObjectId, value: { type: "stored", sizeBytes, refs: [] } }],
  }),
  failed: (id: string, failure: Failure): ToSubmitterMessage => ({
    type: "ready",
    objects: [{ type: "failed", id: id as ObjectId, failure }],
  }),
  exists: (...ids: string[]): ToSubmitterMessage => ({
    type: "ready",
    objects: ids.map((id) => ({ type: "exists", id: id as ObjectId })),
  }),
  ended: (id: string): ToSubmitterMessage => ({ type: "ready", objects: [{ type: "ended", id: id as ObjectId }] }),
};
