/** Ends a switch over a union: the compiler says when a case is missing, and so does the error. */
export function assertNever(value: never): never {
  throw new Error(`Unexpected ${JSON.stringify(value)}`);
}
