/** The values of refs that are arguments themselves, as the codec looks them up. */
import type { ObjectId } from "../../protocol/ids.ts";
import type { ThreadInput } from "./thread-work.ts";

type Inputs = ReadonlyMap<ObjectId, Uint8Array>;

/** Most tasks have none. */
const none: Inputs = new Map();

export function inputsById(inputs: readonly ThreadInput[]): Inputs {
  if (inputs.length === 0) return none;
  return new Map(inputs.map((input) => [input.id, input.bytes]));
}
