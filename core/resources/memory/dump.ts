/** Memory of a frozen tree: mappings into mm_entry, private pages and shared memory into pagemap and pages images. */
import { nowMs } from '../../clock.js';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import type { DumpRun, DumpTask } from '../../dump/model.js';
import { writeAt } from '../../images/image-files.js';
import type { PagemapEntry } from '../../images/generated/memory.js';
import { readMemory } from '../../kernel/stub.js';
import type { DumpFiles } from '../files/table.js';
import { Copiers } from './pages.js';
import { scanPages } from './pagemap-scan.js';
import { reserve } from './reserve.js';
import { intersectRanges, subtractRanges, type Range } from './ranges.js';
import { dataRanges } from './sparse.js';
import { MAP, VMA_STATUS } from './vma-bits.js';
import { hasPages, isPrivateHuge, needsFile, vmaEntry } from './vmas.js';

const PAGE = 4096;
/** Pages of the first task. */
export const FIRST_PAGES = 'pages-1.img';
const PE_PRESENT = 4;
const PROT_READ = 1;

/** What statistics want to know. */
export interface MemoryCounts {
  pagesScanned: number;
  pagesWritten: number;
  sharedPagesScanned: number;
  sharedPagesWritten: number;
  /** Milliseconds in which pages were copied into image files. */
  writeMs: number;
}

interface PagesFile {
  readonly fd: number;
  /** For messages. */
  readonly path: string;
}

export class MemoryDump {
  readonly counts: MemoryCounts = { pagesScanned: 0, pagesWritten: 0, sharedPagesScanned: 0, sharedPagesWritten: 0, writeMs: 0 };
  private readonly copiers: Copiers;
  private nextPagesId = 1;
  /** Pristine vDSO bytes by task: read before the rescue stub went there. */
  private readonly vdsoBytes = new Map<DumpTask, Buffer>();

  constructor(
    private readonly run: DumpRun,
    private readonly files: DumpFiles,
    /** What there is to copy, about. */
    bytes: number,
    private readonly onBytes: (bytes: number) => Promise<void>,
  ) {
    this.copiers = new Copiers(run.thread, bytes);
  }

  close(): void {
    this.copiers.close();
  }

  private pagesFile(id: number): PagesFile {
    const name = `pages-${id}.img`;
    const { images } = this.run;
    return { fd: images.rawFile(name), path: join(images.dir, name) };
  }

  private async copy(job: Parameters<Copiers['copy']>[0]): Promise<number> {
    const start = nowMs();
    const size = job.ranges.reduce((n, range) => n + range.end - range.start, 0);
    reserve(this.run.thread, this.run.images.dir, job.fd, job.offset, size);
    const bytes = await this.copiers.copy(job);
    this.counts.writeMs += nowMs() - start;
    return bytes;
  }

  /** Before infection: the stub must not get into the image. */
  saveVdso(task: DumpTask): void {
    const vdso = task.vmas.find((vma) => vma.kind === 'vdso');
    if (vdso) this.vdsoBytes.set(task, readMemory(task.pid, vdso.start, vdso.end - vdso.start));
  }

  /** Mappings and private pages of one task. */
  async dumpTask(task: DumpTask): Promise<void> {
    const scannable = task.vmas.filter(hasPages);
    const scan = scanPages(this.run.thread, task.pid, scannable);
    this.addVmas(task, scan.guards);
    // What the stub covers is the file's own.
    const filePage = task.parasite?.stub?.filePage ?? null;
    const pages = filePage === null ? scan.pages : subtractRanges(scan.pages, [{ start: filePage, end: filePage + PAGE }]);
    const readable = intersectRanges(
      pages,
      scannable.filter((vma) => (vma.prot & PROT_READ) !== 0),
    );
    const secret = intersectRanges(
      pages,
      scannable.filter((vma) => (vma.prot & PROT_READ) === 0),
    );
    const vdso = task.vmas.find((vma) => vma.kind === 'vdso');
    // process_vm_readv(2) pins what it reads, and pinning gives the process its own copy of every page that it shares with a relative by
    // copy-on-write (mm/gup.c, gup_must_unshare, 5.19): a tree that goes on would need more memory than before. Reading /proc/PID/mem takes no
    // pin; it costs about a third more, so a process without relatives in the tree is spared.
    const usual: 'vm' | 'mem' = this.run.tasks.length === 1 ? 'vm' : 'mem';
    const runs: { range: Range; via: 'vm' | 'mem' | 'vdso' }[] = [
      ...readable.map((range) => ({ range, via: usual })),
      ...secret.map((range) => ({ range, via: 'mem' as const })),
      ...(vdso ? [{ range: vdso, via: 'vdso' as const }] : []),
    ].sort((a, b) => a.range.start - b.range.start);
    this.counts.pagesScanned += scannable.reduce((n, vma) => n + (vma.end - vma.start) / PAGE, 0);
    this.counts.pagesWritten += await this.writeRuns(task, runs);
  }

  private addVmas(task: DumpTask, guards: readonly Range[]): void {
    for (const vma of task.vmas) {
      const isFile = needsFile(vma) || (isPrivateHuge(vma) && this.files.hasContent(task, vma));
      task.mm.vmas.push(vmaEntry(vma, isFile ? this.files.mapped(task, vma) : null));
    }
    // Guard regions are stored as extra entries behind all real ones (criu.md 3.4).
    for (const guard of guards) {
      task.mm.vmas.push({
        start: BigInt(guard.start),
        end: BigInt(guard.end),
        pgoff: 0n,
        shmid: 0n,
        prot: 0,
        flags: MAP.private | MAP.anonymous,
        status: VMA_STATUS.guard,
        fd: -1n,
      });
    }
  }

  /** Writes runs in address order: neighbours of one kind go in one copy. Returns the number of pages. */
  private async writeRuns(task: DumpTask, runs: readonly { range: Range; via: 'vm' | 'mem' | 'vdso' }[]): Promise<number> {
    const id = this.nextPagesId++;
    const { fd, path } = this.pagesFile(id);
    this.run.images.add('pagemap', task.nsPid, { pages_id: id });
    const mem = openSync(`/proc/${task.pid}/mem`, 'r');
    let offset = 0;
    try {
      for (let i = 0; i < runs.length;) {
        let j = i;
        while (j < runs.length && runs[j]!.via === runs[i]!.via) j++;
        const ranges = runs.slice(i, j).map((run) => run.range);
        if (runs[i]!.via === 'vdso') offset += this.writeVdso(task, { fd, path }, offset);
        else
          offset += await this.copy({
            pid: task.pid,
            fd,
            offset,
            ranges,
            viaMem: runs[i]!.via === 'mem' ? mem : null,
            onBytes: this.onBytes,
          });
        i = j;
      }
    } finally {
      closeSync(mem);
    }
    for (const entry of pagemapEntries(runs.map((run) => run.range))) this.run.images.add('pagemap', task.nsPid, entry);
    this.run.images.pageBytes += offset;
    return offset / PAGE;
  }

  private writeVdso(task: DumpTask, { fd, path }: PagesFile, offset: number): number {
    const bytes = this.vdsoBytes.get(task) ?? Buffer.alloc(0);
    writeAt(fd, path, bytes, offset);
    return bytes.length;
  }

  /** Shared memory: once for the whole tree, from the object itself (page tables of one task do not show it all). */
  async dumpShared(): Promise<void> {
    for (const memfd of this.files.memfds()) {
      const fd = memfd.open();
      try {
        await this.dumpObject(memfd.shmid, fd);
      } finally {
        closeSync(fd);
      }
    }
    await this.run.ipc.dump((id, fd) => this.dumpObject(id, fd));
  }

  /** Pages of the memory object behind a descriptor. */
  async dumpObject(shmid: bigint, source: number): Promise<void> {
    const length = fstatSync(source).size;
    const size = Math.ceil(length / PAGE) * PAGE;
    const ranges = dataRanges(this.run.thread, source, size);
    // Images hold whole pages, but a read ends where the file ends.
    const whole = Math.floor(length / PAGE) * PAGE;
    const full = ranges.filter((r) => r.start < whole).map((r) => ({ start: r.start, end: Math.min(r.end, whole) }));
    const id = this.nextPagesId++;
    const { fd, path } = this.pagesFile(id);
    this.run.images.add('pagemap-shmem', shmid, { pages_id: id });
    let bytes = await this.copy({ pid: 0, fd, offset: 0, ranges: full, viaMem: source, onBytes: this.onBytes });
    if ((ranges.at(-1)?.end ?? 0) > whole) bytes += writeTail(source, whole, { fd, path }, bytes);
    for (const entry of pagemapEntries(ranges)) this.run.images.add('pagemap-shmem', shmid, entry);
    this.run.images.pageBytes += bytes;
    this.counts.sharedPagesScanned += size / PAGE;
    this.counts.sharedPagesWritten += bytes / PAGE;
  }
}

/** The last page of a file that ends inside of it, filled up with zeros. Returns its size. */
function writeTail(source: number, from: number, { fd, path }: PagesFile, offset: number): number {
  const page = Buffer.alloc(PAGE);
  readSync(source, page, 0, PAGE, from);
  writeAt(fd, path, page, offset);
  return PAGE;
}

/** Both page counts are written, so that CRIU 4.1 and 4.2 read the same number (criu.md 3.4). */
function pagemapEntries(ranges: readonly Range[]): PagemapEntry[] {
  const out: { start: number; end: number }[] = [];
  for (const range of ranges) {
    const last = out.at(-1);
    if (last && last.end === range.start) last.end = range.end;
    else out.push({ start: range.start, end: range.end });
  }
  return out.map(({ start, end }) => {
    const pages = (end - start) / PAGE;
    return { vaddr: BigInt(start), compat_nr_pages: pages, flags: PE_PRESENT, nr_pages: BigInt(pages) };
  });
}
