/** Files without a name: they come back under the old one for a moment. */
import { chmodSync, closeSync, constants, fchmodSync, fchownSync, fstatSync, lchownSync, mkdirSync, openSync, symlinkSync } from 'node:fs';
import { CrError } from '../../errors.js';
import type { GhostFileEntry } from '../../images/generated/files.js';
import type { ImageReader } from '../../images/reader.js';
import { encodeText, decodeText } from '../../kernel/procfs/text.js';
import { Ptr } from '../../program/program.js';
import { dumpContent, GhostContent, isChunked } from './ghost-content.js';
import { type DumpContext, fileType, type OpenFile, type RestoreContext, S } from './kind.js';
import { lookAt, nameError, Names, type Place, removeSame, sameInode } from './names.js';

const GHOST_TYPES: readonly number[] = [S.reg, S.dir, S.fifo, S.chr, S.blk, S.link];
const MODE_BITS = 0o7777;
const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
const UTIME_NOW = (1n << 30n) - 1n;
/** In the scratch memory, behind the longest path. */
const TIMES_AT = 4200;
const PATH_MAX = 4096;
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
  const chunks = type === S.reg && isChunked(stat.size);
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
  if (type === S.reg) dumpContent(file.proc, { id, entry, run });
  else run.images.add('ghost-file', id, entry);
  return id;
}

/** A ghost to be. The file gets a name of its own first; every user opens it under the name that he had, so that the link text comes out right. */
export class Ghost {
  private readonly entry: GhostFileEntry;
  private readonly content: GhostContent;
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
    this.content = new GhostContent(this.entry, first.raw, rest, (message, offset) => this.bad(message, offset));
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

  get isFolder(): boolean {
    return fileType(this.mode) === S.dir;
  }

  /** Before it is opened: its name is the one to have, if it is free. */
  makeAs(name: string): void {
    this.made ??= this.make(name);
  }

  /** Calls `open` with a path under which the file can be opened. */
  openAs(name: string, open: (path: Buffer) => number): number {
    const names = this.names();
    const made = (this.made ??= this.make(name));
    const place = names.place(name);
    try {
      const same = place.path.equals(made.place.path) || lookAt(place.path)?.ino === made.ino;
      if (same || this.isFolder || !names.link(made.place.path, place)) return open(same ? place.shown : made.place.shown);
      try {
        return open(place.shown);
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
      const names = new Names(run.calls, run.thread.proc);
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
      // What was made in it has changed them.
      if (this.isFolder && sameInode(made, lookAt(place.path))) this.setTimesOf(place);
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
    if (this.isFolder) wanted.unshift(name);
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
    this.setTimesOf(place);
  }

  private setTimesOf(place: Place): void {
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
    const image = this.images.openRaw(`ghost-file-${this.id.toString(16)}.img`);
    try {
      this.content.fill(fd, image);
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
