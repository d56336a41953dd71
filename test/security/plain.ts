/** Values with bytes in them as text, to cross between the test and its page. */
export function toText(value: unknown): string {
  return JSON.stringify(value, (_key, one: unknown) => (one instanceof Uint8Array ? { $bytes: Array.from(one) } : one));
}

export function fromText(text: string): unknown {
  return JSON.parse(text, (_key, one: unknown) => {
    if (typeof one !== "object" || one === null || !("$bytes" in one) || !Array.isArray(one.$bytes)) return one;
    return Uint8Array.from(one.$bytes as number[]);
  });
}
