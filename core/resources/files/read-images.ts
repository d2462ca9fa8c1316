/** What images say about the files of a tree: open descriptions, tables of descriptors, mapped files, folders, locks. */
import { CrError } from '../../errors.js';
import type { FdinfoEntry, FileEntry } from '../../images/generated/fdinfo.js';
import type { FileLockEntry } from '../../images/generated/files.js';
import type { VmaEntry } from '../../images/generated/memory.js';
import type { FsEntry } from '../../images/generated/task.js';
import type { RestoreRun, RestoreTask } from '../../restore/model.js';
import { VMA_STATUS } from '../memory/vma-bits.js';
import type { Description, Place, RestoreContext } from './kind.js';
import { typeName } from './kinds.js';
import { LOCK_KIND, readFileLocks } from './locks.js';
import { FD_CLOEXEC, O } from './open-flags.js';
import { checkOwner } from './owner.js';

/** fs.nr_open by default: no descriptor of an ordinary system is higher. */
export const FD_MAX = 1 << 20;
const MAPPED = VMA_STATUS.filePrivate | VMA_STATUS.fileShared;
const VMA_WRITE = 2;

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

/** A mapping that a plugin may lead elsewhere. Addresses and offset in bytes. */
export interface DeviceMapping {
  readonly pid: number;
  readonly start: number;
  readonly end: number;
  readonly offset: number;
  readonly description: Description;
  readonly access: number;
}

export class FileImages {
  private readonly entries = new Map<number, FileEntry>();
  readonly descriptions = new Map<number, Description>();
  /** By files_id: tasks may share one. */
  readonly tables = new Map<number, Table>();
  /** First place of each description. */
  readonly places = new Map<Description, Place>();
  /** Files that are mapped or executed, with the access that needs. */
  readonly mappings = new Map<number, number>();
  /** Mappings of devices that a plugin claimed at the dump. */
  readonly devices: DeviceMapping[] = [];
  readonly fsEntries = new Map<RestoreTask, FsEntry>();
  /** By pid. */
  locks = new Map<number, FileLockEntry[]>();
  readonly leases = new Map<Description, FileLockEntry[]>();

  constructor(
    private readonly run: RestoreRun,
    private readonly context: RestoreContext,
  ) {}

  /**
   * Reads and checks everything; nothing is created. Throws CR_IMAGE_*, CR_FILE_CHANGED.
   * @param afterRead what kinds want to do once every description is there; before the locks
   */
  read(afterRead: () => void): void {
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
    afterRead();
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

  entryOf(id: number, why: string): FileEntry {
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
      if ((vma.status & VMA_STATUS.extPlugin) === 0) need(Number(vma.shmid), `mapped by process ${task.pid}`, access);
      else this.devices.push(this.deviceMapping(task, vma, access));
    }
  }

  private deviceMapping({ pid }: RestoreTask, vma: VmaEntry, access: number): DeviceMapping {
    const description = this.describe(Number(vma.shmid), `a device mapped by process ${pid}`);
    if (!description.openMapped) throw this.bad(`has file ${vma.shmid}, which cannot be mapped (a device mapped by process ${pid})`);
    return { pid, start: Number(vma.start), end: Number(vma.end), offset: Number(vma.pgoff), description, access };
  }

  tableOf(task: RestoreTask): Table | undefined {
    return task.ids ? this.tables.get(task.ids.files_id) : undefined;
  }

  /** Highest number that any task uses. */
  highestFd(): number {
    let highest = 2;
    for (const table of this.tables.values()) for (const { fd } of table.slots) if (fd > highest) highest = fd;
    return highest;
  }

  /** Slots of descriptions whose first place is in this task. */
  firstOf(task: RestoreTask): Slot[] {
    return (this.tableOf(task)?.slots ?? []).filter(({ description, fd }) => {
      const place = this.places.get(description)!;
      return place.task === task && place.fd === fd;
    });
  }
}
