/**
 * Many pieces of bytes in one buffer that is moved to a thread. A view that is cloned takes the whole buffer behind it
 * along, and those of inline values are views of a whole frame: so each message copies what it needs, once, and moves it.
 */
import { transfer } from "comlink";
import type { ToSubmitterMessage } from "../../protocol/messages.ts";
import type { Failure } from "../../protocol/nouns.ts";
import type { ThreadActor, ThreadCall, ThreadInput, ThreadTask } from "./thread-api.ts";

class Freight {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  #at = 0;

  constructor(sizeBytes: number) {
    this.#bytes = new Uint8Array(sizeBytes);
  }

  get buffer(): ArrayBuffer {
    return this.#bytes.buffer;
  }

  load(bytes: Uint8Array): Uint8Array {
    this.#bytes.set(bytes, this.#at);
    const loaded = this.#bytes.subarray(this.#at, this.#at + bytes.length);
    this.#at += bytes.length;
    return loaded;
  }

  loadInputs(inputs: readonly ThreadInput[]): readonly ThreadInput[] {
    return inputs.map(({ id, bytes }) => ({ id, bytes: this.load(bytes) }));
  }
}

interface Cargo {
  readonly args: Uint8Array;
  readonly inputs: readonly ThreadInput[];
}

/** Tasks or calls, ready to be posted. */
export function packed<T extends ThreadTask | ThreadCall>(cargo: readonly T[]): readonly T[] {
  let sizeBytes = 0;
  for (const one of cargo) sizeBytes += weight(one);
  const freight = new Freight(sizeBytes);
  const loaded = cargo.map((one) => ({
    ...one,
    args: freight.load(one.args),
    inputs: freight.loadInputs(one.inputs),
  }));
  return transfer(loaded, [freight.buffer]);
}

export function packedActor(actor: ThreadActor): ThreadActor {
  const { state } = actor;
  const freight = new Freight(weight(actor.creation) + (state?.length ?? 0));
  const { attemptId, args, inputs } = actor.creation;
  const creation = { attemptId, args: freight.load(args), inputs: freight.loadInputs(inputs) };
  return transfer({ ...actor, creation, ...(state && { state: freight.load(state) }) }, [freight.buffer]);
}

/** Only `ready` brings bytes. */
export function packedMessage(message: ToSubmitterMessage): ToSubmitterMessage {
  if (message.type !== "ready") return message;
  let sizeBytes = 0;
  for (const one of message.objects) {
    if (one.type === "value" && one.value.type === "inline") sizeBytes += one.value.bytes.length;
    if (one.type === "failed") sizeBytes += failureWeight(one.failure);
  }
  const freight = new Freight(sizeBytes);
  const objects = message.objects.map((one) => {
    if (one.type === "failed") return { ...one, failure: loadedFailure(one.failure, freight) };
    if (one.type !== "value" || one.value.type !== "inline") return one;
    return { ...one, value: { ...one.value, bytes: freight.load(one.value.bytes) } };
  });
  return transfer({ ...message, objects }, [freight.buffer]);
}

function weight({ args, inputs }: Cargo): number {
  let sizeBytes = args.length;
  for (const { bytes } of inputs) sizeBytes += bytes.length;
  return sizeBytes;
}

function failureWeight(failure: Failure): number {
  return (failure.error?.length ?? 0) + (failure.because === undefined ? 0 : failureWeight(failure.because));
}

function loadedFailure(failure: Failure, freight: Freight): Failure {
  const { error, because } = failure;
  return {
    ...failure,
    ...(error !== undefined && { error: freight.load(error) }),
    ...(because !== undefined && { because: loadedFailure(because, freight) }),
  };
}
