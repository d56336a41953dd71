/**
 * Everything this worker holds, in one record that the verbs of this room take. Each part owns its own rules.
 */
import type { ActorId, AttemptId, FunctionId, ObjectId } from "../../protocol/ids.ts";
import type { Actor } from "./actors.ts";
import type { Attempt } from "./attempts.ts";
import { Deadlines } from "./deadlines.ts";
import { Lanes } from "./lanes.ts";
import { Outbox } from "./outbox.ts";
import { newStanding, type Standing } from "./standing.ts";
import { Stock } from "./stock.ts";
import { newSupply, type ThreadSupply } from "./thread-supply.ts";
import { Threads, type Trip } from "./threads.ts";
import type { Upload } from "./uploads.ts";

export type Due =
  /** A task has run for its timeoutMs, if it is still on this trip. */
  | { readonly type: "timeout"; readonly attempt: Attempt; readonly trip: Trip }
  /** An actor was told to stop and may not have. */
  | { readonly type: "stop"; readonly actor: Actor }
  /** An actor was told to retire and may not have. */
  | { readonly type: "retire"; readonly actor: Actor }
  /** Something could not be uploaded, and may be now. */
  | { readonly type: "upload"; readonly objectId: ObjectId; readonly upload: Upload }
  /** Threads may be started again. */
  | { readonly type: "thread-start" };

export interface Tally {
  done: number;
  failed: number;
  /** Of tasks and calls, as threads report it. */
  ranMs: number;
  /** Reports about attempts their thread was not given. */
  forgeries: number;
  /** What the coordinator refused. */
  refusals: number;
}

export interface Holdings {
  /** The time of the event being handled. */
  at: number;
  readonly attempts: Map<AttemptId, Attempt>;
  readonly actors: Map<ActorId, Actor>;
  readonly lanes: Lanes;
  readonly threads: Threads;
  readonly supply: ThreadSupply;
  readonly functions: Stock<FunctionId, Attempt>;
  readonly objects: Stock<ObjectId, Attempt>;
  readonly uploads: Map<ObjectId, Upload>;
  /** Actors of whose state this browser may have a copy. */
  readonly copies: Set<ActorId>;
  readonly deadlines: Deadlines<Due>;
  readonly standing: Standing;
  readonly outbox: Outbox;
  readonly tally: Tally;
  /** The place in the order of arrival that the last task took. */
  lastSequence: number;
}

const functionsBytes = 64 * 1024 * 1024;
const objectsBytes = 256 * 1024 * 1024;

export function newHoldings(): Holdings {
  return {
    at: 0,
    attempts: new Map(),
    actors: new Map(),
    lanes: new Lanes(),
    threads: new Threads(),
    supply: newSupply(),
    functions: new Stock(functionsBytes),
    objects: new Stock(objectsBytes),
    uploads: new Map(),
    copies: new Set(),
    deadlines: new Deadlines(),
    standing: newStanding(),
    outbox: new Outbox(),
    tally: { done: 0, failed: 0, ranMs: 0, forgeries: 0, refusals: 0 },
    lastSequence: 0,
  };
}
