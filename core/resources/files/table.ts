/**
 * Descriptor tables of a frozen tree. A description is dumped once, by the kind that claims it, however many descriptors in however many tables
 * stand for it; a table is dumped once for all processes that share it.
 */
import { closeSync, lstatSync } from 'node:fs';
import { CrError } from '../../errors.js';
import type { DumpRun, DumpTask } from '../../dump/model.js';
import type { FileEntry } from '../../images/generated/fdinfo.js';
import { LocalCalls } from '../../kernel/local.js';
import { readFdInfo } from '../../kernel/procfs/fdinfo.js';
import type { FileLock } from '../../kernel/procfs/locks.js';
import { readFdNumbers } from '../../kernel/procfs/fd-list.js';
import { Classes, KCMP } from '../../kernel/kcmp-classes.js';
import type { DumpContext, FileKind, OpenFile, SeenFile } from './kind.js';
import { refusalOf } from './kinds.js';
import { dumpLocks, type LockHolder } from './locks.js';
import { memfdContents, type MemfdContent } from './memfd.js';
import { descriptionFlags, FD_CLOEXEC, O } from './open-flags.js';
import { NO_OWNER, readOwner } from './owner.js';
import { dumpPath } from './reg.js';
import { seeLink } from './seen.js';
import type { SmapsVma } from '../../kernel/procfs/smaps.js';
import type { MappedFile } from '../memory/vmas.js';
import { isZombie } from '../../kernel/procfs/stat.js';

/** CRIU numbers tables from 2: 1 is its own. */
export const FIRST_TABLE = 2;

interface Table {
  readonly id: number;
  readonly owner: DumpTask;
  readonly fds: readonly number[];
  /** Id of the description by descriptor, filled when the table is dumped. */
  readonly ids: Map<number, number>;
  /** Locks by descriptor, for those that show some. */
  readonly locks: Map<number, readonly FileLock[]>;
}

interface Known {
  readonly id: number;
  readonly kind: FileKind;
}

const S_IWUSR = 0o200n;

export class DumpFiles {
  private readonly calls = new LocalCalls();
  private readonly tables = new Map<DumpTask, Table>();
  private readonly descriptions = new Map<string, Classes<Known>>();
  private readonly paths = new Map<string, number>();
  private readonly mappedFiles = new Map<string, SeenFile>();
  private readonly states = new Map<string, unknown>();
  private readonly laters: (() => void)[] = [];
  private readonly undos: (() => void)[] = [];
  private readonly closes: (() => void)[] = [];
  private readonly context: DumpContext;
  private nextId = 1;
  private closed = false;

  constructor(private readonly run: DumpRun) {
    this.context = {
      run,
      calls: this.calls,
      newId: () => this.nextId++,
      add: (entry: FileEntry) => run.images.add('files', undefined, entry),
      state: <T>(key: string, make: () => T): T => {
        if (!this.states.has(key)) this.states.set(key, make());
        return this.states.get(key) as T;
      },
      fdsOf: (pid) => [...this.tables].find(([task]) => task.pid === pid)?.[1].fds ?? [],
      later: (work) => void this.laters.push(work),
      onUndo: (work) => void this.undos.push(work),
      onClose: (work) => void this.closes.push(work),
    };
  }

  /** All tables. The tree is frozen. Throws CR_UNSUPPORTED for a file that no kind claims. */
  dump(): void {
    const live = this.run.tasks.filter((task) => !isZombie(task));
    const classes = new Classes<Table>(this.calls, KCMP.files);
    let next = FIRST_TABLE;
    for (const task of live) {
      const make = () => ({
        id: next++,
        owner: task,
        fds: readFdNumbers(this.run.thread.proc, task.pid) ?? [],
        ids: new Map(),
        locks: new Map(),
      });
      this.tables.set(task, classes.of(task.pid, 0, make).value);
    }
    for (const [task, table] of this.tables) if (table.owner === task) this.dumpTable(table);
    for (const work of this.laters) work();
    dumpLocks(this.lockHolders(), this.context);
  }

  private lockHolders(): LockHolder[] {
    const all = [...this.tables];
    return all.map(([task, table]) => ({
      task,
      sharers: all.filter(([other, its]) => its === table && other !== task).map(([other]) => other),
      fds: table.ids,
      locks: table.locks,
    }));
  }

  private dumpTable({ id, owner, fds, ids, locks }: Table): void {
    const { pid } = owner;
    this.run.images.open('fdinfo', id);
    const pidfd = this.calls.must({ why: 'open a pidfd', subject: { pid }, target: 'running' }, 'pidfd_open', pid, 0);
    try {
      for (const fd of fds) {
        const file = seeLink(this.run.thread.proc, pid, `fd/${fd}`, fd);
        const info = file && readFdInfo(this.run.thread.proc, pid, fd);
        if (!file || !info)
          throw new CrError('CR_TARGET_LOST', { message: 'vanished while frozen', subject: { pid, fd }, target: 'running' });
        const known = this.describe(pidfd, file, info);
        ids.set(fd, known.id);
        if (info.locks.length > 0) locks.set(fd, info.locks);
        const flags = (info.flags & O.cloexec) !== 0 ? FD_CLOEXEC : 0;
        this.run.images.add('fdinfo', id, { id: known.id, flags, type: known.kind.type, fd });
      }
    } finally {
      closeSync(pidfd);
    }
  }

  /** Position and flags may be changed from outside of the tree while we look, so only what identifies the file chooses the class. */
  private describe(pidfd: number, file: SeenFile, info: NonNullable<OpenFile['info']>): Known {
    const key = `${file.stat.dev}:${file.stat.ino}`;
    let classes = this.descriptions.get(key);
    if (!classes) this.descriptions.set(key, (classes = new Classes<Known>(this.calls, KCMP.file)));
    const { value, isNew } = classes.of(file.pid, file.fd!, () => ({ id: this.nextId++, kind: this.claim(file) }));
    if (isNew) this.dumpDescription(pidfd, file, info, value);
    return value;
  }

  private claim(file: SeenFile): FileKind {
    const kind = this.run.hooks.claims.claimFile.call(file);
    if (kind) return kind;
    throw new CrError('CR_UNSUPPORTED', {
      message: refusalOf(file, this.run.hooks.tappedBy('dump.claimFile')),
      subject: { pid: file.pid, fd: file.fd ?? 0 },
      target: 'running',
    });
  }

  private dumpDescription(pidfd: number, file: SeenFile, info: NonNullable<OpenFile['info']>, { id, kind }: Known): void {
    const subject = { pid: file.pid, fd: file.fd! };
    const local = this.calls.must({ why: 'copy a descriptor', subject, target: 'running' }, 'pidfd_getfd', pidfd, file.fd!, 0);
    try {
      const flags = descriptionFlags(info.flags);
      const fown = readOwner(this.calls, local, flags);
      kind.dump({ ...file, flags, fown, info, local, pos: BigInt.asUintN(64, info.pos) }, id, this.context);
    } finally {
      // Before the tree goes on: our copy would keep pipes and epoll items alive.
      closeSync(local);
    }
  }

  /** Entry for a mapped file, and the flags to open it with for the mapping. */
  mapped(task: DumpTask, vma: SmapsVma): MappedFile {
    const file = this.seeMapped(task, vma);
    // The link's permissions are the access mode of the mapped description (fs/proc/base.c, proc_map_files_instantiate). A shared mapping that can never
    // become writable for another reason (the file was sealed) is as if the file were open for reading.
    // Reading is enough for a private one.
    const writable = vma.shared && vma.vmFlags.has('mw') && (lstatSync(file.proc, { bigint: true }).mode & S_IWUSR) !== 0n;
    const flags = writable ? O.rdwr : O.rdonly;
    const kind = this.run.hooks.claims.claimFile.call(file);
    const owner = kind ? undefined : this.run.hooks.claims.claimMapping.call(task.pid, vma);
    if (owner) return { id: this.pathOf(file, flags, true), flags, isMemfd: false, isDevice: true };
    return { id: this.pathOf(file, flags), flags, isMemfd: kind?.name === 'memfd', isDevice: false };
  }

  /** Mappings of one file by one name are looked at once: libraries are mapped in five parts, by every process. */
  private seeMapped(task: DumpTask, vma: SmapsVma): SeenFile {
    const name = mapName(vma);
    if (vma.kind !== 'file') return this.see(task, name);
    const key = `${vma.devMajor}:${vma.devMinor}:${vma.inode}:${vma.name}`;
    const known = this.mappedFiles.get(key);
    if (known) return { ...known, pid: task.pid, proc: this.run.thread.proc.path(`${task.pid}/${name}`) };
    const file = this.see(task, name);
    this.mappedFiles.set(key, file);
    return file;
  }

  /** Whether the file behind a mapping has pages of its own. */
  hasContent(task: DumpTask, vma: SmapsVma): boolean {
    return this.see(task, mapName(vma)).stat.blocks > 0n;
  }

  /** Entry of the executable. */
  exe(task: DumpTask): number {
    return this.pathOf(this.see(task, 'exe'), O.rdonly);
  }

  private see(task: DumpTask, name: string): SeenFile {
    const file = seeLink(this.run.thread.proc, task.pid, name, null);
    if (file) return file;
    throw new CrError('CR_TARGET_LOST', { message: `its ${name} vanished while frozen`, subject: { pid: task.pid }, target: 'running' });
  }

  /** Entries of files that are reached through links other than descriptors: one for each file and access mode. */
  private pathOf(file: SeenFile, flags: number, isDevice = false): number {
    const key = `${file.stat.dev}:${file.stat.ino}:${flags}:${file.link}`;
    const found = this.paths.get(key);
    if (found !== undefined) return found;
    const id = this.nextId++;
    const open: OpenFile = { ...file, flags, pos: 0n, fown: NO_OWNER, info: null, local: -1 };
    const kind = isDevice ? null : this.claim(file);
    if (kind?.name === 'memfd') kind.dump(open, id, this.context);
    else dumpPath(open, id, this.context);
    this.paths.set(key, id);
    return id;
  }

  /** Content of memfds, for the memory dump. */
  memfds(): readonly MemfdContent[] {
    return memfdContents(this.context);
  }

  /** Id of the table that a process uses: the `files_id` of its ids. */
  tableId(task: DumpTask): number {
    return this.tables.get(task)!.id;
  }

  /** cwd, root and umask. */
  writeFs(task: DumpTask): void {
    const cwd_id = this.pathOf(this.see(task, 'cwd'), O.rdonly);
    const root_id = this.pathOf(this.see(task, 'root'), O.rdonly);
    this.run.images.add('fs', task.nsPid, { cwd_id, root_id, umask: task.status.umask ?? 0o22 });
  }

  /** After all images of files are written; the tree may go on. */
  finish(): void {
    if (this.closed) return;
    this.closed = true;
    for (const work of this.closes.splice(0)) work();
    this.calls.close();
  }

  /** Takes back what the dump left in file systems: after a failure, and when the tree lives on. */
  undo(): void {
    this.finish();
    for (const work of this.undos.splice(0).reverse()) work();
  }
}

function mapName({ start, end }: { readonly start: number; readonly end: number }): string {
  return `map_files/${start.toString(16)}-${end.toString(16)}`;
}
