/**
 * What to do with a system call that the freeze interrupted (kernel-tasks.md 1.4). At a ptrace stop `rax` shows how it was interrupted and
 * `orig_rax` which call it was; -1 means that the thread was in user code.
 */
import type { Registers } from '../abi/ptrace.js';

const ERESTARTSYS = -512n;
const ERESTARTNOINTR = -513n;
const ERESTARTNOHAND = -514n;
const ERESTART_RESTARTBLOCK = -516n;
const EINTR = -4n;
const NR_RESTART_SYSCALL = 219n;
const SYSCALL_INSTRUCTION_LENGTH = 2n;

/**
 * Calls that return EINTR merely because a tracer interrupted them: recvfrom, recvmsg, semop, rt_sigtimedwait, io_getevents, semtimedop,
 * epoll_wait, epoll_pwait, recvmmsg, epoll_pwait2.
 */
const FALSE_EINTR = new Set([45n, 47n, 65n, 128n, 208n, 220n, 232n, 281n, 299n, 441n]);

function rewind(regs: Registers, rax: bigint): void {
  regs
    .set('rip', regs.get('rip') - SYSCALL_INSTRUCTION_LENGTH)
    .set('rax', rax)
    .set('orig_rax', -1n);
}

/**
 * Registers with which a thread goes on as if it had never been stopped.
 * @param signalPending an unblocked signal waits for the thread: then EINTR is real
 * @param sameTask the task itself goes on: its restart block is intact, so restart_syscall continues the remaining time. A restored task has
 *   no restart block and starts the call over.
 */
export function resumeRegisters(saved: Registers, options: { signalPending: boolean; sameTask: boolean }): Registers {
  const regs = saved.clone();
  const call = BigInt.asIntN(64, saved.get('orig_rax'));
  if (call < 0n) return regs;
  const rax = BigInt.asIntN(64, saved.get('rax'));
  if (rax === ERESTARTSYS || rax === ERESTARTNOINTR || rax === ERESTARTNOHAND) rewind(regs, call);
  else if (rax === ERESTART_RESTARTBLOCK) rewind(regs, options.sameTask ? NR_RESTART_SYSCALL : call);
  else if (rax === EINTR && !options.signalPending && FALSE_EINTR.has(call)) rewind(regs, call);
  else regs.set('orig_rax', -1n);
  return regs;
}
