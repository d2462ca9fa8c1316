/** What a deleted regular file holds: behind its entry in the image, and from a certain size on in chunks, without its holes. */
import { closeSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import type { CrError } from '../../errors.js';
import type { DumpRun } from '../../dump/model.js';
import type { ImageRecord } from '../../images/container.js';
import { writeAt } from '../../images/image-files.js';
import type { GhostChunkEntry, GhostFileEntry } from '../../images/generated/files.js';
import { dataRanges } from '../memory/sparse.js';

/** CRIU stores files from this size on as chunks without their holes. */
const CHUNKS_FROM = 3 * 4096;
const COPY = 1 << 20;
const SIZE_MAX = 0x7fff_ffff_ffff_ffffn;

export function isChunked(size: bigint): boolean {
  return size >= CHUNKS_FROM;
}

interface NewGhost {
  readonly id: number;
  readonly entry: GhostFileEntry;
  readonly run: DumpRun;
}

/** Writes the entry and what the file at `path` holds. */
export function dumpContent(path: string, ghost: NewGhost): void {
  const { id, entry, run } = ghost;
  const source = openSync(path, 'r');
  try {
    if (entry.chunks === true) dumpChunks(source, ghost);
    else {
      const data = Buffer.alloc(Number(entry.size));
      readFully(source, data, 0);
      run.images.add('ghost-file', id, entry, data);
    }
  } finally {
    closeSync(source);
  }
}

function dumpChunks(source: number, { id, entry, run }: NewGhost): void {
  run.images.add('ghost-file', id, entry);
  const size = Number(entry.size);
  for (const range of dataRanges(run.thread, source, size)) {
    const end = Math.min(range.end, size);
    if (range.start >= end) continue;
    const space = run.images.addSpace('ghost-file', id, { len: BigInt(end - range.start), off: BigInt(range.start) }, end - range.start);
    const { fd, offset, path } = space;
    copy(source, range.start, { length: end - range.start, write: (part, at) => writeAt(fd, path, part, offset + at) });
  }
}

function readFully(fd: number, data: Buffer, offset: number): void {
  for (let at = 0; at < data.length;) {
    const got = readSync(fd, data, at, data.length - at, offset + at);
    // Somebody outside of the tree cut the file: what is missing reads as zeros.
    if (got === 0) return;
    at += got;
  }
}

/** Where bytes go: `at` counts from 0. */
interface Sink {
  readonly length: number;
  write(part: Uint8Array, at: number): void;
}

function copy(from: number, fromOffset: number, { length, write }: Sink): void {
  const buffer = Buffer.alloc(Math.min(COPY, length));
  for (let done = 0; done < length;) {
    const part = buffer.subarray(0, Math.min(buffer.length, length - done));
    part.fill(0);
    readFully(from, part, fromOffset + done);
    write(part, done);
    done += part.length;
  }
}

function writeAll(fd: number, part: Uint8Array, offset: number): void {
  for (let at = 0; at < part.length;) at += writeSync(fd, part, at, part.length - at, offset + at);
}

type GhostRecord = ImageRecord<GhostFileEntry | GhostChunkEntry>;

/** Where it lies in an image, checked. */
export class GhostContent {
  private readonly chunks: { readonly entry: GhostChunkEntry; readonly offset: number }[] = [];
  private readonly whole: GhostRecord['raw'] | null;

  /** @param rest the records behind the entry. Throws what `bad` makes. */
  constructor(
    private readonly entry: GhostFileEntry,
    raw: GhostRecord['raw'],
    rest: readonly GhostRecord[],
    bad: (message: string, offset?: number) => CrError,
  ) {
    const size = entry.size ?? 0n;
    if (size > SIZE_MAX) throw bad('has an impossible size');
    for (const record of rest) {
      if ('uid' in record.entry) throw bad('has a second entry');
      const { off, len } = record.entry;
      if (off + len > size) throw bad('has a chunk behind the end of the file');
      this.chunks.push({ entry: record.entry, offset: record.raw.offset });
    }
    this.whole = entry.chunks === true ? null : raw;
    if (this.whole && entry.size !== undefined && BigInt(this.whole.length) !== size)
      throw bad(`has ${this.whole.length} bytes of a file of ${size}`, raw.offset + raw.length);
  }

  /** Copies it from the image into an empty file. */
  fill(fd: number, image: number): void {
    const { entry, whole } = this;
    if (entry.chunks === true) ftruncateSync(fd, Number(entry.size ?? 0n));
    const into = (offset: number, length: number): Sink => ({ length, write: (part, at) => writeAll(fd, part, offset + at) });
    if (whole) copy(image, whole.offset, into(0, whole.length));
    for (const chunk of this.chunks) copy(image, chunk.offset, into(Number(chunk.entry.off), Number(chunk.entry.len)));
  }
}
