/**
 * System V shared memory segments (shmget(2), shmat(2)). Their pages are in images as those of other shared memory are, under the id of the segment,
 * which is also the inode number of its mappings.
 */
import { closeSync, openSync, statfsSync } from 'node:fs';
import { IPC, SHM, SHMID_DS } from '../../abi/sysv-ipc.js';
import { CrError } from '../../errors.js';
import type { IpcShmEntry } from '../../images/generated/namespaces.js';
import type { ImageReader } from '../../images/reader.js';
import type { KernelThread } from '../../kernel/kernel-thread.js';
import type { Call } from '../../program/call.js';
import type { Program, Ptr } from '../../program/program.js';
import { readPageMap, type PageMap, type PageSources } from '../memory/page-map.js';
import type { ServiceFds } from '../../restore/service-fds.js';
import { asCreator, createFlags, descOf, emitNextId, emitOwner, listObjects } from './objects.js';
import type { OwnIds } from './own-ids.js';
import { emitOpenVariable } from './variables.js';

const PAGE = 4096;
const INT_MAX = 0x7fffffff;
/** More than user memory has: such a segment could never be attached. */
const MAX_SIZE = 1n << 47n;
/** statfs(2) */
const HUGETLBFS_MAGIC = 0x958458f6;
const HUGE_MASK = 0x3f;
const MADV_REMOVE = 9;

/** A segment as the kernel tells of it. */
export interface Segment {
  readonly entry: IpcShmEntry;
  /** Mappings that there are of it, anywhere. */
  readonly attached: number;
}

export function isRemoved({ desc }: IpcShmEntry): boolean {
  return (desc.mode & SHM.DEST) !== 0;
}

/** Every segment of the namespace of `thread`. */
export function listSegments(thread: KernelThread): Segment[] {
  return listObjects(thread, 'shm', (id, ds) => ({
    entry: { desc: descOf(id, ds), size: ds.u64(SHMID_DS.segsz), in_pagemaps: true },
    attached: ds.num(SHMID_DS.nattch),
  }));
}

/** One segment by its id; null when there is none. */
export function findSegment(thread: KernelThread, id: number): Segment | null {
  const { value, free } = thread.once('ipc.segment', 4096, (p) => {
    const ds = p.out(SHMID_DS.size);
    return { ds, call: p.sys.shmctl(id, IPC.STAT, ds).ignore('EINVAL and EIDRM say that there is none') };
  });
  const { ds, call } = value;
  const found =
    call.result < 0
      ? null
      : { entry: { desc: descOf(id, ds), size: ds.u64(SHMID_DS.segsz), in_pagemaps: true }, attached: ds.num(SHMID_DS.nattch) };
  free();
  return found;
}

/**
 * Opens the memory of a segment that no frozen task has mapped: by attaching it, for a moment, in the IPC namespace of `thread`. The caller closes the
 * descriptor. Throws CR_KERNEL.
 */
export function openSegment(thread: KernelThread, { desc, size }: IpcShmEntry): number {
  const { value, free } = thread.once('ipc.attach', 4096, (p) =>
    p.sys.shmat(desc.id, 0, SHM.RDONLY).must(`attach shared memory segment ${desc.id}`),
  );
  const at = value.result;
  free();
  try {
    return openMapped(at, Number(size));
  } finally {
    thread.once('ipc.detach', 4096, (p) => p.sys.shmdt(at).must('detach a shared memory segment')).free();
  }
}

/** The name of a mapping needs its exact end, which for huge pages is farther away. */
function openMapped(at: number, size: number): number {
  for (const unit of [PAGE, 2 << 20, 1 << 30]) {
    const end = at + Math.ceil(size / unit) * unit;
    try {
      return openSync(`/proc/self/map_files/${at.toString(16)}-${end.toString(16)}`, 'r');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  throw new CrError('CR_KERNEL', { message: 'an attached segment is in no mapping of ours', subject: { addr: at }, target: 'running' });
}

/** Flags of shmget for the huge pages that the memory behind `fd` consists of; 0 for ordinary pages. */
export function hugeFlags(fd: number): number {
  const { type, bsize } = statfsSync(`/proc/self/fd/${fd}`);
  return type === HUGETLBFS_MAGIC ? SHM.HUGETLB | (Math.log2(bsize) << SHM.HUGE_SHIFT) : 0;
}

/** A segment of an image. */
export class ImageSegment {
  /** The very segment is there: outside the tree it went on. Null when it must be made. */
  existing: Segment | null = null;
  /** Its shmget call, once the program is built, and a word that is 1 when that has been made: a cell that was never run says 0, which is an id. */
  made: { readonly call: Call; readonly done: Ptr } | null = null;

  constructor(
    readonly entry: IpcShmEntry,
    readonly pages: PageMap,
  ) {}

  get id(): number {
    return this.entry.desc.id;
  }
  /** Bytes of address space that an attachment covers. */
  get extent(): number {
    const flags = this.entry.hugetlb_flag ?? 0;
    const log = (flags >>> SHM.HUGE_SHIFT) & HUGE_MASK;
    const unit = flags === 0 ? PAGE : log === 0 ? 2 << 20 : 2 ** log;
    return Math.ceil(Number(this.entry.size) / unit) * unit;
  }
}

/** Segments of an image, checked. */
export function readSegments(images: ImageReader, sources: PageSources, service: ServiceFds, namespace: number): ImageSegment[] {
  const name = `ipcns-shm-${namespace}.img`;
  const path = images.pathOf(name);
  const seen = new Set<number>();
  return images.readWithData('ipcns-shm', namespace).map(({ entry, raw, offset }) => {
    const bad = (message: string) => new CrError('CR_IMAGE_BAD', { message, subject: { path, offset }, target: 'not started' });
    const { id } = entry.desc;
    if (id > INT_MAX || seen.has(id) || entry.size === 0n || entry.size > MAX_SIZE) throw bad(`has the impossible segment ${id}`);
    seen.add(id);
    if (raw.length > 0) {
      // As old versions wrote it: the bytes themselves, right behind the record.
      const source = service.add(images.openRaw(name));
      return new ImageSegment(entry, { runs: [{ start: 0, end: raw.length, source, offset: raw.offset }] });
    }
    const segment = new ImageSegment(entry, readPageMap(images, sources, 'pagemap-shmem', id));
    const last = segment.pages.runs.at(-1);
    if (last && last.end > segment.extent) throw bad(`has segment ${id} of ${entry.size} bytes, and a page at ${last.start}`);
    return segment;
  });
}

/** Room in the arena for emitSegments. */
export function segmentArena(segments: readonly ImageSegment[]): number {
  return 4096 + segments.reduce((n, segment) => n + 4096 + segment.pages.runs.length * 96, 0);
}

/**
 * Emits segments and what is in them.
 * @param at address range that is free in the task that runs this, as large as the largest segment
 */
export function emitSegments(p: Program, segments: readonly ImageSegment[], at: number, service: ServiceFds, own: OwnIds): void {
  const nextId = segments.some((segment) => !segment.existing) ? emitOpenVariable(p, 'kernel/shm_next_id') : null;
  for (const segment of segments) {
    const { existing } = segment;
    if (existing) emitCheck(p, segment);
    else emitMake(p, segment, nextId!, own);
    // Somebody outside the tree uses it: what it holds is theirs, too.
    if (existing && existing.attached > 0) continue;
    emitContent(p, segment, at, service);
  }
  if (nextId) p.sys.close(nextId).must('close shm_next_id');
}

/** The same segment as when it was looked at. */
function emitCheck(p: Program, { id, entry }: ImageSegment): void {
  const ds = p.out(SHMID_DS.size);
  p.sys.shmctl(id, IPC.STAT, ds).must(`find shared memory segment ${id} again`);
  p.expect(ds.word64(SHMID_DS.segsz), -1, entry.size, `find shared memory segment ${id} as it was`);
}

function emitMake(p: Program, segment: ImageSegment, nextId: Call, own: OwnIds): void {
  const { entry, id } = segment;
  const { desc } = entry;
  const huge = entry.hugetlb_flag ?? 0;
  emitNextId(p, nextId, id);
  const make = () => p.sys.shmget(desc.key, entry.size, createFlags(desc) | huge).must(`make shared memory segment ${id}`);
  // Huge pages need CAP_IPC_LOCK, which an ordinary user would not have.
  const call = huge === 0 ? asCreator(p, desc, own, make) : make();
  segment.made = { call, done: p.out(8) };
  p.store(segment.made.done, 1, 8);
  p.expect(call, -1, id, `get shared memory segment ${id}`);
  emitOwner(p, 'shm', desc);
  if ((desc.mode & SHM.LOCKED) !== 0) p.sys.shmctl(id, SHM.LOCK, 0).must(`lock shared memory segment ${id}`);
}

function emitContent(p: Program, { entry, existing, extent, id, pages }: ImageSegment, at: number, service: ServiceFds): void {
  if (!existing && pages.runs.length === 0) return;
  p.sys.shmat(entry.desc.id, at, 0).must(`attach shared memory segment ${id}`);
  // What was written after the dump goes.
  if (existing) p.sys.madvise(at, extent, MADV_REMOVE).must(`empty shared memory segment ${id}`);
  for (const run of pages.runs)
    p.ioAll('preadv', service.number(run.source), p.iovec([{ addr: at + run.start, length: run.end - run.start }]), 1, run.offset).must(
      'read shared memory from the image',
    );
  p.sys.shmdt(at).must(`detach shared memory segment ${id}`);
}

/** Why the segment cannot be had in the IPC namespace of `thread`, or null; finds the very segment when it is still there. */
export function planSegment(thread: KernelThread, segment: ImageSegment): string | null {
  const { entry, id } = segment;
  const { desc, size } = entry;
  const there = findSegment(thread, id);
  if (there) {
    const now = there.entry;
    const same =
      now.size === size &&
      now.desc.cuid === desc.cuid &&
      now.desc.cgid === desc.cgid &&
      // Removing a segment takes its key away.
      (now.desc.key === desc.key || isRemoved(now));
    if (!same)
      return (
        `needs shared memory segment ${id} (key 0x${desc.key.toString(16)}, ${size} bytes, of user ${desc.cuid}), but that id belongs to another one ` +
        `(key 0x${now.desc.key.toString(16)}, ${now.size} bytes, of user ${now.desc.cuid}): remove it with ipcrm -m ${id} if nobody needs it`
      );
    segment.existing = there;
    return null;
  }
  const holder = desc.key === 0 ? null : listSegments(thread).find((other) => other.entry.desc.key === desc.key);
  if (!holder) return null;
  return (
    `needs shared memory segment ${id} with key 0x${desc.key.toString(16)}, but segment ${holder.entry.desc.id} has that key: remove it with ` +
    `ipcrm -m ${holder.entry.desc.id} if nobody needs it`
  );
}

/** Closes the descriptor after use. */
export async function withSegment(fd: number, use: (fd: number) => Promise<void>): Promise<void> {
  try {
    await use(fd);
  } finally {
    closeSync(fd);
  }
}
