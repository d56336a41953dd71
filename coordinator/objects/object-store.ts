/**
 * The ObjectStore port: bytes of values and functions too large for messages, by id. Knows nothing about who owns them
 * or what is inside.
 */

export interface StoredObject {
  readonly sizeBytes: number;
  /** SHA-256 of the bytes, hex. */
  readonly sha256: string;
}

export interface ObjectStore {
  /**
   * Keeps the bytes under `id`, as safe as this store makes things once it resolves; what was there before is replaced
   * when all have come. Rejects with ObjectTooLargeError beyond `maxBytes`, and then keeps what was there.
   */
  put(id: string, chunks: AsyncIterable<Uint8Array>, maxBytes: number): Promise<StoredObject>;
  find(id: string): StoredObject | undefined;
  /** From `start`, to `end` exclusive; undefined when there is no such object. */
  read(id: string, start?: number, end?: number): AsyncIterable<Uint8Array> | undefined;
  /** Does nothing where there is no such object. */
  delete(id: string): Promise<void>;
  /** Deletes every object that is not one of `ids` and was stored more than `olderThanMs` ago; says how many. */
  retain(ids: Iterable<string>, olderThanMs: number): Promise<number>;
  close(): Promise<void>;
}
