/**
 * System V IPC of a frozen tree. In an IPC namespace of its own everything in it is dumped; in ours only the shared memory that the tree has attached,
 * because queues and semaphores stay where they are, and others may use them.
 */
import { closeSync, openSync } from 'node:fs';
import type { DumpTask } from '../../dump/model.js';
import { CrError } from '../../errors.js';
import type { IpcShmEntry } from '../../images/generated/namespaces.js';
import type { ImageWriter } from '../../images/writer.js';
import { KernelThread } from '../../kernel/kernel-thread.js';
import { readNamespace } from '../../kernel/procfs/ns.js';
import type { SmapsVma } from '../../kernel/procfs/smaps.js';
import { isZombie } from '../../kernel/procfs/stat.js';
import type { ExtraState } from '../extra-state.js';
import { dumpQueues } from './queues.js';
import { findSegment, hugeFlags, listSegments, openSegment, withSegment, type Segment } from './segments.js';
import { listSets, writeSets, type SemaphoreSet } from './semaphores.js';
import { adjustmentsText, findAdjustments, strangeSharing } from './undo.js';
import { readVariables } from './variables.js';

/** Namespace ids in images are unique over all kinds; one to eight are those of criu-ts itself (ids.ts). */
export const OWN_IPC_ID = 3;
const TREE_IPC_ID = 9;
/** Name of the adjustments in the extra state. */
export const UNDO = 'sem-undo';
const CLONE_NEWIPC = 0x8000000;

/** Writes the pages of an object: MemoryDump.dumpObject. */
export type WriteObject = (id: bigint, fd: number) => Promise<void>;

interface Attached {
  readonly task: DumpTask;
  readonly vma: SmapsVma;
}

export interface IpcDumpContext {
  readonly thread: KernelThread;
  readonly images: ImageWriter;
  readonly tasks: readonly DumpTask[];
  readonly extra: ExtraState;
}

export class IpcDump {
  /** Segments of the image, by id. */
  readonly segments = new Map<number, IpcShmEntry>();
  private sets: readonly SemaphoreSet[] = [];
  private readonly attached = new Map<number, Attached>();
  /** A thread of ours in the IPC namespace of the tree, when that is not our own. */
  private entered: KernelThread | null = null;

  constructor(private readonly context: IpcDumpContext) {}

  /**
   * Right after the freeze, when mappings have been read. Throws CR_UNSUPPORTED when the tree is in more than one IPC namespace, or has a segment
   * attached that is in none of its own.
   */
  collect(): void {
    const { tasks, thread } = this.context;
    const live = tasks.filter((task) => !isZombie(task));
    const namespaces = new Set(live.map((task) => readNamespace(thread.proc, 'ipc', task.pid)));
    if (namespaces.size > 1)
      throw new CrError('CR_UNSUPPORTED', {
        message: 'has processes in different IPC namespaces',
        subject: { pid: live[0]!.pid },
        target: 'running',
      });
    if (!namespaces.has(readNamespace(thread.proc, 'ipc', process.pid))) this.entered = enter(live[0]!.pid, thread);
    for (const task of live) for (const vma of task.vmas) if (vma.kind === 'sysvShm') this.attached.set(Number(vma.inode), { task, vma });
    for (const { entry } of this.wanted()) this.segments.set(entry.desc.id, entry);
  }

  /**
   * When the tree is infected: what semaphores it would change by ending (undo.ts). Throws CR_UNSUPPORTED for semaphores that stay behind, because the
   * tree's end is what changes them.
   */
  readUndo(): void {
    const { tasks, thread } = this.context;
    this.sets = listSets(this.thread);
    const live = tasks.filter((task) => !isZombie(task));
    const used = this.sets.filter((set) => set.used);
    const adjustments = findAdjustments(thread, live, used);
    const [first] = adjustments;
    if (!first) return;
    const no = (message: string, pid: number, tid?: number) =>
      new CrError('CR_UNSUPPORTED', { message, subject: { pid, ...(tid === undefined ? {} : { tid }) }, target: 'running' });
    if (!this.own)
      throw no(
        `would change semaphore ${first.number} of set ${first.set} by ${first.adjustment} if it ended (SEM_UNDO), and others may use that set: let it ` +
          'give the semaphore back first, or start the tree in an IPC namespace of its own (unshare -i)',
        first.task.pid,
      );
    const strange = strangeSharing(thread, [...new Set(adjustments.map(({ task }) => task))]);
    if (strange) throw no('shares its semaphore adjustments (SEM_UNDO) as threads and processes normally do not', strange.pid, strange.tid);
    for (const task of live) {
      const own = adjustments.filter((adjustment) => adjustment.task === task);
      if (own.length > 0) this.context.extra.set(task.nsPid, UNDO, adjustmentsText(own));
    }
  }

  /** The tree has an IPC namespace of its own. */
  get own(): boolean {
    return this.entered !== null;
  }
  private get thread(): KernelThread {
    return this.entered ?? this.context.thread;
  }

  /** What images call the IPC namespace of the tree. */
  get namespace(): number {
    return this.own ? TREE_IPC_ID : OWN_IPC_ID;
  }

  async dump(write: WriteObject): Promise<void> {
    const { images } = this.context;
    if (!this.own && this.segments.size === 0) return;
    images.open('ipcns-shm', this.namespace);
    for (const entry of this.segments.values()) await this.dumpSegment(entry, write);
    if (!this.own) return;
    images.add('ipcns-var', this.namespace, readVariables(this.thread));
    dumpQueues(this.thread, images, this.namespace);
    writeSets(images, this.namespace, this.sets);
  }

  /** Throws CR_UNSUPPORTED for an attached segment that is not in the namespace. */
  private wanted(): Segment[] {
    const all = this.own ? listSegments(this.thread) : [...this.attached.keys()].flatMap((id) => findSegment(this.thread, id) ?? []);
    const ids = new Set(all.map((segment) => segment.entry.desc.id));
    for (const [id, { task }] of this.attached) {
      if (ids.has(id)) continue;
      throw new CrError('CR_UNSUPPORTED', {
        message: `has shared memory segment ${id} attached, which is not in its IPC namespace`,
        subject: { pid: task.pid },
        hint: 'It was attached before the process changed its IPC namespace (unshare, setns): have the process detach it.',
        target: 'running',
      });
    }
    return all;
  }

  private async dumpSegment(entry: IpcShmEntry, write: WriteObject): Promise<void> {
    const { id } = entry.desc;
    await withSegment(this.open(entry), async (fd) => {
      const huge = hugeFlags(fd);
      this.context.images.add('ipcns-shm', this.namespace, huge === 0 ? entry : { ...entry, hugetlb_flag: huge });
      await write(BigInt(id), fd);
    });
  }

  private open(entry: IpcShmEntry): number {
    const mapped = this.attached.get(entry.desc.id);
    if (!mapped) return openSegment(this.thread, entry);
    const { task, vma } = mapped;
    return openSync(`/proc/${task.pid}/map_files/${vma.start.toString(16)}-${vma.end.toString(16)}`, 'r');
  }

  close(): void {
    this.entered?.close();
  }
}

/** A thread of ours in the IPC namespace of a process: setns(2) changes the calling thread alone. */
function enter(pid: number, { native, observer }: KernelThread): KernelThread {
  const thread = new KernelThread(native);
  thread.observer = observer;
  const fd = openSync(`/proc/${pid}/ns/ipc`, 'r');
  try {
    thread.once('ipc.enter', 4096, (p) => p.sys.setns(fd, CLONE_NEWIPC).must('enter the IPC namespace of the tree')).free();
    return thread;
  } catch (error) {
    thread.close();
    throw error;
  } finally {
    closeSync(fd);
  }
}
