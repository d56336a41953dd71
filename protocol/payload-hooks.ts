/** How things travel that are no data: refs, handles, remote functions, the grid. Each side knows them by a token. */

/** What travels in place of a thing: plain data, and little of it. */
export interface Token {
  readonly kind: string;
  readonly [field: string]: unknown;
}

export interface PayloadHooks {
  /**
   * Asked about functions and about objects of the user's and the SDK's classes, never about plain objects, arrays or
   * built-ins. A Proxy must therefore stand before a function or a class instance to be asked about. Once per object.
   */
  readonly tokenOf?: (value: object) => Token | undefined;
  /** The bytes may be a stranger's: check the fields of `token`. What it throws, `decodeValue` throws. */
  readonly fromToken?: (token: Token) => unknown;
}
