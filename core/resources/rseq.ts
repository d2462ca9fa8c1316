/**
 * Restartable sequences (rseq(2), Documentation/userspace-api/rseq.rst): an area where the kernel tells the thread its processor, and a critical section
 * that must be given up when the thread is moved.
 */
import { PTRACE } from '../abi/ptrace.js';
import type { DumpThread } from '../dump/model.js';
import { CrError } from '../errors.js';
import { readMemory } from '../kernel/stub.js';
import type { Ptr } from '../program/program.js';
import type { TaskResource } from './resource.js';
import { threadPart } from './task-parts.js';

/** struct ptrace_rseq_configuration, linux/ptrace.h. */
const CONFIG_SIZE = 24;
const CONFIG = { pointer: 0, size: 8, signature: 12, flags: 16 } as const;
/** struct rseq, linux/rseq.h; later kernels only add behind. */
const AREA_SIZE = 32;
const AREA = { section: 8, flags: 16 } as const;
/** struct rseq_cs. */
const SECTION_SIZE = 32;
const SECTION = { version: 0, flags: 4, start: 8, length: 16, abort: 24 } as const;
/** Above it no program has memory, with five levels of page tables either. */
const USER_SPACE_END = 1n << 56n;
/** RSEQ_CS_FLAG_NO_RESTART_ON_SIGNAL. Only together with the two others (NO_RESTART_ON_PREEMPT, ON_MIGRATE): such a section is never given up. */
const NEVER_RESTART = 2;

export interface CriticalSection {
  readonly flags: number;
  readonly start: bigint;
  readonly length: bigint;
  readonly abort: bigint;
}

/** Null when the version is unknown. */
export function parseSection(bytes: Buffer): CriticalSection | null {
  if (bytes.length < SECTION_SIZE || bytes.readUInt32LE(SECTION.version) !== 0) return null;
  return {
    flags: bytes.readUInt32LE(SECTION.flags),
    start: bytes.readBigUInt64LE(SECTION.start),
    length: bytes.readBigUInt64LE(SECTION.length),
    abort: bytes.readBigUInt64LE(SECTION.abort),
  };
}

/** Unsigned, as the kernel compares: start <= ip < start + length. */
export function isInside({ start, length }: CriticalSection, ip: bigint): boolean {
  return BigInt.asUintN(64, ip - start) < length;
}

/** Null when there is nothing at that address: then the kernel ends the thread by SIGSEGV when it goes on, with us or without. */
function readSection(pid: number, pointer: bigint): Buffer | null {
  if (pointer >= USER_SPACE_END) return null;
  try {
    const bytes = readMemory(pid, Number(pointer), SECTION_SIZE);
    return bytes.length < SECTION_SIZE ? null : bytes;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EIO') return null;
    throw error;
  }
}

/**
 * A thread that was stopped inside a critical section goes on at its abort handler, in the images and here: the kernel forgets the section as soon as
 * it runs our code outside of it, and the thread would finish the section as if it had not been interrupted (kernel-tasks.md 1.5).
 */
function leaveSection(thread: DumpThread, area: Ptr): void {
  const pointer = area.u64(AREA.section);
  const { rseq_entry } = threadPart(thread.core);
  const registers = thread.tracee.registers;
  if (pointer === 0n || !rseq_entry || !registers) return;
  const bytes = readSection(thread.task.pid, pointer);
  if (!bytes) return;
  const section = parseSection(bytes);
  const subject = { pid: thread.task.pid, tid: thread.tid, addr: pointer };
  if (!section)
    throw new CrError('CR_UNSUPPORTED', { message: 'has a restartable sequence of an unknown version', subject, target: 'running' });
  if (((section.flags | area.u32(AREA.flags)) & NEVER_RESTART) !== 0) rseq_entry.rseq_cs_pointer = pointer;
  else if (isInside(section, registers.get('rip'))) registers.set('rip', section.abort);
}

export const rseq: TaskResource = {
  name: 'rseq',
  readOutside(p, thread) {
    const { tid } = thread;
    const config = p.out(CONFIG_SIZE);
    const area = p.out(AREA_SIZE);
    p.sys.ptrace(PTRACE.GET_RSEQ_CONFIGURATION, tid, CONFIG_SIZE, config).must('read the rseq registration');
    const remote = p.iovec([{ addr: 0, length: AREA_SIZE }]);
    p.copyMemory(remote, config.at(CONFIG.pointer), 8);
    p.sys
      .process_vm_readv(tid, p.iovec([{ addr: area.addr, length: AREA_SIZE }]), 1, remote, 1, 0)
      .ignore('a thread without registration has no area; what cannot be read is as if zero, as it is for the kernel');
    return () => {
      if (config.u32(CONFIG.flags) !== 0)
        throw new CrError('CR_UNSUPPORTED', {
          message: 'has an rseq registration with unknown flags',
          subject: { tid },
          target: 'running',
        });
      threadPart(thread.core).rseq_entry = {
        rseq_abi_pointer: config.u64(CONFIG.pointer),
        rseq_abi_size: config.u32(CONFIG.size),
        signature: config.u32(CONFIG.signature),
      };
      leaveSection(thread, area);
    };
  },
  thread: {
    // After memory is back: the kernel writes the processor number there when the thread next leaves the kernel, and kills it when it cannot.
    thread(p, thread) {
      const { rseq_entry } = threadPart(thread.core);
      if (!rseq_entry || rseq_entry.rseq_abi_pointer === 0n) return;
      p.sys.rseq(rseq_entry.rseq_abi_pointer, rseq_entry.rseq_abi_size, 0, rseq_entry.signature).must('register the rseq area');
    },
  },
  // The kernel cleared the pointer when the seed ran outside of the section; the thread is now where it was.
  release(p, thread) {
    const { rseq_entry } = threadPart(thread.core);
    if (!rseq_entry || (rseq_entry.rseq_cs_pointer ?? 0n) === 0n) return;
    const pointer = p.out(8).setU64(0, rseq_entry.rseq_cs_pointer!);
    const remote = p
      .out(16)
      .setU64(0, rseq_entry.rseq_abi_pointer + BigInt(AREA.section))
      .setU64(8, 8);
    p.sys
      .process_vm_writev(thread.tid, p.iovec([{ addr: pointer.addr, length: 8 }]), 1, remote, 1, 0)
      .must('put back the rseq critical section');
  },
};
