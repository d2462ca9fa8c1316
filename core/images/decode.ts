/** Bytes to messages. The bytes are hostile: every length is checked against what is there before it is used. */
import { CrError, type ErrorCode } from '../errors.js';
import {
  QUICK,
  UNKNOWN,
  type DecodeOptions,
  type EnumType,
  type Field,
  type MessageType,
  type Plan,
  type UnknownField,
} from './message.js';
import {
  createReader,
  readFixed64,
  readVarint,
  signedOf,
  textOfBytes,
  unsignedOf,
  WIRE_BYTES,
  WIRE_FIXED32,
  WIRE_FIXED64,
  WIRE_VARINT,
  zigzagOf,
  type Halves,
  type WireReader,
} from './wire.js';

/** Control group directories and AppArmor namespaces nest without a limit of their own. */
const MAX_DEPTH = 100;
/**
 * Array elements and submessages in one record. An address space may have a million mappings, and the smallest element needs two bytes of
 * file but a hundred of our memory: without a limit a 64 MiB record could ask for gigabytes.
 */
const MAX_ELEMENTS = 1 << 21;

/** Numbers below have one byte. */
const SMALL = 0x80;
const SMALL_LONGS: readonly bigint[] = Array.from({ length: SMALL }, (_, i) => BigInt(i));

interface Run {
  readonly reader: WireReader;
  readonly options: DecodeOptions;
  readonly halves: Halves;
  /** Names of message and fields down to the one at work, for error messages; those behind `depth` are left over. */
  readonly path: string[];
  depth: number;
  elements: number;
}

interface Message extends Record<string, unknown> {
  [UNKNOWN]?: UnknownField[];
}

/** See MessageType.decode. */
export function decodeMessage(type: MessageType<object>, bytes: Uint8Array, options: DecodeOptions): object {
  const run: Run = { reader: createReader(bytes), options, halves: { lo: 0, hi: 0 }, path: [type.name], depth: 0, elements: 0 };
  try {
    return decodeFields(run, type, bytes.length);
  } catch (error) {
    if (error instanceof CrError) throw error;
    return fail(run, error instanceof Error ? error.message : String(error), undefined, error);
  }
}

function fail(run: Run, what: string, code: ErrorCode = 'CR_IMAGE_BAD', cause?: unknown): never {
  const { path, offset = 0 } = run.options;
  throw new CrError(code, {
    message: `${run.path.slice(0, run.depth + 1).join('.')}: ${what}`,
    subject: { ...(path === undefined ? {} : { path }), offset: offset + run.reader.pos },
    cause,
  });
}

/**
 * Fields as all writers have them (no array, ascending, a tag of at most two bytes) are taken here: there are a hundred in each of thousands of threads.
 * Everything else goes through decodeAny(), which also says what is wrong.
 */
function decodeFields(run: Run, type: MessageType<object>, end: number): object {
  if (run.depth >= MAX_DEPTH) fail(run, `nested more than ${MAX_DEPTH} deep`);
  const { plan } = type;
  const { byTag } = plan;
  const { reader, path } = run;
  const { buf } = reader;
  const message = newMessage(plan);
  const depth = ++run.depth;
  // The highest number so far: a field with a higher one cannot have occurred before.
  let last = 0;
  while (reader.pos < end) {
    const { pos } = reader;
    const first = buf[pos]!;
    const at = first < SMALL ? pos + 1 : pos + 2;
    const field = byTag[first < SMALL ? first : (first & 0x7f) | (buf[pos + 1]! << 7)];
    if (field === undefined || at >= end || field.number <= last) {
      last = Math.max(last, decodeAny(run, plan, message, end));
      continue;
    }
    last = field.number;
    const byte = buf[at]!;
    reader.pos = at + 1;
    if (byte < SMALL && field.quick === QUICK.uint64) message[field.name] = SMALL_LONGS[byte];
    else if (byte < SMALL && field.quick === QUICK.uint32) message[field.name] = byte;
    else {
      reader.pos = at;
      path[depth] = field.name;
      message[field.name] = decodeValue(run, field, end);
    }
  }
  run.depth--;
  // A nested message must not read past its own end into its parent's fields.
  if (reader.pos > end) fail(run, 'a value ends outside its message');
  checkRequired(run, plan, message);
  // Ascending, as encode expects; sort is stable, so repeated unknown fields keep their order.
  message[UNKNOWN]?.sort((a, b) => a.number - b.number);
  return message;
}

function newMessage({ blank, repeated }: Plan): Message {
  const message: Message = { ...blank };
  for (let i = 0; i < repeated.length; i++) message[repeated[i]!.name] = [];
  return message;
}

function checkRequired(run: Run, { required }: Plan, message: Message): void {
  for (let i = 0; i < required.length; i++) {
    const { name } = required[i]!;
    if (message[name] === undefined) fail(run, `required field ${name} is missing`);
  }
}

/** A field of any kind. @returns its number */
function decodeAny(run: Run, { byNumber }: Plan, message: Message, end: number): number {
  const { reader } = run;
  const start = reader.pos;
  run.depth--;
  const tag = readTag(run);
  const number = tag >>> 3;
  const field = byNumber.get(number);
  if (field === undefined) (message[UNKNOWN] ??= []).push(readUnknown(run, tag, start, end));
  run.depth++;
  if (field === undefined) return number;
  run.path[run.depth] = field.name;
  decodeField(run, field, tag & 7, message, end);
  return number;
}

function readTag(run: Run): number {
  readVarint(run.reader, run.halves);
  const { lo, hi } = run.halves;
  if (hi !== 0 || lo >>> 3 === 0) fail(run, 'damaged field tag');
  return lo;
}

/** Goes behind the next tag if it is this one, in its shortest form. */
function skipTag({ reader }: Run, tag: number, end: number): boolean {
  const { buf, pos } = reader;
  if (pos + 1 >= end) return false;
  if (tag < 0x80) {
    if (buf[pos] !== tag) return false;
    reader.pos = pos + 1;
    return true;
  }
  if (tag >= 0x4000 || buf[pos] !== ((tag & 0x7f) | 0x80) || buf[pos + 1] !== tag >>> 7) return false;
  reader.pos = pos + 2;
  return true;
}

function readUnknown(run: Run, tag: number, start: number, end: number): UnknownField {
  const { reader } = run;
  count(run);
  switch (tag & 7) {
    case WIRE_VARINT:
      readVarint(reader, run.halves);
      break;
    case WIRE_FIXED64:
      reader.pos += 8;
      break;
    case WIRE_FIXED32:
      reader.pos += 4;
      break;
    case WIRE_BYTES: {
      const length = readLength(run, end);
      reader.pos += length;
      break;
    }
    default:
      fail(run, `field ${tag >>> 3} has wire type ${tag & 7}, which no image uses`);
  }
  if (reader.pos > end) fail(run, `field ${tag >>> 3} ends outside its message`);
  return { number: tag >>> 3, raw: reader.buf.slice(start, reader.pos) };
}

function readLength(run: Run, end: number): number {
  readVarint(run.reader, run.halves);
  const { lo, hi } = run.halves;
  if (hi !== 0 || lo > end - run.reader.pos) fail(run, `length ${unsignedOf(run.halves)} goes past the end`);
  return lo;
}

function count(run: Run): void {
  if (++run.elements > MAX_ELEMENTS) fail(run, `more than ${MAX_ELEMENTS} elements in one record`);
}

function decodeField(run: Run, field: Field, wire: number, message: Message, end: number): void {
  if (wire !== field.wire) {
    if (wire === WIRE_BYTES && field.rule === 'repeated') return decodePacked(run, field, message, end);
    fail(run, `wire type ${wire} where ${field.wire} belongs`);
  }
  if (field.rule === 'repeated') {
    const list = message[field.name] as unknown[];
    // Elements of an array follow each other: their tags need not be looked up one by one.
    do {
      count(run);
      list.push(decodeValue(run, field, end));
      if (field.scalar === 'uint32' || field.scalar === 'uint64') takeSmall(run, field, list, end);
    } while (skipTag(run, field.tag, end));
  } else {
    // Protobuf lets the last one win. No writer repeats a field, and a reader that saw another value than we do would be a trap.
    if (message[field.name] !== undefined) fail(run, 'occurs twice');
    message[field.name] = decodeValue(run, field, end);
  }
}

/**
 * Takes the elements that follow and are below 128, each behind its tag in the shortest form: what most of a thread's registers are. They are taken in
 * one loop, because calls for each cost more than all the rest.
 */
function takeSmall(run: Run, { tag, scalar }: Field, list: unknown[], end: number): void {
  if (tag >= 0x4000) return;
  const { reader } = run;
  const { buf } = reader;
  const wide = tag >= 0x80;
  const first = wide ? (tag & 0x7f) | 0x80 : tag;
  const second = tag >>> 7;
  const size = wide ? 3 : 2;
  let { pos } = reader;
  for (; pos + size <= end && buf[pos] === first && (!wide || buf[pos + 1] === second); pos += size) {
    const value = buf[pos + size - 1]!;
    if (value >= SMALL) break;
    list.push(scalar === 'uint64' ? SMALL_LONGS[value] : value);
    run.elements++;
  }
  reader.pos = pos;
  if (run.elements > MAX_ELEMENTS) fail(run, `more than ${MAX_ELEMENTS} elements in one record`);
}

/** Packed arrays: nobody writes them in images, but every protobuf reader must take them. */
function decodePacked(run: Run, field: Field, message: Message, end: number): void {
  const stop = readLength(run, end) + run.reader.pos;
  const list = message[field.name] as unknown[];
  while (run.reader.pos < stop) {
    count(run);
    list.push(decodeValue(run, field, stop));
  }
  if (run.reader.pos > stop) fail(run, 'an element ends outside its array');
}

function decodeValue(run: Run, field: Field, end: number): unknown {
  const { reader, halves } = run;
  switch (field.scalar) {
    case 'bytes':
    case 'string': {
      const length = readLength(run, end);
      const start = reader.pos;
      reader.pos += length;
      const bytes = reader.buf.subarray(start, reader.pos);
      // A copy: the record's buffer is reused and much larger than most values.
      return field.scalar === 'string' ? textOfBytes(bytes) : Uint8Array.from(bytes);
    }
    case 'message': {
      const stop = readLength(run, end) + reader.pos;
      count(run);
      return decodeNested(run, field, stop);
    }
    case 'fixed64':
      readFixed64(reader, halves);
      return unsignedOf(halves);
    case 'uint64':
      readVarint(reader, halves);
      return unsignedOf(halves);
    case 'uint32': {
      // Most numbers are small.
      const byte = reader.buf[reader.pos]!;
      if (byte < SMALL && reader.pos < end) {
        reader.pos++;
        return byte;
      }
      readVarint(reader, halves);
      return numberOf(run, field);
    }
    default:
      readVarint(reader, halves);
      return numberOf(run, field);
  }
}

function decodeNested(run: Run, field: Field, stop: number): object {
  const { reader } = run;
  const type = field.type as MessageType<object>;
  const { shared } = run.options;
  const start = reader.pos;
  if (shared === undefined || !shared.suits(stop - start)) return decodeFields(run, type, stop);
  const known = shared.find(field, reader.buf, start, stop);
  if (known !== null) {
    reader.pos = stop;
    return known;
  }
  const value = decodeFields(run, type, stop);
  shared.keep(field, reader.buf.subarray(start, stop), value);
  return value;
}

function numberOf(run: Run, field: Field): unknown {
  const { lo, hi } = run.halves;
  switch (field.scalar) {
    case 'int64':
      return signedOf(run.halves);
    case 'sint64':
      return zigzagOf(run.halves);
    case 'uint32':
      if (hi !== 0) fail(run, `${unsignedOf(run.halves)} does not fit in 32 bits`);
      return lo;
    case 'sint32':
      if (hi !== 0) fail(run, `${unsignedOf(run.halves)} does not fit in 32 bits`);
      return (lo >>> 1) ^ -(lo & 1);
    case 'bool':
      if (hi !== 0 || lo > 1) fail(run, `${unsignedOf(run.halves)} is not a boolean`);
      return lo === 1;
    default:
      return int32Of(run, field);
  }
}

/** int32 and enums: negative numbers are stored sign-extended to 64 bits. */
function int32Of(run: Run, field: Field): number {
  const { lo, hi } = run.halves;
  const value = lo | 0;
  if (hi !== (value < 0 ? 0xffff_ffff : 0)) fail(run, `${signedOf(run.halves)} does not fit in 32 bits`);
  if (field.scalar === 'enum' && run.options.lenient !== true && !field.known.has(value)) {
    fail(run, `value ${value} of ${(field.type as EnumType).enum} is not known`, 'CR_IMAGE_FEATURE');
  }
  return value;
}
