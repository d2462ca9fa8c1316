/** Shared anonymous memory at restore: made and filled once by us, before any process exists; tasks map it through its descriptor. */
import { openSync } from 'node:fs';
import { CrError } from '../../errors.js';
import type { RestoreRun } from '../../restore/model.js';
import type { Handle } from '../../restore/service-fds.js';
import { readPageMap, type PageMap, type PageSources } from './page-map.js';
import type { Vma } from './restore.js';
import { MAP, VMA_STATUS } from './vma-bits.js';

const PROT_RW = 3;
const IOV_SIZE = 16;

export class SharedMemory {
  private readonly sizes = new Map<bigint, number>();
  private readonly maps = new Map<bigint, PageMap>();
  private readonly handles = new Map<bigint, Handle>();

  constructor(private readonly run: Pick<RestoreRun, 'images' | 'service' | 'thread'>) {}

  /** Learns which objects there are and reads their page maps. Nothing is made. */
  read(vmas: readonly Vma[], sources: PageSources): void {
    for (const vma of vmas) {
      if ((vma.status & VMA_STATUS.anonShared) === 0 || (vma.status & VMA_STATUS.sysvIpc) !== 0) continue;
      this.sizes.set(vma.shmid, Math.max(this.sizes.get(vma.shmid) ?? 0, vma.pgoff + vma.end - vma.start));
      if (this.maps.has(vma.shmid)) continue;
      const known = this.run.images.exists('pagemap-shmem', vma.shmid);
      this.maps.set(vma.shmid, known ? readPageMap(this.run.images, sources, 'pagemap-shmem', vma.shmid) : { runs: [] });
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

  /** A descriptor of anonymous shared memory can only be had through map_files: it is of the kernel's own file system (shmem). */
  private make(shmid: bigint, size: number): number {
    const { thread } = this.run;
    const { runs } = this.maps.get(shmid)!;
    const mapped = thread.here('shared.map', 4096, (p) =>
      p.sys.mmap(0, size, PROT_RW, MAP.shared | MAP.anonymous | MAP.noreserve, -1n, 0).must(`make ${size} bytes of shared memory`),
    );
    const addr = mapped.value.result;
    mapped.free();
    try {
      fillShared(this.run, addr, size, runs);
      return openSync(`/proc/self/map_files/${addr.toString(16)}-${(addr + size).toString(16)}`, 'r+');
    } finally {
      thread.here('shared.unmap', 4096, (p) => p.sys.munmap(addr, size).must('unmap shared memory')).free();
    }
  }
}

/** Reads the pages of an object into a mapping of it. `runs` hold offsets in the object as addresses. */
export function fillShared(run: Pick<RestoreRun, 'service' | 'thread'>, addr: number, size: number, runs: PageMap['runs']): void {
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

/** Fills a memfd. */
export function fillFile(run: Pick<RestoreRun, 'service' | 'thread'>, fd: number, size: number, map: PageMap): void {
  if (map.runs.length === 0) return;
  const mapped = run.thread.here('shared.map', 4096, (p) => p.sys.mmap(0, size, PROT_RW, MAP.shared, fd, 0).must('map a memfd'));
  const addr = mapped.value.result;
  mapped.free();
  try {
    fillShared(run, addr, size, map.runs);
  } finally {
    run.thread.here('shared.unmap', 4096, (p) => p.sys.munmap(addr, size).must('unmap a memfd')).free();
  }
}
