/**
 * The port between a Grid and whatever carries its messages: a client's session, or the shell around a thread.
 * The Grid knows nothing else of where it runs.
 */
import type { FunctionId, JobId, ObjectId, TaskId } from "../protocol/ids.ts";
import type { SubmitterMessage } from "../protocol/messages.ts";
import type { Context } from "./types.ts";

export interface GridHost {
  readonly jobId: JobId;
  readonly namespace: string;
  /** Lets another connection take the job over; absent inside tasks. */
  readonly ticket?: string;
  /** True for a client: handles that are collected are released. False for a task: what it holds ends with it. */
  readonly isLasting: boolean;
  /** Functions that the other end has been told of; shared by all Grids that speak through the same session or shell. */
  readonly defined: Set<FunctionId>;
  /** The id of the next thing submitted: the parent's id and the next ordinal. */
  nextChild(): TaskId;
  /** Ordered; coalesced by the host; never throws for a lost link. */
  send(message: SubmitterMessage): void;
  /** Puts bytes where the coordinator keeps large values and functions. Rejects with a GridError. */
  upload(id: string, bytes: Uint8Array): Promise<void>;
  /** Rejects with a GridError. `bytes` belong to the caller. */
  download(id: ObjectId, signal?: AbortSignal): Promise<Uint8Array>;
  /** A `get` or `wait` here begins or ends to wait on the grid: a task frees its thread meanwhile. Calls nest. */
  waiting(begins: boolean): void;
  /**
   * Where several speak through one Grid, an actor's calls: in whose name it speaks now, and a way to say something in a
   * name it has spoken in. What is asked is answered to whoever asked.
   */
  readonly voice?: string;
  speakAs?(voice: string | undefined, say: () => void): void;
  context(): Context;
  /** Ends this Grid's job; in a task it does nothing. */
  close(): Promise<void>;
}

/** In the only voice there is, where the host has but one. */
export function speakAs(host: GridHost, voice: string | undefined, say: () => void): void {
  if (host.speakAs === undefined) say();
  else host.speakAs(voice, say);
}
