/** Image files as containers: magic numbers, then records (u32 length, message), some with raw bytes behind them. Nothing read here is trusted. */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { CrError, type ErrorCode } from '../errors.js';
import { IPC_MSG, type IpcMsg, type IpcMsgEntry } from './generated/namespaces.js';
import type { GhostChunkEntry, GhostFileEntry } from './generated/files.js';
import { MAGIC_COMMON, MAGIC_SERVICE, type ImageKind } from './kind.js';
import { UNKNOWN, type DecodeOptions, type MessageBase, type MessageType } from './message.js';

/** The largest real record is the address space of a task with a million mappings: about 60 bytes each. */
const MAX_RECORD = 64 << 20;
/** Records of one file and bytes in them, without payloads. Keeps a hostile file from using more memory than a real set of ten thousand tasks. */
const MAX_RECORDS = 1 << 22;
const MAX_TOTAL = 256 << 20;
const WINDOW = 64 << 10;
const WORD = 4;

/** A stretch of a file. */
export interface Span {
  readonly offset: number;
  readonly length: number;
}

export interface ImageRecord<T = object> {
  readonly entry: T;
  /** Where the message begins. */
  readonly offset: number;
  /** Raw bytes behind it, without padding; empty for kinds that have none. */
  readonly raw: Span;
  /** Messages of a System V queue. */
  readonly messages: readonly { readonly entry: IpcMsg; readonly raw: Span }[];
}

/** Error about a place in an image. */
export function badImage(path: string, offset: number, message: string, code: ErrorCode = 'CR_IMAGE_BAD'): CrError {
  return new CrError(code, { message, subject: { path, offset } });
}

/**
 * Opens a regular file for reading, never through a symbolic link in the last component.
 * @returns descriptor (close-on-exec) and size in bytes. Throws CrError CR_IMAGE_MISSING, CR_IMAGE_BAD.
 */
export function openImage(path: string): { fd: number; size: number } {
  let fd: number;
  try {
    // O_NONBLOCK: a FIFO in place of an image must not hang us.
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const errno = (error as NodeJS.ErrnoException).code ?? 'unknown';
    const what = errno === 'ENOENT' ? 'does not exist' : errno === 'ELOOP' ? 'is a symbolic link' : 'cannot be opened';
    throw new CrError(errno === 'ENOENT' ? 'CR_IMAGE_MISSING' : 'CR_IMAGE_BAD', {
      message: what,
      subject: { path },
      kernel: { call: `open("${path}", O_RDONLY|O_NOFOLLOW)`, errno },
      cause: error,
    });
  }
  const stat = fstatSync(fd);
  if (stat.isFile()) return { fd, size: stat.size };
  closeSync(fd);
  throw new CrError('CR_IMAGE_BAD', { message: 'is not a regular file', subject: { path } });
}

const EMPTY = Buffer.alloc(0);

/** An open image with a window into it: files may be larger than memory, records are small. */
export class ImageFile {
  readonly path: string;
  readonly size: number;
  /** Null when the window is the whole file. */
  readonly #fd: number | null;
  #window: Buffer;
  #start = 0;

  private constructor(path: string, fd: number | null, size: number, window: Buffer) {
    this.path = path;
    this.size = size;
    this.#fd = fd;
    this.#window = window;
  }

  /** Throws as openImage(). */
  static open(path: string): ImageFile {
    const { fd, size } = openImage(path);
    return new ImageFile(path, fd, size, EMPTY);
  }

  /** One that was read already. */
  static of(path: string, bytes: Buffer): ImageFile {
    return new ImageFile(path, null, bytes.length, bytes);
  }

  close(): void {
    if (this.#fd !== null) closeSync(this.#fd);
  }

  /** `length` bytes at `offset`; valid until the next call. Throws CR_IMAGE_BAD when the file ends before. */
  bytes(offset: number, length: number): Buffer {
    if (length > this.size - offset) throw badImage(this.path, offset, `ends ${length - (this.size - offset)} bytes too early`);
    if (offset < this.#start || offset + length > this.#start + this.#window.length) this.#load(offset, length);
    const at = offset - this.#start;
    return this.#window.subarray(at, at + length);
  }

  #load(offset: number, length: number): void {
    const wanted = Math.min(Math.max(length, WINDOW), this.size - offset);
    const window = Buffer.allocUnsafe(wanted);
    let have = 0;
    while (have < wanted) {
      const got = readSync(this.#fd!, window, have, wanted - have, offset + have);
      if (got === 0) throw badImage(this.path, offset + have, 'became shorter while it was read');
      have += got;
    }
    this.#window = window;
    this.#start = offset;
  }
}

/** Reads the magic numbers. `prefix` is null in images without the common word: the inventory, and all of format version 1. */
export function readMagic(file: ImageFile): { prefix: number | null; magic: number; end: number } {
  const first = file.bytes(0, WORD).readUInt32LE();
  if (first !== MAGIC_COMMON && first !== MAGIC_SERVICE) return { prefix: null, magic: first, end: WORD };
  return { prefix: first, magic: file.bytes(WORD, WORD).readUInt32LE(), end: 2 * WORD };
}

/** Checks that the file is of this kind. @returns where its records begin. */
export function checkMagic(file: ImageFile, kind: ImageKind): number {
  const { prefix, magic, end } = readMagic(file);
  if (magic !== kind.magic || (prefix !== null && prefix !== kind.prefix)) {
    const hex = (value: number): string => `0x${value.toString(16)}`;
    throw badImage(file.path, end - WORD, `has magic ${hex(magic)}, which is not ${kind.magicName} (${hex(kind.magic)})`);
  }
  return end;
}

interface Walk {
  readonly file: ImageFile;
  readonly options: DecodeOptions;
  offset: number;
  records: number;
  total: number;
}

/** All records of an image from `start` on, in order. Throws CrError with path and offset. */
export function* readRecords(file: ImageFile, kind: ImageKind, start: number, options: DecodeOptions = {}): Generator<ImageRecord> {
  const walk: Walk = { file, options, offset: start, records: 0, total: 0 };
  for (let first = true; walk.offset < file.size; first = false) {
    const { entry, offset } = readRecord(walk, first ? (kind.first ?? kind.type) : kind.type);
    const { raw, messages } = readBehind(walk, kind, entry, first);
    yield { entry, offset, raw, messages };
  }
}

function readRecord<T extends object>(walk: Walk, type: MessageType<T>): { entry: T; offset: number } {
  const { file } = walk;
  const length = file.bytes(walk.offset, WORD).readUInt32LE();
  const offset = walk.offset + WORD;
  if (length > MAX_RECORD) throw badImage(file.path, walk.offset, `record of ${length} bytes is longer than any record can be`);
  const bytes = file.bytes(offset, length);
  if (++walk.records > MAX_RECORDS || (walk.total += length) > MAX_TOTAL)
    throw badImage(file.path, offset, 'holds more records than any set has');
  walk.offset = offset + length;
  return { entry: type.decode(bytes, { ...walk.options, path: file.path, offset }), offset };
}

function readBehind(walk: Walk, kind: ImageKind, entry: object, first: boolean): Pick<ImageRecord, 'raw' | 'messages'> {
  const none = { raw: { offset: walk.offset, length: 0 }, messages: [] };
  const { payload } = kind;
  if (payload === undefined) return none;
  if (payload === 'messages') return { ...none, messages: readMessages(walk, entry as IpcMsgEntry) };
  if (payload === 'rest-or-chunks') {
    if (!first) return { ...none, raw: skip(walk, (entry as GhostChunkEntry).len, 1) };
    if ((entry as GhostFileEntry).chunks === true) return none;
    return { ...none, raw: skip(walk, BigInt(walk.file.size - walk.offset), 1) };
  }
  return { ...none, raw: skip(walk, payload.size(entry), payload.pad) };
}

function readMessages(walk: Walk, queue: IpcMsgEntry): ImageRecord['messages'] {
  const messages = [];
  for (let i = 0; i < queue.qnum; i++) {
    const { entry } = readRecord(walk, IPC_MSG);
    messages.push({ entry, raw: skip(walk, BigInt(entry.msize), 8) });
  }
  return messages;
}

/** Steps over `length` raw bytes and their padding, after proving that the file has them. */
function skip(walk: Walk, length: bigint, pad: number): Span {
  const { file, offset } = walk;
  const padded = length + paddingOf(length, pad);
  if (padded > BigInt(file.size - offset))
    throw badImage(file.path, offset, `ends inside the ${length} bytes of data that its record announces`);
  walk.offset = offset + Number(padded);
  return { offset, length: Number(length) };
}

/** Zeros that fill `length` up to a multiple of `pad`. */
export function paddingOf(length: bigint, pad: number): bigint {
  const over = length % BigInt(pad);
  return over === 0n ? 0n : BigInt(pad) - over;
}

/** True when the message itself (not one inside it) has fields that our schema does not know. */
export function hasUnknown(entry: object): boolean {
  return (entry as MessageBase)[UNKNOWN] !== undefined;
}

/** Magic numbers in front of an image of this kind. */
export function magicBytes(kind: ImageKind): Buffer {
  const bytes = Buffer.allocUnsafe(kind.prefix === null ? WORD : 2 * WORD);
  if (kind.prefix !== null) bytes.writeUInt32LE(kind.prefix, 0);
  bytes.writeUInt32LE(kind.magic, bytes.length - WORD);
  return bytes;
}

/** A message with its length in front. */
export function recordBytes(type: MessageType<object>, entry: object, code?: ErrorCode): Buffer {
  const record = type.encode(entry, code, WORD);
  record.writeUInt32LE(record.length - WORD);
  return record;
}
