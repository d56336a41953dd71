/**
 * The bytes of a payload: the numbers that its writer and its reader agree on. Knows nothing about how either works.
 *
 *     payload  = 1 value contents*                                    a value without binary data
 *              | 2 0 0 0 tableAt:u32 value contents* table (pad8 region)*     pad8: zeros up to a multiple of 8
 *     contents                                                        of each `later` in turn
 *     table    = count length* count (region offset length)*          regions, then one slice per view or buffer met in
 *                                                                     `value`; length is `bytes * 2 + isWholeBuffer`
 *     value    = one byte below, then what it says. Counts are LEB128, numbers little-endian.
 *     key      = (bytes * 2) WTF-8 | (index * 2 + 1)                  a key is written once, then named by its index
 *
 * Containers, errors, dates, buffers, views and tokens are numbered in the order in which they start; `reference`
 * names one by its number. So cycles and shared objects come back as they were.
 *
 *     00-7f int 0..127    80-9f Latin-1 text of 0..31    a0-af array of 0..15    b0-bf int -16..-1
 *     c0-df object of shape 0..31    e0-ff: see `Tag`
 */
export const formatPlain = 1;
export const formatWithBuffers = 2;
/** Bytes before the value in a payload with binary data. */
export const headerBytes = 8;

export const TagBase = { text: 0x80, array: 0xa0, negative: 0xb0, shape: 0xc0 } as const;

export const Tag = {
  undefined: 0xe0,
  null: 0xe1,
  true: 0xe2,
  false: 0xe3,
  /** A hole of an array; also ends a map, a set and the dense part of a sparse array. */
  hole: 0xe4,
  int16: 0xe5,
  int32: 0xe6,
  float64: 0xe7,
  /** 8 bytes, signed. */
  bigint64: 0xe8,
  /** sign:u8, then text of hexadecimal digits. */
  bigint: 0xe9,
  /** length:u8, Latin-1. */
  latin1: 0xea,
  /** length:u32, UTF-8. */
  utf8: 0xeb,
  /** units:u8, UTF-16LE: short text. */
  shortUtf16: 0xfe,
  /** units:u32, UTF-16LE: long text with lone surrogates. */
  utf16: 0xec,
  /** count, values. */
  array: 0xed,
  /** length, values, hole, count, (index, value)*. */
  sparseArray: 0xee,
  /** element:u8, count, numbers: an array of numbers only. */
  numbers: 0xef,
  /** A new shape (count, keys), then its first object's values. */
  newShape: 0xf0,
  /** shape, values. */
  shaped: 0xf1,
  /** count, (key, value)*. */
  object: 0xf2,
  /** (key value)*, hole. */
  map: 0xf3,
  /** values, hole. */
  set: 0xf4,
  /** float64 ms, NaN when invalid. */
  date: 0xf5,
  /** source, flags. */
  regexp: 0xf6,
  /** class:u8, parts:u8, then the parts. */
  error: 0xf7,
  /** A primitive. */
  boxed: 0xf8,
  /** The next slice of the table, whole. */
  buffer: 0xf9,
  /** class:u8, over the next slice of the table. */
  view: 0xfa,
  /** number. */
  reference: 0xfb,
  /** A value that `fromToken` turns into the thing itself. */
  token: 0xfc,
  /** An array, then an object with its named properties (a RegExp match). */
  match: 0xfd,
  /** A container, error or match whose contents come after the value, in the order of these. See `longestRun`. */
  later: 0xff,
} as const;

/**
 * Levels that the writer and the reader go down in one run. A Web Worker's stack is less than half of a page's (measured
 * in Chromium: too small for 1,000 levels of recursion), so the contents of what begins below are written and read later,
 * starting from an empty stack. Tokens are read in one run, so inside a token a few levels more are allowed, and no `later`.
 */
export const longestRun = 100;
export const longestTokenRun = 64;

/** Elements of `Tag.numbers`. */
export const NumberElement = { int8: 0, int16: 1, int32: 2, float64: 3 } as const;

/** Parts of an error that are present, in this order. */
export const ErrorPart = { name: 1, message: 2, cause: 4, errors: 8, fields: 16 } as const;

/** Position is the class code on the wire: append only. */
export const errorClasses = [
  "Error",
  "EvalError",
  "RangeError",
  "ReferenceError",
  "SyntaxError",
  "TypeError",
  "URIError",
  "AggregateError",
] as const;

/** Position is the class code on the wire: append only. */
export const viewClasses = [
  "Int8Array",
  "Uint8Array",
  "Uint8ClampedArray",
  "Int16Array",
  "Uint16Array",
  "Int32Array",
  "Uint32Array",
  "Float16Array",
  "Float32Array",
  "Float64Array",
  "BigInt64Array",
  "BigUint64Array",
  "DataView",
] as const;
