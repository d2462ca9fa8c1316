/**
 * Build ids of ELF files: the note NT_GNU_BUILD_ID that the linker leaves (ld(1), --build-id). `build_id` of reg_file_entry holds it as 32-bit words,
 * little-endian, the last one filled with zeros (as CRIU 4.1.1 and 4.2.1 write it).
 */
import { type BigIntStats, closeSync, openSync, readSync } from 'node:fs';
import { ELF_HEADER_SIZE, elfHeader, programHeaders, PT, type ProgramHeader } from '../elf.js';
import { fileType, S } from './kind.js';
import { O } from './open-flags.js';

export type BuildId = readonly number[];

const NT_GNU_BUILD_ID = 3;
const OWNER = Buffer.from('GNU\0');
/** Name size, description size, type (elf(5), Notes). */
const NOTE_HEADER = 12;
/** Linkers write 8 to 64 bytes. */
const MAX_ID = 256;
/** Notes are a few hundred bytes. */
const MAX_NOTES = 64 * 1024;
/** One segment for each alignment. */
const MAX_NOTE_SEGMENTS = 8;

/** Null when the file is no ELF file, or has no build id that can be read. Throws what read(2) does. */
export function readBuildId(fd: number): BuildId | null {
  const header = elfHeader(readAt(fd, 0, ELF_HEADER_SIZE));
  if (!header) return null;
  const segments = programHeaders(readAt(fd, header.start, header.size), header).filter(({ type }) => type === PT.note);
  for (const segment of segments.slice(0, MAX_NOTE_SEGMENTS)) {
    const id = idAmong(readAt(fd, segment.offset, Math.min(segment.size, MAX_NOTES)), segment);
    if (id) return wordsOf(id);
  }
  return null;
}

/** As text: the same digits as `readelf -n`, but for the zeros that fill the last word. What is longer than any real one is cut. */
export function buildIdText(all: BuildId): string {
  const id = all.slice(0, MAX_ID / 4);
  const bytes = Buffer.alloc(id.length * 4);
  id.forEach((word, i) => bytes.writeUInt32LE(word >>> 0, i * 4));
  return bytes.toString('hex');
}

export function sameBuildId(a: BuildId, b: BuildId): boolean {
  return a.length === b.length && a.every((word, i) => word === b[i]);
}

function readAt(fd: number, offset: number, size: number): Buffer {
  if (!Number.isSafeInteger(offset)) return Buffer.alloc(0);
  const bytes = Buffer.alloc(size);
  return bytes.subarray(0, size === 0 ? 0 : readSync(fd, bytes, 0, size, offset));
}

function idAmong(notes: Buffer, { align }: ProgramHeader): Buffer | null {
  const unit = align === 8 ? 8 : 4;
  const padded = (n: number) => Math.ceil(n / unit) * unit;
  for (let at = 0; at + NOTE_HEADER <= notes.length;) {
    const [nameSize, size, type] = [notes.readUInt32LE(at), notes.readUInt32LE(at + 4), notes.readUInt32LE(at + 8)];
    const name = at + NOTE_HEADER;
    const content = at + padded(NOTE_HEADER + nameSize);
    if (type === NT_GNU_BUILD_ID && notes.subarray(name, name + nameSize).equals(OWNER))
      return size > 0 && size <= MAX_ID && content + size <= notes.length ? notes.subarray(content, content + size) : null;
    at = content + padded(size);
  }
  return null;
}

function wordsOf(id: Buffer): number[] {
  const bytes = Buffer.alloc(Math.ceil(id.length / 4) * 4);
  id.copy(bytes);
  return Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readUInt32LE(i * 4));
}

/**
 * Build ids of files, each read once. What is read at the pre-flight need not be read from a disk while the tree stands, and what hundreds of processes
 * map is opened once.
 */
export class BuildIds {
  private readonly known = new Map<string, BuildId | null>();

  /** @param from a descriptor that can be read, or a path to open: only used when the file has not been read, or was changed since. */
  of(stat: BigIntStats, from: number | string | Buffer): BuildId | null {
    if (!mayHaveOne(stat)) return null;
    const key = keyOf(stat);
    const known = this.known.get(key);
    if (known !== undefined) return known;
    const id = typeof from === 'number' ? tryRead(from) : tryPath(from);
    if (id !== undefined) this.known.set(key, id);
    return id ?? null;
  }

  /** A file with a lease must not be opened: that would break it, and tell its holder (fcntl(2)). Until it is changed it counts as one without a build id. */
  leave(stat: BigIntStats): void {
    this.known.set(keyOf(stat), null);
  }
}

/** Reading a file of /proc or /sys may do something. The ones in /proc have no size, those in /sys no blocks. */
function mayHaveOne({ mode, size, blocks }: BigIntStats): boolean {
  return fileType(mode) === S.reg && size >= BigInt(ELF_HEADER_SIZE) && blocks > 0n;
}

const keyOf = ({ dev, ino, size, ctimeNs }: BigIntStats) => `${dev}:${ino}:${size}:${ctimeNs}`;

/** A file that cannot be read has no build id that could be compared: its size is, as in CRIU. */
function tryRead(fd: number): BuildId | null {
  try {
    return readBuildId(fd);
  } catch {
    return null;
  }
}

/** Undefined when it could not be opened by that path. */
function tryPath(path: string | Buffer): BuildId | null | undefined {
  let fd: number;
  try {
    fd = openSync(path, O.rdonly | O.nonblock | O.noctty | O.noatime | O.cloexec);
  } catch {
    return undefined;
  }
  const id = tryRead(fd);
  closeSync(fd);
  return id;
}
