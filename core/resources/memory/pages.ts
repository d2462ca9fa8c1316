/**
 * Copies private memory of frozen processes into pages files. The bytes go kernel to kernel: process_vm_readv(2) into one reused buffer of a
 * kernel thread, pwritev(2) to the file; JavaScript only makes the lists. Memory without PROT_READ is read through /proc/PID/mem, which ignores
 * protection.
 */
import { availableParallelism } from 'node:os';
import { KernelThread } from '../../kernel/kernel-thread.js';
import type { Arena } from '../../program/arena.js';
import type { Program } from '../../program/program.js';
import { grouped } from './grouped.js';
import type { Range } from './ranges.js';

/**
 * Reused for every chunk: small enough to stay in the cache, large enough that the calls do not count. The file system allocates as much at a time as is
 * written, and large pieces of free memory are those that a host may have taken back (free page reporting): 2 GiB by 1 MiB 3.4 s, by 256 KiB 0.8 s.
 */
const CHUNK = 256 << 10;
/** UIO_MAXIOV (process_vm_readv(2)). */
const IOV_MAX = 1024;
/** Between programs the copy can be cancelled and reports how far it is. */
const CHUNKS_PER_PROGRAM = 512;
const CHUNKS_AT_ONCE = 16;
/** Less is copied before a second thread has started. */
const TWO_FROM = 16 << 20;

export interface CopyJob {
  readonly pid: number;
  /** Pages file, open for writing. */
  readonly fd: number;
  /** First byte in the file. */
  readonly offset: number;
  readonly ranges: readonly Range[];
  /** Descriptor of /proc/PID/mem for ranges that the process itself may not read. */
  readonly viaMem: number | null;
  /** Called between programs with the bytes copied since; throws to end the copy. */
  readonly onBytes: (bytes: number) => Promise<void>;
}

interface Chunk {
  readonly parts: { addr: number; length: number }[];
  size: number;
}

/** One after the other, so that what we hold does not grow with the memory of the target. */
function* chunksOf(ranges: readonly Range[]): Generator<Chunk> {
  let current: Chunk = { parts: [], size: 0 };
  for (const range of ranges) {
    for (let at = range.start; at < range.end;) {
      const length = Math.min(range.end - at, CHUNK - current.size);
      current.parts.push({ addr: at, length });
      current.size += length;
      at += length;
      if (current.size === CHUNK || current.parts.length === IOV_MAX) {
        yield current;
        current = { parts: [], size: 0 };
      }
    }
  }
  if (current.size > 0) yield current;
}

/** Threads that copy, each with its buffer. */
export class Copiers {
  private readonly list: { thread: KernelThread; buffer: Arena }[] = [];
  private readonly extra: KernelThread[] = [];

  /**
   * While one thread reads from the target another writes to the file: the kernel lets nobody write to a file at the same time anyway, so more than two
   * gain nothing (measured: 256 MiB in 47 ms by two, 78 ms by one).
   * @param bytes how much there is to copy at least, to see whether a second thread pays
   */
  constructor(thread: KernelThread, bytes: number) {
    this.add(thread);
    if (bytes < TWO_FROM || availableParallelism() < 2) return;
    const second = new KernelThread(thread.native);
    second.observer = thread.observer;
    this.extra.push(second);
    this.add(second);
  }

  /** The buffer is touched now, before the freeze, so that no copy pays for first use of its memory. */
  private add(thread: KernelThread): void {
    const buffer = thread.arena(CHUNK);
    buffer.bytes.fill(1);
    this.list.push({ thread, buffer });
  }

  close(): void {
    for (const thread of this.extra) thread.close();
  }

  /** Copies the ranges into the file, one behind the other; returns the number of bytes. */
  async copy(job: CopyJob): Promise<number> {
    let offset = job.offset;
    for (const chunks of grouped(chunksOf(job.ranges), CHUNKS_PER_PROGRAM)) {
      const before = offset;
      const batch = chunks.map((chunk) => {
        const placed = { chunk, offset };
        offset += chunk.size;
        return placed;
      });
      await this.copyBatch(job, batch);
      await job.onBytes(offset - before);
    }
    return offset - job.offset;
  }

  private async copyBatch(job: CopyJob, batch: readonly Placed[]): Promise<void> {
    const context = { subject: { pid: job.pid }, target: 'running' } as const;
    const first = this.list[0]!;
    // A little is copied before another thread would have woken up.
    if (batch.length <= CHUNKS_AT_ONCE) {
      first.thread.here('memory.copy', sizeOf(batch), (p) => emitCopies(p, job, batch, first.buffer.base), context).free();
      return;
    }
    const runs = this.list.map(({ thread, buffer }, k) => {
      const own = batch.filter((_, i) => i % this.list.length === k);
      return thread.onceAsync('memory.copy', sizeOf(own), (p) => emitCopies(p, job, own, buffer.base), context);
    });
    // All of them, also when one failed: the others still use the file and the target.
    for (const done of await Promise.allSettled(runs)) if (done.status === 'rejected') throw done.reason;
  }
}

interface Placed {
  readonly chunk: Chunk;
  /** Place in the file. */
  readonly offset: number;
}

function sizeOf(batch: readonly Placed[]): number {
  return 16384 + batch.length * 512 + batch.reduce((n, { chunk }) => n + chunk.parts.length, 0) * (16 + 64 + 32);
}

function emitCopies(p: Program, job: CopyJob, batch: readonly Placed[], buffer: number): void {
  for (const { chunk, offset } of batch) {
    emitRead(p, job, chunk, buffer);
    p.ioAll('pwritev', job.fd, p.iovec([{ addr: buffer, length: chunk.size }]), 1, offset).must('write memory into the pages file');
  }
}

function emitRead(p: Program, job: CopyJob, chunk: Chunk, buffer: number): void {
  if (job.viaMem !== null) {
    let at = buffer;
    for (const part of chunk.parts) {
      p.ioAll('preadv', job.viaMem, p.iovec([{ addr: at, length: part.length }]), 1, part.addr).must('read protected memory');
      at += part.length;
    }
    return;
  }
  const local = p.iovec([{ addr: buffer, length: chunk.size }]);
  const remote = p.iovec(chunk.parts);
  const read = p.sys.process_vm_readv(job.pid, local, 1, remote, chunk.parts.length, 0).must('read memory');
  // Short counts mean that a page could not be read (process_vm_readv(2)): never write what was not read.
  p.expect(read, -1, chunk.size, 'read all of the memory');
}
