/**
 * System V IPC of a tree to be. An IPC namespace of its own is made by the root seed before it has children; in ours, segments that are still there are
 * attached again and others are made under their old ids. Tasks attach segments while their memory is built (attach.ts).
 */
import { CrError } from '../../errors.js';
import type { IpcVarEntry } from '../../images/generated/namespaces.js';
import type { ImageReader } from '../../images/reader.js';
import type { KernelThread } from '../../kernel/kernel-thread.js';
import type { LocalCalls } from '../../kernel/local.js';
import type { Log } from '../../log.js';
import { IPC } from '../../abi/sysv-ipc.js';
import { Program } from '../../program/program.js';
import type { Arena } from '../../program/arena.js';
import type { Handle, ServiceFds } from '../../restore/service-fds.js';
import type { RestoreTask } from '../../restore/model.js';
import type { ExtraState } from '../extra-state.js';
import type { PageSources } from '../memory/page-map.js';
import { findHole } from '../memory/place.js';
import type { Range } from '../memory/ranges.js';
import type { Vma } from '../memory/restore.js';
import { VMA_STATUS } from '../memory/vma-bits.js';
import type { OwnIds } from './own-ids.js';
import { UNDO } from './dump.js';
import { bytesIn, emitQueues, longestIn, queueArena, readQueues, type QueueRecord } from './queues.js';
import { emitSegments, isRemoved, planSegment, readSegments, segmentArena, type ImageSegment } from './segments.js';
import { emitSets, readSets, setArena, type SemaphoreSet } from './semaphores.js';
import { emitAdjustments, parseAdjustments } from './undo.js';
import { emitVariables, emitWideLimits, type IpcNeeds } from './variables.js';

const CLONE_NEWIPC = 0x8000000;
const PAGE = 4096;
/** Largest alignment that an attachment can need: that of huge pages. */
const ALIGN = 1 << 30;
const VARIABLES_ARENA = 64 << 10;

export interface IpcContext {
  readonly images: ImageReader;
  readonly service: ServiceFds;
  readonly thread: KernelThread;
  readonly calls: LocalCalls;
  readonly log: Log;
}

/** What a namespace of its own holds besides segments. */
interface OwnNamespace {
  readonly variables: IpcVarEntry;
  readonly queues: readonly QueueRecord[];
  readonly queueSource: Handle | null;
  readonly sets: readonly SemaphoreSet[];
}

export class IpcRestore {
  private readonly segments = new Map<number, ImageSegment>();
  private own: OwnNamespace | null = null;
  private readonly adjustments = new Map<RestoreTask, Parameters<typeof emitAdjustments>[1]>();

  constructor(private readonly context: IpcContext) {}

  /** Reads and checks the images. Nothing is made. Throws CR_IMAGE_BAD, CR_IMAGE_FEATURE. */
  read(tasks: readonly RestoreTask[], memory: Iterable<readonly Vma[]>, sources: PageSources): void {
    const { images, service } = this.context;
    const live = tasks.filter((task) => task.ids);
    const namespace = live[0]?.ids?.ipc_ns_id ?? 0;
    const stray = live.find((task) => (task.ids!.ipc_ns_id ?? 0) !== namespace);
    if (stray)
      throw new CrError('CR_IMAGE_FEATURE', {
        message: 'is in another IPC namespace than the root of the tree; a tree can have one',
        subject: { pid: stray.pid },
        target: 'not started',
      });
    const ours = images.readOne('inventory').root_ids?.ipc_ns_id;
    const own = ours === undefined ? images.exists('ipcns-var', namespace) : namespace !== ours;
    const attached = new Set<number>();
    for (const vmas of memory) for (const vma of vmas) if ((vma.status & VMA_STATUS.sysvIpc) !== 0) attached.add(Number(vma.shmid));
    // In our namespace only what is attached is ours to make; an image of an earlier dump in the same folder may have more.
    if (images.exists('ipcns-shm', namespace) && (own || attached.size > 0))
      for (const segment of readSegments(images, sources, service, namespace))
        if (own || attached.has(segment.id)) this.segments.set(segment.id, segment);
    for (const id of attached) this.segmentOf(BigInt(id));
    if (own) this.own = this.readOwn(namespace);
  }

  private readOwn(namespace: number): OwnNamespace {
    const { images, service } = this.context;
    // CRIU leaves out images without records.
    const has = (kind: 'ipcns-msg' | 'ipcns-sem') => images.exists(kind, namespace);
    return {
      variables: images.readOne('ipcns-var', namespace),
      queues: has('ipcns-msg') ? readQueues(images, namespace) : [],
      queueSource: has('ipcns-msg') ? service.add(images.openRaw(`ipcns-msg-${namespace}.img`)) : null,
      sets: has('ipcns-sem') ? readSets(images, namespace) : [],
    };
  }

  /** Throws CR_IMAGE_BAD for an id without a segment. */
  segmentOf(shmid: bigint): ImageSegment {
    const found = this.segments.get(Number(shmid));
    if (found) return found;
    throw new CrError('CR_IMAGE_BAD', {
      message: `has a mapping of shared memory segment ${shmid}, of which there is no image`,
      subject: { path: this.context.images.dir },
      hint: 'It was attached in an IPC namespace that was not dumped.',
      target: 'not started',
    });
  }

  get isEmpty(): boolean {
    return this.own === null && this.segments.size === 0;
  }

  /** The tree had an IPC namespace of its own. */
  get hasNamespace(): boolean {
    return this.own !== null;
  }

  /** Bytes of the arena that the programs of this resource need. */
  get arenaSize(): number {
    const { own } = this;
    const objects = own ? VARIABLES_ARENA + queueArena(own.queues) + setArena(own.sets) : 0;
    return this.isEmpty ? 0 : objects + segmentArena([...this.segments.values()]);
  }

  /** Why the segments cannot be had here; finds those that are still there. */
  plan(): string[] {
    if (this.own) return [];
    return [...this.segments.values()].flatMap((segment) => {
      const line = planSegment(this.context.thread, segment);
      const { existing, id } = segment;
      if (existing && existing.attached > 0)
        this.context.log.warn(
          `Shared memory segment ${id} is still attached outside of the tree (${existing.attached} mappings): it keeps what it holds now`,
        );
      return line ?? [];
    });
  }

  /** The program of the root seed: makes everything. @param used address ranges of the seed that are taken */
  setup(arena: Arena, used: readonly Range[], ids: OwnIds): Program {
    const { service } = this.context;
    const p = new Program('ipc.setup', arena);
    const segments = [...this.segments.values()];
    const extent = Math.max(PAGE, ...segments.map((segment) => segment.extent));
    const at = Math.ceil(findHole(used, extent + ALIGN) / ALIGN) * ALIGN;
    const { own } = this;
    if (own) {
      p.sys.unshare(CLONE_NEWIPC).must('make an IPC namespace');
      emitWideLimits(p, own.variables, this.needs(own));
    }
    emitSegments(p, segments, at, service, ids);
    if (own) {
      if (own.queueSource !== null) emitQueues(p, own.queues, service.number(own.queueSource), ids);
      emitSets(p, own.sets, ids);
      emitVariables(p, own.variables);
    }
    return p.end();
  }

  private needs({ queues, sets }: OwnNamespace): IpcNeeds {
    const sizes = [...this.segments.values()].map((segment) => segment.extent);
    return {
      message: Math.max(0, ...queues.map(longestIn)),
      queueBytes: queues.reduce((n, queue) => Math.max(n, queue.entry.qbytes, bytesIn(queue), queue.messages.length), 0),
      queues: queues.length,
      segment: BigInt(sizes.reduce((n, size) => Math.max(n, size), 0)),
      segmentPages: sizes.reduce((n, size) => n + BigInt(size / PAGE), 0n),
      segments: sizes.length,
      semaphoresInSet: sets.reduce((n, { values }) => Math.max(n, values.length), 0),
      semaphores: sets.reduce((n, { values }) => n + values.length, 0),
      sets: sets.length,
    };
  }

  /** When every task has attached what it had: removed segments are removed again, and live as long as they are attached. */
  emitRemovals(p: Program): void {
    for (const segment of this.segments.values())
      if (isRemoved(segment.entry) && !segment.existing) p.sys.shmctl(segment.id, IPC.RMID, 0).must('remove a shared memory segment again');
  }

  /** Checks the semaphore adjustments of a task. */
  planUndo(task: RestoreTask, extra: ExtraState): string[] {
    const text = extra.get(task.pid, UNDO);
    if (text === undefined) return [];
    const bad = (why: string) => [`has semaphore adjustments that cannot be made: ${why}`];
    try {
      const list = parseAdjustments(text).map(({ set, number, adjustment }) => {
        const value = this.own?.sets.find(({ entry }) => entry.desc.id === set)?.values[number];
        if (value === undefined) throw new SyntaxError(`no image has semaphore ${number} of set ${set}`);
        return { set, number, value, adjustment };
      });
      this.adjustments.set(task, list);
      return [];
    } catch (error) {
      if (error instanceof SyntaxError) return bad(error.message);
      throw error;
    }
  }

  emitUndo(p: Program, task: RestoreTask): void {
    emitAdjustments(p, this.adjustments.get(task) ?? []);
  }

  /** After a failure: segments that were made in our own namespace go. A namespace of its own went with its last process. */
  undo(): void {
    if (this.own) return;
    const { calls, log } = this.context;
    for (const { made } of this.segments.values())
      if (made && made.done.u64() === 1n && calls.call('shmctl', made.call.result, IPC.RMID, 0) < 0)
        log.debug(`Shared memory segment ${made.call.result} is gone already`);
  }
}
