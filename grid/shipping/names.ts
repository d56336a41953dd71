/** Names of functions and of variables. */

/** Read without running anything of the user's: a class may have a static `name` of its own. "" when there is none. */
export function nameOf(fn: Function): string {
  const name: unknown = Object.getOwnPropertyDescriptor(fn, "name")?.value;
  return typeof name === "string" ? name : "";
}

/** Can be written as a variable's name, reserved words aside. */
export function isIdentifier(name: string): boolean {
  return /^[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*$/u.test(name);
}
