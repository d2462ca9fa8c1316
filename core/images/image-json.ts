/**
 * Whole images as JSON: `{ "magic": NAME, "entries": [...] }`, raw bytes behind a record as `extra` in the record's object. Padding that is not
 * zero (CRIU pads with whatever its memory held) is kept as `padding`, so that nothing is lost.
 */
import {
  badImage,
  checkMagic,
  type ImageFile,
  magicBytes,
  paddingOf,
  readMagic,
  readRecords,
  recordBytes,
  type ImageRecord,
  type Span,
} from './container.js';
import type { GhostChunkEntry, GhostFileEntry } from './generated/files.js';
import { IPC_MSG, type IpcMsg } from './generated/namespaces.js';
import type { TcpStreamEntry } from './generated/sockets.js';
import { RawData, type Json, type JsonObject } from './json.js';
import type { ImageKind } from './kind.js';
import { IMAGES } from './magic.js';
import { badJson, bytesFromJson, isObject, messageFromJson, messageToJson, type JsonPath, type NumberStyle } from './text.js';

const RESERVED = ['extra', 'padding'];

/** The kind with this magic number. Kinds that share one share the format. Throws CR_IMAGE_BAD when there is none. */
export function kindOfFile(file: ImageFile): ImageKind {
  const { magic, end } = readMagic(file);
  const kind: ImageKind | undefined = Object.values(IMAGES).find((row) => row.magic === magic);
  if (kind !== undefined) return kind;
  throw badImage(file.path, end - 4, `unknown magic 0x${magic.toString(16)}; perhaps this is raw data (pages-*.img)?`);
}

/** Records of an image, with enum numbers that we do not know let through. */
export function recordsOf(file: ImageFile, kind: ImageKind): Generator<ImageRecord> {
  return readRecords(file, kind, checkMagic(file, kind), { lenient: true });
}

/** Type of the record that is number `index` in its file. */
export function typeAt(kind: ImageKind, index: number): ImageKind['type'] {
  return index === 0 ? (kind.first ?? kind.type) : kind.type;
}

/** One record with what lies behind it. */
export function recordToJson(file: ImageFile, kind: ImageKind, index: number, record: ImageRecord, style: NumberStyle): JsonObject {
  const message = messageToJson(typeAt(kind, index), record.entry, style);
  const extra = extraToJson(file, kind, index, record, style);
  return { ...message, ...(extra === undefined ? {} : { extra }), ...paddingJson(file, kind, record.raw) };
}

function extraToJson(file: ImageFile, kind: ImageKind, index: number, record: ImageRecord, style: NumberStyle): Json | undefined {
  const { payload, magicName } = kind;
  if (payload === undefined) return undefined;
  if (payload === 'messages') {
    return record.messages.flatMap(({ entry, raw }): Json[] => [
      { ...messageToJson(IPC_MSG, entry, style), ...paddingOfSpan(file, raw, 8) },
      new RawData(file, raw),
    ]);
  }
  if (payload === 'rest-or-chunks' && index === 0 && (record.entry as GhostFileEntry).chunks === true) return undefined;
  if (magicName === 'TCP_STREAM') return queuesToJson(file, record);
  if (magicName === 'IPCNS_SEM') return wordsToJson(file, record.raw);
  return new RawData(file, record.raw);
}

function queuesToJson(file: ImageFile, { entry, raw }: ImageRecord): Json {
  const { inq_len, outq_len } = entry as TcpStreamEntry;
  const inq = new RawData(file, { offset: raw.offset, length: inq_len });
  return { inq, outq: new RawData(file, { offset: raw.offset + inq_len, length: outq_len }) };
}

/** More semaphores than a set can have (SEMMSL is at most 32,000 by default, and no longer than a page of u16 in practice). */
const MAX_WORDS = 1 << 20;

function wordsToJson(file: ImageFile, raw: Span): number[] {
  if (raw.length > 2 * MAX_WORDS) throw badImage(file.path, raw.offset, 'has more semaphores in one set than the kernel allows');
  const bytes = new RawData(file, raw).bytes();
  return Array.from({ length: bytes.length / 2 }, (_, i) => bytes.readUInt16LE(i * 2));
}

function paddingJson(file: ImageFile, { payload }: ImageKind, raw: Span): JsonObject {
  return typeof payload === 'object' ? paddingOfSpan(file, raw, payload.pad) : {};
}

function paddingOfSpan(file: ImageFile, { offset, length }: Span, pad: number): JsonObject {
  const size = Number(paddingOf(BigInt(length), pad));
  if (size === 0) return {};
  const span = { offset: offset + length, length: size };
  return file.bytes(span.offset, size).some((byte) => byte !== 0) ? { padding: new RawData(file, span) } : {};
}

/** Bytes of the image that `json` describes, in pieces. Throws CR_IMAGE_BAD with the place in the JSON. */
export function imageFromJson(json: unknown): Buffer[] {
  if (!isObject(json) || !Array.isArray(json['entries'])) throw badJson(['(top)'], 'must be { "magic": NAME, "entries": [...] }');
  const name = json['magic'];
  const kind: ImageKind | undefined = Object.values(IMAGES).find((row) => row.magicName === name);
  if (kind === undefined) throw badJson(['magic'], `${JSON.stringify(name)} is not the name of an image kind`);
  const out = [magicBytes(kind)];
  for (const [index, entry] of (json['entries'] as readonly unknown[]).entries()) out.push(...recordFromJson(kind, index, entry));
  return out;
}

function recordFromJson(kind: ImageKind, index: number, json: unknown): Buffer[] {
  const path: JsonPath = ['entries', index];
  const type = typeAt(kind, index);
  const message = messageFromJson(type, json, path, kind.payload === undefined ? [] : RESERVED);
  const record = encodeRecord(type, message, path);
  if (kind.payload === undefined || !isObject(json)) return [record];
  const data = extraFromJson(kind, json['extra'], [...path, 'extra']);
  checkLength(kind, index, message, data.length, [...path, 'extra']);
  if (typeof kind.payload !== 'object') return [record, data];
  return [record, data, paddingBytes(json['padding'], data.length, kind.payload.pad, [...path, 'padding'])];
}

/** Data of another length than the record says would make every record behind it unreadable. */
function checkLength({ payload }: ImageKind, index: number, message: object, length: number, path: JsonPath): void {
  if (payload === 'messages' || payload === undefined) return;
  let said: bigint | undefined;
  if (payload !== 'rest-or-chunks') said = payload.size(message);
  else if (index > 0) said = (message as GhostChunkEntry).len;
  else if ((message as GhostFileEntry).chunks === true) said = 0n;
  if (said !== undefined && said !== BigInt(length)) throw badJson(path, `holds ${length} bytes, but the record says ${said}`);
}

function encodeRecord(type: ImageKind['type'], message: object, path: JsonPath): Buffer {
  try {
    return recordBytes(type, message, 'CR_IMAGE_BAD');
  } catch (error) {
    throw badJson(path, error instanceof Error ? error.message : String(error), error);
  }
}

function extraFromJson(kind: ImageKind, extra: unknown, path: JsonPath): Buffer {
  if (extra === undefined) return Buffer.alloc(0);
  if (kind.payload === 'messages') return messagesFromJson(extra, path);
  if (kind.magicName === 'IPCNS_SEM') return wordsFromJson(extra, path);
  if (kind.magicName !== 'TCP_STREAM') return Buffer.from(bytesFromJson(extra, false, path));
  if (!isObject(extra)) throw badJson(path, 'must be { "inq": ..., "outq": ... }');
  return Buffer.concat(['inq', 'outq'].map((key) => bytesFromJson(extra[key], false, [...path, key])));
}

function wordsFromJson(extra: unknown, path: JsonPath): Buffer {
  if (!Array.isArray(extra)) throw badJson(path, 'must be an array of numbers');
  const bytes = Buffer.alloc(extra.length * 2);
  for (const [i, word] of (extra as readonly unknown[]).entries()) {
    if (typeof word !== 'number' || !Number.isInteger(word) || word < 0 || word > 0xffff)
      throw badJson([...path, i], 'is not a number from 0 to 65535');
    bytes.writeUInt16LE(word, i * 2);
  }
  return bytes;
}

function messagesFromJson(extra: unknown, path: JsonPath): Buffer {
  if (!Array.isArray(extra) || extra.length % 2 !== 0) throw badJson(path, 'must be an array of messages, each followed by its data');
  const list = extra as readonly unknown[];
  const parts: Buffer[] = [];
  for (let i = 0; i < list.length; i += 2) {
    const json = list[i];
    const message = messageFromJson(IPC_MSG, json, [...path, i], ['padding']);
    const data = Buffer.from(bytesFromJson(list[i + 1], false, [...path, i + 1]));
    if ((message as IpcMsg).msize !== data.length)
      throw badJson([...path, i + 1], `holds ${data.length} bytes, but the message says otherwise`);
    parts.push(encodeRecord(IPC_MSG, message, [...path, i]));
    parts.push(data, paddingBytes(isObject(json) ? json['padding'] : undefined, data.length, 8, [...path, i, 'padding']));
  }
  return Buffer.concat(parts);
}

function paddingBytes(json: unknown, length: number, pad: number, path: JsonPath): Buffer {
  const size = Number(paddingOf(BigInt(length), pad));
  if (json === undefined) return Buffer.alloc(size);
  const bytes = Buffer.from(bytesFromJson(json, false, path));
  if (bytes.length !== size) throw badJson(path, `must be ${size} bytes long`);
  return bytes;
}
