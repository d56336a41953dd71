/** The name of a function, read without running anything of the user's: a class may have a static `name` of its own. */
export function nameOf(fn: Function): string {
  const name: unknown = Object.getOwnPropertyDescriptor(fn, "name")?.value;
  return typeof name === "string" ? name : "";
}
