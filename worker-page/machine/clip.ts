/** Text to a bound in bytes. */
import { maxTextBytes } from "../../protocol/text.ts";

/** `text`, or as much of its beginning as takes `maxBytes` of UTF-8. */
export function clip(text: string, maxBytes: number): string {
  if (maxTextBytes(text) <= maxBytes) return text;
  let bytes = 0;
  let end = 0;
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x1_0000 ? 3 : 4;
    if (bytes > maxBytes) return text.slice(0, end);
    end += character.length;
  }
  return text;
}
