/**
 * Restartable sequences (rseq(2), Documentation/userspace-api/rseq.rst): an area where the kernel tells the thread its processor, and a critical section
 * that must be given up when the thread is moved.
 */
import { PTRACE } from '../abi/ptrace.js';
import { STRUCTS } from '../abi/structs.js';
import { arch } from '../arch/current.js';
import type { DumpThread } from '../dump/model.js';
import { CrError } from '../errors.js';
import { readMemory } from '../kernel/stub.js';
import type { StructPtr } from '../program/program.js';
import type { TaskResource } from './resource.js';
import { threadPart } from './task-parts.js';

const { size: SECTION_SIZE, fields: SECTION } = STRUCTS.rseq_cs;
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
  if (bytes.length < SECTION_SIZE || bytes.readUInt32LE(SECTION.version[0]) !== 0) return null;
  return {
    flags: bytes.readUInt32LE(SECTION.flags[0]),
    start: bytes.readBigUInt64LE(SECTION.start_ip[0]),
    length: bytes.readBigUInt64LE(SECTION.post_commit_offset[0]),
    abort: bytes.readBigUInt64LE(SECTION.abort_ip[0]),
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
function leaveSection(thread: DumpThread, area: StructPtr<'rseq'>): void {
  const pointer = area.get('rseq_cs');
  const { rseq_entry } = threadPart(thread.core);
  const registers = thread.tracee.registers;
  if (pointer === 0n || !rseq_entry || !registers) return;
  const bytes = readSection(thread.task.pid, pointer);
  if (!bytes) return;
  const section = parseSection(bytes);
  const subject = { pid: thread.task.pid, tid: thread.tid, addr: pointer };
  if (!section)
    throw new CrError('CR_UNSUPPORTED', { message: 'has a restartable sequence of an unknown version', subject, target: 'running' });
  if (((section.flags | area.get('flags')) & NEVER_RESTART) !== 0) rseq_entry.rseq_cs_pointer = pointer;
  else if (isInside(section, arch.programCounter(registers))) thread.tracee.registers = arch.movedTo(registers, section.abort);
}

export const rseq: TaskResource = {
  name: 'rseq',
  readOutside(p, thread) {
    const { tid } = thread;
    const config = p.struct('ptrace_rseq_configuration');
    const area = p.struct('rseq');
    p.sys.ptrace(PTRACE.GET_RSEQ_CONFIGURATION, tid, config.size, config).must('read the rseq registration');
    const remote = p.iovec([{ addr: 0, length: area.size }]);
    p.copyMemory(remote, config.addrOf('rseq_abi_pointer'), 8);
    p.sys
      .process_vm_readv(tid, p.iovec([{ addr: area.addr, length: area.size }]), 1, remote, 1, 0)
      .ignore('a thread without registration has no area; what cannot be read is as if zero, as it is for the kernel');
    return () => {
      if (config.get('flags') !== 0)
        throw new CrError('CR_UNSUPPORTED', {
          message: 'has an rseq registration with unknown flags',
          subject: { tid },
          target: 'running',
        });
      threadPart(thread.core).rseq_entry = {
        rseq_abi_pointer: config.get('rseq_abi_pointer'),
        rseq_abi_size: config.get('rseq_abi_size'),
        signature: config.get('signature'),
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
    const remote = p.struct('iovec', { iov_base: rseq_entry.rseq_abi_pointer + BigInt(STRUCTS.rseq.fields.rseq_cs[0]), iov_len: 8 });
    p.sys
      .process_vm_writev(thread.tid, p.iovec([{ addr: pointer.addr, length: 8 }]), 1, remote, 1, 0)
      .must('put back the rseq critical section');
  },
};
