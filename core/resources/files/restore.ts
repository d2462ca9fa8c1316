/**
 * Descriptors of a tree to be. Every description is opened once, in our own process, before any process exists; the seeds inherit them in a block of
 * high numbers and duplicate them to where they belong. What refers to processes or to other descriptors (owners, epoll items, locks, terminals) is
 * done by the tasks themselves, later.
 */
import { closeSync, openSync } from 'node:fs';
import { CrError } from '../../errors.js';
import type { FdinfoEntry, FileEntry } from '../../images/generated/fdinfo.js';
import type { FileLockEntry } from '../../images/generated/files.js';
import type { FsEntry } from '../../images/generated/task.js';
import type { Program } from '../../program/program.js';
import type { RestoreRun, RestoreTask } from '../../restore/model.js';
import type { Handle } from '../../restore/service-fds.js';
import { VMA_STATUS } from '../memory/vma-bits.js';
import { emitFs, NO_CHROOT } from './fs.js';
import type { Description, Place, RestoreContext } from './kind.js';
import { typeName } from './kinds.js';
import { emitLease } from './leases.js';
import { emitLocks, LOCK_KIND, readFileLocks } from './locks.js';
import { FD_CLOEXEC, O } from './open-flags.js';
import { checkOwner, emitOwner } from './owner.js';

/** fs.nr_open by default: no descriptor of an ordinary system is higher. */
const FD_MAX = 1 << 20;
const RLIMIT_NOFILE = 7;
const MAPPED = VMA_STATUS.filePrivate | VMA_STATUS.fileShared;
const VMA_WRITE = 2;

type Emit = (p: Program) => void;

interface Slot {
  readonly fd: number;
  readonly cloexec: boolean;
  readonly description: Description;
}

interface Table {
  readonly owner: RestoreTask;
  readonly slots: readonly Slot[];
  readonly byFd: ReadonlyMap<number, Description>;
}

export class RestoreFiles {
  private readonly entries = new Map<number, FileEntry>();
  private readonly descriptions = new Map<number, Description>();
  private readonly tables = new Map<number, Table>();
  /** First place of each description. */
  private readonly places = new Map<Description, Place>();
  /** Files that are mapped or executed, with the access that needs. */
  private readonly mappings = new Map<number, number>();
  private readonly fsEntries = new Map<RestoreTask, FsEntry>();
  private readonly handles = new Map<Description, Handle>();
  private readonly mapHandles = new Map<number, Handle>();
  private readonly states = new Map<string, unknown>();
  private readonly lists = {
    afterRead: [] as (() => void)[],
    afterOpen: [] as (() => void)[],
    undo: [] as (() => void)[],
    finish: [] as (() => void)[],
  };
  private readonly earlies = new Map<number, Emit[]>();
  private readonly lates = new Map<number, Emit[]>();
  private readonly context: RestoreContext;
  private locks = new Map<number, FileLockEntry[]>();
  private readonly leases = new Map<Description, FileLockEntry[]>();
  /** /proc, for tasks that have to open a file by its descriptor; only when one has to. */
  private procRoot: Handle | null = null;

  constructor(private readonly run: RestoreRun) {
    const { lists } = this;
    this.context = {
      run,
      entry: (id, why) => this.entryOf(id, why),
      state: <T>(key: string, make: () => T): T => {
        if (!this.states.has(key)) this.states.set(key, make());
        return this.states.get(key) as T;
      },
      afterRead: (work) => void lists.afterRead.push(work),
      afterOpen: (work) => void lists.afterOpen.push(work),
      onUndo: (work) => void lists.undo.push(work),
      onFinish: (work) => void lists.finish.push(work),
      earlyIn: (pid, emit) => append(this.earlies, pid, emit),
      lateIn: (pid, emit) => append(this.lates, pid, emit),
      share: (fd) => run.service.add(fd),
    };
  }

  /** Reads and checks everything; nothing is created. Throws CR_IMAGE_*, CR_FILE_CHANGED. */
  read(): void {
    const { images, tasks } = this.run;
    for (const entry of images.readAll('files')) {
      if (this.entries.has(entry.id)) throw this.bad(`has file ${entry.id} twice`);
      this.entries.set(entry.id, entry);
    }
    for (const task of tasks) {
      if (task.kind !== 'live') continue;
      const id = task.ids!.files_id;
      if (!this.tables.has(id)) this.tables.set(id, this.readTable(task, id));
      this.readMappings(task);
      const fs = images.readOne('fs', task.pid);
      for (const file of [fs.cwd_id, fs.root_id]) this.describe(file, `process ${task.pid} has its folder there`);
      this.fsEntries.set(task, fs);
    }
    for (const work of this.lists.afterRead) work();
    this.locks = readFileLocks(this.run);
    for (const task of tasks) for (const lock of this.locks.get(task.pid) ?? []) this.readLock(task, lock);
  }

  private readLock(task: RestoreTask, lock: FileLockEntry): void {
    const description = this.tableOf(task)?.byFd.get(lock.fd);
    if (!description) throw this.bad(`has a lock of descriptor ${lock.fd}, which process ${task.pid} does not have`, 'filelocks.img');
    if (lock.flag === LOCK_KIND.lease) this.leases.set(description, [...(this.leases.get(description) ?? []), lock]);
  }

  private bad(message: string, file = 'files.img'): CrError {
    return new CrError('CR_IMAGE_BAD', { message, subject: { path: this.run.images.pathOf(file) }, target: 'not started' });
  }

  private entryOf(id: number, why: string): FileEntry {
    const entry = this.entries.get(id);
    if (!entry) throw this.bad(`has no file ${id} (${why})`);
    return entry;
  }

  private describe(id: number, why: string): Description {
    const known = this.descriptions.get(id);
    if (known) return known;
    const entry = this.entryOf(id, why);
    const kind = this.run.hooks.claims.claimEntry.call(entry);
    if (!kind)
      throw new CrError('CR_IMAGE_FEATURE', {
        message: `file ${id} is of type ${typeName(entry.type)}, which is not built yet`,
        subject: { path: this.run.images.pathOf('files.img') },
        hint: 'Restore with CRIU.',
        target: 'not started',
      });
    if (entry[kind.field] === undefined)
      throw this.bad(`says that file ${id} is of type ${typeName(entry.type)} and has nothing about that`);
    const description = kind.read(entry, this.context);
    if (description.fown) checkOwner(description.fown, id);
    this.descriptions.set(id, description);
    return description;
  }

  private readTable(owner: RestoreTask, id: number): Table {
    const slots: Slot[] = [];
    const byFd = new Map<number, Description>();
    for (const entry of this.run.images.readAll('fdinfo', id)) {
      if (entry.fd >= FD_MAX || byFd.has(entry.fd))
        throw this.bad(`has descriptor ${entry.fd} twice, or it is impossible`, `fdinfo-${id}.img`);
      const description = this.describe(entry.id, `descriptor ${entry.fd} of process ${owner.pid}`);
      this.checkType(entry, id);
      byFd.set(entry.fd, description);
      slots.push({ fd: entry.fd, cloexec: (entry.flags & FD_CLOEXEC) !== 0, description });
    }
    for (const { description, fd } of slots)
      if (!this.places.has(description)) this.places.set(description, { task: owner, fd, table: byFd });
    return { owner, slots, byFd };
  }

  private checkType(entry: FdinfoEntry, table: number): void {
    const { type } = this.entryOf(entry.id, 'it was read');
    if (type !== entry.type)
      throw this.bad(
        `says that descriptor ${entry.fd} is a ${typeName(entry.type)}, files.img has a ${typeName(type)}`,
        `fdinfo-${table}.img`,
      );
  }

  private readMappings(task: RestoreTask): void {
    const need = (id: number, why: string, access: number) => {
      if (!this.describe(id, why).openMapped) throw this.bad(`has file ${id}, which cannot be mapped (${why})`);
      this.mappings.set(id, Math.max(this.mappings.get(id) ?? O.rdonly, access));
    };
    need(task.mm!.exe_file_id, `the executable of process ${task.pid}`, O.rdonly);
    for (const vma of task.mm!.vmas) {
      if ((vma.status & MAPPED) === 0) continue;
      const guess = (vma.status & VMA_STATUS.fileShared) !== 0 && (vma.prot & VMA_WRITE) !== 0 ? O.rdwr : O.rdonly;
      // Read-only or read-write; a mapping needs to read, whatever the image says.
      const access = ((vma.fdflags ?? guess) & O.accmode) === O.rdonly ? O.rdonly : O.rdwr;
      need(Number(vma.shmid), `mapped by process ${task.pid}`, access);
    }
  }

  /** Opens every description. On failure `undo` removes what was made. */
  open(): void {
    this.checkLimit();
    for (const table of this.tables.values()) for (const { description } of table.slots) this.openOnce(description);
    for (const { cwd_id, root_id } of this.fsEntries.values())
      for (const id of [cwd_id, root_id]) this.openOnce(this.descriptions.get(id)!);
    for (const [id, flags] of this.mappings) this.mapHandles.set(id, this.share(this.descriptions.get(id)!.openMapped!(flags)));
    if (this.leases.size > 0) this.procRoot = this.share(openSync('/proc', O.path | O.directory));
    for (const work of this.lists.afterOpen.splice(0).reverse()) work();
  }

  private openOnce(description: Description): void {
    if (this.handles.has(description)) return;
    const fd = description.open();
    if (fd !== null) this.handles.set(description, this.share(fd));
  }

  private share(fd: number): Handle {
    try {
      return this.run.service.add(fd);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  private checkLimit(): void {
    const hard = this.run.own.limits[RLIMIT_NOFILE]?.hard ?? BigInt(FD_MAX);
    const needed = this.highestFd() + 1 + this.descriptions.size + this.mappings.size;
    if (BigInt(needed) <= hard) return;
    throw new CrError('CR_RESTORE', {
      message: `the tree needs descriptors up to ${needed}; our limit is ${hard}`,
      hint: `Raise it before the restore: ulimit -Hn ${needed}.`,
      target: 'not started',
    });
  }

  /** For a file mapping or the executable. Valid after `open`. */
  handleOf(fileId: number): Handle {
    const handle = this.mapHandles.get(fileId);
    if (handle === undefined) throw new CrError('CR_INTERNAL', { message: `file ${fileId} was not opened for a mapping` });
    return handle;
  }

  /** Highest number that any task uses. */
  highestFd(): number {
    let highest = 2;
    for (const table of this.tables.values()) for (const { fd } of table.slots) if (fd > highest) highest = fd;
    return highest;
  }

  private tableOf(task: RestoreTask): Table | undefined {
    return task.ids ? this.tables.get(task.ids.files_id) : undefined;
  }

  private numberOf(description: Description): number | null {
    const handle = this.handles.get(description);
    return handle === undefined ? null : this.run.service.number(handle);
  }

  /** Step early. */
  early(p: Program, task: RestoreTask): void {
    for (const emit of this.earlies.get(task.pid) ?? []) emit(p);
  }

  /** Step files: descriptors at their final numbers. Once for each table; below the service block nothing is open. */
  wire(p: Program, task: RestoreTask): void {
    const inside = new Map<Description, number>();
    for (const { fd, cloexec, description } of this.tableOf(task)?.slots ?? []) {
      const flags = cloexec ? O.cloexec : 0;
      const why = `put ${description.what} at descriptor ${fd}`;
      const source = this.numberOf(description) ?? inside.get(description);
      if (source !== undefined) {
        p.sys.dup3(source, fd, flags).must(why);
        continue;
      }
      const opened = description.openInside!(p).must(`open ${description.what}`);
      const done = p.branch(opened, 0xffff_ffff, fd);
      p.sys.dup3(opened, fd, flags).must(why);
      p.sys.close(opened).must('close what was duplicated');
      p.place(done);
      inside.set(description, fd);
    }
  }

  /** Step filesLate: epoll items, owners and what kinds asked for. Once for each table. */
  late(p: Program, task: RestoreTask): void {
    for (const { description, fd } of this.firstOf(task)) {
      description.late?.(p, this.places.get(description)!);
      this.emitLeases(p, task, fd, description);
      // By its final number: the kernel puts the number into the signals (si_fd, fasync_helper()).
      if (description.fown) emitOwner(p, fd, description.fown, description.flags);
    }
    for (const emit of this.lates.get(task.pid) ?? []) emit(p);
  }

  /** A lease names one of the tasks and descriptors that share the description; it is taken where its owner is set. */
  private emitLeases(p: Program, task: RestoreTask, fd: number, description: Description): void {
    if (this.procRoot === null) return;
    const file = { flags: description.flags, proc: this.run.service.number(this.procRoot) };
    for (const lease of this.leases.get(description) ?? []) emitLease(p, { ...lease, fd }, file);
  }

  /** Step arm, in every task: timers; and locks, because closing the service block would have dropped them. Those are of a task, not of a table. */
  arm(p: Program, task: RestoreTask): void {
    for (const { description } of this.firstOf(task)) description.arm?.(p, this.places.get(description)!);
    emitLocks(p, task, this.locks.get(task.pid) ?? []);
  }

  /** Slots of descriptions whose first place is in this task. */
  private firstOf(task: RestoreTask): Slot[] {
    return (this.tableOf(task)?.slots ?? []).filter(({ description, fd }) => {
      const place = this.places.get(description)!;
      return place.task === task && place.fd === fd;
    });
  }

  /** Step fs. */
  fs(p: Program, task: RestoreTask): void {
    const entry = this.fsEntries.get(task);
    if (!entry) return;
    const [cwd, root] = [this.descriptions.get(entry.cwd_id)!, this.descriptions.get(entry.root_id)!];
    const number = (description: Description) => this.numberOf(description)!;
    emitFs(p, { cwd: number(cwd), root: root.what === NO_CHROOT ? null : number(root), umask: entry.umask });
  }

  /** After success: removes temporary names that the dump left. */
  finish(): void {
    for (const work of this.lists.finish.splice(0)) work();
  }

  /** After a failure: removes what was created. */
  undo(): void {
    for (const work of this.lists.undo.splice(0).reverse()) work();
  }
}

function append(map: Map<number, Emit[]>, pid: number, emit: Emit): void {
  const list = map.get(pid) ?? [];
  list.push(emit);
  map.set(pid, list);
}
