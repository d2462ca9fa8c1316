/** Messages to bytes. */
import { CrError, type ErrorCode } from '../errors.js';
import { UNKNOWN, type Field, type MessageBase, type MessageType, type UnknownField } from './message.js';
import {
  bytesOfText,
  createWriter,
  longOf,
  MAX_TAG,
  MAX_VARINT_32,
  MAX_VARINT_64,
  putVarint,
  putVarint64,
  U64_MAX,
  type WireWriter,
} from './wire.js';

/** Deeper than any real message (control group directories nest); also stops an object that contains itself. */
const MAX_DEPTH = 100;

interface Run {
  readonly writer: WireWriter;
  readonly code: ErrorCode;
  /** Path of the field at work, for error messages. */
  readonly path: string[];
}

/** See MessageType.encode. */
export function encodeMessage<T extends object>(type: MessageType<T>, message: T, code: ErrorCode): Uint8Array {
  const run: Run = { writer: createWriter(), code, path: [type.name] };
  encodeFields(run, type, message);
  return run.writer.finish();
}

function fail(run: Run, what: string): never {
  throw new CrError(run.code, { message: `${run.path.join('.')}: ${what}` });
}

function encodeFields(run: Run, type: MessageType<object>, message: object): void {
  if (run.path.length > MAX_DEPTH) fail(run, `nested more than ${MAX_DEPTH} deep`);
  const values = message as Record<string, unknown>;
  const unknown = (message as MessageBase)[UNKNOWN] ?? [];
  let next = 0;
  for (const field of type.plan.fields) {
    if (unknown.length > 0) next = writeUnknown(run, unknown, next, field.number);
    const value = values[field.name];
    if (value !== undefined) encodeField(run, field, value);
    else if (field.rule === 'required') {
      run.path.push(field.name);
      fail(run, 'required, but missing');
    }
  }
  writeUnknown(run, unknown, next, Infinity);
}

/** Writes unknown fields with a number below `limit`, so that the whole stays ascending as its writer had it. */
function writeUnknown(run: Run, unknown: readonly UnknownField[], from: number, limit: number): number {
  let next = from;
  while (next < unknown.length) {
    const field = unknown[next] as UnknownField;
    if (field.number >= limit) break;
    run.writer.raw(field.raw);
    next++;
  }
  return next;
}

function encodeField(run: Run, field: Field, value: unknown): void {
  run.path.push(field.name);
  if (field.rule === 'repeated') {
    if (!Array.isArray(value)) fail(run, 'must be an array');
    // CRIU's schemas ask for no packed field, so each element has its own tag.
    if (field.scalar === 'uint32' || field.scalar === 'uint64') run.writer.raw(encodeNumbers(run, field, value));
    else for (const element of value as unknown[]) encodeValue(run, field, element);
  } else encodeValue(run, field, value);
  run.path.pop();
}

/**
 * Elements of an array of numbers, in one piece: the writer keeps an object for every number, and the vector registers of a thread are four hundred.
 */
function encodeNumbers(run: Run, field: Field, values: readonly unknown[]): Uint8Array {
  const wide = field.scalar === 'uint64';
  const out = new Uint8Array(values.length * (MAX_TAG + (wide ? MAX_VARINT_64 : MAX_VARINT_32)));
  let at = 0;
  for (const value of values) {
    at = putVarint(out, at, field.tag);
    if (!wide) at = putVarint(out, at, inRange(run, value, 0, 0xffff_ffff));
    else if (value === 0n) out[at++] = 0;
    else at = putVarint64(out, at, inRange64(run, value, 0n, U64_MAX));
  }
  return out.subarray(0, at);
}

function encodeValue(run: Run, field: Field, value: unknown): void {
  const writer = run.writer.uint32(field.tag);
  switch (field.scalar) {
    case 'uint32':
      writer.uint32(inRange(run, value, 0, 0xffff_ffff));
      break;
    case 'int32':
    case 'enum':
      writer.int32(inRange(run, value, -0x8000_0000, 0x7fff_ffff));
      break;
    case 'sint32':
      writer.sint32(inRange(run, value, -0x8000_0000, 0x7fff_ffff));
      break;
    case 'bool':
      if (typeof value !== 'boolean') fail(run, `${show(value)} is not a boolean`);
      writer.uint32(value ? 1 : 0);
      break;
    case 'uint64':
      writer.uint64(longOf(inRange64(run, value, 0n, U64_MAX)));
      break;
    case 'int64':
      writer.uint64(longOf(inRange64(run, value, -(1n << 63n), (1n << 63n) - 1n)));
      break;
    case 'sint64':
      writer.uint64(longOf(zigzag(inRange64(run, value, -(1n << 63n), (1n << 63n) - 1n))));
      break;
    case 'fixed64':
      writer.fixed64(longOf(inRange64(run, value, 0n, U64_MAX)));
      break;
    case 'string':
      if (typeof value !== 'string') fail(run, `${show(value)} is not text`);
      writer.bytes(bytesOfText(value));
      break;
    case 'bytes':
      if (!(value instanceof Uint8Array)) fail(run, `${show(value)} is not a Uint8Array`);
      writer.bytes(value);
      break;
    case 'message':
      if (typeof value !== 'object' || value === null) fail(run, `${show(value)} is not a message`);
      writer.fork();
      encodeFields(run, field.type as MessageType<object>, value);
      writer.ldelim();
      break;
  }
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
