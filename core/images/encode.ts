/** Messages to bytes, straight into one buffer: a thread has five hundred values, and an object for each would cost more than all the rest of its dump. */
import { CrError, type ErrorCode } from '../errors.js';
import { QUICK, UNKNOWN, type Field, type MessageBase, type MessageType, type UnknownField } from './message.js';
import { bytesOfText, MAX_TAG, MAX_VARINT_32, MAX_VARINT_64, putVarint, putVarint64, putWord, U64_MAX } from './wire.js';

/** Deeper than any real message (control group directories nest); also stops an object that contains itself. */
const MAX_DEPTH = 100;
/** A field of any type but text, bytes and messages fits in here. */
const MAX_SCALAR = MAX_TAG + MAX_VARINT_64;
/** Numbers below have one byte. */
const SMALL = 0x80;
const FIRST_SIZE = 8192;
/** A larger buffer is not kept for the next message. */
const KEPT_SIZE = 1 << 20;

interface Run {
  out: Uint8Array;
  at: number;
  readonly code: ErrorCode;
  /** Names of message and fields down to the one at work, for error messages; those behind `depth` are left over. */
  readonly path: string[];
  depth: number;
}

/** A 64-bit number and its halves. Both architectures are little-endian. */
const long = new BigUint64Array(1);
const word = new Uint32Array(long.buffer);

/** Memory of the last message, for the next one. Nothing can come between: encoding never waits and never calls back. */
let spare: Uint8Array = new Uint8Array(0);

/** Bytes of frozen messages, which never change: inside of others they are encoded once. */
const constants = new WeakMap<object, Uint8Array>();

/** See MessageType.encode. `ahead` bytes in front of the message are left to the caller. */
export function encodeMessage<T extends object>(type: MessageType<T>, message: T, code: ErrorCode, ahead = 0): Buffer {
  if (spare.length === 0) spare = new Uint8Array(FIRST_SIZE);
  const run: Run = { out: spare, at: ahead, code, path: [type.name], depth: 0 };
  encodeFields(run, type, message);
  spare = run.out.length <= KEPT_SIZE ? run.out : new Uint8Array(0);
  // From the pool: a large tree has thousands of records, and memory of its own for each costs more than encoding it.
  const bytes = Buffer.allocUnsafe(run.at);
  bytes.set(run.out.subarray(0, run.at));
  return bytes;
}

function fail(run: Run, what: string): never {
  throw new CrError(run.code, { message: `${run.path.slice(0, run.depth + 1).join('.')}: ${what}` });
}

/** Makes sure that `size` more bytes can be written. */
function room(run: Run, size: number): void {
  const needed = run.at + size;
  if (needed <= run.out.length) return;
  const larger = new Uint8Array(Math.max(needed, 2 * run.out.length));
  larger.set(run.out.subarray(0, run.at));
  run.out = larger;
}

function encodeFields(run: Run, type: MessageType<object>, message: object): void {
  if (run.depth >= MAX_DEPTH) fail(run, `nested more than ${MAX_DEPTH} deep`);
  const values = message as Record<string, unknown>;
  const unknown = (message as MessageBase)[UNKNOWN];
  const { fields } = type.plan;
  let next = 0;
  const depth = ++run.depth;
  for (let i = 0; i < fields.length; i++) {
    const field = fields[i]!;
    if (unknown !== undefined) next = writeUnknown(run, unknown, next, field.number);
    const value = values[field.name];
    if (field.quick !== QUICK.none && encodeQuick(run, field, value)) continue;
    run.path[depth] = field.name;
    if (value !== undefined) encodeField(run, field, value);
    else if (field.rule === 'required') fail(run, 'required, but missing');
  }
  run.depth--;
  if (unknown !== undefined) writeUnknown(run, unknown, next, Infinity);
}

/** A single number as nearly all are; false for what has to be looked at more closely. There are a hundred in each of thousands of threads. */
function encodeQuick(run: Run, { quick, tag }: Field, value: unknown): boolean {
  let low: number;
  let high = 0;
  if (quick === QUICK.uint64) {
    if (typeof value !== 'bigint') return false;
    long[0] = value;
    low = word[0]!;
    high = word[1]!;
    // Nothing was cut off.
    if (long[0] !== value) return false;
  } else {
    if (typeof value !== 'number' || (value & 0x7f) !== value) return false;
    low = value;
  }
  if (run.out.length - run.at < MAX_SCALAR) room(run, MAX_SCALAR);
  const { out } = run;
  let { at } = run;
  if (tag >= SMALL) {
    out[at++] = (tag & 0x7f) | 0x80;
    out[at++] = tag >>> 7;
  } else out[at++] = tag;
  if (high === 0 && low < SMALL) out[at++] = low;
  else at = putVarint64(out, at, low, high);
  run.at = at;
  return true;
}

/** Writes unknown fields with a number below `limit`, so that the whole stays ascending as its writer had it. */
function writeUnknown(run: Run, unknown: readonly UnknownField[], from: number, limit: number): number {
  let next = from;
  while (next < unknown.length) {
    const field = unknown[next] as UnknownField;
    if (field.number >= limit) break;
    putBytes(run, field.raw);
    next++;
  }
  return next;
}

function putBytes(run: Run, bytes: Uint8Array): void {
  room(run, bytes.length);
  run.out.set(bytes, run.at);
  run.at += bytes.length;
}

function encodeField(run: Run, field: Field, value: unknown): void {
  if (field.rule !== 'repeated') return encodeValue(run, field, value);
  if (value instanceof Uint32Array && field.scalar === 'uint32') return encodeWords(run, field.tag, value);
  if (value instanceof BigUint64Array && field.scalar === 'uint64') return encodeLongs(run, field.tag, value);
  if (!Array.isArray(value)) fail(run, 'must be an array');
  // CRIU's schemas ask for no packed field, so each element has its own tag.
  for (const element of value as unknown[]) encodeValue(run, field, element);
}

function encodeWords(run: Run, tag: number, values: Uint32Array): void {
  room(run, values.length * (MAX_TAG + MAX_VARINT_32));
  const { out } = run;
  let { at } = run;
  for (let i = 0; i < values.length; i++) {
    if (tag < SMALL) out[at++] = tag;
    else at = putVarint(out, at, tag);
    const value = values[i]!;
    // Most are 0, and a call costs more than the rest.
    if (value < SMALL) out[at++] = value;
    else at = putVarint(out, at, value);
  }
  run.at = at;
}

function encodeLongs(run: Run, tag: number, values: BigUint64Array): void {
  room(run, values.length * MAX_SCALAR);
  const { out } = run;
  let { at } = run;
  // As halves: a bigint is an object.
  const halves = new Uint32Array(values.buffer, values.byteOffset, 2 * values.length);
  for (let i = 0; i < halves.length; i += 2) {
    if (tag < SMALL) out[at++] = tag;
    else at = putVarint(out, at, tag);
    const low = halves[i]!;
    const high = halves[i + 1]!;
    if (high === 0 && low < SMALL) out[at++] = low;
    else at = putVarint64(out, at, low, high);
  }
  run.at = at;
}

function encodeValue(run: Run, field: Field, value: unknown): void {
  room(run, MAX_SCALAR);
  run.at = putVarint(run.out, run.at, field.tag);
  switch (field.scalar) {
    case 'uint32':
      run.at = putVarint(run.out, run.at, inRange(run, value, 0, 0xffff_ffff));
      break;
    case 'int32':
    case 'enum': {
      const number = inRange(run, value, -0x8000_0000, 0x7fff_ffff);
      // Sign-extended to 64 bits, as protobuf has it.
      run.at = putVarint64(run.out, run.at, number >>> 0, number < 0 ? 0xffff_ffff : 0);
      break;
    }
    case 'sint32': {
      const number = inRange(run, value, -0x8000_0000, 0x7fff_ffff);
      run.at = putVarint(run.out, run.at, ((number << 1) ^ (number >> 31)) >>> 0);
      break;
    }
    case 'bool':
      if (typeof value !== 'boolean') fail(run, `${show(value)} is not a boolean`);
      run.out[run.at++] = value ? 1 : 0;
      break;
    case 'uint64':
      putUnsigned(run, value);
      break;
    case 'int64':
      putBits(run, inRange64(run, value, -(1n << 63n), (1n << 63n) - 1n));
      break;
    case 'sint64':
      putBits(run, zigzag(inRange64(run, value, -(1n << 63n), (1n << 63n) - 1n)));
      break;
    default:
      encodeLong(run, field, value);
  }
}

/** What is rare, or has a length. */
function encodeLong(run: Run, field: Field, value: unknown): void {
  if (field.scalar === 'message') {
    if (typeof value !== 'object' || value === null) fail(run, `${show(value)} is not a message`);
    encodeNested(run, field.type as MessageType<object>, value);
  } else if (field.scalar === 'string') {
    if (typeof value !== 'string') fail(run, `${show(value)} is not text`);
    putLengthAnd(run, bytesOfText(value));
  } else if (field.scalar === 'bytes') {
    if (!(value instanceof Uint8Array)) fail(run, `${show(value)} is not a Uint8Array`);
    putLengthAnd(run, value);
  } else {
    const bits = inRange64(run, value, 0n, U64_MAX);
    run.at = putWord(run.out, run.at, Number(bits & 0xffff_ffffn));
    run.at = putWord(run.out, run.at, Number(bits >> 32n));
  }
}

function putLengthAnd(run: Run, bytes: Uint8Array): void {
  run.at = putVarint(run.out, run.at, bytes.length);
  putBytes(run, bytes);
}

/** A message inside of one. Its length comes first and is known last: one byte is kept for it, and the few that are longer are moved. */
function encodeNested(run: Run, type: MessageType<object>, message: object): void {
  const known = constants.get(message);
  if (known !== undefined) return putLengthAnd(run, known);
  const start = run.at;
  run.at++;
  encodeFields(run, type, message);
  const length = run.at - start - 1;
  let more = 0;
  for (let left = length >>> 7; left > 0; left >>>= 7) more++;
  if (more > 0) {
    room(run, more);
    run.out.copyWithin(start + 1 + more, start + 1, run.at);
    run.at += more;
  }
  putVarint(run.out, start, length);
  if (Object.isFrozen(message)) constants.set(message, run.out.slice(run.at - length, run.at));
}

function putUnsigned(run: Run, value: unknown): void {
  // Exact for what it lets through, and faster than comparing bigints.
  const number = typeof value === 'bigint' ? Number(value) : -1;
  if (number >= 0 && number <= Number.MAX_SAFE_INTEGER) run.at = putVarint64(run.out, run.at, number >>> 0, (number / 0x1_0000_0000) >>> 0);
  else putBits(run, inRange64(run, value, 0n, U64_MAX));
}

/** The low 64 bits. */
function putBits(run: Run, value: bigint): void {
  const bits = BigInt.asUintN(64, value);
  run.at = putVarint64(run.out, run.at, Number(bits & 0xffff_ffffn), Number(bits >> 32n));
}

function zigzag(value: bigint): bigint {
  return value >= 0n ? value << 1n : (-value << 1n) - 1n;
}

function inRange(run: Run, value: unknown, low: number, high: number): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= low && value <= high) return value;
  return fail(run, `${show(value)} is not an integer from ${low} to ${high}`);
}

function inRange64(run: Run, value: unknown, low: bigint, high: bigint): bigint {
  if (typeof value === 'bigint' && value >= low && value <= high) return value;
  return fail(run, `${show(value)} is not a bigint from ${low} to ${high}`);
}

function show(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`;
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}
