/**
 * What is awaited: `get` and `wait` over HeldObjects. Owns the asking (each thing once until it is answered) and the
 * bytes kept for the next `get`. Knows nothing about what the bytes mean, or about handles.
 */
import type { ObjectId } from "../protocol/ids.ts";
import type { ToSubmitterMessage } from "../protocol/messages.ts";
import { type Failure, failure, type Value } from "../protocol/nouns.ts";
import { asFailure, errorOf } from "./failures.ts";
import { Ending, type Outcome, type Patience, ReadinessGathering, ValuesGathering } from "./gathering.ts";
import { ended, exists, type HeldObject, unknown } from "./held-object.ts";
import type { Holdings } from "./holdings.ts";
import { type GridHost, speakAs } from "./host.ts";
import type { Outbox } from "./outbox.ts";
import type { Queries } from "./queries.ts";

/** A value that is lost so often on its way is not to be had. */
const lossesBelieved = 3;
/** Bytes of values kept for handles that live on; the oldest go first. */
const keptBytes = 64 * 1024 * 1024;

type Ready = Extract<ToSubmitterMessage, { type: "ready" }>["objects"][number];

export interface WantsPort {
  readonly host: GridHost;
  readonly outbox: Outbox;
  readonly holdings: Holdings;
  readonly queries: Queries;
}

export class Wants {
  readonly #of: WantsPort;
  readonly #active = new Set<Ending>();
  readonly #kept = new Set<HeldObject>();
  #keptBytes = 0;
  #failure: Failure | undefined;

  constructor(of: WantsPort) {
    this.#of = of;
  }

  /** The bytes of each object, in order; throws the first failure there is. The bytes are kept: copy what is changed. */
  async values(objects: readonly HeldObject[], patience: Patience): Promise<readonly Uint8Array[]> {
    const gathering = new ValuesGathering(objects);
    if (gathering.ending.outcome === undefined) {
      const isPoll = patience.timeoutMs === 0;
      gathering.watch();
      const isPatient = patience.timeoutMs === undefined && patience.signal === undefined;
      const outcome = isPatient
        ? await this.#waitLong(gathering)
        : await this.#wait(gathering.ending, isPoll ? { ...patience, timeoutMs: undefined } : patience, async () => {
            if (isPoll)
              await this.#poll(
                gathering.awaited.filter((held) => !held.isReady),
                gathering.ending,
              );
            if (gathering.ending.outcome === undefined) this.#ask(gathering.awaited, true);
          });
      gathering.unwatch();
      this.#settle(gathering.awaited);
      if (outcome.type === "too-late") throw errorOf(lateFailure(objects, patience.timeoutMs));
    }
    const outcome = gathering.ending.outcome;
    if (outcome?.type === "failed") throw errorOf(outcome.failure);
    if (outcome?.type === "aborted") throw outcome.reason;
    return gathering.bytes;
  }

  /** Resolves once `wanted` of the objects are ready, or patience has run out. */
  async readiness(objects: readonly HeldObject[], wanted: number, values: boolean, patience: Patience): Promise<void> {
    const gathering = new ReadinessGathering(objects, wanted);
    if (gathering.ending.outcome !== undefined) return;
    const isPoll = patience.timeoutMs === 0;
    gathering.watch();
    const outcome = await this.#wait(
      gathering.ending,
      isPoll ? { ...patience, timeoutMs: undefined } : patience,
      async () => {
        if (isPoll)
          await this.#poll(
            objects.filter((held) => !held.isReady),
            gathering.ending,
          );
        else this.#ask(objects, values);
      },
    );
    gathering.unwatch();
    this.#settle(objects);
    if (outcome.type === "failed") throw errorOf(outcome.failure);
    if (outcome.type === "aborted") throw outcome.reason;
  }

  /** Asks for the readiness of objects that somebody will wait for soon. */
  ask(objects: readonly HeldObject[]): void {
    this.#ask(objects, false);
  }

  /** The answer to `want`. What nobody holds any more is ignored. */
  receive(objects: readonly Ready[]): void {
    for (const ready of objects) {
      const held = this.#of.holdings.find(ready.id);
      if (held !== undefined) this.#learn(held, ready);
    }
  }

  fail(cause: Failure): void {
    this.#failure = cause;
    for (const ending of this.#active) ending.fail(cause);
  }

  /** The object will never be there. */
  failObject(held: HeldObject, cause: Failure): void {
    this.#learn(held, { type: "failed", id: held.id, failure: cause });
  }

  /** `free` was asked for: whoever waits for it, or will, gets an error. */
  free(held: HeldObject): void {
    this.#forgetBytes(held);
    held.isFreed = true;
    this.failObject(held, failure("OBJECT_FREED", `Cannot get object "${held.id}": it was freed`));
  }

  /** The other end has lost its memory: everything that is awaited is asked for again. */
  askAgain(): void {
    const { holdings, host, outbox } = this.#of;
    const byAsker = new Map<string | undefined, { readonly readiness: ObjectId[]; readonly values: ObjectId[] }>();
    for (const { id, asked, asker } of holdings) {
      if (asked !== "readiness" && asked !== "value") continue;
      const ids = byAsker.get(asker) ?? { readiness: [], values: [] };
      byAsker.set(asker, ids);
      (asked === "value" ? ids.values : ids.readiness).push(id);
    }
    for (const [asker, { readiness, values }] of byAsker) {
      speakAs(host, asker, () => {
        if (readiness.length > 0) outbox.want(readiness, false);
        if (values.length > 0) outbox.want(values, true);
        outbox.flush();
      });
    }
  }

  async #wait(ending: Ending, patience: Patience, ask: () => Promise<void>): Promise<Outcome> {
    if (this.#failure !== undefined) ending.fail(this.#failure);
    if (patience.signal?.aborted === true) ending.end({ type: "aborted", reason: patience.signal.reason });
    if (ending.outcome !== undefined) return ending.outcome;
    this.#active.add(ending);
    this.#of.host.waiting(true);
    try {
      // What goes wrong while asking ends the waiting too.
      ask().catch((error: unknown) => ending.fail(asFailure(error)));
      return await ending.outcomeWithin(patience);
    } finally {
      this.#active.delete(ending);
      this.#of.host.waiting(false);
    }
  }

  /** As `#wait`, for a `get` that waits however long it takes, which most do: one promise instead of five. */
  async #waitLong({ ending, awaited }: ValuesGathering): Promise<Outcome> {
    if (this.#failure !== undefined) ending.fail(this.#failure);
    if (ending.outcome !== undefined) return ending.outcome;
    this.#active.add(ending);
    this.#of.host.waiting(true);
    try {
      this.#ask(awaited, true);
      return await ending.settled();
    } finally {
      this.#active.delete(ending);
      this.#of.host.waiting(false);
    }
  }

  /** One round trip: marks what is ready, and ends the waiting as too late when there is not enough. */
  async #poll(objects: readonly HeldObject[], ending: Ending): Promise<void> {
    if (objects.length === 0) return;
    const ready = await this.#of.queries.readyOf(objects.map((held) => held.id));
    for (const held of objects) {
      if (!ready.has(held.id) || held.isReady) continue;
      held.known = exists;
      held.tell();
    }
    if (objects.some((held) => !held.isReady)) ending.end({ type: "too-late" });
  }

  #ask(objects: readonly HeldObject[], values: boolean): void {
    const ids: ObjectId[] = [];
    const wanted = values ? "value" : "readiness";
    for (const held of objects) {
      const { type } = held.known;
      if (held.asked === "value" || held.asked === "download" || held.asked === wanted) continue;
      if (type !== "unknown" && !(values && type === "exists")) continue;
      held.asked = wanted;
      held.asker = this.#of.host.voice;
      ids.push(held.id);
    }
    if (ids.length > 0) this.#of.outbox.want(ids, values);
  }

  #learn(held: HeldObject, ready: Ready): void {
    if (held.isFreed && ready.type !== "failed") return;
    switch (ready.type) {
      case "exists":
        if (held.asked === "readiness") held.asked = "nothing";
        if (held.known.type === "unknown") held.known = exists;
        break;
      case "value":
        this.#takeValue(held, ready.value);
        break;
      case "failed":
        held.asked = "nothing";
        held.known = { type: "failed", failure: ready.failure };
        break;
      case "ended":
        held.asked = "nothing";
        held.known = ended;
        break;
    }
    held.tell();
    this.#of.holdings.settle(held);
  }

  #takeValue(held: HeldObject, value: Value): void {
    if (value.type === "inline") {
      held.asked = "nothing";
      this.#keep(held, ownBytes(value.bytes));
      return;
    }
    // Whoever wants the value now waits for the same download.
    held.asked = "download";
    if (held.known.type === "unknown") held.known = exists;
    this.#of.host.download(held.id).then(
      (bytes) => {
        held.asked = "nothing";
        this.#keep(held, bytes);
        held.tell();
        this.#of.holdings.settle(held);
      },
      (error: unknown) => {
        const why = asFailure(error);
        if (why.code === "OBJECT_LOST" && held.losses++ < lossesBelieved && this.#failure === undefined) {
          // The bytes are gone: who asks again has the value made again.
          held.asked = "value";
          this.#of.outbox.want([held.id], true);
          this.#of.outbox.flush();
          return;
        }
        held.asked = "nothing";
        held.known = { type: "failed", failure: why };
        held.tell();
        // Those who waited know; the next may be luckier.
        held.known = unknown;
        this.#of.holdings.settle(held);
      },
    );
  }

  #keep(held: HeldObject, bytes: Uint8Array): void {
    this.#forgetBytes(held);
    held.known = { type: "value", bytes };
    this.#kept.add(held);
    this.#keptBytes += bytes.length;
    for (const oldest of this.#kept) {
      if (this.#keptBytes <= keptBytes) break;
      // It is told of first, and takes its bytes along.
      if (oldest !== held) this.#forgetBytes(oldest);
      else break;
    }
  }

  /** Nobody holds the object any more. */
  forget(held: HeldObject): void {
    this.#forgetBytes(held);
  }

  #forgetBytes(held: HeldObject): void {
    if (held.known.type !== "value" || !this.#kept.delete(held)) return;
    this.#keptBytes -= held.known.bytes.length;
    held.known = exists;
  }

  #settle(objects: readonly HeldObject[]): void {
    for (const held of objects) this.#of.holdings.settle(held);
  }
}

function lateFailure(objects: readonly HeldObject[], timeoutMs: number | undefined): Failure {
  const late = objects.filter((held) => !held.isReady);
  const first = late[0] ?? objects[0];
  const what = objects.length === 1 ? `object "${first?.id}"` : `${objects.length} objects`;
  const state = objects.length === 1 ? "it is not ready" : `${late.length} of them not ready, "${first?.id}" first`;
  return failure("GET_TIMEOUT", `Cannot get ${what} within ${timeoutMs} ms: ${state}`);
}

/** A small view would hold the whole message that it came in alive. */
function ownBytes(bytes: Uint8Array): Uint8Array {
  return bytes.length * 2 + 4096 < bytes.buffer.byteLength ? bytes.slice() : bytes;
}
