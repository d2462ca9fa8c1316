/**
 * Copies private memory of frozen processes into pages files. The bytes go kernel to kernel: process_vm_readv(2) into one reused buffer of the
 * tracing thread, pwritev(2) to the file; JavaScript only makes the lists. Memory without PROT_READ is read through /proc/PID/mem, which ignores
 * protection.
 */
import type { KernelThread } from '../../kernel/kernel-thread.js';
import type { Arena } from '../../program/arena.js';
import type { Program } from '../../program/program.js';
import type { Range } from './ranges.js';

/** Reused for every chunk: small enough to stay in the cache, large enough that the calls do not count. */
const CHUNK = 1 << 20;
/** UIO_MAXIOV (process_vm_readv(2)). */
const IOV_MAX = 1024;
/** Between programs the copy can be cancelled and reports how far it is. */
const CHUNKS_PER_PROGRAM = 128;
const CHUNKS_AT_ONCE = 4;

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

function chunksOf(ranges: readonly Range[]): Chunk[] {
  const chunks: Chunk[] = [];
  let current: Chunk = { parts: [], size: 0 };
  for (const range of ranges) {
    for (let at = range.start; at < range.end;) {
      const length = Math.min(range.end - at, CHUNK - current.size);
      current.parts.push({ addr: at, length });
      current.size += length;
      at += length;
      if (current.size === CHUNK || current.parts.length === IOV_MAX) {
        chunks.push(current);
        current = { parts: [], size: 0 };
      }
    }
  }
  if (current.size > 0) chunks.push(current);
  return chunks;
}

/** The buffer that every copy of one run shares: touched before the freeze, so that no copy pays for first use of its memory. */
export function copyBuffer(thread: KernelThread): Arena {
  const arena = thread.arena(CHUNK);
  arena.bytes.fill(1);
  return arena;
}

/** Copies the ranges one after the other; returns the number of bytes. */
export async function copyPages(thread: KernelThread, job: CopyJob, buffer: Arena): Promise<number> {
  const chunks = chunksOf(job.ranges);
  let offset = job.offset;
  for (let i = 0; i < chunks.length; i += CHUNKS_PER_PROGRAM) {
    const batch = chunks.slice(i, i + CHUNKS_PER_PROGRAM);
    const parts = batch.reduce((n, c) => n + c.parts.length, 0);
    const before = offset;
    const size = 16384 + batch.length * 512 + parts * (16 + 64 + 32);
    const context = { subject: { pid: job.pid }, target: 'running' } as const;
    const emit = (p: Program) => {
      for (const chunk of batch) {
        emitRead(p, job, chunk, buffer.base);
        const out = p.iovec([{ addr: buffer.base, length: chunk.size }]);
        p.ioAll('pwritev', job.fd, out, 1, offset).must('write memory into the pages file');
        offset += chunk.size;
      }
    };
    // A little is copied before the event loop would have had its turn.
    if (batch.length <= CHUNKS_AT_ONCE) thread.once('memory.copy', size, emit, context).free();
    else await thread.onceAsync('memory.copy', size, emit, context);
    await job.onBytes(offset - before);
  }
  return offset - job.offset;
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
