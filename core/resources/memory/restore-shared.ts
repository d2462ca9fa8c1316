/** Shared anonymous memory at restore: made and filled once by us, before any process exists; tasks map it through its descriptor. */
import { closeSync, openSync } from 'node:fs';
import { CrError } from '../../errors.js';
import type { RestoreRun } from '../../restore/model.js';
import type { Handle } from '../../restore/service-fds.js';
import { hugePages, lackOfHugePages } from './huge-pages.js';
import { readPageMap, type PageMap, type PageSources } from './page-map.js';
import type { Vma } from './restore.js';
import { MAP, VMA_STATUS } from './vma-bits.js';

const PROT_RW = 3;
const IOV_SIZE = 16;
const PAGE = 4096;

/** MAP_HUGETLB and the page size. */
const HUGE_FLAGS = MAP.hugetlb | (0x3f << MAP.hugeShift);

/** Objects that images know by their mappings only: CRIU writes them where it may not look into /proc/PID/map_files; ours are memfds (memfd.ts). */
export class SharedMemory {
  private readonly sizes = new Map<bigint, number>();
  private readonly huge = new Map<bigint, number>();
  private readonly maps = new Map<bigint, PageMap>();
  private readonly handles = new Map<bigint, Handle>();

  constructor(private readonly run: Pick<RestoreRun, 'images' | 'service' | 'thread'>) {}

  /** Learns which objects there are and reads their page maps. Nothing is made. */
  read(vmas: readonly Vma[], sources: PageSources): void {
    for (const vma of vmas) {
      if ((vma.status & VMA_STATUS.anonShared) === 0 || (vma.status & VMA_STATUS.sysvIpc) !== 0) continue;
      this.sizes.set(vma.shmid, Math.max(this.sizes.get(vma.shmid) ?? 0, vma.pgoff + vma.end - vma.start));
      if (this.maps.has(vma.shmid)) continue;
      if ((vma.flags & MAP.hugetlb) !== 0) this.huge.set(vma.shmid, vma.flags & HUGE_FLAGS);
      // Memory that was never written to has one, too: without it nobody could tell what is lost.
      const map = readPageMap(this.run.images, sources, 'pagemap-shmem', vma.shmid);
      this.maps.set(vma.shmid, map);
      // The end may be mapped by nobody; who enlarges his mapping (mremap(2)) sees it again.
      this.sizes.set(vma.shmid, Math.max(this.sizes.get(vma.shmid)!, map.runs.at(-1)?.end ?? 0));
    }
  }

  /** Makes and fills every object. */
  open(): void {
    for (const [shmid, size] of this.sizes) this.handles.set(shmid, this.run.service.add(this.make(shmid, size)));
  }

  handleOf(shmid: bigint): Handle {
    const handle = this.handles.get(shmid);
    if (handle === undefined) throw new CrError('CR_INTERNAL', { message: `shared memory ${shmid} was not read`, target: 'not started' });
    return handle;
  }

  private make(shmid: bigint, size: number): number {
    const huge = this.huge.get(shmid) ?? 0;
    const map = this.maps.get(shmid)!;
    let fd = -1;
    try {
      fd = anonymousFile(this.run, size, huge);
      fillFile(this.run, fd, size, map);
      return fd;
    } catch (error) {
      if (fd >= 0) closeSync(fd);
      throw lackOfHugePages('shared memory', huge, map, error);
    }
  }
}

/**
 * New anonymous shared memory as a file: it is of the kernel's own file system, and a descriptor can only be had through map_files. Pages of hugetlb
 * are reserved by who maps it (mmap(2), MAP_NORESERVE).
 * @param size bytes, rounded up to pages; 0 gives one page
 * @param huge page size in the bits of MAP_HUGETLB or MFD_HUGETLB, 0 for ordinary pages
 */
export function anonymousFile({ thread }: Pick<RestoreRun, 'thread'>, size: number, huge: number): number {
  const page = huge === 0 ? PAGE : hugePages(huge);
  const length = Math.max(1, Math.ceil(size / page)) * page;
  const flags = MAP.shared | MAP.anonymous | MAP.noreserve | (huge === 0 ? 0 : MAP.hugetlb | (huge & HUGE_FLAGS));
  const mapped = thread.here('shared.map', 4096, (p) =>
    p.sys.mmap(0, length, PROT_RW, flags, -1n, 0).must(`make ${length} bytes of shared memory`),
  );
  const addr = mapped.value.result;
  mapped.free();
  try {
    return openSync(`/proc/self/map_files/${addr.toString(16)}-${(addr + length).toString(16)}`, 'r+');
  } catch (error) {
    const errno = (error as NodeJS.ErrnoException).code ?? 'unknown';
    throw new CrError(errno === 'EPERM' ? 'CR_NO_PERMISSION' : 'CR_RESTORE', {
      message: 'cannot open shared memory that was just made',
      kernel: { call: 'openat(AT_FDCWD, "/proc/self/map_files/...", O_RDWR)', errno },
      hint: 'It needs CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE in the first user namespace (proc(5), map_files).',
      target: 'not started',
      cause: error,
    });
  } finally {
    thread.here('shared.unmap', 4096, (p) => p.sys.munmap(addr, length).must('unmap shared memory')).free();
  }
}

/** Reads the pages of an object into a mapping of it. `runs` hold offsets in the object as addresses. */
function fillShared(run: Pick<RestoreRun, 'service' | 'thread'>, addr: number, size: number, runs: PageMap['runs']): void {
  const bad = runs.find((r) => r.end > size);
  if (bad)
    throw new CrError('CR_IMAGE_BAD', { message: `shared memory of ${size} bytes has a page at ${bad.start}`, target: 'not started' });
  const { free } = run.thread.here('shared.fill', 4096 + runs.length * (IOV_SIZE + 72), (p) => {
    for (const r of runs)
      p.ioAll('preadv', run.service.localFd(r.source), p.iovec([{ addr: addr + r.start, length: r.end - r.start }]), 1, r.offset).must(
        'read shared memory from the image',
      );
  });
  free();
}

/** Fills the file behind a descriptor; `size` is a multiple of its page size. Huge pages are taken for what is filled, and not reserved for the rest. */
export function fillFile(run: Pick<RestoreRun, 'service' | 'thread'>, fd: number, size: number, map: PageMap): void {
  if (map.runs.length === 0) return;
  const mapped = run.thread.here('shared.map', 4096, (p) =>
    p.sys.mmap(0, size, PROT_RW, MAP.shared | MAP.noreserve, fd, 0).must('map a memfd'),
  );
  const addr = mapped.value.result;
  mapped.free();
  try {
    fillShared(run, addr, size, map.runs);
  } finally {
    run.thread.here('shared.unmap', 4096, (p) => p.sys.munmap(addr, size).must('unmap a memfd')).free();
  }
}
