/**
 * How messages are described: a schema is written once and gives the TypeScript type, the encoder and the checking
 * decoder. The bytes are positional (no keys) and every length and count is checked against its limit and against what
 * remains before anything is allocated, so a hostile peer costs what its bytes cost. Nesting is that of the schema:
 * no schema is recursive except through `nested`, which counts.
 *
 * Knows nothing about which messages exist.
 */
import { ProtocolError } from "./errors.ts";
import { limits } from "./limits.ts";
import { maxTextBytes, readText, writeText } from "./text.ts";

export interface Schema<T> {
  write(value: T, out: Writer): void;
  read(input: Reader): T;
}
export type TypeOf<S> = S extends Schema<infer T> ? T : never;

/** A growing buffer. `at` is where the next byte goes. */
export class Writer {
  bytes: Uint8Array;
  at: number;
  constructor(capacity: number) {
    this.bytes = new Uint8Array(capacity);
    this.at = 0;
  }
  reserve(count: number): void {
    const needed = this.at + count;
    if (needed <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.at));
    this.bytes = grown;
  }
  byte(value: number): void {
    this.reserve(1);
    this.bytes[this.at++] = value;
  }
  /** Unsigned, up to 2^53 - 1, in groups of seven bits. Throws RangeError for anything else. */
  varint(value: number): void {
    if (!(value >= 0 && value <= Number.MAX_SAFE_INTEGER)) throw new RangeError(`Cannot write ${value} as a count`);
    this.reserve(8);
    while (value > 0x7f) {
      this.bytes[this.at++] = (value % 128) | 0x80;
      value = Math.floor(value / 128);
    }
    this.bytes[this.at++] = value;
  }
  raw(value: Uint8Array): void {
    this.reserve(value.length);
    this.bytes.set(value, this.at);
    this.at += value.length;
  }
}

/** A cursor over received bytes. Every step checks what remains. */
export class Reader {
  readonly bytes: Uint8Array;
  at: number;
  depth = 0;
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.at = 0;
  }
  get remaining(): number {
    return this.bytes.length - this.at;
  }
  byte(): number {
    const value = this.bytes[this.at];
    if (value === undefined) throw new ProtocolError("Cannot decode message: it ends early");
    this.at++;
    return value;
  }
  varint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 8; i++) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) break;
        return value;
      }
      scale *= 128;
    }
    throw new ProtocolError("Cannot decode message: a number is too large");
  }
  /** A length that is within `max` and within what remains, or a refusal. */
  length(max: number, what: string): number {
    const length = this.varint();
    if (length > max) throw new ProtocolError(`Cannot decode message: ${what} of ${length} is over the limit ${max}`);
    if (length > this.remaining) throw new ProtocolError(`Cannot decode message: ${what} of ${length} ends early`);
    return length;
  }
}

export function text(maxBytes: number): Schema<string> {
  return {
    write(value, out) {
      const most = maxTextBytes(value);
      out.reserve(most + 8);
      if (value.length < 43) {
        // At most 127 bytes of UTF-8, so the length is one byte and can be filled in after.
        const lengthAt = out.at++;
        const written = writeText(value, out.bytes, out.at);
        out.bytes[lengthAt] = written;
        out.at += written;
        return;
      }
      const start = out.at + 8;
      const written = writeText(value, out.bytes, start);
      out.varint(written);
      out.bytes.copyWithin(out.at, start, start + written);
      out.at += written;
    },
    read(input) {
      const length = input.length(maxBytes, "text");
      const at = input.at;
      input.at += length;
      try {
        return readText(input.bytes, at, length);
      } catch (cause) {
        throw new ProtocolError(`Cannot decode message: text is not UTF-8 (${String(cause)})`);
      }
    },
  };
}

/** Bytes of a user's value, opaque here. Read as a view on the message. */
export function bytes(maxBytes: number): Schema<Uint8Array> {
  return {
    write(value, out) {
      out.varint(value.length);
      out.raw(value);
    },
    read(input) {
      const length = input.length(maxBytes, "bytes");
      const value = input.bytes.subarray(input.at, input.at + length);
      input.at += length;
      return value;
    },
  };
}

export const count: Schema<number> = {
  write: (value, out) => out.varint(value),
  read: (input) => input.varint(),
};

const scratch = new DataView(new ArrayBuffer(8));

/** Any finite number. */
export const real: Schema<number> = {
  write(value, out) {
    scratch.setFloat64(0, value);
    out.reserve(8);
    for (let i = 0; i < 8; i++) out.bytes[out.at++] = scratch.getUint8(i);
  },
  read(input) {
    for (let i = 0; i < 8; i++) scratch.setUint8(i, input.byte());
    const value = scratch.getFloat64(0);
    if (!Number.isFinite(value)) throw new ProtocolError("Cannot decode message: a number is not finite");
    return value;
  },
};

export const flag: Schema<boolean> = {
  write: (value, out) => out.byte(value ? 1 : 0),
  read(input) {
    const value = input.byte();
    if (value > 1) throw new ProtocolError(`Cannot decode message: ${value} is not a flag`);
    return value === 1;
  },
};

export function choice<const Names extends readonly string[]>(names: Names): Schema<Names[number]> {
  const indexOf = new Map<string, number>(names.map((name, index) => [name, index]));
  return {
    write(value, out) {
      const index = indexOf.get(value);
      if (index === undefined)
        throw new ProtocolError(`Cannot encode message: "${value}" is none of ${names.join(", ")}`);
      out.varint(index);
    },
    read(input) {
      const index = input.varint();
      const name = names[index];
      if (name === undefined)
        throw new ProtocolError(`Cannot decode message: choice ${index} is none of ${names.join(", ")}`);
      return name;
    },
  };
}

export function list<T>(item: Schema<T>, max: number): Schema<readonly T[]> {
  return {
    write(values, out) {
      out.varint(values.length);
      for (const value of values) item.write(value, out);
    },
    read(input) {
      // Every item takes a byte at least, so the count is bounded by what remains.
      const length = input.length(max, "list");
      const values: T[] = [];
      for (let i = 0; i < length; i++) values.push(item.read(input));
      return values;
    },
  };
}

export function optional<T>(item: Schema<T>): Schema<T | undefined> {
  return {
    write(value, out) {
      if (value === undefined) return out.byte(0);
      out.byte(1);
      item.write(value, out);
    },
    read: (input) => (flag.read(input) ? item.read(input) : undefined),
  };
}

/** Names to values; the names are bounded text. */
export function dictionary<T>(item: Schema<T>, max: number): Schema<Readonly<Record<string, T>>> {
  const name = text(limits.nameLength);
  return {
    write(value, out) {
      const entries = Object.entries(value);
      out.varint(entries.length);
      for (const [key, entry] of entries) {
        name.write(key, out);
        item.write(entry, out);
      }
    },
    read(input) {
      const length = input.length(max, "dictionary");
      const entries: [string, T][] = [];
      for (let i = 0; i < length; i++) entries.push([name.read(input), item.read(input)]);
      return Object.fromEntries(entries);
    },
  };
}

type Fields = Readonly<Record<string, Schema<never> | Schema<unknown>>>;
type Flatten<T> = { [K in keyof T]: T[K] } & {};
type OptionalKeys<F> = { [K in keyof F]: undefined extends TypeOf<F[K]> ? K : never }[keyof F];
export type RecordOf<F> = Flatten<
  { readonly [K in Exclude<keyof F, OptionalKeys<F>>]: TypeOf<F[K]> } & {
    readonly [K in OptionalKeys<F>]?: TypeOf<F[K]>;
  }
>;

/** Fields in the order they are written here. Optional fields that are absent are left out of the record. */
export function record<F extends Fields>(fields: F): Schema<RecordOf<F>> {
  const entries = Object.entries(fields) as [string, Schema<unknown>][];
  return {
    write(value, out) {
      const from = value as Readonly<Record<string, unknown>>;
      for (const [key, schema] of entries) schema.write(from[key], out);
    },
    read(input) {
      const value: Record<string, unknown> = {};
      for (const [key, schema] of entries) {
        const field = schema.read(input);
        if (field !== undefined) value[key] = field;
      }
      // The fields have just been read by their schemas.
      return value as RecordOf<F>;
    },
  };
}

type Variants = Readonly<Record<string, Fields>>;
export type UnionOf<V> = { [K in keyof V]: Flatten<{ readonly type: K } & RecordOf<V[K]>> }[keyof V];

/** One of several records, told apart by `type`. */
export function union<V extends Variants>(variants: V): Schema<UnionOf<V>> {
  const names = Object.keys(variants);
  const schemas = names.map((name) => record(variants[name] ?? {}));
  const indexOf = new Map(names.map((name, index) => [name, index]));
  return {
    write(value, out) {
      const index = indexOf.get(String(value.type)) ?? -1;
      const schema = schemas[index];
      if (schema === undefined) throw new ProtocolError(`Cannot encode message: unknown type "${String(value.type)}"`);
      out.byte(index);
      schema.write(value, out);
    },
    read(input) {
      const index = input.byte();
      const schema = schemas[index];
      if (schema === undefined) throw new ProtocolError(`Cannot decode message: unknown type ${index}`);
      return Object.assign(schema.read(input), { type: names[index] }) as UnionOf<V>;
    },
  };
}

/** A schema that may contain itself, to the limit of `limits.envelopeDepth`. */
export function nested<T>(inner: () => Schema<T>): Schema<T> {
  let schema: Schema<T> | undefined;
  return {
    write(value, out) {
      schema ??= inner();
      schema.write(value, out);
    },
    read(input) {
      schema ??= inner();
      if (++input.depth > limits.envelopeDepth) {
        throw new ProtocolError(`Cannot decode message: nested deeper than ${limits.envelopeDepth}`);
      }
      const value = schema.read(input);
      input.depth--;
      return value;
    },
  };
}
