/** Files without a name (ghosts) and files whose name is gone while another exists (link remaps): both come back under the old name for a moment. */
import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  ftruncateSync,
  lchownSync,
  mkdirSync,
  openSync,
  readSync,
  symlinkSync,
  writeSync,
} from 'node:fs';
import { CrError } from '../../errors.js';
import type { GhostChunkEntry, GhostFileEntry } from '../../images/generated/files.js';
import type { ImageReader } from '../../images/reader.js';
import { encodeText, decodeText } from '../../kernel/procfs/text.js';
import { Ptr } from '../../program/program.js';
import { dataRanges } from '../memory/sparse.js';
import { type DumpContext, fileType, type OpenFile, type RestoreContext, S } from './kind.js';
import { checkName, lookAt, nameError, Names, type Place, removeSame } from './names.js';

/** CRIU stores files from this size on as chunks without their holes. */
const CHUNKS_FROM = 3 * 4096;
const COPY = 1 << 20;
const GHOST_TYPES: readonly number[] = [S.reg, S.dir, S.fifo, S.chr, S.blk, S.link];
const MODE_BITS = 0o7777;
const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
const UTIME_NOW = (1n << 30n) - 1n;
/** In the scratch memory, behind the longest path. */
const TIMES_AT = 4200;
const PATH_MAX = 4096;
const SIZE_MAX = 0x7fff_ffff_ffff_ffffn;
/** Tried when the first temporary name of a ghost is taken. */
const MORE_NAMES = 20;

/** What a symbolic link says. Only the descriptor itself leads there (readlinkat(2), empty path): its entry in /proc is a link of its own. */
function linkTarget(file: OpenFile, calls: DumpContext['calls']): string {
  const buffer = 64;
  const subject = { pid: file.pid, ...(file.fd === null ? {} : { fd: file.fd }) };
  const reason = { why: 'read a symbolic link', subject, target: 'running' } as const;
  const length = calls.must(reason, 'readlinkat', file.local, calls.text(Buffer.alloc(0)), calls.scratch.at(buffer), PATH_MAX);
  return decodeText(calls.scratch.copy(buffer, length));
}

/** Writes content and attributes once for each inode. Returns the id of the ghost. */
export function dumpGhost(file: OpenFile, { run, state, calls }: DumpContext): number {
  const known = state('ghosts', () => new Map<string, number>());
  const key = `${file.stat.dev}:${file.stat.ino}`;
  const found = known.get(key);
  if (found !== undefined) return found;
  const id = known.size + 1;
  known.set(key, id);
  const { stat } = file;
  const type = fileType(stat.mode);
  const chunks = type === S.reg && stat.size >= CHUNKS_FROM;
  const entry: GhostFileEntry = {
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    mode: Number(stat.mode),
    dev: Number(stat.dev & 0xffff_ffffn),
    ino: stat.ino,
    atim: { tv_sec: stat.atimeNs / 1_000_000_000n, tv_usec: (stat.atimeNs / 1000n) % 1_000_000n },
    mtim: { tv_sec: stat.mtimeNs / 1_000_000_000n, tv_usec: (stat.mtimeNs / 1000n) % 1_000_000n },
    ...(type === S.chr || type === S.blk ? { rdev: Number(stat.rdev & 0xffff_ffffn) } : {}),
    ...(chunks ? { chunks: true } : {}),
    // CRIU looks at it only with chunks. Without, the end of the image is the end of the file, and nobody could tell that it was cut.
    ...(type === S.reg ? { size: stat.size } : {}),
    ...(type === S.link ? { symlnk_target: linkTarget(file, calls) } : {}),
  };
  if (type !== S.reg) {
    run.images.add('ghost-file', id, entry);
    return id;
  }
  const source = openSync(file.proc, 'r');
  try {
    if (chunks) dumpChunks(run, id, entry, source);
    else {
      const data = Buffer.alloc(Number(stat.size));
      readFully(source, data, 0);
      run.images.add('ghost-file', id, entry, data);
    }
  } finally {
    closeSync(source);
  }
  return id;
}

function dumpChunks(run: DumpContext['run'], id: number, entry: GhostFileEntry, source: number): void {
  run.images.add('ghost-file', id, entry);
  const size = Number(entry.size);
  for (const range of dataRanges(run.thread, source, size)) {
    const end = Math.min(range.end, size);
    if (range.start >= end) continue;
    const space = run.images.addSpace('ghost-file', id, { len: BigInt(end - range.start), off: BigInt(range.start) }, end - range.start);
    copy(source, range.start, space.fd, space.offset, end - range.start);
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

function copy(from: number, fromOffset: number, to: number, toOffset: number, length: number): void {
  const buffer = Buffer.alloc(Math.min(COPY, length));
  for (let done = 0; done < length;) {
    const part = buffer.subarray(0, Math.min(buffer.length, length - done));
    part.fill(0);
    readFully(from, part, fromOffset + done);
    for (let at = 0; at < part.length;) at += writeSync(to, part, at, part.length - at, toOffset + done + at);
    done += part.length;
  }
}

/** A ghost to be. The file gets a name of its own first; every user opens it under the name that he had, so that the link text comes out right. */
export class Ghost {
  private readonly entry: GhostFileEntry;
  private readonly chunks: { readonly entry: GhostChunkEntry; readonly offset: number }[] = [];
  private readonly content: { readonly offset: number; readonly length: number } | null;
  private made: { readonly place: Place; readonly dev: bigint; readonly ino: bigint } | null = null;

  /** Reads and checks; nothing is created. Throws CR_IMAGE_BAD. */
  constructor(
    private readonly id: number,
    private readonly images: ImageReader,
    private readonly context: RestoreContext,
  ) {
    const [first, ...rest] = images.readWithData('ghost-file', id);
    if (!first || !('uid' in first.entry)) throw this.bad('has no entry');
    this.entry = first.entry;
    if (!GHOST_TYPES.includes(fileType(this.entry.mode))) throw this.bad(`has the unknown file type 0${this.entry.mode.toString(8)}`);
    const size = this.entry.size ?? 0n;
    if (size > SIZE_MAX) throw this.bad('has an impossible size');
    for (const record of rest) {
      if ('uid' in record.entry) throw this.bad('has a second entry');
      const { off, len } = record.entry;
      if (off + len > size) throw this.bad('has a chunk behind the end of the file');
      this.chunks.push({ entry: record.entry, offset: record.raw.offset });
    }
    this.content = this.entry.chunks === true ? null : first.raw;
    if (this.content && this.entry.size !== undefined && BigInt(this.content.length) !== size)
      throw this.bad(`has ${this.content.length} bytes of a file of ${size}`, first.raw.offset + first.raw.length);
  }

  private bad(message: string, offset?: number): CrError {
    return new CrError('CR_IMAGE_BAD', {
      message,
      subject: { ...(offset === undefined ? {} : { offset }), path: this.images.pathOf(`ghost-file-${this.id.toString(16)}.img`) },
      target: 'not started',
    });
  }

  get mode(): number {
    return this.entry.mode;
  }

  /** Calls `open` with a path under which the file can be opened. */
  openAs(name: string, open: (path: Buffer) => number): number {
    const names = this.names();
    const made = (this.made ??= this.make(name));
    const place = names.place(name);
    try {
      const same = place.path.equals(made.place.path) || lookAt(place.path)?.ino === made.ino;
      if (same || fileType(this.mode) === S.dir || !names.link(made.place.path, place)) return open(same ? place.path : made.place.path);
      try {
        return open(place.path);
      } finally {
        names.remove(place, made);
      }
    } finally {
      names.done(place);
    }
  }

  private names(): Names {
    const { run, state, afterOpen, onUndo } = this.context;
    return state('names', () => {
      const names = new Names(run.calls);
      // Registered first, so it runs after the files in those folders are gone.
      afterOpen(() => names.clean());
      onUndo(() => names.clean());
      return names;
    });
  }

  /** Folders get the old name if it is free: they have only one. */
  private make(name: string): NonNullable<Ghost['made']> {
    const names = this.names();
    const place = this.freePlace(name);
    try {
      this.create(place);
    } catch (error) {
      names.done(place);
      throw error instanceof CrError ? error : nameError('create', place.name, error);
    }
    const { dev, ino } = lookAt(place.path)!;
    const made = { place, dev, ino };
    const remove = () => {
      if (this.made === null) return;
      this.made = null;
      removeSame(place.path, made);
      names.done(place);
    };
    this.context.afterOpen(remove);
    this.context.onUndo(remove);
    return made;
  }

  /** A restore that was killed may have left its name behind: then there are others. */
  private freePlace(name: string): Place {
    const own = `${name}.cr.${this.id.toString(16)}`;
    const wanted = [`${own}.ghost`, ...Array.from({ length: MORE_NAMES }, (_, i) => `${own}.${i + 1}.ghost`)];
    if (fileType(this.mode) === S.dir) wanted.unshift(name);
    for (const candidate of wanted) {
      const place = this.names().place(candidate);
      if (lookAt(place.path) === null) return place;
      this.names().done(place);
    }
    throw new CrError('CR_FILE_CHANGED', {
      message: 'no name is free for a file that was deleted',
      subject: { path: `${own}.ghost` },
      hint: 'Remove what restores that were killed have left there (*.cr.*.ghost).',
      target: 'not started',
    });
  }

  private create(place: Place): void {
    const { entry } = this;
    const type = fileType(entry.mode);
    const bits = entry.mode & MODE_BITS;
    if (type === S.reg) return this.createRegular(place, bits);
    if (type === S.dir) mkdirSync(place.path, 0o700);
    else if (type === S.link) symlinkSync(encodeText(entry.symlnk_target ?? ''), place.path);
    else {
      const { calls } = this.context.run;
      const base = calls.text(place.path);
      calls.must({ why: 'make a special file', subject: { path: place.name } }, 'mknodat', AT_FDCWD, base, type | 0o600, entry.rdev ?? 0);
    }
    lchownSync(place.path, entry.uid, entry.gid);
    if (type !== S.link) chmodSync(place.path, bits);
    this.setTimes(AT_FDCWD, this.context.run.calls.text(place.path), AT_SYMLINK_NOFOLLOW);
  }

  private createRegular(place: Place, bits: number): void {
    const { entry } = this;
    const fd = openSync(place.path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
    try {
      this.fill(fd);
      fchownSync(fd, entry.uid, entry.gid);
      fchmodSync(fd, bits);
      this.setTimes(fd, 0, 0);
    } catch (error) {
      removeSame(place.path, fstatSync(fd, { bigint: true }));
      throw error;
    } finally {
      closeSync(fd);
    }
  }

  private fill(fd: number): void {
    const { content, entry } = this;
    if (entry.chunks === true) ftruncateSync(fd, Number(entry.size ?? 0n));
    const image = this.images.openRaw(`ghost-file-${this.id.toString(16)}.img`);
    try {
      if (content) copy(image, content.offset, fd, 0, content.length);
      for (const chunk of this.chunks) copy(image, chunk.offset, fd, Number(chunk.entry.off), Number(chunk.entry.len));
    } finally {
      closeSync(image);
    }
  }

  /** Node's calls take seconds as a floating number, which loses microseconds. */
  private setTimes(at: number, path: Ptr | 0, flags: number): void {
    const { calls } = this.context.run;
    const times = new Ptr(calls.scratch.arena, calls.scratch.offset + TIMES_AT, 32);
    [this.entry.atim, this.entry.mtim].forEach((time, i) => {
      times.setU64(16 * i, time?.tv_sec ?? 0n).setU64(16 * i + 8, time ? time.tv_usec * 1000n : UTIME_NOW);
    });
    calls.must({ why: `set the times of ghost ${this.id}` }, 'utimensat', at, path, times, flags);
  }
}

/** A file that lives under the temporary name that the dump gave it. */
export class LinkRemap {
  constructor(
    private readonly remapName: string,
    private readonly context: RestoreContext,
  ) {
    checkName(remapName);
    const at = lookAt(encodeText(remapName));
    if (at === null)
      throw new CrError('CR_FILE_CHANGED', {
        message: 'the name that the dump made for a deleted file is gone',
        subject: { path: remapName },
        hint: 'Bring back the file, or dump again.',
        target: 'not started',
      });
    // The image says that the name is one of ours, but only our pattern may be removed.
    if (/\/link_remap\.\d+$/.test(remapName)) context.onFinish(() => removeSame(encodeText(remapName), at));
  }

  openAs(name: string, open: (path: Buffer) => number): number {
    const names = new Names(this.context.run.calls);
    const from = names.place(this.remapName);
    const to = names.place(name);
    try {
      const stat = lookAt(from.path);
      if (stat === null || !names.link(from.path, to)) return open(from.path);
      try {
        return open(to.path);
      } finally {
        names.remove(to, stat);
      }
    } finally {
      names.done(from);
      names.done(to);
      names.clean();
    }
  }
}
