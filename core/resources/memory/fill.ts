/**
 * Pages from the images into memory that was just mapped. A task reads its own (preadv(2), straight into place); of a task that has most of the
 * tree's memory a thread of ours writes the second half meanwhile (process_vm_writev(2)), because what costs is the kernel finding and clearing pages,
 * and that goes on two processors at a time. Measured for 2 GiB: 0.81 s alone, 0.43 s by two.
 */
import { availableParallelism } from 'node:os';
import { KernelThread } from '../../kernel/kernel-thread.js';
import type { Native } from '../../kernel/native.js';
import type { Arena } from '../../program/arena.js';
import type { Program } from '../../program/program.js';
import type { ProgramObserver } from '../../program/observer.js';
import type { RestoreTask } from '../../restore/model.js';
import type { Handle, ServiceFds } from '../../restore/service-fds.js';
import { grouped } from './grouped.js';
import type { Range } from './ranges.js';
import type { PageRun } from './page-map.js';

const PAGE = 4096;
/** UIO_MAXIOV (process_vm_readv(2)). */
const IOV_MAX = 1024;
/** Small enough for the processor's cache: the bytes pass through it. */
const CHUNK = 256 << 10;
/** Between programs a restore can be cancelled. */
const CHUNKS_PER_PROGRAM = 512;
/** Less is read before a second thread has started. */
const TWO_FROM = 32 << 20;

/** `length` bytes from `offset` of a pages image belong at `addr`. */
export interface FillPart {
  readonly source: Handle;
  readonly offset: number;
  readonly addr: number;
  readonly length: number;
}

/** Neighbours in one image: one read. */
interface Batch {
  readonly source: Handle;
  readonly offset: number;
  size: number;
  readonly parts: { addr: number; length: number }[];
}

/** What of `runs` lies in `made`, in the order of the images. Both ascend, and in a process of many threads both are long. */
export function freshParts(runs: readonly PageRun[], made: readonly Range[]): FillPart[] {
  const parts: FillPart[] = [];
  let next = 0;
  for (const run of runs) {
    while (next < made.length && made[next]!.end <= run.start) next++;
    for (let i = next; i < made.length && made[i]!.start < run.end; i++) {
      const addr = Math.max(run.start, made[i]!.start);
      const length = Math.min(run.end, made[i]!.end) - addr;
      parts.push({ source: run.source, offset: run.offset + addr - run.start, addr, length });
    }
  }
  return parts;
}

/** Cuts the parts in two halves of about the same size. */
export function halves(parts: readonly FillPart[]): { first: FillPart[]; second: FillPart[] } {
  let left = Math.floor(bytesOf(parts) / 2 / PAGE) * PAGE;
  const first: FillPart[] = [];
  const second: FillPart[] = [];
  for (const part of parts) {
    const here = Math.min(left, part.length);
    left -= here;
    if (here > 0) first.push({ ...part, length: here });
    if (here < part.length) second.push({ ...part, offset: part.offset + here, addr: part.addr + here, length: part.length - here });
  }
  return { first, second };
}

function bytesOf(parts: readonly { readonly length: number }[]): number {
  return parts.reduce((n, part) => n + part.length, 0);
}

function* batchesOf(parts: readonly FillPart[], limit: number, count: number): Generator<Batch> {
  let last = null as Batch | null;
  for (const part of parts)
    for (let done = 0; done < part.length;) {
      const goesOn = last?.source === part.source && last.offset + last.size === part.offset + done;
      if (!goesOn || last!.size === limit || last!.parts.length === count) {
        if (last) yield last;
        last = { source: part.source, offset: part.offset + done, size: 0, parts: [] };
      }
      const length = Math.min(part.length - done, limit - last!.size);
      last!.parts.push({ addr: part.addr + done, length });
      last!.size += length;
      done += length;
    }
  if (last) yield last;
}

/** The task reads its own pages. */
export function emitReads(p: Program, parts: readonly FillPart[], service: ServiceFds): void {
  for (const { source, offset, parts: places } of batchesOf(parts, Infinity, Infinity))
    p.ioAll('preadv', service.number(source), p.iovec(places), places.length, offset).must('read pages from the image');
}

/** The task that is worth a second thread: it has at least half of all pages, and many; null when there is none, or only one processor. */
export function taskToAssist(tasks: readonly RestoreTask[]): RestoreTask | null {
  if (availableParallelism() < 2) return null;
  const sizes = tasks.map((task) => (task.pages?.runs ?? []).reduce((n, run) => n + run.end - run.start, 0));
  const most = Math.max(...sizes);
  const all = sizes.reduce((n, size) => n + size, 0);
  return most >= TWO_FROM && most * 2 >= all ? tasks[sizes.indexOf(most)]! : null;
}

/** The thread of ours that helps. It must exist before pids are looked at: its own number comes from the same space. */
export class FillAssistant {
  private readonly thread: KernelThread;
  private readonly buffer: Arena;

  constructor(
    readonly task: RestoreTask,
    native: Native,
    observer: ProgramObserver,
  ) {
    this.thread = new KernelThread(native);
    this.thread.observer = observer;
    this.buffer = this.thread.arena(CHUNK);
  }

  close(): void {
    this.thread.close();
  }

  /** Writes the parts into the task, whose memory must be mapped and open. Starts before it returns; `between` throws to end it. */
  async fill(parts: readonly FillPart[], service: ServiceFds, between: () => Promise<void>): Promise<void> {
    for (const batches of grouped(batchesOf(parts, CHUNK, IOV_MAX), CHUNKS_PER_PROGRAM)) {
      await this.write(batches, service);
      await between();
    }
  }

  private write(batches: readonly Batch[], service: ServiceFds): Promise<void> {
    const { pid } = this.task;
    const { base } = this.buffer;
    const size = 16384 + batches.reduce((n, { parts }) => n + 512 + parts.length * 64, 0);
    const emit = (p: Program): void => {
      for (const { source, offset, size: length, parts } of batches) {
        const local = p.iovec([{ addr: base, length }]);
        p.ioAll('preadv', service.localFd(source), p.iovec([{ addr: base, length }]), 1, offset).must('read pages from the image');
        const written = p.sys.process_vm_writev(pid, local, 1, p.iovec(parts), parts.length, 0).must('write pages into the task');
        p.expect(written, -1, length, 'write all of the pages');
      }
    };
    return this.thread.onceAsync('memory.fill', size, emit, { subject: { pid }, target: 'destroyed' });
  }
}
