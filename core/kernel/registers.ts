/** Emitters for the general registers of stopped threads (PTRACE_GETREGSET, PTRACE_SETREGSET). */
import { NT_PRSTATUS, PTRACE } from '../abi/ptrace.js';
import type { Registers } from '../arch/arch.js';
import { arch } from '../arch/current.js';
import type { Program, Ptr } from '../program/program.js';

/** Emits: what is there after the run are the thread's registers. */
export function emitGetRegisters(p: Program, tid: number, why: string): Ptr {
  const found = p.out(arch.registersSize);
  const iov = p.iovec([{ addr: found.addr, length: arch.registersSize }]);
  p.sys.ptrace(PTRACE.GETREGSET, tid, NT_PRSTATUS, iov).must(why);
  return found;
}

/** What emitGetRegisters() found. */
export function registersAt(found: Ptr): Registers {
  return { bytes: found.copy() };
}

/** Emits: a thread gets these registers. Where they cannot say themselves that it is in no system call, the kernel is told that too. */
export function emitSetRegisters(p: Program, tid: number, { bytes }: Registers, why: string): void {
  emitSetRegset(p, tid, NT_PRSTATUS, p.data(bytes), why);
  if (arch.noCall) emitSetRegset(p, tid, arch.noCall.note, p.data(arch.noCall.bytes), why);
}

/** Emits: a piece of a thread's state. */
export function emitSetRegset(p: Program, tid: number, note: number, data: Ptr, why: string): void {
  p.sys.ptrace(PTRACE.SETREGSET, tid, note, p.iovec([{ addr: data.addr, length: data.size }])).must(why);
}
