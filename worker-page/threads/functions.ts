/**
 * The functions and classes this thread was given: each read and evaluated once, at its first use, and bound to a Grid
 * for every call. Knows nothing about calls.
 */
import type { Grid } from "../../grid/types.ts";
import { decodeFunctionDefinition, type FunctionDefinition } from "../../grid/values.ts";
import { ProtocolError } from "../../protocol/errors.ts";
import type { FunctionId } from "../../protocol/ids.ts";

type Entry =
  | { readonly type: "given"; readonly bytes: Uint8Array }
  | { readonly type: "read"; readonly definition: FunctionDefinition }
  | { readonly type: "unreadable"; readonly error: ProtocolError };

export class Functions {
  readonly #entries: Record<string, Entry | undefined> = Object.create(null);

  /** What is known already stays: the id is a hash of the bytes. */
  define(id: FunctionId, bytes: Uint8Array): void {
    this.#entries[id] ??= { type: "given", bytes };
  }

  /**
   * The function or class, which sees `grid`.
   * @throws {ProtocolError} if it was never given, or what was given is no function
   * @throws what its source throws when it is evaluated, a SyntaxError for one
   */
  bind(id: FunctionId, grid: Grid): Function {
    const entry = this.#read(id);
    if (entry.type === "unreadable") throw entry.error;
    return entry.definition.compile(grid);
  }

  /** As `bind`, of a class: one that `newBlank` can make instances of. */
  bindWithBlanks(id: FunctionId, grid: Grid): Function {
    const entry = this.#read(id);
    if (entry.type === "unreadable") throw entry.error;
    return entry.definition.compileWithBlanks(grid);
  }

  #read(id: FunctionId): Exclude<Entry, { type: "given" }> {
    const entry = this.#entries[id];
    if (entry === undefined) throw new ProtocolError(`Cannot run function "${id}": this thread was never given it`);
    if (entry.type !== "given") return entry;
    const read = readDefinition(id, entry.bytes);
    this.#entries[id] = read;
    return read;
  }
}

function readDefinition(id: FunctionId, bytes: Uint8Array): Exclude<Entry, { type: "given" }> {
  try {
    return { type: "read", definition: decodeFunctionDefinition(bytes) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { type: "unreadable", error: new ProtocolError(`Cannot read function "${id}": ${reason}`) };
  }
}
