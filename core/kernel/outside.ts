/** What a tracer reads of stopped threads before anything in them runs: registers, extended state, masks. */
import { NT_PRSTATUS, NT_X86_XSTATE, PTRACE, Registers, REGS_SIZE } from '../abi/ptrace.js';
import type { KernelThread } from './kernel-thread.js';
import type { Tracee } from './tracee.js';

/** Room for the first question; the size that the kernel answers with is used for all others (AMX makes it 11 KiB). */
const XSTATE_MAX = 16384;
/** Threads per program: bounds our memory. */
const BATCH = 512;

/** Reads registers, xstate and mask of every thread into the tracees. */
export function readRegisters(thread: KernelThread, tracees: readonly Tracee[]): void {
  const first = tracees[0];
  if (!first) return;
  const xstateSize = readBatch(thread, [first], XSTATE_MAX);
  for (let i = 1; i < tracees.length; i += BATCH) readBatch(thread, tracees.slice(i, i + BATCH), xstateSize);
}

function readBatch(thread: KernelThread, tracees: readonly Tracee[], xstateSize: number): number {
  const { value, free } = thread.once('outside.registers', 4096 + tracees.length * (xstateSize + 1024), (p) =>
    tracees.map((t) => {
      const subject = `of task ${t.tid}`;
      const regs = p.out(REGS_SIZE);
      const xstate = p.out(xstateSize, 64);
      const mask = p.out(8);
      const xiov = p.iovec([{ addr: xstate.addr, length: xstateSize }]);
      p.sys
        .ptrace(PTRACE.GETREGSET, t.tid, NT_PRSTATUS, p.iovec([{ addr: regs.addr, length: REGS_SIZE }]))
        .must(`read the registers ${subject}`);
      p.sys.ptrace(PTRACE.GETREGSET, t.tid, NT_X86_XSTATE, xiov).must(`read the extended state ${subject}`);
      p.sys.ptrace(PTRACE.GETSIGMASK, t.tid, 8, mask).must(`read the signal mask ${subject}`);
      return { regs, xstate, xiov, mask };
    }),
  );
  let size = 0;
  tracees.forEach((t, i) => {
    const seen = value[i]!;
    t.registers = new Registers(seen.regs.copy());
    size = seen.xiov.num(8);
    t.xstate = seen.xstate.copy(0, size);
    t.mask = seen.mask.u64();
  });
  free();
  return size;
}

/** Lets stopped threads go on with the registers that they have. Threads that died are fine. */
export function detachAll(thread: KernelThread, tracees: readonly Tracee[]): void {
  const { free } = thread.once('detach', 4096 + tracees.length * 64, (p) => {
    for (const t of tracees) p.sys.ptrace(PTRACE.DETACH, t.tid, 0, 0).ignore('a thread that died needs no detaching');
  });
  free();
}
