/** What a tracer reads of stopped threads before anything in them runs: registers, extended state, masks. */
import { PTRACE } from '../abi/ptrace.js';
import { arch } from '../arch/current.js';
import type { KernelThread } from './kernel-thread.js';
import { emitGetRegisters, registersAt } from './registers.js';
import type { Tracee } from './tracee.js';

/** Threads per program: bounds our memory. */
const BATCH = 512;

/** Reads registers, extended state and mask of every thread into the tracees. */
export function readRegisters(thread: KernelThread, tracees: readonly Tracee[]): void {
  const first = tracees[0];
  if (!first) return;
  const most = arch.extended.map((regset) => regset.most);
  const sizes = readBatch(thread, [first], most);
  for (let i = 1; i < tracees.length; i += BATCH) readBatch(thread, tracees.slice(i, i + BATCH), sizes);
}

/** Reads at most so many bytes of each piece of extended state, and returns how many the last thread has. */
function readBatch(thread: KernelThread, tracees: readonly Tracee[], room: readonly number[]): number[] {
  const perThread = room.reduce((n, size) => n + size + 128, 1024);
  const { value, free } = thread.once('outside.registers', 4096 + tracees.length * perThread, (p) =>
    tracees.map((t) => {
      const subject = `of task ${t.tid}`;
      const regs = emitGetRegisters(p, t.tid, `read the registers ${subject}`);
      const extended = arch.extended.map(({ note }, k) => {
        const data = p.out(room[k]!, 64);
        const iov = p.iovec([{ addr: data.addr, length: room[k]! }]);
        p.sys.ptrace(PTRACE.GETREGSET, t.tid, note, iov).must(`read the extended state ${subject}`);
        return { data, iov };
      });
      const mask = p.out(8);
      p.sys.ptrace(PTRACE.GETSIGMASK, t.tid, 8, mask).must(`read the signal mask ${subject}`);
      return { regs, extended, mask };
    }),
  );
  let sizes: number[] = [];
  tracees.forEach((t, i) => {
    const seen = value[i]!;
    t.registers = registersAt(seen.regs);
    sizes = seen.extended.map(({ iov }) => iov.num(8));
    t.extended = seen.extended.map(({ data }, k) => data.copy(0, sizes[k]));
    t.mask = seen.mask.u64();
  });
  free();
  return sizes;
}

/** Lets stopped threads go on with the registers that they have. Threads that died are fine. */
export function detachAll(thread: KernelThread, tracees: readonly Tracee[]): void {
  const { free } = thread.once('detach', 4096 + tracees.length * 64, (p) => {
    for (const t of tracees) p.sys.ptrace(PTRACE.DETACH, t.tid, 0, 0).ignore('a thread that died needs no detaching');
  });
  free();
}
