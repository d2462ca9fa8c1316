/**
 * Descriptors of a tree to be. Every description is opened once, in our own process, before any process exists; the seeds inherit them in a block of
 * high numbers and duplicate them to where they belong. What refers to processes or to other descriptors (owners, epoll items, locks, terminals) is
 * done by the tasks themselves, later.
 */
import { closeSync, openSync } from 'node:fs';
import { CrError } from '../../errors.js';
import type { Arg, Call } from '../../program/call.js';
import type { Program } from '../../program/program.js';
import type { RestoreRun, RestoreTask } from '../../restore/model.js';
import type { Handle } from '../../restore/service-fds.js';
import { emitFs, NO_CHROOT, rootProblems } from './fs.js';
import type { Description, RestoreContext } from './kind.js';
import { emitLease } from './leases.js';
import { emitLocks } from './locks.js';
import { F, FD_CLOEXEC, O } from './open-flags.js';
import { emitOwner } from './owner.js';
import { type DeviceMapping, FD_MAX, FileImages } from './read-images.js';

const RLIMIT_NOFILE = 7;

type Emit = (p: Program) => void;

/** What is mapped at the place of a device: a descriptor and an offset in it, in bytes. */
export interface DevicePlace {
  readonly handle: Handle;
  readonly offset: number;
}

export class RestoreFiles {
  private readonly images: FileImages;
  private readonly handles = new Map<Description, Handle>();
  private readonly mapHandles = new Map<number, Handle>();
  /** Where claimed mappings lead, by pid and address. */
  private readonly deviceHandles = new Map<string, DevicePlace>();
  private readonly states = new Map<string, unknown>();
  private readonly lists = {
    afterRead: [] as (() => void)[],
    beforeOpen: [] as (() => void)[],
    afterOpen: [] as (() => void)[],
    undo: [] as (() => void)[],
    finish: [] as (() => void)[],
  };
  private readonly earlies = new Map<number, Emit[]>();
  private readonly lates = new Map<number, Emit[]>();
  /** /proc, for tasks that have to open a file by its descriptor; only when one has to. */
  private procRoot: Handle | null = null;

  constructor(private readonly run: RestoreRun) {
    const { lists } = this;
    const context: RestoreContext = {
      run,
      entry: (id, why) => this.images.entryOf(id, why),
      state: <T>(key: string, make: () => T): T => {
        if (!this.states.has(key)) this.states.set(key, make());
        return this.states.get(key) as T;
      },
      afterRead: (work) => void lists.afterRead.push(work),
      beforeOpen: (work) => void lists.beforeOpen.push(work),
      afterOpen: (work) => void lists.afterOpen.push(work),
      onUndo: (work) => void lists.undo.push(work),
      onFinish: (work) => void lists.finish.push(work),
      earlyIn: (pid, emit) => append(this.earlies, pid, emit),
      lateIn: (pid, emit) => append(this.lates, pid, emit),
      share: (fd) => run.service.add(fd),
    };
    this.images = new FileImages(run, context);
  }

  /** Reads and checks everything; nothing is created. Throws CR_IMAGE_*, CR_FILE_CHANGED. */
  read(): void {
    this.images.read(() => {
      for (const work of this.lists.afterRead) work();
    });
  }

  /** Opens every description. On failure `undo` removes what was made. */
  open(): void {
    this.checkLimit();
    for (const work of this.lists.beforeOpen.splice(0)) work();
    const { tables, fsEntries, mappings, descriptions, leases } = this.images;
    for (const table of tables.values()) for (const { description } of table.slots) this.openOnce(description);
    for (const { cwd_id, root_id } of fsEntries.values()) for (const id of [cwd_id, root_id]) this.openOnce(descriptions.get(id)!);
    for (const mapping of this.images.devices)
      if (!this.deviceHandles.has(`${mapping.pid}:${mapping.start}`)) this.placeDevice(mapping, null, mapping.offset);
    for (const [id, flags] of mappings) this.mapHandles.set(id, this.share(descriptions.get(id)!.openMapped!(flags)));
    if (leases.size > 0) this.procRoot = this.share(openSync('/proc', O.path | O.directory));
    for (const work of this.lists.afterOpen.splice(0).reverse()) work();
  }

  /** Mappings of devices that plugins claimed at the dump, for whoever asks them. */
  get devices(): readonly DeviceMapping[] {
    return this.images.devices;
  }

  /** Where such a mapping leads. Before open(). @param fd ours to keep; null opens the same path again */
  placeDevice(mapping: DeviceMapping, fd: number | null, offset: number): void {
    const handle = this.share(fd ?? mapping.description.openMapped!(mapping.access));
    this.deviceHandles.set(`${mapping.pid}:${mapping.start}`, { handle, offset });
  }

  /** For a claimed mapping. Valid after `open`. */
  deviceOf(pid: number, start: number): DevicePlace {
    const place = this.deviceHandles.get(`${pid}:${start}`);
    if (!place)
      throw new CrError('CR_INTERNAL', { message: `the device of mapping 0x${start.toString(16)} was not opened`, subject: { pid } });
    return place;
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
    const needed = this.images.highestFd() + 1 + this.images.descriptions.size + this.images.mappings.size;
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

  /** Before anything exists: what of these files we have no right to give the task. */
  problems(task: RestoreTask): string[] {
    const entry = this.images.fsEntries.get(task);
    return entry ? rootProblems(this.images.descriptions.get(entry.root_id)!.what, this.run.own) : [];
  }

  /** Highest number that any task uses. */
  highestFd(): number {
    return this.images.highestFd();
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
    this.emitSlots(p, task, false);
  }

  private emitSlots(p: Program, task: RestoreTask, late: boolean): void {
    const inside = new Map<Description, number>();
    for (const { fd, cloexec, description } of this.images.tableOf(task)?.slots ?? []) {
      if ((description.opensLate ?? false) !== late) continue;
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
      // It may have been opened at its number, where nothing was duplicated.
      if (cloexec) p.sys.fcntl(fd, F.setfd, FD_CLOEXEC).must(why);
      inside.set(description, fd);
    }
  }

  /** Step filesLate: files that tell of other descriptors or of threads, epoll items, owners and what kinds asked for. Once for each table. */
  late(p: Program, task: RestoreTask): void {
    this.emitSlots(p, task, true);
    for (const { description, fd } of this.images.firstOf(task)) {
      description.late?.(p, this.images.places.get(description)!);
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
    for (const lease of this.images.leases.get(description) ?? []) emitLease(p, { ...lease, fd }, file);
  }

  /** Step arm, in every task: timers; and locks, because closing the service block would have dropped them. Those are of a task, not of a table. */
  arm(p: Program, task: RestoreTask): void {
    for (const { description } of this.images.firstOf(task)) description.arm?.(p, this.images.places.get(description)!);
    emitLocks(p, task, this.images.locks.get(task.pid) ?? []);
  }

  /** Step fs. */
  fs(p: Program, task: RestoreTask): void {
    const { fsEntries, descriptions } = this.images;
    const entry = fsEntries.get(task);
    if (!entry) return;
    const [cwd, root] = [descriptions.get(entry.cwd_id)!, descriptions.get(entry.root_id)!];
    // A folder in /proc of a task of the tree is opened by the task itself, by its name: before chroot(2).
    const opened: Call[] = [];
    const open = (description: Description): Call => {
      const call = description.openInside!(p).must(`open ${description.what}`);
      opened.push(call);
      return call;
    };
    const number = (description: Description): Arg => this.numberOf(description) ?? open(description);
    emitFs(p, { cwd: number(cwd), root: root.what === NO_CHROOT ? null : number(root), umask: entry.umask });
    for (const call of opened) p.sys.close(call).must('close a folder');
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
