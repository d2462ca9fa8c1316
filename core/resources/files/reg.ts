/** Files that are opened by path: regular files, folders, character devices that keep no state (null, zero, full, random ...), symbolic links (O_PATH). */
import { closeSync, fstatSync, openSync, statSync, type BigIntStats } from 'node:fs';
import { CrError } from '../../errors.js';
import { FD_TYPES, type FileEntry } from '../../images/generated/fdinfo.js';
import type { RegFileEntry } from '../../images/generated/files.js';
import { encodeText } from '../../kernel/procfs/text.js';
import type { Program } from '../../program/program.js';
import {
  type Description,
  type DumpContext,
  type FileKind,
  fileType,
  type OpenFile,
  type Place,
  type RestoreContext,
  S,
  type SeenFile,
} from './kind.js';
import { type BuildId, BuildIds, buildIdText, sameBuildId } from './build-id.js';
import { bytesOf, namingOf, onHugetlbfs } from './naming.js';
import { checkName, lookAt } from './names.js';
import { O, reopenFlags } from './open-flags.js';
import { checkOwner } from './owner.js';
import { nameFor, Remaps, type Remap } from './remap.js';

/** Major of null, zero, full, random, urandom, kmsg ... (Documentation/admin-guide/devices.txt). */
const MEM_MAJOR = 1n;
const NO_POSITION = 0xffff_ffff_ffff_ffffn;
const SEEK_SET = 0;
const AT_FDCWD = -100;
const KMSG = 11n;

const majorOf = (rdev: bigint) => ((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & ~0xfffn);
const minorOf = (rdev: bigint) => (rdev & 0xffn) | ((rdev >> 12n) & ~0xffn);

function claims(file: SeenFile): boolean {
  const type = fileType(file.stat.mode);
  if (type === S.chr) return majorOf(file.stat.rdev) === MEM_MAJOR;
  return file.link.startsWith('/') && (type === S.reg || type === S.dir || type === S.link);
}

/** A log that only grows may differ at restore. */
function sizeMatters(flags: number): boolean {
  return (flags & O.accmode) !== O.wronly || (flags & O.append) === 0;
}

/** The entry of any file that is opened by path; also for fifos, terminals, mappings, cwd, root and exe. */
export function dumpPath(file: OpenFile, id: number, context: DumpContext): void {
  const name = nameFor(file, id, context);
  const { stat, flags, fown } = file;
  // A write-only kmsg cannot be positioned.
  const kmsg = fileType(stat.mode) === S.chr && minorOf(stat.rdev) === KMSG && (flags & O.accmode) === O.wronly && file.pos === 0n;
  const sized = fileType(stat.mode) === S.reg && sizeMatters(flags);
  const build_id = sized && context.run.options.fileValidation === 'buildid' ? buildIdOf(file, context.run.buildIds) : [];
  const size = sized ? { size: stat.size } : {};
  const reg: RegFileEntry = { id, flags, pos: kmsg ? NO_POSITION : file.pos, fown, name, mode: Number(stat.mode), build_id, ...size };
  context.add({ type: FD_TYPES.REG, id, reg });
}

function buildIdOf({ stat, local, flags, info, proc }: OpenFile, ids: BuildIds): number[] {
  if ((info?.locks.length ?? 0) > 0) ids.leave(stat);
  const readable = local >= 0 && (flags & O.accmode) !== O.wronly && (flags & O.path) === 0;
  return [...(ids.of(stat, readable ? local : proc) ?? [])];
}

function changed(path: string, message: string, hint: string): CrError {
  return new CrError('CR_FILE_CHANGED', { message, subject: { path }, hint, target: 'not started' });
}

/** True for /proc/PID and what is below it, of a process or thread of the tree that is restored. */
function isOfTree(name: string, { run }: RestoreContext): boolean {
  const found = /^\/proc\/(\d{1,10})(?:\/|$)/.exec(name);
  const id = Number(found?.[1]);
  return found !== null && run.tasks.some((task) => task.pid === id || task.threads.some(({ tid }) => tid === id));
}

/** A file that is opened by path, checked against its entry. */
export class PathFile implements Description {
  readonly id: number;
  readonly what: string;
  private readonly remap: Remap | null;
  /** A file below /proc/PID of a process that is still to be made: only the tasks can open it. */
  private readonly ofTree: boolean;

  /** Throws CR_FILE_CHANGED, CR_IMAGE_BAD, CR_IMAGE_FEATURE. Nothing is created. */
  constructor(
    private readonly reg: RegFileEntry,
    private readonly context: RestoreContext,
  ) {
    this.id = reg.id;
    this.what = reg.name;
    if (reg.ext === true)
      throw new CrError('CR_IMAGE_FEATURE', {
        message: `file ${reg.id} (${reg.name}) is external, which is not built yet`,
        hint: 'Restore with CRIU and its --inherit-fd.',
        target: 'not started',
      });
    // The root of a mount such as /proc/PID is "/proc/PID/" in CRIU's images.
    checkName(reg.name.replace(/(?<=[^/])\/$/, ''));
    checkOwner(reg.fown, reg.id);
    this.remap = context.state('remaps', () => new Remaps(context)).of(reg.id, reg.name);
    this.ofTree = this.remap === null && isOfTree(reg.name, context);
    if (!this.remap && !this.ofTree) this.check(this.look(), encodeText(reg.name));
  }

  /** In /proc/PID there are folders of threads and descriptors, which must be there first. */
  get opensLate(): boolean {
    return this.ofTree;
  }
  get flags(): number {
    return this.reg.flags;
  }
  get fown() {
    return this.reg.fown;
  }

  private look(): BigIntStats {
    const { name, mode } = this.reg;
    const path = encodeText(name);
    const stat = mode !== undefined && fileType(mode) === S.link ? lookAt(path) : statSync(path, { bigint: true, throwIfNoEntry: false });
    if (!stat) throw changed(name, 'does not exist', 'Bring the file back as it was at the dump.');
    return stat;
  }

  /** @param path that leads to the file */
  private check(stat: BigIntStats, path: string | Buffer): void {
    this.checkKind(stat);
    const { name, size } = this.reg;
    if (size !== undefined && size !== stat.size)
      throw changed(name, `has ${stat.size} bytes, had ${size} at the dump`, 'Bring the file back as it was at the dump.');
    this.checkBuildId(stat, path);
  }

  private checkKind(stat: BigIntStats): void {
    const { name, mode } = this.reg;
    const now = Number(stat.mode);
    if (mode !== undefined && fileType(mode) !== fileType(now))
      throw changed(
        name,
        `is of another type (mode 0${now.toString(8)}, was 0${mode.toString(8)})`,
        'Bring the file back as it was at the dump.',
      );
    if (mode !== undefined && mode !== now && !this.context.run.options.skipFileRwxCheck)
      throw changed(
        name,
        `has mode 0${now.toString(8)}, had 0${mode.toString(8)} at the dump`,
        `Run chmod ${(mode & 0o7777).toString(8)} on it, or restore with --skip-file-rwx-check.`,
      );
  }

  /** A file that has none any more passes, as in CRIU. */
  private checkBuildId(stat: BigIntStats, path: string | Buffer): void {
    const { name, build_id: then } = this.reg;
    const { run, state } = this.context;
    if (then.length === 0 || run.options.fileValidation !== 'buildid') return;
    const now = state('build ids', () => new BuildIds()).of(stat, path);
    if (now === null) return void state(`build id of ${name}`, () => this.warnOfLost(then));
    if (sameBuildId(now, then)) return;
    throw changed(
      name,
      `has the build id ${buildIdText(now)}, had ${buildIdText(then)} at the dump`,
      'Bring the file back as it was at the dump, or restore with --file-validation filesize.',
    );
  }

  private warnOfLost(then: BuildId): boolean {
    this.context.run.log.warn(`${this.reg.name} had the build id ${buildIdText(then)} at the dump and has none now; its size is the same`);
    return true;
  }

  open(): number | null {
    const { reg } = this;
    if (this.ofTree) return null;
    const fd = this.openPath(reopenFlags(reg.flags));
    try {
      if ((reg.flags & O.path) === 0 && reg.pos !== NO_POSITION && !this.isFifo)
        this.context.run.calls.must({ why: 'set the position', subject: { path: reg.name } }, 'lseek', fd, reg.pos, SEEK_SET);
      return fd;
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  openInside(p: Program): ReturnType<Program['sys']['openat']> {
    return p.sys.openat(AT_FDCWD, p.cstr(encodeText(this.reg.name)), reopenFlags(this.reg.flags), 0);
  }

  late(p: Program, { fd }: Place): void {
    const { flags, pos, name } = this.reg;
    if (this.ofTree && (flags & O.path) === 0 && pos > 0n) p.sys.lseek(fd, pos, SEEK_SET).must(`set the position of ${name}`);
  }

  openMapped(flags: number): number {
    return this.openPath(flags);
  }

  private get isFifo(): boolean {
    return this.reg.mode !== undefined && fileType(this.reg.mode) === S.fifo;
  }

  /** Opens by name, or by what stands for a name that is gone. */
  openPath(flags: number): number {
    const { reg, remap } = this;
    if (remap) return remap.openAs(reg.name, (path) => this.openChecked(path, flags, false));
    return this.openChecked(encodeText(reg.name), flags, true);
  }

  private openChecked(path: Buffer, flags: number, check: boolean): number {
    const fd = this.openRaw(path, flags);
    // Between reading the images and now the file may have become another one.
    try {
      if (check) this.check(fstatSync(fd, { bigint: true }), `/proc/self/fd/${fd}`);
      return fd;
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  private openRaw(path: Buffer, flags: number): number {
    try {
      return openSync(path, flags);
    } catch (error) {
      const errno = (error as NodeJS.ErrnoException).code ?? 'unknown';
      throw new CrError('CR_FILE_CHANGED', {
        message: `cannot be opened (${errno})`,
        subject: { path: this.reg.name },
        kernel: { call: `openat(AT_FDCWD, "${this.reg.name}", 0${flags.toString(8)})`, errno },
        hint: 'Bring the file back as it was at the dump.',
        target: 'not started',
        cause: error,
      });
    }
  }
}

/** The regular entry that another one refers to. */
export function pathEntry(entry: FileEntry, context: RestoreContext): PathFile {
  if (!entry.reg)
    throw new CrError('CR_IMAGE_BAD', { message: `file ${entry.id} is not a path`, subject: { path: 'files.img' }, target: 'not started' });
  const { reg } = entry;
  return context.state(`path ${reg.id}`, () => new PathFile(reg, context));
}

export const reg: FileKind = {
  name: 'reg',
  type: FD_TYPES.REG,
  field: 'reg',
  claims,
  refuse(file, { options, hasLocks }) {
    const { state, name } = namingOf(file, options.evasiveDevices);
    if (state === 'hidden')
      return `is ${name}, which cannot be reached by that name (deleted in /proc, mounted over, or outside of our root)`;
    if (state === 'unlinked' && !options.linkRemap)
      return `is ${name}, whose name is gone while the file has others: give it a temporary name with --link-remap`;
    if (state === 'ghost' && onHugetlbfs(file)) return `is ${name}, a deleted file of huge pages; not built yet: close it before the dump`;
    if (state === 'ghost' && bytesOf(file) > BigInt(options.ghostLimit))
      return `is ${name}, a deleted file of ${bytesOf(file)} bytes: raise --ghost-limit above that`;
    if (!options.fileLocks && hasLocks(file)) return `is ${name}, which is locked: dump locks with --file-locks`;
    return null;
  },
  dump: dumpPath,
  read: (entry, context) => pathEntry(entry, context),
};
