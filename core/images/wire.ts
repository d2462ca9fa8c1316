/**
 * What protobufjs' Reader lacks, and a writer: 64-bit numbers as bigint, range checks, and text that is not valid UTF-8.
 */
import protobuf from 'protobufjs/minimal.js';

export type WireReader = protobuf.Reader;

export const WIRE_VARINT = 0;
export const WIRE_FIXED64 = 1;
export const WIRE_BYTES = 2;
export const WIRE_FIXED32 = 5;

export const U64_MAX = 0xffff_ffff_ffff_ffffn;

/** A 64-bit value as two unsigned 32-bit halves; reused so that reading a number allocates nothing. */
export interface Halves {
  lo: number;
  hi: number;
}

export function createReader(bytes: Uint8Array): WireReader {
  return protobuf.Reader.create(bytes);
}

/**
 * Reads one varint of at most ten bytes that fits into 64 bits.
 * Precondition: `reader.len` is the end of the record. Throws RangeError when the bytes end first or the number is too large.
 */
export function readVarint(reader: WireReader, out: Halves): void {
  const { buf, len } = reader;
  let pos = reader.pos;
  let lo = 0;
  let hi = 0;
  for (let shift = 0; shift < 70; shift += 7) {
    if (pos >= len) throw new RangeError('the data ends inside a number');
    const byte = buf[pos++] as number;
    const bits = byte & 0x7f;
    if (shift < 28) lo |= bits << shift;
    else if (shift === 28) {
      lo |= bits << 28;
      hi |= bits >>> 4;
    } else if (shift < 63) hi |= bits << (shift - 32);
    else if (byte > 1) throw new RangeError('a number does not fit in 64 bits');
    else hi |= bits << 31;
    if (byte < 0x80) {
      reader.pos = pos;
      out.lo = lo >>> 0;
      out.hi = hi >>> 0;
      return;
    }
  }
  throw new RangeError('a number is longer than ten bytes');
}

/** Bytes that a field's tag, and numbers of 32 and 64 bits, have at most. */
export const MAX_TAG = 5;
export const MAX_VARINT_32 = 5;
export const MAX_VARINT_64 = 10;

/** Writes an unsigned 32-bit number at `at`; returns the place behind it. There must be room. */
export function putVarint(out: Uint8Array, at: number, value: number): number {
  let left = value;
  let to = at;
  for (; left > 0x7f; left >>>= 7) out[to++] = (left & 0x7f) | 0x80;
  out[to++] = left;
  return to;
}

/** The same for 64 bits, given as unsigned halves. */
export function putVarint64(out: Uint8Array, at: number, low: number, high: number): number {
  if (high === 0) return putVarint(out, at, low);
  let to = at;
  for (let shift = 0; shift < 28; shift += 7) out[to++] = ((low >>> shift) & 0x7f) | 0x80;
  // The fifth byte has four bits of the low half and three of the high one.
  const middle = (low >>> 28) | ((high & 7) << 4);
  const rest = high >>> 3;
  if (rest === 0) {
    out[to++] = middle;
    return to;
  }
  out[to++] = middle | 0x80;
  return putVarint(out, to, rest);
}

/** Writes 32 bits, little-endian. */
export function putWord(out: Uint8Array, at: number, value: number): number {
  for (let i = 0; i < 4; i++) out[at + i] = value >>> (8 * i);
  return at + 4;
}

/** Reads eight bytes, little-endian. Throws RangeError when they are not there. */
export function readFixed64(reader: WireReader, out: Halves): void {
  if (reader.pos + 8 > reader.len) throw new RangeError('the data ends inside a 64-bit word');
  const { buf, pos } = reader;
  const word = (at: number): number =>
    ((buf[at] as number) | ((buf[at + 1] as number) << 8) | ((buf[at + 2] as number) << 16) | ((buf[at + 3] as number) << 24)) >>> 0;
  out.lo = word(pos);
  out.hi = word(pos + 4);
  reader.pos = pos + 8;
}

const word = new Uint32Array(2);
const long = new BigUint64Array(word.buffer);

export function unsignedOf({ lo, hi }: Halves): bigint {
  // Through memory: faster than shifting bigints, and than a number that does not fit in 32 bits, which is an object. Both architectures are little-endian.
  word[0] = lo;
  word[1] = hi;
  return long[0]!;
}

export function signedOf(h: Halves): bigint {
  return BigInt.asIntN(64, unsignedOf(h));
}

/** Zigzag: 0, -1, 1, -2 ... are stored as 0, 1, 2, 3 ... */
export function zigzagOf(h: Halves): bigint {
  const raw = unsignedOf(h);
  return (raw & 1n) === 0n ? raw >> 1n : -(raw >> 1n) - 1n;
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const LONE_SURROGATE = /\p{Surrogate}/u;

/**
 * Text of a field of type string. File names are bytes in Linux: where they are not UTF-8, each offending byte b becomes the lone
 * surrogate U+DC00 + b (the convention of Python's surrogateescape), so that nothing is lost and bytesOfText gives the same bytes back.
 */
export function textOfBytes(bytes: Uint8Array): string {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return escapedText(bytes);
  }
}

function escapedText(bytes: Uint8Array): string {
  let text = '';
  let at = 0;
  while (at < bytes.length) {
    const length = sequenceLength(bytes, at);
    if (length === 0) {
      text += String.fromCharCode(0xdc00 + (bytes[at] as number));
      at++;
    } else {
      text += strictUtf8.decode(bytes.subarray(at, at + length));
      at += length;
    }
  }
  return text;
}

/** Length of the valid UTF-8 sequence that starts at `at`, or 0. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const lead = bytes[at] as number;
  const length = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
  if (length === 0 || at + length > bytes.length) return 0;
  try {
    strictUtf8.decode(bytes.subarray(at, at + length));
    return length;
  } catch {
    return 0;
  }
}

/** The bytes of a string field or path that textOfBytes made; plain text becomes UTF-8. Use it to hand such a path to node:fs. */
export function bytesOfText(text: string): Buffer {
  if (!LONE_SURROGATE.test(text)) return Buffer.from(text, 'utf8');
  const parts: Buffer[] = [];
  for (const char of text) {
    const code = char.codePointAt(0) as number;
    // Only U+DC80..U+DCFF stand for bytes; any other lone surrogate cannot come from a file name and becomes U+FFFD.
    if (code >= 0xdc80 && code <= 0xdcff) parts.push(Buffer.of(code - 0xdc00));
    else parts.push(Buffer.from(char, 'utf8'));
  }
  return Buffer.concat(parts);
}
