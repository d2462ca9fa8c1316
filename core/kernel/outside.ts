/** What a tracer reads of stopped threads before anything in them runs: registers, extended state, masks. */
import { PTRACE } from '../abi/ptrace.js';
import { arch } from '../arch/current.js';
import type { Program } from '../program/program.js';
import type { KernelThread } from './kernel-thread.js';
import { emitGetRegisters, registersAt } from './registers.js';
import { Slab } from './slab.js';
import type { Tracee } from './tracee.js';

/** Threads per program: bounds our memory. */
const BATCH = 512;

/** Bytes of each piece of extended state that a thread can have at most. */
export function mostState(): readonly number[] {
  return arch.extended.map(({ most }) => most);
}

/** Arena bytes that emitReadState() needs. */
export function sizeOfState(room: readonly number[]): number {
  return room.reduce((n, size) => n + size + 128, 1024);
}

/**
 * Emits what reads registers, extended state (at most `room` bytes of each piece, kept in `slab`) and mask of a stopped thread.
 * @returns to be called after the run: keeps them in the tracee, and answers how many bytes the pieces have
 */
export function emitReadState(p: Program, tracee: Tracee, room: readonly number[], slab: Slab): () => number[] {
  const subject = `of task ${tracee.tid}`;
  const regs = emitGetRegisters(p, tracee.tid, `read the registers ${subject}`);
  const extended = arch.extended.map(({ note }, k) => {
    const data = p.out(room[k]!, 64);
    const iov = p.iovec([{ addr: data.addr, length: room[k]! }]);
    p.sys.ptrace(PTRACE.GETREGSET, tracee.tid, note, iov).must(`read the extended state ${subject}`);
    return { data, iov };
  });
  const mask = p.out(8);
  p.sys.ptrace(PTRACE.GETSIGMASK, tracee.tid, 8, mask).must(`read the signal mask ${subject}`);
  return () => {
    tracee.registers = registersAt(regs);
    const sizes = extended.map(({ iov }) => iov.num(8));
    tracee.extended = extended.map(({ data }, k) => slab.copy(data.bytes(sizes[k])));
    tracee.mask = mask.u64();
    return sizes;
  };
}

/** Reads registers, extended state and mask of every thread into the tracees. */
export function readRegisters(thread: KernelThread, tracees: readonly Tracee[]): void {
  const room = mostState();
  const slab = new Slab();
  for (let i = 0; i < tracees.length; i += BATCH) {
    const batch = tracees.slice(i, i + BATCH);
    const { value, free } = thread.once('outside.registers', 4096 + batch.length * sizeOfState(room), (p) =>
      batch.map((tracee) => emitReadState(p, tracee, room, slab)),
    );
    for (const keep of value) keep();
    free();
  }
}

/** Lets stopped threads go on with the registers that they have. Threads that died are fine. */
export function detachAll(thread: KernelThread, tracees: readonly Tracee[]): void {
  const { free } = thread.once('detach', 4096 + tracees.length * 64, (p) => {
    for (const t of tracees) p.sys.ptrace(PTRACE.DETACH, t.tid, 0, 0).ignore('a thread that died needs no detaching');
  });
  free();
}
